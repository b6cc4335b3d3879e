#!/usr/bin/env python3
"""runbooks/redis/diagnose against real servers, each ill in one way: which
cause does it name, and does anything of a server or a secret get further than
it should? A scripted peer says what a real Redis will not.

Each case is a run or two; all run, several at a time, with servers of their
own.

    runbook_redis_diagnose.py [NAME...]   only cases whose name contains one
"""
import json
import os
import pathlib
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import cases  # noqa: E402
import certs  # noqa: E402
import peer  # noqa: E402
import runbook_env as env  # noqa: E402
from peer import BlackHole, Peer  # noqa: E402
from redis_server import Redis  # noqa: E402
from watch import until  # noqa: E402

SCRIPT = "redis/diagnose"
PASSWORD = "correct-horse-battery"
folder = None


def document(url, code="", fault="timeout", settings=None, **check):
    """The context of a failing redis check."""
    made = env.context(url)
    made["check"].update(name="cache", plugin="redis",
                         settings=settings or {}, **check)
    made["result"].update(fault=fault, code=code, expectations=[],
                          message="the check's own words", phases={},
                          observations={})
    return made


def url(server, scheme="redis", user=""):
    return "%s://%s127.0.0.1:%d" % (scheme, user, server.port)


def look(server, code="", **more):
    return env.run(SCRIPT, document(url(server), code), **more)


def must(ran, verdict, code, *words, status=0):
    """The verdict, the finding that carries it, and words of that finding."""
    assert ran.status == status, ran
    assert ran.verdict() == verdict, (verdict, str(ran))
    found = ran.finding(code)
    for word in words:
        assert word in json.dumps(found), (word, str(ran))
    assert len(ran.of("verdict")) <= 1, ran
    assert ran.seconds < 60, ran.seconds
    return found


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


def case_well_is_moot():
    with Redis(folder) as redis:
        ran = look(redis)
        must(ran, None, "redis.well_now", "a message got through", status=11)
        names = [metric["name"] for metric in ran.of("metric")]
        assert names == ["redis.ping_ms", "redis.pubsub_ms"], ran


def case_host_and_port_of_settings():
    with Redis(folder) as redis:
        ran = env.run(SCRIPT, document(None, settings={
            "host": "127.0.0.1", "port": str(redis.port)}))
        must(ran, None, "redis.well_now", status=11)


def case_unix_socket():
    with Redis(folder, socket_only=True) as redis:
        ran = env.run(SCRIPT, document("unix://" + redis.socket))
        must(ran, None, "redis.well_now", status=11)
        redis.stop()
        ran = env.run(SCRIPT, document("unix://" + redis.socket))
        must(ran, "not_listening", "redis.refused", redis.socket)
    ran = env.run(SCRIPT, document(None, settings={
        "host": "/nonexistent/redis.sock"}))
    must(ran, "not_listening", "redis.no_socket", "/nonexistent/redis.sock")


# ------------------------------------------------------------- credentials ---

def case_no_password():
    with Redis(folder, "requirepass " + PASSWORD) as redis:
        must(look(redis), "credentials", "redis.noauth", "password = {")
        # The context has it blotted out: that is no password.
        ran = env.run(SCRIPT, document(url(redis, user=":***@")))
        must(ran, "credentials", "redis.noauth")


def case_wrong_password():
    with Redis(folder, "requirepass " + PASSWORD) as redis:
        ran = look(redis, secrets={"password": "guessed-wrong"})
        must(ran, "credentials", "redis.wrongpass")
        assert "guessed-wrong" not in str(ran), ran


def case_right_password():
    with Redis(folder, "requirepass " + PASSWORD) as redis:
        for secrets in ({"password": PASSWORD + "\n"},
                        {"url": url(redis, user=":%s@" % PASSWORD)}):
            ran = look(redis, secrets=secrets)
            must(ran, None, "redis.well_now", status=11)
            assert PASSWORD not in str(ran), ran


