#!/usr/bin/python3
"""The redis plugin against servers that fail in every way: real ones wherever
a real one can be made to, a scripted peer for what it will not do.

Each case is one probe (or a few) by `relevo check`; what it must come to is
stated as fault, code, outcome, observations. A case is a function whose name
begins with case_; all run, several at a time, each with servers of its own.

    redis_faults.py [NAME...]    only the cases whose name contains one of these
"""
import json
import os
import socket
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import cases  # noqa: E402
import certs  # noqa: E402
import hosts  # noqa: E402
import peer  # noqa: E402
import redis_states as states  # noqa: E402
from apart import ADDRESS, NOWHERE, apart, fill, tiny_disk  # noqa: E402
from cases import must, must_see, seen  # noqa: E402
from peer import BlackHole, Peer  # noqa: E402
from probe import Probe  # noqa: E402
from redis_server import Redis, commands  # noqa: E402
from watch import Watch, until  # noqa: E402

probe = None
folder = None
files = None  # certificates

WRITE = {"operations": ["setget"], "allow_write": True}


class Files:
    def __init__(self, where):
        ca = certs.Authority(where)
        self.ca = ca.cert
        self.good = ca.issue("good", end_days=40)
        self.soon = ca.issue("soon", end_days=3)
        self.expired = ca.issue("expired", start_days=-20, end_days=-10)
        self.other = ca.issue("other", san="DNS:other.example.com")
        self.foreign = certs.Authority(where, "Foreign CA").issue("foreign")


def url(port, scheme="redis", host="127.0.0.1", user=""):
    return "%s://%s%s:%d" % (scheme, user, host, port)


def look(server, options=None, timeout="5s", user="", **common):
    settings = {"url": url(server.port, user=user)}
    settings.update(options or {})
    return probe.check(settings, timeout, **common)


# ------------------------------------------------------------- connection ---

def case_refused():
    must(probe.check({"url": url(peer.closed_port())}), fault="refused",
         code="ECONNREFUSED", errno=111, outcome="fail",
         message_has="Connection refused")


def case_connect_timeout():
    with BlackHole() as hole:
        must(probe.check({"url": url(hole.port)}, "2s"),
             fault="connect_timeout", code="ETIMEDOUT", outcome="fail")


def case_unknown_name():
    must(probe.check({"url": "redis://no-such-host.invalid"}), fault="dns")


@apart
def case_no_route():
    must(probe.check({"url": url(6379, host=NOWHERE)}), fault="unreachable",
         code="ENETUNREACH", outcome="fail", message_has=NOWHERE)


def case_unix_socket_is_not_there():
    result = probe.check({"url": "unix:///nonexistent/redis.sock"})
    must(result, fault="refused", code="ENOENT",
         message_has="/nonexistent/redis.sock")


def case_unix_nobody_listens():
    path = os.path.join(tempfile.mkdtemp(dir=folder), "s")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(path)
        must(probe.check({"host": path}), fault="refused",
             code="ECONNREFUSED")


def case_unix_socket_with_a_full_queue():
    """A stopped server takes as many connections as its queue is long."""
    with Redis(folder, "tcp-backlog 2", socket_only=True) as redis:
        redis.pause()
        waiting = peer.fill_queue(redis.socket)
        result = probe.check({"host": redis.socket}, "2s")
        must(result, fault="connect_timeout", code="EAGAIN", outcome="fail",
             message_has=redis.socket)
        # A queue that is full for a moment is no failure.
        threading.Timer(0.5, redis.resume).start()
        must(probe.check({"host": redis.socket}, "20s"), outcome="ok")
        for sock in waiting:
            sock.close()


def case_stopped_server_hangs_and_is_not_refused():
    with Redis(folder) as redis:
        redis.pause()
        result = look(redis, timeout="2s")
        must(result, fault="timeout", code="PING", outcome="fail",
             message_has="PING")
        if not 1900 < result["duration_ms"] < 20000:
            raise AssertionError("duration_ms is %r" % result["duration_ms"])
        redis.resume()
        must(look(redis), outcome="ok")
        redis.pause()
        must(look(redis, {"password": "x"}, "2s"), fault="timeout",
             code="AUTH")


