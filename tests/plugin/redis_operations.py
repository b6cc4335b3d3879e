#!/usr/bin/python3
"""What the redis plugin observes of servers that are well: each operation,
replies of every type, a replica, three sentinels, a cluster of three, kept
connections, restarts; and that the streams which Redis' own reader is tested
with (shared/vectors/resp) do no harm as answers to PING.

    redis_operations.py [NAME...]    only the cases whose name contains one
"""
import json
import os
import re
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import cases  # noqa: E402
import redis_states as states  # noqa: E402
from cases import must, must_see, seen  # noqa: E402
from peer import Peer  # noqa: E402
from probe import Probe, literal  # noqa: E402
from redis_server import Error, Redis  # noqa: E402
from watch import Watch, until  # noqa: E402

probe = None
folder = None


def url(server, path=""):
    return "redis://127.0.0.1:%d%s" % (server.port, path)


def look(server, options=None, timeout="5s", **common):
    return probe.check(dict({"url": url(server)}, **(options or {})), timeout,
                       **common)


# ------------------------------------------------------------- operations ---

def case_everything_at_once():
    with Redis(folder) as redis:
        result = look(redis, {"operations": ["ping", "setget", "pubsub",
                                             "info", "time"],
                              "allow_write": True, "pings": 5})
        must(result, outcome="ok")
        must_see(result, receivers=1, role="master", keys=0, replicas=0,
                 loading=False, mode="standalone", bgsave_status="ok")
        for name in ("ping", "ping_min", "setget", "pubsub", "latency"):
            assert 0 < seen(result, name) < 5000, (name, result)
        assert seen(result, "ping") == seen(result, "latency"), result
        assert seen(result, "ping") >= seen(result, "ping_min"), result
        assert abs(seen(result, "clock_skew")) < 1000, result
        assert seen(result, "used_memory") > 100000, result
        for phase in ("connect", "subscribe", "publish", "deliver", "wait"):
            assert phase + "_ms" in result["phases"], (phase, result)
        assert "auth_ms" not in result["phases"], result
        # Nothing is left behind.
        assert redis.ask("DBSIZE") == 0
        assert redis.ask("PUBSUB", "CHANNELS") == []


def case_least_privilege():
    """The user that the page recommends."""
    with open(os.path.join(os.environ["RELEVO_SOURCE"],
                           "docs/redis.md")) as f:
        recipe = re.search(r"`ACL SETUSER mon on >PASSWORD ([^`]*)`",
                           f.read()).group(1).split()
    with Redis(folder) as redis:
        redis.ask("ACL", "SETUSER", "mon", "on", ">s3cret", *recipe)
        result = look(redis, {"operations": ["ping", "setget", "pubsub",
                                             "info", "time"], "db": 1,
                              "allow_write": True, "username": "mon",
                              "password": "s3cret"})
        must(result, outcome="ok")
        must_see(result, role="master", refused="SLOWLOG LEN, SLOWLOG GET")
        denied = {entry[entry.index("object") + 1]
                  for entry in redis.ask("ACL", "LOG")}
        assert denied == {"slowlog|len", "slowlog|get"}, denied


def case_key_of_our_own_has_an_end():
    """What the server was told, as it tells others."""
    with Redis(folder) as redis, redis.client() as monitor:
        monitor.ask("MONITOR")
        must(look(redis, {"operations": ["setget"], "allow_write": True,
                          "ttl": "7s", "key_prefix": "mon:"}), outcome="ok")
        told = []
        while not told or '"DEL"' not in told[-1]:
            told.append(monitor.read())
    lines = [line for line in told if '"mon:' in line]
    assert [line.split('"')[1] for line in lines] == ["SET", "GET", "DEL"], told
    assert '"NX" "PX" "7000"' in lines[0], told
    assert any('"CLIENT" "SETNAME" "relevo"' in line for line in told), told


def case_channel_of_others():
    with Redis(folder) as redis, redis.client() as listener:
        listener.ask("SUBSCRIBE", "news")
        result = look(redis, {"operations": ["pubsub"], "channel": "news",
                              "allow_write": True})
        must(result, outcome="ok")
        must_see(result, receivers=2)
        message = listener.read()
        assert message[:2] == ["message", "news"], message
        assert len(message[2]) == 32, message
        must(look(redis, {"operations": ["pubsub"], "channel": "news",
                          "message": "hello", "allow_write": True}),
             outcome="ok")
        assert listener.read() == ["message", "news", "hello"]