def case_user_and_password_that_a_url_has_to_encode():
    odd = "p@ss/w\u00f6rd:%1"
    with Redis(folder, 'user mon on ">%s" ~* &* +@all' % odd,
               "user default off") as redis:
        written = "mon:p%40ss%2Fw%C3%B6rd%3A%251@"
        ran = look(redis, secrets={"url": url(redis, user=written)})
        must(ran, None, "redis.well_now", status=11)
        assert odd not in str(ran) and written not in str(ran), ran


def case_password_is_in_no_argument():
    """Whoever lists the processes of the machine does not see it."""
    seen, done = set(), threading.Event()

    def watch():
        while not done.is_set():
            for name in filter(str.isdigit, os.listdir("/proc")):
                try:
                    with open("/proc/%s/cmdline" % name, "rb") as f:
                        seen.add(f.read())
                except OSError:
                    pass

    watcher = threading.Thread(target=watch)
    with Redis(folder, "requirepass " + PASSWORD) as redis:
        watcher.start()
        try:
            for secrets in ({"password": PASSWORD},
                            {"url": url(redis, user=":%s@" % PASSWORD)}):
                ran = look(redis, secrets=secrets)
                must(ran, None, "redis.well_now", status=11)
        finally:
            done.set()
            watcher.join()
    assert any(b"redis-cli" in line for line in seen), "the watcher saw nothing"
    assert not any(PASSWORD.encode() in line for line in seen)


# ------------------------------------------------- replies that say it all ---

def case_max_clients():
    with Redis(folder, "maxclients 2") as redis:
        until("the client of the start to be gone", lambda:
              "connected_clients:1\r" in redis.ask("INFO", "clients"))
        with redis.client() as one, redis.client() as two:
            assert one.ask("PING") == two.ask("PING") == "PONG"
            must(look(redis), "overloaded:clients", "redis.max_clients")


def case_loading_tells_its_eta():
    with Redis(folder) as redis:
        redis.ask("DEBUG", "POPULATE", "200000")
        redis.ask("SAVE")
        redis.stop()
        with open(redis.conf(), "a") as f:
            f.write("key-load-delay 100\n"
                    "loading-process-events-interval-bytes 1024\n")
        redis.again()
        found = must(look(redis, "LOADING"), "starting", "redis.loading",
                     "do not restart it")
        assert "% are loaded, the server expects " in found["detail"], found


def case_busy_script():
    with Redis(folder, "busy-reply-threshold 100") as redis:
        with redis.client() as client:
            client.send("EVAL", "while true do end", "0")
            until("the script to be too long", lambda: is_busy(redis))
            must(look(redis, "BUSY"), "busy_script", "redis.busy",
                 "SCRIPT KILL")


def is_busy(redis):
    try:
        redis.ask("PING")
    except Exception as error:  # an error reply
        return "BUSY" in str(error)
    return False


def case_primary_is_down():
    with Redis(folder, "replicaof 127.0.0.1 %d" % peer.closed_port(),
               "replica-serve-stale-data no") as redis:
        ran = look(redis, "MASTERDOWN")
        must(ran, "primary_down", "redis.masterdown")
        assert "down" in ran.finding("redis.link")["title"], ran


def case_cluster_is_down():
    with Redis(folder, "cluster-enabled yes",
               "cluster-config-file nodes.conf") as redis:
        ran = look(redis, "CLUSTERDOWN")
        # PING is answered all the same; PUBLISH is not, in an empty cluster.
        assert ran.status in (0, 11), ran


# ------------------------------------------------------------ disk, memory ---

def case_snapshot_fails():
    with Redis(folder, "save 3600 1") as redis:
        # A folder stands where the snapshot should be put.
        os.mkdir(os.path.join(redis.folder, "dump.rdb"))
        redis.ask("SET", "x", "y")
        redis.ask("BGSAVE")
        until("bgsave to fail", lambda: "rdb_last_bgsave_status:err" in
              redis.ask("INFO", "persistence"))
        found = must(look(redis, "MISCONF"), "disk:snapshots",
                     "redis.misconf", "df -h")
        assert "% full here" in found["detail"], found


def case_memory_is_full():
    with Redis(folder, "maxmemory 900kb",
               "maxmemory-policy noeviction") as redis:
        found = must(look(redis, "OOM"), "memory_full", "redis.memory")
        assert "of 900 KiB" in found["title"], found


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