def case_killed_server_is_refused():
    with Redis(folder) as redis:
        redis.process.kill()
        redis.process.wait()
        must(look(redis), fault="refused")


def case_max_clients():
    with states.all_connections_taken(folder) as redis:
        must(look(redis), fault="overloaded", code="ERR",
             message_has="max number of clients")
        must(look(redis, {"client_name": ""}), fault="overloaded")
        must(look(redis, {"password": "x"}), fault="overloaded")


def case_second_connection_is_one_too_many():
    with Redis(folder, "maxclients 2") as redis:
        with redis.client() as one:
            assert one.ask("PING") == "PONG"
            must(look(redis, {"operations": ["ping", "pubsub"]}),
                 fault="overloaded", code="ERR")


# ------------------------------------------------------------ credentials ---

def case_noauth():
    with Redis(folder, "requirepass s3cret") as redis:
        must(look(redis), fault="auth", code="NOAUTH", outcome="fail")
        must(look(redis, {"password": "wrong"}), fault="auth",
             code="WRONGPASS")
        must(look(redis, {"password": "s3cret"}), outcome="ok")
        must(look(redis, user=":s3cret@"), outcome="ok")


def case_password_where_there_is_none():
    with Redis(folder) as redis:
        must(look(redis, {"password": "x"}), fault="auth", code="ERR")


def case_acl():
    with Redis(folder, "user mon on >s3cret ~relevo:* &relevo:* +@all "
               "-info -select", "user default off") as redis:
        must(look(redis), fault="auth", code="NOAUTH")
        everything = {"operations": ["ping", "setget", "pubsub", "time"],
                      "allow_write": True, "username": "mon",
                      "password": "s3cret"}
        must(look(redis, everything), outcome="ok")
        must(look(redis, user="mon:s3cret@"), outcome="ok")
        must(look(redis, user="mon:nonsense@"), fault="auth",
             code="WRONGPASS")
        must(look(redis, dict(everything, key_prefix="other:")),
             fault="forbidden", code="NOPERM", message_has="SET")
        must(look(redis, dict(everything, operations=["pubsub"],
                              channel="theirs")),
             fault="forbidden", code="NOPERM", message_has="SUBSCRIBE")
        must(look(redis, {"command": ["GET", "x"]}, user="mon:s3cret@"),
             fault="forbidden", code="NOPERM")
        must(look(redis, {"db": 3}, user="mon:s3cret@"), fault="forbidden",
             code="NOPERM", message_has="SELECT")


@apart
def case_protected_mode():
    """Without a password it answers only its own machine."""
    with Redis(folder, "bind 127.0.0.1 " + ADDRESS) as redis:
        must(look(redis), outcome="ok")
        elsewhere = {"url": url(redis.port, host=ADDRESS)}
        must(probe.check(elsewhere), fault="forbidden", code="DENIED",
             message_has="protected mode")


def case_database_out_of_range():
    with Redis(folder) as redis:
        must(probe.check({"url": url(redis.port) + "/99"}),
             fault="error_response", code="ERR", message_has="SELECT")


def case_password_is_shown_nowhere():
    """A server without AUTH says its arguments back."""
    with Redis(folder, 'rename-command AUTH ""') as redis:
        for options in ({"username": "u", "password": "hunter2hunter2"},
                        {"url": url(redis.port, user="u:hunter2hunter2@")}):
            settings = dict({"url": url(redis.port)}, **options)
            result = probe.check(settings)
            must(result, fault="auth", code="ERR",
                 message_has="unknown command")
            assert "hunter2" not in json.dumps(result), result


# ------------------------------------------- states in which it refuses ---

def case_loading_a_large_file():
    with Redis(folder) as redis:
        states.load_slowly(redis)
        must(look(redis), fault="starting", code="LOADING", outcome="fail")
        result = look(redis, {"operations": ["info"]}, expect=["not loading"])
        must_see(result, loading=True)
        must(result, outcome="fail")