def case_publish():
    with Redis(folder) as redis, redis.client() as listener:
        options = {"operations": ["publish"], "channel": "news",
                   "message": "hello", "allow_write": True}
        must_see(look(redis, options), receivers=0)
        listener.ask("SUBSCRIBE", "news")
        result = look(redis, options, expect=["receivers == 1"])
        must(result, outcome="ok")
        assert seen(result, "publish") == seen(result, "latency"), result
        assert "publish_ms" in result["phases"], result
        assert "wait_ms" not in result["phases"], result
        assert listener.read() == ["message", "news", "hello"]


def case_unix_socket():
    with Redis(folder, socket_only=True) as redis:
        redis.ask("SELECT", "0")
        for target in ({"url": "unix://%s?db=2" % redis.socket},
                       {"host": redis.socket, "db": 2}):
            result = probe.check(dict(
                target, operations=["ping", "setget", "pubsub", "info"],
                allow_write=True))
            must(result, outcome="ok")
            must_see(result, keys=0, ip=None)


def case_parts_where_the_url_is_absent():
    with Redis(folder, "requirepass s3cret") as redis:
        parts = {"url": {"env": "NO_SUCH_URL", "optional": True},
                 "host": "127.0.0.1", "port": redis.port,
                 "password": {"env": "REDIS_PASSWORD"}}
        must(probe.check(parts, env={"REDIS_PASSWORD": "s3cret"}),
             outcome="ok")
        must(probe.check(parts, env={"REDIS_PASSWORD": "s3cret",
                                     "NO_SUCH_URL": "redis://127.0.0.1:1"}),
             outcome="fail", fault="refused")
        must(probe.check(parts), outcome="unknown", fault="config",
             message_has="REDIS_PASSWORD")


def case_database_of_the_check():
    with Redis(folder) as redis:
        with redis.client() as client:
            client.ask("SELECT", "3")
            client.ask("MSET", "a", "1", "b", "2")
        result = probe.check({"url": url(redis, "/3"), "command": ["GET", "a"],
                              "operations": ["info"]},
                             expect=["keyspace('db3') == 2"])
        must(result, outcome="ok")
        must_see(result, keys=2, reply="1")


def case_url_without_configuration():
    with Redis(folder) as redis:
        _, out, _ = probe.run("check", url(redis))
        assert "redis://" in out and "ping " in out, out
        code, out, _ = probe.run("check", url(redis), "--json", "--expect",
                                 "ping < 10s")
        must(json.loads(out), outcome="ok")
        assert code == 0


# ---------------------------------------------------------------- replies ---

def case_replies_of_every_type():
    with Redis(folder) as redis:
        redis.ask("RPUSH", "jobs", "a", "b", "c")
        redis.ask("SET", "text", "hello")
        redis.ask("HSET", "hash", "x", "1", "y", "two")

        def command(*words, **more):
            return look(redis, {"command": list(words)}, **more)
        must_see(command("LLEN", "jobs"), reply=3, reply_type="integer",
                 reply_nil=False, reply_length=None, number=3)
        redis.ask("SET", "count", "-42")
        must_see(command("GET", "count"), reply="-42", number=-42)
        must_see(command("GET", "text"), reply="hello", reply_type="string",
                 reply_length=5, number=None)
        must_see(command("GET", "nothing"), reply=None, reply_type="nil",
                 reply_nil=True)
        must_see(command("TYPE", "jobs"), reply="list", reply_type="status")
        must_see(command("LRANGE", "jobs", "0", "-1"), reply_type="array",
                 reply_length=3, reply=None)
        must(command("LRANGE", "jobs", "0", "-1",
                     expect=["item('2') == 'c'"]), outcome="ok")
        must(command("HGETALL", "hash",
                     expect=["item('x') == '1'", "item('y') == 'two'"]),
             outcome="ok")
        must(command("LLEN", "jobs", expect=["reply < 3"]), outcome="fail",
             fault="mismatch", message_has="reply")
        must(command("LLEN", "text"), outcome="fail", fault="error_response",
             code="WRONGTYPE")
        must(command("LLEN", "text", expect=["reply_type == 'error'"]),
             outcome="ok")


