#!/usr/bin/env python3
"""runbooks/redis/diagnose against real servers, each ill in one way: which
cause does it name, and does anything of a server or a secret get further than
it should? A scripted peer says what a real Redis will not.

Each case is a run or two; all run, several at a time, with servers of their
own.

    runbook_redis_diagnose.py [NAME...]   only cases whose name contains one
"""
import functools
import itertools
import os
import pathlib
import re
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import cases  # noqa: E402
import certs  # noqa: E402
import peer  # noqa: E402
import redis_states as states  # noqa: E402
import runbook_env as env  # noqa: E402
from apart import (ADDRESS, NOWHERE, apart, fill,  # noqa: E402
                   name_addresses, tiny_disk)
from peer import BlackHole, Peer  # noqa: E402
from proxies import SlowPath  # noqa: E402
from redis_server import Redis, commands  # noqa: E402
from runbook_env import must, must_be_clean  # noqa: E402
from watch import until  # noqa: E402

SCRIPT = "redis/diagnose"
PASSWORD = "correct-horse-battery"
folder = None

document = functools.partial(env.failing, "redis")


def url(server, scheme="redis", user=""):
    return "%s://%s127.0.0.1:%d" % (scheme, user, server.port)


def look(server, code="", **more):
    return env.run(SCRIPT, document(url(server), code), **more)


# ------------------------------------------------------------------- reach ---

def case_refused():
    port = peer.closed_port()
    ran = env.run(SCRIPT, document("redis://127.0.0.1:%d" % port))
    must(ran, "not_listening", "redis.refused", "127.0.0.1:%d" % port)
    # What the check saw is said first, before anything is looked at.
    assert ran.lines[0]["code"] == "redis.seen", ran
    assert "the check's own words" in ran.lines[0]["title"], ran


def case_no_answer_to_the_connection():
    with BlackHole() as hole:
        ran = env.run(SCRIPT, document("redis://127.0.0.1:%d" % hole.port))
        must(ran, "host_or_path", "redis.connect_timeout")


def case_unknown_name():
    ran = env.run(SCRIPT, document("redis://no-such-host.invalid"))
    assert ran.verdict().startswith("dns:"), ran
    assert "no-such-host.invalid" in ran.finding("redis.dns")["title"], ran


def case_stopped_server_hangs():
    with Redis(folder) as redis:
        redis.pause()
        must(look(redis), "hung", "redis.hung", "answers nothing")


@apart
def case_no_route():
    ran = env.run(SCRIPT, document("redis://" + NOWHERE))
    must(ran, "no_route", "redis.unreachable", NOWHERE)


@apart
def case_one_address_of_several():
    name_addresses(folder, "127.0.0.1 twins\n127.0.0.2 twins\n")
    with Redis(folder) as redis:
        ran = env.run(SCRIPT, document("redis://twins:%d" % redis.port))
        must(ran, "backend:one_of_several", "redis.one_address",
             "127.0.0.2: refused")


def case_well_is_moot():
    """By host and port; and what else there is to say of a server that is
    well: it is another than the one before, and there is a proxy."""
    with Redis(folder) as redis:
        made = document(None, settings={"host": "127.0.0.1",
                                        "port": str(redis.port),
                                        "proxy": "http://127.0.0.1:1"})
        made["last_good"] = {"observations": {"run_id": "0" * 40}}
        ran = env.run(SCRIPT, made)
        must(ran, None, "redis.well_now", "a message got through", status=11)
        names = [metric["name"] for metric in ran.of("metric")]
        assert names == ["redis.ping_ms", "redis.pubsub_ms"], ran
        assert "since the last good result" in \
            ran.finding("redis.restarted")["title"], ran
        ran.finding("redis.proxy")


def case_unix_socket():
    with Redis(folder, "tcp-backlog 2", socket_only=True) as redis:
        made = document("unix://" + redis.socket)
        must(env.run(SCRIPT, made), None, "redis.well_now", status=11)
        redis.pause()
        must(env.run(SCRIPT, made), "hung", "redis.hung", "answers nothing")
        waiting = peer.fill_queue(redis.socket)
        must(env.run(SCRIPT, made), "hung", "redis.hung", "queue is full")
        for sock in waiting:
            sock.close()
        redis.stop()
        must(env.run(SCRIPT, made), "not_listening", "redis.refused",
             redis.socket)
    ran = env.run(SCRIPT, document(None, settings={
        "host": "/nonexistent/redis.sock"}))
    must(ran, "not_listening", "redis.no_socket", "/nonexistent/redis.sock")