def case_out_of_memory():
    with Redis(folder, "maxmemory 900kb", "maxmemory-policy noeviction",
               "save ''") as redis:
        must(look(redis), outcome="ok")
        must(look(redis, WRITE), fault="overloaded", code="OOM",
             message_has="SET")
        result = look(redis, {"operations": ["info"]})
        assert seen(result, "memory") > 90, result


@apart
def case_append_only_file_cannot_be_written():
    disk = tiny_disk(folder)
    with Redis(disk, "appendonly yes") as redis:
        must(look(redis, WRITE), outcome="ok")
        full = fill(disk)
        states.fail_aof(redis)
        must(look(redis), fault="error_response", code="MISCONF",
             message_has="No space left")
        must(look(redis, WRITE), fault="error_response", code="MISCONF")
        result = look(redis, {"operations": ["info"]})
        must(result, outcome="warn")
        must_see(result, aof_write_status="err", bgsave_status="ok")
        os.unlink(full)
        until("it to be well", lambda: "aof_last_write_status:ok" in
              redis.ask("INFO", "persistence"))
        must(look(redis, WRITE), outcome="ok")


def case_failing_bgsave():
    with Redis(folder, "save 3600 1") as redis:
        must(look(redis, WRITE), outcome="ok")
        states.fail_bgsave(redis)
        must(look(redis), fault="error_response", code="MISCONF")
        must(look(redis, WRITE), fault="error_response", code="MISCONF")
        result = look(redis, {"operations": ["info"]})
        must(result, outcome="warn")
        must_see(result, bgsave_status="err")


def case_busy_script():
    with states.busy_script(folder) as redis:
        must(look(redis), fault="error_response", code="BUSY")


def case_master_is_down():
    with Redis(folder, "replicaof 127.0.0.1 %d" % peer.closed_port(),
               "replica-serve-stale-data no") as redis:
        must(look(redis), fault="error_response", code="MASTERDOWN")
        result = look(redis, {"operations": ["info"]})
        must(result, fault="mismatch", outcome="fail")
        must_see(result, role="slave", link="down")


def case_no_replicas():
    with Redis(folder, "min-replicas-to-write 1") as redis:
        must(look(redis), outcome="ok")
        must(look(redis, WRITE), fault="error_response", code="NOREPLICAS")
        must_see(look(redis, {"operations": ["info"]}), good_replicas=0)


def case_read_only_replica():
    with Redis(folder) as primary, \
            states.linked_replica(folder, primary) as redis:
        must(look(redis, WRITE), fault="readonly", code="READONLY")


def case_cluster_is_down():
    with Redis(folder, "cluster-enabled yes") as redis:
        must(look(redis, WRITE), fault="error_response", code="CLUSTERDOWN")
        result = look(redis, {"operations": ["cluster"]})
        must(result, outcome="fail", fault="mismatch")
        must_see(result, cluster_state="fail", slots_assigned=0)


def case_no_cluster():
    with Redis(folder) as redis:
        must(look(redis, {"operations": ["cluster"]}), fault="error_response",
             code="ERR", message_has="cluster support disabled")
        must(look(redis, {"operations": ["sentinel"], "master_name": "m"}),
             outcome="fail", fault="error_response", code="ERR")


# ---------------------------------------------------------------- managed ---

def case_refused_commands_are_absent():
    with Redis(folder, 'rename-command INFO ""', 'rename-command TIME ""',
               "user default on nopass ~* &* +@all -slowlog") as redis:
        result = look(redis, {"operations": ["ping", "info", "time"]})
        must(result, outcome="ok")
        must_see(result, refused="INFO, SLOWLOG LEN, SLOWLOG GET, TIME", role=None)
        # An expectation asks for it.
        must(look(redis, {"operations": ["ping", "info"]},
                  expect=["role == 'master'"]), outcome="fail",
             fault="mismatch", message_has="role == 'master' (absent)")
        # Nothing is left to be seen.
        must(look(redis, {"operations": ["info"]}), outcome="fail",
             fault="error_response", code="ERR")