def case_a_time_that_a_job_left():
    with Redis(folder) as redis:
        for text in (int(time.time()) - 60, int(time.time() * 1000) - 60000,
                     time.strftime("%Y-%m-%dT%H:%M:%SZ",
                                   time.gmtime(time.time() - 60))):
            redis.ask("SET", "ended", text)
            must(look(redis, {"command": ["GET", "ended"]},
                      expect=["age(reply) in 59s..180s"]), outcome="ok")
        redis.ask("SET", "ended", "42")
        must(look(redis, {"command": ["GET", "ended"]},
                  expect=["age(reply) < 1h"]), message_has="(absent)")


def case_stream_group():
    with Redis(folder) as redis:
        redis.ask("XADD", "s", "*", "a", "1")
        redis.ask("XGROUP", "CREATE", "s", "g", "0")
        redis.ask("XREADGROUP", "GROUP", "g", "me", "STREAMS", "s", ">")
        must(look(redis, {"command": ["XINFO", "GROUPS", "s"]},
                  expect=["item('0.pending') == 1", "item('0.name') == 'g'"]),
             outcome="ok")


# ------------------------------------------------------------------- info ---

def case_info_of_a_full_server():
    with Redis(folder, "maxclients 100") as redis:
        redis.ask("CONFIG", "SET", "slowlog-log-slower-than", "0")
        redis.ask("SET", "x", "y", "PX", "1")
        time.sleep(0.01)
        redis.ask("GET", "x")
        result = look(redis, {"operations": ["info"]}, expect=[
            "info('redis_version') == version", "info('maxclients') == 100",
            "slowlog >= 2", "slow_commands >= 2", "expired_keys == 1",
            "hit_ratio == 0%", "clients < 5%", "uptime < 1m",
            "save_age < 1m", "not exists memory"])
        must(result, outcome="ok")


def case_info_as_text():
    """183 lines are for those who ask."""
    with Redis(folder) as redis:
        conf = os.path.join(tempfile.mkdtemp(dir=folder), "relevo.cfg")
        with open(conf, "w") as f:
            f.write("""state_dir = "%s"; checks = { it = { url = "%s";
                operations = ["info"]; expect = ["role == 'slave'"]; }; };"""
                    % (conf + ".state", url(redis)))
        _, short, _ = probe.run("-c", conf, "check", "it")
        assert "values; --trace shows them" in short, short
        _, full, _ = probe.run("-c", conf, "check", "it", "--trace")
        assert "used_memory_rss" in full and len(full) > 4 * len(short), full
        evidence = full.split("  info\n")[1]
        assert "role:master" in evidence and "\\x0d" not in evidence, full


def case_aof():
    with Redis(folder, "appendonly yes") as redis:
        must_see(look(redis, {"operations": ["info"]}),
                 aof_write_status="ok", aof_rewrite_status="ok")


def case_replication():
    with Redis(folder) as primary:
        with states.linked_replica(folder, primary) as replica:
            until("the replica to be online", lambda: "state=online" in
                  primary.ask("INFO", "replication"))
            info = {"operations": ["info"]}
            result = look(primary, info)
            must_see(result, role="master", replicas=1, good_replicas=1)
            assert seen(result, "lag_bytes") < 10000, result
            assert seen(result, "lag") <= 2000, result
            result = look(replica, info)
            must(result, outcome="ok")
            must_see(result, role="slave", link="up", sync_in_progress=False)
            primary.stop()
            until("the link to be down", lambda: "master_link_status:down" in
                  replica.ask("INFO", "replication"))
            result = look(replica, info)
            must(result, outcome="fail", fault="mismatch",
                 message_has="link == 'up'")
            assert seen(result, "link_down") >= 0, result


# --------------------------------------------------- sentinels and clusters ---