# ------------------------------------------------------------- credentials ---

def case_no_password():
    with Redis(folder, "requirepass " + PASSWORD) as redis:
        # The context has it blotted out: that is no password.
        ran = env.run(SCRIPT, document(url(redis, user=":***@")))
        must(ran, "credentials", "redis.noauth", "password = {")


def case_wrong_password():
    with Redis(folder, "requirepass " + PASSWORD) as redis:
        ran = look(redis, secrets={"password": "guessed-wrong"})
        must(ran, "credentials", "redis.wrongpass")
        assert "guessed-wrong" not in str(ran), ran


def case_right_password_is_in_no_argument():
    """As a secret of its own, and in a URL, where it has to be encoded."""
    odd = "p@ss/w\u00f6rd:%1"
    with Redis(folder, 'user mon on ">%s" ~* &* +@all' % odd,
               "requirepass " + PASSWORD) as redis:
        written = "p%40ss%2Fw%C3%B6rd%3A%251"
        for secrets, words in (
                ({"password": PASSWORD + "\n"}, (PASSWORD,)),
                ({"url": url(redis, user="mon:%s@" % written)},
                 (odd, written))):
            programs = env.Programs(folder)
            ran = look(redis, secrets=secrets, environ={"PATH": programs.path})
            must(ran, None, "redis.well_now", status=11)
            assert "redis-cli " in programs.arguments()
            for word in words:
                assert word not in str(ran), ran
                assert word not in programs.arguments()


@apart
def case_protected_mode():
    with Redis(folder, "bind 127.0.0.1 " + ADDRESS) as redis:
        ran = env.run(SCRIPT, document("redis://%s:%d" % (ADDRESS, redis.port)))
        must(ran, "forbidden", "redis.denied", "set a password")


# ------------------------------------------------- replies that say it all ---

def case_max_clients():
    with states.all_connections_taken(folder) as redis:
        must(look(redis), "overloaded:clients", "redis.max_clients")


def case_loading_tells_its_eta():
    with Redis(folder) as redis:
        states.load_slowly(redis)
        found = must(look(redis, "LOADING"), "starting", "redis.loading",
                     "do not restart it")
        assert "% are loaded, the server expects " in found["detail"], found


def case_busy_script():
    with states.busy_script(folder) as redis:
        must(look(redis, "BUSY"), "busy_script", "redis.busy", "SCRIPT KILL")


def case_primary_is_down():
    with Redis(folder, "replicaof 127.0.0.1 %d" % peer.closed_port(),
               "replica-serve-stale-data no") as redis:
        ran = look(redis, "MASTERDOWN")
        must(ran, "primary_down", "redis.masterdown")
        assert "down" in ran.finding("redis.link")["title"], ran


def case_cluster():
    with states.cluster(folder, 3) as nodes:
        must(look(nodes[0], "MOVED"), "moved", "redis.moved", "hash tag")
        must(look(nodes[0], "CLUSTERDOWN"), None, "redis.clusterdown",
             "well by now", status=11)
        states.end_a_node(nodes, 1)
        must(look(nodes[0], "CLUSTERDOWN"), "cluster_down", "redis.clusterdown",
             "16384 of 16384 slots have a node, 10922 one that is up")


# ------------------------------------------------------------ disk, memory ---

def case_snapshot_fails():
    with Redis(folder, "save 3600 1") as redis:
        states.fail_bgsave(redis)
        found = must(look(redis, "MISCONF"), "disk:snapshots",
                     "redis.misconf", "df -h")
        assert "% full here" in found["detail"], found