# -------------------------------------------------------------------- TLS ---

def tls_server(cert, *lines, **more):
    return Redis(folder, "tls-port @port@", "tls-cert-file " + cert[0],
                 "tls-key-file " + cert[1], "tls-ca-cert-file " + files.ca,
                 *(lines or ("tls-auth-clients no",)), plain=False, **more)


def look_tls(redis, tls=None, options=None, host="127.0.0.1", timeout="5s"):
    settings = {"url": url(redis.port, "rediss", host),
                "tls": dict({"ca_file": files.ca}, **(tls or {}))}
    settings.update(options or {})
    return probe.check(settings, timeout)


def case_tls_good():
    with tls_server(files.good) as redis:
        result = look_tls(redis, options={
            "operations": ["ping", "setget", "pubsub", "info"],
            "allow_write": True})
        must(result, outcome="ok")
        must_see(result, tls_version="TLSv1.3", receivers=1)
        days = seen(result, "cert_expiry") / 86400e3
        assert 39 < days <= 40, days
        must(probe.check({"host": "localhost", "port": redis.port,
                          "tls": {"enabled": True, "ca_file": files.ca}}),
             outcome="ok")
        must(look_tls(redis, {"ca_file": ""}), fault="certificate")
        must(look_tls(redis, {"verify": False, "ca_file": ""}), outcome="ok")
        must(look_tls(redis, {"server_name": "wrong.example.com"}),
             fault="certificate", code="HOSTNAME_MISMATCH")


def case_tls_kept():
    """What the handshake told is known also in probes without one."""
    with tls_server(files.good, "tls-auth-clients no",
                    "unixsocket @dir@/s") as redis:
        config = """checks = { it = { url = "%s"; keep_alive = true;
            interval = "200ms"; tls = { ca_file = "%s"; }; }; };""" % (
            url(redis.port, "rediss"), files.ca)
        with Watch(tempfile.mkdtemp(dir=folder), config) as watch:
            until("five results", lambda: len(watch.history("it")) >= 5)
            results = watch.history("it")
            redis.socket = os.path.join(redis.folder, "s")
            clients = redis.ask("CLIENT", "LIST")
            age = [line for line in clients.split("\n") if "relevo" in line]
            assert len(age) == 1 and " age=0 " not in age[0], clients
        for result in results:
            must(result, outcome="ok")
            assert seen(result, "cert_expiry") > 39 * 86400e3, results


def case_tls_expires_soon():
    with tls_server(files.soon) as redis:
        must(look_tls(redis), outcome="warn")


def case_tls_expired():
    with tls_server(files.expired) as redis:
        result = look_tls(redis)
        must(result, fault="certificate", code="CERT_HAS_EXPIRED")
        assert seen(result, "cert_expiry") < 0, result


def case_tls_unknown_root():
    with tls_server(files.foreign) as redis:
        must(look_tls(redis), fault="certificate",
             code="UNABLE_TO_GET_LOCAL_ISSUER")


def case_tls_wrong_host():
    with tls_server(files.other) as redis:
        must(look_tls(redis), fault="certificate",
             code="IP_ADDRESS_MISMATCH")
        must(look_tls(redis, {"server_name": "other.example.com"}),
             outcome="ok")


def case_tls_client_certificate():
    with tls_server(files.good, "tls-auth-clients yes") as redis:
        mine = {"cert_file": files.other[0], "key_file": files.other[1]}
        must(look_tls(redis, mine), outcome="ok")
        result = look_tls(redis)
        must(result, fault="tls", outcome="fail")
        assert "ALERT" in result["code"], result


def case_tls_too_old():
    with tls_server(files.good, "tls-auth-clients no",
                    "tls-protocols TLSv1.2") as redis:
        must(look_tls(redis, {"min_version": "1.2"}), outcome="ok")
        must(look_tls(redis, {"min_version": "1.3"}), fault="tls")


def case_tls_to_plain_port():
    with Redis(folder) as redis:
        must(look_tls(redis, timeout="2s"), fault="tls", outcome="fail")


