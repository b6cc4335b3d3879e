#!/usr/bin/python3
"""Peers that answer as no server should: what a real nginx, redis-server,
PostgreSQL and WebSocket gateway, and a server of lines with STARTTLS, answer
reaches the plugins spoilt, each connection otherwise (tests/lib/mangle.py), with
many probes at once in one worker. None of it may crash the worker, leak, hang,
outlast the deadline, blame the monitor, or make the worker grow; and when the
answers are clean again, so are the results.

1,000 connections for each protocol, 10,000 with RELEVO_LONG=1; the seed is
printed, RELEVO_SEED sets it."""
import asyncio
import collections
import contextlib
import logging
import os
import random
import resource
import shutil
import ssl
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import certs  # noqa: E402
import nginx  # noqa: E402
import pg  # noqa: E402
import redis_server  # noqa: E402
from mangle import Relay  # noqa: E402
from peer import Peer, server_context  # noqa: E402
from victims import Victims  # noqa: E402
from watch import BUILD, Watch, resident_kib, until  # noqa: E402

try:
    import websockets
except ImportError:
    websockets = None

LONG = os.environ.get("RELEVO_LONG") == "1"
CONNECTIONS = 10000 if LONG else 1000
SEED = os.environ.get("RELEVO_SEED") or str(random.randrange(1 << 32))
CHECKS = 40
GROWTH_KIB = 2048
OURS = ("config", "resource", "plugin", "exec")

CONFIG = """
workers = 1; plugin_dir = ["%(build)s/plugins", "%(build)s/tests/plugins"]; automation = "observe";
defaults = { interval = "%(interval)s"; timeout = "%(timeout)s";
             failure_threshold = 100; };
checks = { leaks = { plugin = "leaks"; schedule = "manual"; timeout = "60s"; };
  %(checks)s };
"""
# Follows a redirect, and gets a cookie and a compressed body, in chunks: the
# first answer of a connection is as often spoilt as the second.
HTTP = """c%d = { url = "http://%s:%d/";
  oauth2 = { token_url = "http://PEER/token"; client_id = "a";
             client_secret = "b"; };
  record = { db = "json('.db')"; };
  expect = ["status == 200", "db == 'ok'", "header('x-node') == 'a'"]; };"""
NGINX = """
    server {
        listen 127.0.0.1:@http@;
        gzip on;
        gzip_types application/json;
        absolute_redirect off;
        add_header Set-Cookie "id=4711; Path=/; Max-Age=60; HttpOnly";
        add_header X-Node a;
        add_header Retry-After 30;
        location = / { return 302 /page; }
        location = /token { default_type application/json;
                            return 200 '{ "access_token": "t0ken",
                                "token_type": "Bearer", "expires_in": 0 }'; }
        location = /page { default_type application/json;
                           return 200 '%s'; }
    }
"""
REDIS = """c%d = { url = "redis://%s:%d"; allow_write = true;
  operations = ["ping", "setget", "pubsub", "info"]; };"""
POSTGRES = """c%d = { url = "postgres://mon:s3cret@%s:%d/postgres?sslmode=disable";
  query = "select i, repeat('x', 40) as x, now() as at from generate_series(1, 20) i";
  heartbeat = "beat"; allow_write = true; };"""
WEBSOCKET = """c%d = { url = "ws://%s:%d/"; subprotocols = ["chat"];
  connections = 2;
  steps = ( { receive_json = ".seq"; },
            { send = "hello"; on = "first"; },
            { receive_contains = "hello"; on = "first"; },
            { ping = "true"; },
            { close = "true"; expect_close = "1000"; } ); };"""

TCP = """c%d = { url = "tcp://%s:%d";
  steps = ( { receive_regex = "^\\+OK (\\w+)"; capture = "word"; },
            { send = "echo {{word}}\\r\\n"; }, { receive = "{{word}}\\r\\n"; },
            { send_hex = "62 79 65 0a"; }, { receive_hex = "00 ff"; },
            { expect_close = "true"; } ); };"""