def case_readonly():
    with Redis(folder) as primary, \
            Redis(folder, "replicaof 127.0.0.1 %d" % primary.port) as redis:
        until("the link", lambda: "master_link_status:up" in
              redis.ask("INFO", "replication"))
        must(look(redis, "READONLY"), "readonly", "redis.readonly",
             "127.0.0.1:%d" % primary.port)


def case_link_is_down_since():
    with Redis(folder) as primary, \
            Redis(folder, "replicaof 127.0.0.1 %d" % primary.port) as redis:
        until("the link", lambda: "master_link_status:up" in
              redis.ask("INFO", "replication"))
        primary.stop()
        until("its end", lambda: "master_link_status:down" in
              redis.ask("INFO", "replication"))
        must(look(redis), "replication:link_down", "redis.link",
             "is down for ")


def case_no_replicas():
    with Redis(folder, "min-replicas-to-write 1") as redis:
        must(look(redis, "NOREPLICAS"), "no_replicas", "redis.noreplicas",
             "0 connected, 0 good")


# ------------------------------------------------------ clients, slow, path ---

def case_client_that_does_not_read():
    with Redis(folder) as redis, redis.client() as lazy:
        lazy.ask("CLIENT", "SETNAME", "lazy")
        lazy.ask("SUBSCRIBE", "news")
        with redis.client() as writer:
            for _ in range(20):
                writer.ask("PUBLISH", "news", "x" * 1000000)
        must(look(redis), "client:slow_reader", "redis.output_buffer",
             'name \\"lazy\\"', "1 subscriptions")


def case_blocked_clients_are_told():
    with Redis(folder) as redis, redis.client() as waiting:
        waiting.send("BLPOP", "queue", "0")
        until("it to block", lambda: "blocked_clients:1" in
              redis.ask("INFO", "clients"))
        assert "1 clients" in look(redis).finding("redis.blocked")["title"]


def case_slow_command_without_its_arguments():
    with Redis(folder, "latency-monitor-threshold 100") as redis:
        redis.ask("DEBUG", "SLEEP", "0.3")
        ran = look(redis)
        must(ran, "slow:command", "redis.slow_command", "took 3", "3 words")
        assert "command, 3" in ran.finding("redis.latency_event")["title"], ran


def case_restart_is_noticed():
    with Redis(folder) as redis:
        made = document(url(redis))
        made["last_good"] = {"observations": {"run_id": "0" * 40}}
        ran = env.run(SCRIPT, made)
        assert "since the last good result" in \
            ran.finding("redis.restarted")["title"], ran


def case_pubsub_is_not_there():
    """A proxy that takes SUBSCRIBE and PUBLISH, and hands nothing on."""
    def script(conn):
        while True:
            conn.sock.settimeout(20)
            words = conn.sock.recv(65536)
            if not words:
                return
            if b"SUBSCRIBE" in words.upper():
                conn.send(b"*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n")
            elif b"PUBLISH" in words.upper():
                conn.send(b":0\r\n")
            elif b"PING" in words.upper():
                conn.send(b"+PONG\r\n")
            else:
                conn.send(b"-ERR unknown command\r\n")

    with Peer(script) as proxy:
        must(look(proxy), "pubsub", "redis.pubsub", "did not arrive")


# ----------------------------------------------------------------- managed ---

def case_managed_server_refuses_commands():
    with Redis(folder, 'rename-command INFO ""', 'rename-command CONFIG ""',
               "user default on nopass ~* &* +@all -slowlog -latency "
               "-client|list") as redis:
        ran = look(redis)
        must(ran, None, "redis.well_now", status=11)
        ran.finding("redis.no_info")


def case_user_may_not_use_channels():
    with Redis(folder, "user default on nopass ~* resetchannels +@all") as redis:
        ran = look(redis)
        must(ran, None, "redis.well_now", status=11)
        assert "NOPERM" in ran.finding("redis.pubsub_unknown")["detail"], ran