def case_plain_to_tls_port():
    with tls_server(files.good) as redis:
        result = look(redis, timeout="2s")
    assert result["fault"] in ("closed", "reset", "protocol"), result


def case_tls_stopped_server():
    with tls_server(files.good) as redis:
        redis.pause()
        must(look_tls(redis, timeout="2s"), fault="tls", code="timeout")


# ----------------------------------------------------------- hostile peers ---

def answering(answer):
    """A script: answer(words) gives the bytes of the reply."""
    def script(c):
        for words in commands(c):
            c.send(answer(words))
    return script


def against(script, options=None, timeout="3s", **common):
    with Peer(script) as other:
        return look(other, options, timeout, **common)


def saying(data):
    """Answers the first command with that, and then nothing more."""
    def script(c):
        for _ in commands(c):
            c.send(data)
            c.silence()
    return script


def case_silent():
    must(against(peer.silent, timeout="2s"), fault="timeout", code="PING")


def case_closed_at_once():
    result = against(peer.close_at_once)
    assert result["fault"] in ("closed", "reset"), result


def case_closed_after_the_command():
    def script(c):
        next(commands(c))
    result = against(script, {"client_name": ""})
    must(result, fault="closed", message_has="PING")


def case_closed_within_a_reply():
    def script(c):
        next(commands(c))
        c.send(b"+PO")
    result = against(script, {"client_name": ""})
    must(result, outcome="fail")
    assert result["fault"] in ("closed", "protocol"), result


def case_reset():
    def script(c):
        next(commands(c))
        c.reset()
    must(against(script), fault="reset", code="ECONNRESET", errno=104)


def case_http_server():
    result = against(peer.answer_anything)
    must(result, fault="protocol", code="resp", message_has='got "H"')


def case_not_pong():
    for reply in (b":1\r\n", b"+OK\r\n", b"$-1\r\n", b"*0\r\n", b"$0\r\n\r\n"):
        result = against(answering(lambda words, r=reply: r))
        must(result, fault="protocol", code="reply", message_has="PING")


def case_reply_nobody_asked_for():
    def script(c):
        for _ in commands(c):
            c.send(b"+PONG\r\n+PONG\r\n+PONG\r\n+PONG\r\n+PONG\r\n")
    must(against(script, {"client_name": "", "pings": 2}), fault="protocol",
         code="unasked")


def case_reply_too_large():
    huge = b"$2000000\r\n" + b"x" * 2000000 + b"\r\n"
    must(against(saying(huge), {"client_name": ""}), fault="protocol",
         code="reply_size", message_has="max_reply")
    must(against(saying(b"*2147483647\r\n"), {"client_name": ""}),
         fault="protocol", code="reply_size")
    must(against(saying(b"*60000\r\n*60000\r\n"), {"client_name": ""}),
         fault="protocol", code="reply_size")
    with Redis(folder) as redis:
        redis.ask("SETRANGE", "big", "5000", "x")
        options = {"command": ["GET", "big"], "max_reply": "1KiB"}
        must(look(redis, options), fault="protocol", code="reply_size")
        must(look(redis, dict(options, max_reply="6KiB")), outcome="ok")


def case_reply_that_never_ends():
    def script(c):
        next(commands(c))
        c.send(b"$100000\r\n")
        c.drip(b"x" * 100000)
    must(against(script, {"client_name": ""}, "2s"), fault="timeout",
         code="PING")


def case_endless_messages():
    def script(c):
        for words in commands(c):
            if words[0] == "SUBSCRIBE":
                c.send(b"*3\r\n$9\r\nsubscribe\r\n$%d\r\n%s\r\n:1\r\n" %
                       (len(words[1]), words[1].encode()))
                flood = b"*3\r\n$7\r\nmessage\r\n$%d\r\n%s\r\n$1\r\nx\r\n" % (
                    len(words[1]), words[1].encode())
                while True:
                    c.send(flood * 2000)
            c.send(b":0\r\n" if words[0] == "PUBLISH" else b"+PONG\r\n")
    must(against(script, {"operations": ["pubsub"]}), fault="protocol",
         code="unasked")
    must(against(script, {"operations": ["pubsub"], "channel": "busy",
                          "allow_write": True}, "60s"),
         fault="protocol", code="flood", message_has="10000 other messages")