STARTTLS = """c%%d = { url = "tcp://%%s:%%d"; starttls = "pop3";
  tls = { ca_file = "%s"; server_name = "localhost"; };
  steps = ( { send = "echo words\\r\\n"; }, { receive_regex = "wor(ds)"; },
            { send = "bye\\n"; }, { expect_close = "true"; } ); };"""


def plugin_there(name):
    return os.path.exists(os.path.join(BUILD, "plugins", name + ".so"))


class Gateway:
    """The websockets library of Python, in a thread: greets, in pieces, and
    echoes."""

    def __init__(self):
        self.ready = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()),
                                       daemon=True)

    async def _talk(self, socket, path):
        await socket.send('{"seq": 1, "text": "%s"}' % ("x" * 300))
        await socket.send(["in ", "three ", "pieces"])
        with contextlib.suppress(websockets.ConnectionClosed):
            async for message in socket:
                await socket.send(message)

    async def _run(self):
        self.loop, self.stop = asyncio.get_running_loop(), asyncio.Event()
        logging.getLogger("websockets").setLevel(logging.CRITICAL)
        server = await websockets.serve(self._talk, "127.0.0.1", 0,
                                        subprotocols=["chat"],
                                        ping_interval=0.1,
                                        close_timeout=1)
        self.target = server.sockets[0].getsockname()[:2]
        self.ready.set()
        await self.stop.wait()

    def __enter__(self):
        self.thread.start()
        if not self.ready.wait(20):
            raise AssertionError("the gateway does not start")
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.stop.set)
        self.thread.join(10)


def lines(tls):
    """Greets, says what it is told, agrees to TLS: with certificates to be seen
    on the way, as TLS 1.3 would not have them."""
    def script(c):
        c.sock.settimeout(30)
        c.send(b"+OK ready when you are\r\n")
        text = b""
        while True:
            piece = c.sock.recv(4096)
            text += piece
            if not piece or len(text) > 65536:
                return
            while b"\n" in text:
                line, text = text.split(b"\n", 1)
                if line.startswith(b"STLS"):
                    c.send(b"+OK go on\r\n")
                    c.sock = tls.wrap_socket(c.sock, server_side=True)
                elif line.startswith(b"bye"):
                    c.send(b"bye\0\xff")
                    return
                else:
                    c.send(line + b"\n")
    return script