def case_user_may_do_nothing():
    with Redis(folder, "user default on nopass ~* &* -@all +ping") as redis:
        must(look(redis, "NOPERM"), None, "redis.well_now", status=11)
        redis_user = "user default on nopass ~* &* -@all"
        with Redis(folder, redis_user) as other:
            must(look(other, "NOPERM"), "forbidden", "redis.noperm")


# --------------------------------------------------------------------- TLS ---

def case_tls():
    where = tempfile.mkdtemp(dir=folder)
    ca = certs.Authority(where)
    cert, key = ca.issue("good")
    lines = ["tls-port @port@", "tls-cert-file " + cert, "tls-key-file " + key,
             "tls-ca-cert-file " + ca.cert, "tls-auth-clients no"]
    with Redis(folder, *lines, plain=False) as redis:
        settings = {"tls.ca_file": ca.cert}
        ran = env.run(SCRIPT, document(url(redis, "rediss"), settings=settings))
        must(ran, None, "redis.well_now", status=11)
        ran = env.run(SCRIPT, document(url(redis, "rediss")))
        must(ran, "certificate", "redis.certificate")
        # Plain to a port with TLS: it hangs up.
        must(look(redis), "closed", "redis.closed", "rediss://")
    with Redis(folder) as redis:
        ran = env.run(SCRIPT, document(url(redis, "rediss"), settings=settings))
        must(ran, "tls", "redis.plain", "redis:// instead of rediss://")


# ---------------------------------------------------------------- contract ---

def case_without_redis_cli():
    """Whatever of the machine's programs, but not that one."""
    with Redis(folder) as redis:
        bare = tempfile.mkdtemp(dir=folder)
        for place in ("/usr/bin", "/bin", "/usr/sbin"):
            for name in os.listdir(place):
                if name != "redis-cli" and not os.path.lexists(
                        os.path.join(bare, name)):
                    os.symlink(os.path.join(place, name),
                               os.path.join(bare, name))
        ran = look(redis, environ={"PATH": bare})
        must(ran, None, "redis.no_client", "redis-tools", status=78)
        redis.stop()
        ran = look(redis, environ={"PATH": bare})
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

def clean(ran):
    """Nothing of it moves a terminal's cursor or turns text round."""
    for text in [*ran.raw, *ran.out.split("\n"), *ran.err.split("\n")]:
        bad = [c for c in text if ord(c) < 32 and c != "\t" or c in "\x7f\u202e"]
        assert not bad, (bad, text)


def case_naughty_errors_stay_text():
    with tempfile.TemporaryDirectory(dir=folder) as where:
        mark = pathlib.Path(where, "mark")
        for text in env.shell_traps(mark) + ["\x1b]0;x\x07", "x" * 100000]:
            line = text.replace("\r", "").replace("\n", " ").encode(
                "utf-8", "surrogatepass")
            with Peer(lambda c, say=line: [c.send(b"-ERR " + say + b"\r\n"),
                                           c.sleep(5)]) as rude:
                ran = look(rude, code=text[:60].encode(
                    "utf-8", "replace").decode())
            assert ran.status == 0, ran
            assert not mark.exists(), text
            clean(ran)


def case_naughty_targets_stay_text():
    with tempfile.TemporaryDirectory(dir=folder) as where:
        mark = pathlib.Path(where, "mark")
        shapes = ["redis://{}/", "{}", "redis://127.0.0.1:1/{}",
                  "redis://{}@127.0.0.1:1", "unix://{}"]
        for i, text in enumerate(env.shell_traps(mark)):
            made = document(shapes[i % len(shapes)].replace("{}", text),
                            settings={"username": text, "db": text})
            ran = env.run(SCRIPT, made)
            assert ran.status in (0, 10, 78), ran
            assert not mark.exists(), text
            clean(ran)


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
        for _ in range(2000):
            conn.send(b"+x" * 32768)

    with Peer(script) as endless:
        ran = look(endless)
    assert ran.status == 0 and ran.seconds < 60, ran
    clean(ran)


def main():
    global folder
    env.need("redis-server", "redis-cli", "jq", "curl", "openssl", "getent")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        return cases.run(globals(), sys.argv[1:], at_once=4)


if __name__ == "__main__":
    sys.exit(main())