def case_another_value_than_was_stored():
    replies = {"SET": b"+OK\r\n", "GET": b"$5\r\nother\r\n"}
    result = against(answering(lambda w: replies.get(w[0], b"+OK\r\n")),
                     WRITE)
    must(result, fault="protocol", code="value")


def case_nesting():
    must(against(saying(b"*1\r\n" * 100), {"client_name": ""}),
         fault="protocol")


# ---------------------------------------------------------- what PING hides ---

class Balancer:
    """Leads connections to two servers by turns: a load balancer in front of
    servers that know nothing of each other."""

    def __init__(self, one, other):
        self.ports = [one.port, other.port]
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            port = self.ports[len(self.sockets) // 2 % 2]
            far = socket.create_connection(("127.0.0.1", port))
            self.sockets += [near, far]
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self._copy, args=(a, b),
                                 daemon=True).start()

    @staticmethod
    def _copy(source, sink):
        try:
            while True:
                data = source.recv(65536)
                sink.sendall(data)
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for sock in [self.listener, *self.sockets]:
            sock.close()


def case_message_does_not_arrive():
    with Redis(folder) as one, Redis(folder) as other, \
            Balancer(one, other) as both:
        result = look(both, {"operations": ["ping", "pubsub"]}, "2s")
        must(result, fault="timeout", code="deliver", outcome="fail",
             message_has="published")
        must_see(result, receivers=0)


# -------------------------------------------------------------- addresses ---

def case_all_addresses_names_the_failing_one():
    if not hosts.localhost_has_two():
        return
    with Redis(folder) as redis:
        settings = {"url": url(redis.port, host="localhost")}
        must(probe.check(settings), outcome="ok")
        result = probe.check(dict(settings, all_addresses=True))
        must(result, fault="refused", outcome="fail", message_has="::1")
    with Redis(folder, "bind 127.0.0.1 ::1") as redis:
        result = probe.check({"url": url(redis.port, host="localhost"),
                              "all_addresses": True})
        must(result, outcome="ok")
        stats = redis.ask("INFO", "stats")
        assert "total_connections_received:4" in stats, stats


# ------------------------------------------------------------------ config ---

def case_bad_options():
    base = {"url": "redis://127.0.0.1:1"}
    for options, word in (
            ({"operations": ["setget"]}, "allow_write"),
            ({"operations": ["nonsense"]}, "pubsub"),
            ({"operations": ["command"]}, "command"),
            ({"operations": ["sentinel"]}, "master_name"),
            ({"command": ["SET", "a", "b"]}, "only read"),
            ({"command": ["FLUSHALL"]}, "only read"),
            ({"command": ["SLOWLOG", "RESET"]}, "GET|LEN"),
            ({"operations": ["pubsub"], "channel": "x"}, "allow_write"),
            ({"channel": "x"}, "pubsub"),
            ({"operations": ["publish"], "channel": "x"}, "message"),
            ({"operations": ["pubsub"], "message": "x"}, "channel"),
            ({"operations": ["publish"], "channel": "x", "message": "y"},
             "allow_write"),
            ({"keep_alive": True, "all_addresses": True}, "exclude"),
            ({"username": "me"}, "password"),
            ({"client_name": "a b"}, "client_name"),
            ({"url": "redis://h:99999"}, "port"),
            ({"url": "redis://"}, "host"),
            ({"url": "http://h", "plugin": "redis"}, "redis://"),
            ({"pings": 0}, "pings")):
        try:
            result = probe.check(dict(base, **options))
        except AssertionError as error:
            assert "exit 2" in str(error), error
            assert word in str(error), (word, error)
        else:
            raise AssertionError("%r gave %r" % (options, result))


def main():
    global probe, files, folder
    if cases.lacks("redis", "redis-server"):
        return 77
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        probe = Probe(folder, "redis")
        files = Files(folder)
        return cases.run(globals(), sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