def case_three_sentinels():
    with Redis(folder) as primary:
        lines = ["sentinel monitor m 127.0.0.1 %d 2" % primary.port,
                 "sentinel down-after-milliseconds m 500"]
        sentinels = [Redis(folder, *lines, sentinel=True) for _ in range(3)]
        try:
            for sentinel in sentinels:
                sentinel.start()
            until("the sentinels to find each other", lambda: all(
                "sentinels=3" in s.ask("INFO", "sentinel")
                for s in sentinels), 60)
            options = {"operations": ["sentinel"], "master_name": "m"}
            result = look(sentinels[0], options)
            must(result, outcome="ok")
            must_see(result, quorum=True, sentinels=3, master_down=False,
                     master_flags="master", master_replicas=0,
                     master_address="127.0.0.1:%d" % primary.port)
            # Paused, for the port of one that has ended is soon another's.
            sentinels[1].pause()
            sentinels[2].pause()

            def no_quorum():
                try:
                    sentinels[0].ask("SENTINEL", "CKQUORUM", "m")
                except Error as error:
                    return "NOQUORUM" in str(error)
                return False
            until("the quorum to be lost", no_quorum)
            must(look(sentinels[0], options), outcome="fail",
                 fault="error_response", code="NOQUORUM")
            primary.pause()
            result = until("the primary to be seen as down", lambda: (
                lambda r: seen(r, "master_down") and r)(
                    look(sentinels[0], options)))
            assert "s_down" in seen(result, "master_flags"), result
            must(look(sentinels[0], dict(options, master_name="other")),
                 outcome="fail", fault="error_response", code="ERR",
                 message_has="No such master")
        finally:
            for sentinel in sentinels:
                sentinel.stop()


def move_a_slot(giver, taker):
    """While a slot moves, one node has some of its keys, the other the rest."""
    write = {"operations": ["setget"], "allow_write": True}
    giver.ask("SET", "{foo}here", "x")
    giver.ask("CLUSTER", "SETSLOT", "12182", "MIGRATING",
              taker.ask("CLUSTER", "MYID"))
    for words, code in ((["GET", "{foo}gone"], "ASK"),
                        (["MGET", "{foo}here", "{foo}gone"], "TRYAGAIN")):
        must(look(giver, {"command": words}), outcome="fail",
             fault="error_response", code=code)
    must(look(giver, dict(write, key_prefix="{foo}:")),
         fault="error_response", code="ASK")
    giver.ask("CLUSTER", "SETSLOT", "12182", "STABLE")


def case_cluster_of_three():
    with states.cluster(folder, 3) as nodes:
        result = look(nodes[0], {"operations": ["cluster", "info", "pubsub"]})
        must(result, outcome="ok")
        must_see(result, cluster_state="ok", slots_assigned=16384,
                 slots_ok=16384, slots_fail=0, nodes=3, mode="cluster")
        # "foo" is in slot 12182, on the third node.
        result = look(nodes[0], {"command": ["GET", "foo"]})
        must(result, outcome="fail", fault="error_response", code="MOVED",
             message_has="12182")
        write = {"operations": ["setget"], "allow_write": True}
        must(look(nodes[0], dict(write, key_prefix="{foo}:")),
             fault="error_response", code="MOVED")
        must(look(nodes[2], dict(write, key_prefix="{foo}:")), outcome="ok")
        must(look(nodes[2], {"operations": ["pubsub"], "sharded": True,
                             "key_prefix": "{foo}:"}), outcome="ok")
        move_a_slot(nodes[2], nodes[0])
        states.end_a_node(nodes, 1)
        result = look(nodes[0], {"operations": ["cluster"]})
        must(result, outcome="fail", message_has="cluster_state == 'ok'")
        must(look(nodes[2], dict(write, key_prefix="{foo}:")),
             fault="error_response", code="CLUSTERDOWN")


# ------------------------------------------------------ from probe to probe ---

def connections(redis):
    stats = redis.ask("INFO", "stats")
    return int(stats.split("total_connections_received:")[1].split()[0])