@apart
def case_disk_is_full():
    disk = tiny_disk(folder)
    with Redis(disk, "appendonly yes", "save 3600 1") as redis:
        full = fill(disk)
        os.truncate(full, os.path.getsize(full) * 97 // 100)
        must(look(redis), None, "redis.disk", disk, status=11)
        must(look(redis, "MISCONF"), None, "redis.misconf", "by now", "% full",
             status=11)
        fill(disk)
        states.fail_aof(redis)
        must(look(redis, "MISCONF"), "disk:aof", "redis.aof",
             disk + " is 100% full here")
        redis.ask("BGSAVE")
        until("bgsave to fail", lambda: "rdb_last_bgsave_status:err" in
              redis.ask("INFO", "persistence"))
        must(look(redis, "MISCONF"), "disk:snapshots", "redis.misconf",
             "the disk is full")


def case_memory_is_full():
    with Redis(folder, "maxmemory 900kb",
               "maxmemory-policy noeviction") as redis:
        found = must(look(redis, "OOM"), "memory_full", "redis.memory")
        assert "of 900 KiB" in found["title"], found
        redis.ask("CONFIG", "SET", "maxmemory-policy", "volatile-lru")
        must(look(redis, "OOM"), "memory_full", "redis.memory",
             "only keys that have an end", "volatile-lru")


def case_keys_are_evicted():
    with Redis(folder, "maxmemory 3mb", "maxmemory-policy allkeys-lru",
               "repl-backlog-size 16kb") as redis:
        done = threading.Event()

        def write():
            with redis.client() as client:
                number = 0
                while not done.is_set():
                    number += 1
                    client.ask("SET", "k%d" % number, "x" * 10000)
                    time.sleep(0.001)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            until("evictions", lambda: "evicted_keys:0\r" not in
                  redis.ask("INFO", "stats"))
            must(look(redis), "memory:evicting", "redis.evictions",
                 "allkeys-lru")
        finally:
            done.set()
            writer.join()


# ------------------------------------------------------------- replication ---

def case_replica():
    with Redis(folder) as primary, \
            states.linked_replica(folder, primary) as redis:
        must(look(redis, "READONLY"), "readonly", "redis.readonly",
             "127.0.0.1:%d" % primary.port)
        primary.stop()
        until("its end", lambda: "master_link_status:down" in
              redis.ask("INFO", "replication"))
        must(look(redis), "replication:link_down", "redis.link",
             "is down for ")


def case_replica_that_stands_still():
    with Redis(folder) as primary, \
            states.linked_replica(folder, primary) as redis:
        redis.pause()
        until("it to be missed", lambda: re.search(
            "slave0:.*lag=1[0-9]", primary.ask("INFO", "replication")), 60)
        must(look(primary), "replication:lag", "redis.lag",
             "was last heard of 1", "127.0.0.1:%d online" % redis.port)


def case_replica_that_takes_over_the_data_set():
    with Redis(folder, "repl-diskless-sync-delay 60") as primary, \
            Redis(folder, "replicaof 127.0.0.1 %d" % primary.port):
        until("it to come", lambda: "state=wait_bgsave" in
              primary.ask("INFO", "replication"))
        must(look(primary), "replication:lag", "redis.lag", "not online yet",
             "wait_bgsave")


def case_no_replicas():
    with Redis(folder, "min-replicas-to-write 1") as redis:
        must(look(redis, "NOREPLICAS"), "no_replicas", "redis.noreplicas",
             "0 connected, 0 good")


# ------------------------------------------------------ clients, slow, path ---

def case_clients():
    """One does not read, one waits; and then there is hardly room for more."""
    with Redis(folder, "maxclients 20") as redis, redis.client() as lazy, \
            redis.client() as waiting:
        lazy.ask("CLIENT", "SETNAME", "lazy")
        lazy.ask("SUBSCRIBE", "news")
        with redis.client() as writer:
            for _ in range(20):
                writer.ask("PUBLISH", "news", "x" * 1000000)
        waiting.send("BLPOP", "queue", "0")
        until("it to block", lambda: "blocked_clients:1" in
              redis.ask("INFO", "clients"))
        ran = look(redis)
        must(ran, "client:slow_reader", "redis.output_buffer",
             'name \\"lazy\\"', "1 subscriptions")
        assert "1 clients" in ran.finding("redis.blocked")["title"], ran
        more = [redis.client() for _ in range(15)]
        must(look(redis), "overloaded:clients", "redis.clients",
             "18 of 20 connections")
        for client in more:
            client.close()


def case_slow_command_without_its_arguments():
    with Redis(folder, "latency-monitor-threshold 100") as redis:
        redis.ask("DEBUG", "SLEEP", "0.3")
        ran = look(redis)
        must(ran, "slow:command", "redis.slow_command", "took 3", "3 words")
        assert "command, 3" in ran.finding("redis.latency_event")["title"], ran


def case_slow_path():
    with Redis(folder) as redis, SlowPath(redis.port, 1.1) as path:
        must(look(path), "slow:ping", "redis.slow_ping", "took 1")


def case_pubsub_is_not_there():
    """A proxy that takes SUBSCRIBE and PUBLISH, and hands nothing on."""
    def script(conn):
        for words in commands(conn):
            conn.send({"SUBSCRIBE": b"*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n",
                       "PUBLISH": b":0\r\n", "PING": b"+PONG\r\n"}.get(
                           words[0], b"-ERR unknown command\r\n"))

    with Peer(script) as proxy:
        must(look(proxy), "pubsub", "redis.pubsub", "did not arrive")


# ----------------------------------------------------------------- managed ---

def case_managed_server_refuses_commands():
    with Redis(folder, 'rename-command INFO ""', 'rename-command CONFIG ""',
               "user default on nopass ~* resetchannels +@all -slowlog "
               "-latency -client|list", "save 3600 1") as redis:
        ran = look(redis)
        must(ran, None, "redis.well_now", status=11)
        ran.finding("redis.no_info")
        assert "NOPERM" in ran.finding("redis.pubsub_unknown")["detail"], ran
        # Then what it was that the check was told is all there is.
        must(look(redis, "OOM"), "memory_full", "redis.code", "OOM")


def case_user_may_do_nothing():
    with Redis(folder, "user default on nopass ~* &* -@all") as redis:
        must(look(redis, "NOPERM"), "forbidden", "redis.noperm")


# --------------------------------------------------------------------- TLS ---

def case_tls():
    where = tempfile.mkdtemp(dir=folder)
    ca = certs.Authority(where)
    cert, key = ca.issue("good")
    lines = ["tls-port @port@", "tls-cert-file " + cert, "tls-key-file " + key,
             "tls-ca-cert-file " + ca.cert, "tls-auth-clients no",
             "unixsocket @dir@/s"]
    with Redis(folder, *lines, plain=False) as redis:
        settings = {"tls.ca_file": ca.cert}
        ran = env.run(SCRIPT, document(url(redis, "rediss"), settings=settings))
        must(ran, None, "redis.well_now", status=11)
        ran = env.run(SCRIPT, document(url(redis, "rediss")))
        must(ran, "certificate", "redis.certificate")
        # Plain to a port with TLS: it hangs up.
        must(look(redis), "closed", "redis.closed", "rediss://")
        redis.socket = os.path.join(redis.folder, "s")
        redis.ask("CONFIG", "SET", "tls-auth-clients", "yes")
        ran = env.run(SCRIPT, document(url(redis, "rediss"), settings=settings))
        assert ran.verdict() in ("tls", "closed"), ran
        assert "does the server ask for a certificate of ours" in "".join(
            finding.get("next", "") for finding in ran.of("finding")), ran
    with Redis(folder) as redis:
        ran = env.run(SCRIPT, document(url(redis, "rediss"), settings=settings))
        must(ran, "tls", "redis.plain", "redis:// instead of rediss://")


# ---------------------------------------------------------------- contract ---

def case_without_redis_cli():
    bare = env.Programs(folder, without=["redis-cli"])
    with Redis(folder) as redis:
        ran = look(redis, environ={"PATH": bare.path})
        must(ran, None, "redis.no_client", "redis-tools", status=78)
        redis.stop()
        ran = look(redis, environ={"PATH": bare.path})
        must(ran, "not_listening", "redis.refused")


def case_not_a_redis_check():
    assert env.run(SCRIPT, env.context()).status == 10


def case_without_anything_to_look_at():
    assert env.run(SCRIPT, {"check": {}}).status == 78
    for bad in (b"", b"{", b"[]", b"null", b"\xff\xfe"):
        assert env.run(SCRIPT, bad).status == 78, bad


def case_deadline_in_the_past_ends_at_once():
    with Redis(folder) as redis:
        redis.pause()
        ran = look(redis, environ={"RELEVO_DEADLINE": "1000"})
        assert ran.status == 0 and ran.seconds < 30, ran


# ----------------------------------------------------------------- hostile ---

def flat(text):
    """As it can stand in a line of RESP, or of what INFO says."""
    return text.replace("\r", "").replace("\n", " ").encode(
        "utf-8", "surrogatepass")


def bulk(*texts):
    data = b"".join(texts)
    return b"$%d\r\n%s\r\n" % (len(data), data)


def array(*items):
    return b"*%d\r\n" % len(items) + b"".join(items)


def number(value):
    return b":%d\r\n" % value


def rude(texts):
    """A server that is well, but for what it has in place of every text."""
    more = itertools.cycle(map(flat, texts)).__next__
    now = int(time.time())

    def info():
        lines = [b"role:slave", b"master_link_status:down",
                 b"master_host:" + more(), b"maxmemory_policy:" + more(),
                 b"uptime_in_seconds:" + more(), b"run_id:" + more()]
        lines += [b"slave%d:ip=%s,port=1,state=%s,lag=%s" % (
            i, more(), more(), more()) for i in range(20)]
        lines += [more() + b":" + more() for _ in texts]
        return bulk(b"\r\n".join(lines))

    answers = {
        "PING": lambda: b"+PONG\r\n", "AUTH": lambda: b"+OK\r\n", "INFO": info,
        "SLOWLOG": lambda: array(array(
            number(1), number(now), number(900000), array(bulk(more())))),
        "LATENCY": lambda: array(array(
            bulk(more()), number(now), number(500), number(500))),
        "CLIENT": lambda: bulk(
            b"id=1 addr=", more(), b" name=", more(), b" cmd=", more(),
            b" sub=", more(), b" omem=9999999\n"),
        "CONFIG": lambda: array(bulk(b"dir"), bulk(b"/", more()))}

    def script(conn):
        for words in commands(conn):
            conn.send(answers.get(words[0], lambda: b"-" + more() + b"\r\n")())
    return Peer(script)


def case_naughty_texts_stay_text():
    with tempfile.TemporaryDirectory(dir=folder) as where:
        mark = pathlib.Path(where, "mark")
        strings = env.hostile_strings(mark)
        size = 1 + len(strings) // (40 if "RELEVO_LONG" in os.environ else 2)
        for start in range(0, len(strings), size):
            part = strings[start:start + size]
            word = flat(part[0]).decode("utf-8", "replace").replace("\0", "")
            made = document(None, part[-1], settings={
                "username": word, "tls.server_name": word}, message=part[0])
            made["check"].update(name=part[0], tags=part)
            with rude(part) as server:
                made["check"]["url"] = url(server)
                ran = env.run(SCRIPT, made, {"channel": word},
                              {"password": word + "x"})
            assert ran.verdict() == "replication:link_down", ran
            assert not mark.exists(), part
            must_be_clean(ran)


def case_naughty_errors_stay_text():
    with tempfile.TemporaryDirectory(dir=folder) as where:
        mark = pathlib.Path(where, "mark")
        texts = env.shell_traps(mark) + ["\x1b]0;x\x07", "x" * 100000]
        line = b"-ERR " + b" ".join(map(flat, texts)) + b"\r\n"
        with Peer(lambda c: [c.send(line), c.sleep(5)]) as server:
            must(look(server), "error_response", "redis.error", "touch")
        assert not mark.exists()


def case_naughty_targets_stay_text():
    shapes = ["redis://{}/", "{}", "redis://127.0.0.1:1/{}",
              "redis://{}@127.0.0.1:1", "unix://{}", "rediss://127.0.0.1:1"]
    with tempfile.TemporaryDirectory(dir=folder) as where:
        mark = pathlib.Path(where, "mark")
        traps = env.shell_traps(mark)
        for i, shape in enumerate(shapes):
            text = "".join(traps[i::len(shapes)])
            ran = env.run(SCRIPT, document(shape.replace("{}", text), settings={
                "username": text, "db": text, "tls.server_name": text,
                "tls.ca_file": text, "tls.cert_file": text, "port": text}))
            assert ran.status in (0, 10, 78), ran
            assert not mark.exists(), text
            must_be_clean(ran)


def case_secret_that_a_server_echoes():
    def script(conn):
        conn.sock.settimeout(20)
        while conn.sock.recv(65536):
            conn.send(b"-ERR who sent %s here\r\n" % PASSWORD.encode())

    with Peer(script) as rude:
        ran = look(rude, secrets={"password": PASSWORD})
    assert "who sent *** here" in "".join(ran.raw), ran
    assert PASSWORD not in str(ran), ran


def case_answer_without_end():
    def script(conn):
        for _ in range(300):
            conn.send(b"+x" * 32768)
        conn.sleep(20)

    with Peer(script) as endless:
        ran = look(endless)
    assert ran.status == 0 and ran.seconds < 60, ran
    must_be_clean(ran)


def main():
    global folder
    env.need("redis-server", "redis-cli", "jq", "curl", "openssl", "getent")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        return cases.run(globals(), sys.argv[1:], at_once=4)


if __name__ == "__main__":
    sys.exit(main())