class HostilePeers(unittest.TestCase):
    def setUp(self):
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        temporary = tempfile.TemporaryDirectory(prefix="relevo-hostile-")
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name
        self.victims = Victims(self.folder)
        # Freed memory held back would look like growth.
        self.env = dict(self.victims.mark, ASAN_OPTIONS=":".join(
            filter(None, [os.environ.get("ASAN_OPTIONS"),
                          "quarantine_size_mb=1"])))

    def worker(self):
        pids = self.victims.find("worker")
        self.assertEqual(len(pids), 1, "the worker was replaced")
        return pids[0]

    def hammer(self, relay, watch):
        """Until all connections are served. What the worker has in memory
        afterwards, and had when it was warm."""
        first = self.worker()
        until("warmth", lambda: relay.served >= CONNECTIONS // 3, 1800)
        warm = resident_kib(first)
        until("all connections", lambda: relay.served >= CONNECTIONS, 3600)
        relay.clean = True
        time.sleep(1)
        self.assertEqual(self.worker(), first, watch.log())
        return resident_kib(first), warm

    def wait_for_good(self, watch):
        """Of each check, sooner or later: a busy machine has its own."""
        ill = {"c%d" % i for i in range(CHECKS)}

        def look():
            for check in watch.json("status")["checks"]:
                if (check["last"] or {}).get("outcome") in ("ok", "warn"):
                    ill.discard(check["name"])
            return not ill
        try:
            until("good results again", look, 120)
        except AssertionError:
            raise AssertionError("still ill: %s" % [
                watch.check(name)["last"] for name in sorted(ill)[:3]])

    def judge_results(self, watch):
        faults = collections.Counter()
        for i in range(CHECKS):
            results = watch.history("c%d" % i, 5000)
            self.assertTrue(results, "c%d was never judged" % i)
            for result in results:
                faults[result["fault"]] += 1
                self.assertNotIn(result["fault"], OURS, result)
                if result["fault"] != "cancelled":  # the machine's doing
                    self.assertNotIn("did not end the probe itself",
                                     result["message"], result)
        print(dict(faults), flush=True)
        return faults

    def run_with(self, target, templates, span, interval="500ms"):
        print("RELEVO_SEED=" + SEED, flush=True)
        hosts = ["127.0.0.%d" % (10 + i) for i in range(CHECKS)]
        started = time.monotonic()
        with Relay(target, SEED, hosts, span) as relay:
            checks = "\n".join(
                (templates[i % len(templates)] % (i, host, relay.port)).replace(
                    "PEER", "%s:%d" % (host, relay.port))
                for i, host in enumerate(hosts))

            def config(interval, timeout):
                return CONFIG % {"build": BUILD, "checks": checks,
                                 "interval": interval, "timeout": timeout}
            watch = Watch(self.folder, config(interval, "300ms"), self.env)
            with watch:
                after, warm = self.hammer(relay, watch)
                faults = self.judge_results(watch)
                if LONG:  # CI has no time for an interval that suits all
                    self.assertLess(faults["cancelled"],
                                    0.05 * sum(faults.values()))
                watch.write(config("2s", "20s"))
                watch.run("reload")
                self.wait_for_good(watch)
                self.look_for_leaks(watch)
        print("%d connections in %.0f s, the worker %+d KiB" % (
            relay.served, time.monotonic() - started, after - warm),
            flush=True)
        self.assertGreaterEqual(len(faults), 4, "hardly anything was spoilt")
        self.assertLessEqual(after - warm, GROWTH_KIB)

    def look_for_leaks(self, watch):
        seen = watch.json("check", "leaks")["observations"]
        self.assertTrue(seen["looked"], "build with sanitizers: preset debug")
        self.assertFalse(seen["leaks"], watch.log()[-6000:])

    @unittest.skipUnless(nginx.find() and plugin_there("http"),
                         "no nginx, or no http plugin")
    def test_http(self):
        body = '{ "db": "ok", "text": "%s" }' % ("words and words " * 60)
        with nginx.Nginx(self.folder, NGINX % body) as web:
            self.run_with(("127.0.0.1", web.ports["http"]), [HTTP], 1500)

    @unittest.skipUnless(redis_server.find() and plugin_there("redis"),
                         "no redis-server, or no redis plugin")
    def test_redis(self):
        with redis_server.Redis(self.folder) as redis:
            self.run_with(("127.0.0.1", redis.port), [REDIS], 6000)

    @unittest.skipUnless(pg.find() and plugin_there("postgres"),
                         "no postgres, or no postgres plugin")
    def test_postgres(self):
        with pg.Postgres(self.folder, "max_connections = 100",
                         "log_min_messages = panic",
                         hba=["host all all all scram-sha-256"]) as server:
            server.sql("create role mon login password 's3cret'",
                       "create table beat (name text primary key,"
                       " at timestamptz not null)",
                       "grant select, insert, update on beat to mon")
            # A login costs a sanitizer's build so much that two cores do no
            # more than some 50 a second.
            self.run_with(("127.0.0.1", server.port), [POSTGRES], 2500,
                          "2s" if LONG else "500ms")

    @unittest.skipUnless(websockets and plugin_there("websocket"),
                         "no websockets for Python, or no websocket plugin")
    def test_websocket(self):
        with Gateway() as gateway:
            self.run_with(gateway.target, [WEBSOCKET], 700)

    @unittest.skipUnless(shutil.which("openssl") and plugin_there("tcp"),
                         "no openssl, or no tcp plugin")
    def test_tcp(self):
        os.chmod(self.folder, 0o755)
        ca = certs.Authority(self.folder)
        tls = server_context(*ca.issue("good"))
        tls.maximum_version = ssl.TLSVersion.TLSv1_2
        with Peer(lines(tls)) as server:
            self.run_with(("127.0.0.1", server.port),
                          [TCP, STARTTLS % ca.cert], 1500)


if __name__ == "__main__":
    unittest.main(verbosity=2)