def case_kept_connection():
    with Redis(folder, "user default on >s3cret ~* &* +@all") as redis:
        where = tempfile.mkdtemp(dir=folder)
        auth = ("default", "s3cret")

        def ask(*words):
            return redis.ask(*words, auth=auth)
        config = """checks = { it = { url = "redis://127.0.0.1:%d/1";
            password = "s3cret"; keep_alive = true; interval = "200ms";
            timeout = "2s";
            operations = ["ping", "info"]; }; };""" % redis.port
        with Watch(where, config) as watch:
            def connection():
                """Number of the only one of ours."""
                ours = [line for line in ask("CLIENT", "LIST").split("\n")
                        if "name=relevo" in line]
                assert len(ours) == 1 and " db=1 " in ours[0], ours
                return ours[0].split("id=")[1].split()[0]

            def more(n):
                goal = len(watch.history("it")) + n
                until("results", lambda: len(watch.history("it")) >= goal)
            more(2)
            first = connection()
            more(5)
            assert connection() == first
            # One that the server closes is replaced, and nobody complains.
            ask("CLIENT", "KILL", "ID", first)
            more(5)
            assert connection() != first
            bad = [r for r in watch.history("it") if r["outcome"] != "ok"]
            assert not bad, bad
            # One that hangs is given up, and a new one is made afterwards.
            second = connection()
            redis.pause()
            until("a time-out", lambda: watch.history("it")[0]["outcome"] ==
                  "fail")
            result = watch.history("it")[0]
            must(result, fault="timeout", code="PING")
            redis.resume()
            until("it to be well", lambda: watch.history("it")[0][
                "outcome"] == "ok")
            assert connection() != second


def case_restart_is_seen():
    with Redis(folder) as redis:
        where = tempfile.mkdtemp(dir=folder)
        config = """checks = { it = { url = "%s"; interval = "200ms";
            operations = ["info"]; warn_unless = ["not exists restarted or not restarted"]; };
            };""" % url(redis)
        with Watch(where, config) as watch:
            until("three results", lambda: len(watch.history("it")) >= 3)
            redis.stop()
            redis.again()

            def warned():
                return [r for r in watch.history("it")
                        if r["outcome"] == "warn"]
            until("the restart to be seen", warned)
            until("and what follows", lambda: watch.history("it")[0][
                "outcome"] == "ok")
            assert len(warned()) == 1, warned()


# ---------------------------------------------------------------- vectors ---

def case_streams_of_others_do_no_harm():
    base = os.environ.get("RELEVO_VECTORS") or os.path.join(
        os.environ["RELEVO_SOURCE"], "..", "shared", "vectors")
    path = os.path.join(base, "resp", "hiredis_reader.json")
    if not os.path.exists(path):
        print("no %s: left out" % path)
        return
    with open(path) as f:
        vectors = json.load(f)
    assert len(vectors) == 33, len(vectors)

    def script(feeds):
        def say(c):
            c.sock.settimeout(10)
            c.sock.recv(4096)
            for feed in feeds:
                c.send(bytes.fromhex(feed))
                c.sleep(0.02)
            c.sleep(0.3)
        return say
    peers = [Peer(script(v["feeds_hex"])) for v in vectors]
    try:
        where = tempfile.mkdtemp(dir=folder)
        conf = os.path.join(where, "relevo.cfg")
        checks = {"v%d" % i: {"url": url(p), "client_name": "",
                              "timeout": "5s"} for i, p in enumerate(peers)}
        with open(conf, "w") as f:
            f.write("state_dir = %s;\nchecks = %s;\n" % (
                literal(os.path.join(where, "state")), literal(checks)))
        _, out, err = probe.run("-c", conf, "test", "--format", "json")
        results = json.loads(out)
    finally:
        for p in peers:
            p.__exit__()
    found = {}
    for row in results["checks"] if "checks" in results else results:
        found[row["check"]] = row
    assert len(found) == 33, err
    for i, vector in enumerate(vectors):
        if "maximum multi-bulk" in vector["title"]:
            # 1,025 items may be announced; the connection ended before them.
            must(found["v%d" % i], fault="closed", outcome="fail")
            continue
        must(found["v%d" % i], fault="protocol", outcome="fail")
        wanted = "reply" if vector["ret"] == "OK" else "resp"
        if found["v%d" % i]["code"] not in (wanted, "resp", "reply_size"):
            raise AssertionError("%s: %r" % (vector["title"],
                                             found["v%d" % i]))


def main():
    global probe, folder
    if cases.lacks("redis", "redis-server"):
        return 77
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        probe = Probe(folder, "redis")
        return cases.run(globals(), sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
