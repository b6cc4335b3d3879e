#!/usr/bin/python3
"""What the postgres plugin observes by its sets: a primary and its standby,
sessions that hold each other up, an archive that fails, a build of an index
that failed, extensions, pgbouncer; what a role sees that may see little; and
that a set takes no more than its share of the time.

Every field of every set has to be seen by one of the cases.

PostGIS is large, so it is looked at where it is installed and passed over,
saying so, where it is not; everywhere a small extension and a stand-in of the
same shape take its place.

    postgres_sets.py [NAME...]    only the cases whose name contains one of these
"""
import contextlib
import glob
import json
import os
import re
import struct
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import cases  # noqa: E402
import pg  # noqa: E402
import pgbouncer  # noqa: E402
import postgres_scripted as scripted  # noqa: E402
from cases import must, must_see, seen  # noqa: E402
from peer import Peer  # noqa: E402
from pg import Postgres  # noqa: E402
from pgbouncer import Pgbouncer  # noqa: E402
from probe import Probe, literal  # noqa: E402
from watch import Watch, until  # noqa: E402

SOURCE = os.environ.get("RELEVO_SOURCE") or os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..")
probe = None
folder = None
described = {}  # of each set: its fields
filled = set()  # fields that were seen with a value

recipe = []  # the page's, for a role that may see all this and no more


def read_page():
    with open(os.path.join(SOURCE, "docs/postgres.md")) as f:
        return f.read()


def note(result):
    filled.update(name[:-3] if name.endswith("_ms") else name
                  for name in result["observations"])
    return result


def look(server, *sets, user="relevo", timeout="10s", **options):
    return note(probe.check(dict({"url": server.url(user=user),
                                  "sets": list(sets)}, **options), timeout))


def monitored(*lines, **options):
    """A server with the role that the page recommends."""
    return Monitored(folder, *lines, **options)


class Monitored(Postgres):
    def start(self):
        super().start()
        self.sql("set synchronous_commit = local", *recipe,
                 "create role nobody login")
        return self


def until_seen(what, ask, **wanted):
    """Asks again until these are observed: the server's own views lag."""
    def fine():
        result = ask()
        return result if all(seen(result, name) == value
                             for name, value in wanted.items()) else None
    return until("%s: %s" % (what, wanted), fine, 60)


# ---------------------------------------------------------------- the tables -

def case_page():
    """It speaks of each set as the table does."""
    with open(os.path.join(SOURCE, "plugins/postgres/sets_table.h")) as f:
        table = re.findall(r'^SETS_SET\((\w+), "(.*)"\)$', f.read(), re.M)
    assert [name for name, _ in table] == list(described), table
    text = read_page()
    for row in table:
        assert "| `%s` | %s |" % row in text, row


def case_unknown_set():
    with tempfile.TemporaryDirectory(dir=folder) as where:
        conf = os.path.join(where, "relevo.cfg")
        for options, words in (
                ({"sets": ["lock"]}, 'there is no set "lock"'),
                ({"sets": ["locks"], "level": "auth"}, 'level = "query"')):
            options.update(plugin="postgres", host="127.0.0.1")
            with open(conf, "w") as f:
                f.write("checks = { it = %s; };\n" % literal(options))
            code, out, err = probe.run("-c", conf, "config", "check")
            assert code == 2 and words in out + err, (code, out, err)


def case_nothing_is_asked_for():
    """Neither the history nor a look at the check makes the server be asked;
    a line does, and for no more than its set."""
    with monitored() as server:
        result = look(server)
        must(result, outcome="ok")
        for fields in described.values():
            for name in fields:
                assert seen(result, name) is None, (name, result)
        result = note(probe.check(
            {"url": server.url(user="relevo"), "expect": ["deadlocks == 0"]}))
        must(result, outcome="ok")
        must_see(result, deadlocks=0, lock_waiters=0, connected=None,
                 uptime=None)


# --------------------------------------------------------------- replication -

def check_streaming(primary, standby):
    must_see(until_seen("the standby", lambda: look(primary, "replication"),
                        standbys=1, lag_bytes=0),
             standbys_sync=0, lag=0, timeline=1, refused=None,
             wal_receiver=None, sync_waits=0, standby_lag={"walreceiver": 0})
    result = until_seen("to stream", lambda: look(standby, "replication"),
                        wal_receiver="streaming", lag_bytes=0)
    must(result, outcome="ok")
    # Nothing has been committed for a while, and still nothing is missing.
    must_see(result, role="standby", lag=0, replay_paused=False, timeline=1,
             recovery_conflicts=0, standbys=None)
    assert seen(result, "wal_heard") is not None, result


def check_paused(primary, standby):
    primary.sql("create table before (n int)")
    until("it to be replayed", lambda: standby.sql(
        "select pg_last_xact_replay_timestamp()") != [[None]])
    standby.sql("select pg_wal_replay_pause()")
    until("replay to pause", lambda: standby.sql(
        "select pg_get_wal_replay_pause_state()") == [["paused"]])
    primary.sql("create table t as select generate_series(1, 3000)")
    for server in (primary, standby):
        until("%s to see the lag" % server, lambda server=server:
              (seen(look(server, "replication"), "lag_bytes") or 0) > 50000)
    result = note(probe.check({"url": standby.url(user="relevo"),
                               "expect": ["lag_bytes < 10KiB"]}))
    must(result, outcome="fail", fault="mismatch")
    must_see(result, replay_paused=True, wal_receiver="streaming")
    assert seen(result, "lag") > 0, result
    assert seen(look(primary, "replication"), "standby_lag")[
        "walreceiver"] > 50000
    standby.sql("select pg_wal_replay_resume()")
    until_seen("to catch up", lambda: look(standby, "replication"),
               lag_bytes=0, lag=0)


def check_slot(primary, standby):
    """The standby is gone, its slot keeps the log."""
    must_see(look(primary, "slots"), slots=1, slots_inactive=0, slots_lost=0)
    standby.stop()
    primary.sql("insert into t select generate_series(1, 30000)",
                "select pg_switch_wal()",
                "insert into t select generate_series(1, 30000)")
    must_see(until_seen("it to be gone", lambda: look(primary, "replication"),
                        standbys=0), lag_bytes=None, standby_lag=None)
    result = until_seen("the slot", lambda: look(primary, "slots"),
                        slots_inactive=1)
    must_see(result, slot_worst="sb1", refused=None)
    assert seen(result, "slot_retained") > 1 << 20, result
    assert seen(result, "slot")["sb1"] == seen(result, "slot_retained")
    assert seen(result, "wal_size") > 1 << 20, result


def check_cut_off(primary, standby):
    """The standby lives, its primary is gone: how old is what it shows."""
    standby.again()
    until_seen("to stream", lambda: look(standby, "replication"),
               wal_receiver="streaming", lag_bytes=0)
    primary.stop("immediate")
    result = until_seen("to be cut off", lambda: look(standby, "replication"),
                        wal_receiver="none")
    must(result, outcome="warn", message_has="wal_receiver == 'streaming'")
    must_see(result, lag_bytes=0)
    assert seen(result, "lag") > 0, result


def case_replication():
    with monitored("wal_keep_size = 0", "max_wal_size = 32MB") as primary:
        primary.sql("select pg_create_physical_replication_slot('sb1')")
        with primary.standby("primary_slot_name = 'sb1'",
                             "wal_receiver_status_interval = 1s",
                             "hot_standby = on") as standby:
            check_streaming(primary, standby)
            check_paused(primary, standby)
            check_slot(primary, standby)
            check_cut_off(primary, standby)


def case_synchronous():
    """Nobody confirms: commits wait, and are seen to."""
    with monitored("synchronous_standby_names = 'absent'") as server, \
            server.client() as held:
        held.send("create table t (n int)")
        must_see(until_seen("the wait", lambda: look(server, "replication"),
                            sync_waits=1), standbys=0, standbys_sync=0)


# ------------------------------------------------------------------ sessions -

def check_chain(server, first, second, third):
    """second waits for first, third for second; that is no root."""
    first.ask("begin")
    first.ask("lock table a in access exclusive mode")
    second.ask("begin")
    second.ask("lock table b in access exclusive mode")
    second.send("lock table a in access exclusive mode")
    third.send("select * from b")
    result = until_seen("the chain", lambda: look(server, "locks"), blocked=2)
    must_see(result, lock_waiters=2, root_blockers=1, deadlocks=0)
    assert seen(result, "lock_wait") > 0, result
    words = seen(result, "blocker")
    assert words.startswith("pid %d, user postgres, application chain, "
                            "idle in transaction for" % first.pid), words
    result = note(probe.check({"url": server.url(user="nobody"),
                               "expect": ["root_blockers == 0"]}))
    must(result, outcome="fail", fault="mismatch",
         message_has="root_blockers == 0 (1)")
    first.ask("rollback")
    second._until_ready()
    second.ask("rollback")
    third._until_ready()
    must_see(look(server, "locks"), lock_waiters=0, root_blockers=0, blocked=0,
             lock_wait=0, blocker=None)


def check_transactions(server, old, busy):
    must_see(look(server, "transactions"), oldest_transaction=0,
             longest_query=0, longest_idle_in_transaction=0, oldest_session=None,
             prepared_transactions=0, oldest_prepared=0)
    old.ask("begin isolation level repeatable read")
    old.ask("select 1 from a")
    busy.send("select pg_sleep(600)")
    server.sql("begin; insert into a values (1); prepare transaction 'p'",
               *["insert into b values (1)"] * 5)
    result = until("all of it", lambda: (
        lambda r: seen(r, "longest_query") and
        seen(r, "longest_idle_in_transaction") and r)(
            look(server, "transactions")))
    must_see(result, prepared_transactions=1, refused=None)
    for name in ("oldest_transaction", "oldest_prepared"):
        assert 0 < seen(result, name) < 600000, (name, result)
    assert seen(result, "xmin_age") >= 5, result
    assert "pid %d, user postgres" % old.pid in seen(result,
                                                     "oldest_session"), result
    # Two idle ones at least: this check's own session is the active one more.
    result = look(server, "connections")
    must_see(result, idle_in_transaction=1, active=2, refused=None)
    assert seen(result, "connected") >= 3, result
    assert seen(result, "connections") == 100 * seen(
        result, "connected") / 17, result
    server.sql("rollback prepared 'p'")


def case_sessions():
    with monitored("max_prepared_transactions = 2") as server:
        server.sql("create table a (n int)", "create table b (n int)")
        with contextlib.ExitStack() as stack:
            first, second, third = [
                stack.enter_context(server.client(application_name="chain"))
                for _ in range(3)]
            check_chain(server, first, second, third)
            check_transactions(server, first, second)


def case_too_many_sessions():
    with monitored("max_connections = 6") as server, \
            contextlib.ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(server.client())
        result = look(server, "connections")
        must(result, outcome="warn", message_has="connections < 80%")
        must_see(result, connected=3, connections=100)


# -------------------------------------------------------- archive and backup -

def check_archive(server):
    must_see(look(server, "archiver"), archive_failing=False,
             archive_backlog=0, archive_wait=0)
    os.unlink(os.path.join(server.folder, "open"))
    server.sql("create table t as select generate_series(1, 10)",
               "select pg_switch_wal()")
    result = until_seen("the failure", lambda: look(server, "archiver"),
                        archive_failing=True)
    must(result, outcome="warn", message_has="not archive_failing")
    assert seen(result, "archive_failures") > 0, result
    assert seen(result, "archive_backlog") >= 1, result
    assert re.match("[0-9A-F]{24}", seen(result, "archive_failed_file"))
    assert seen(result, "archive_wait") < 600000, result
    open(os.path.join(server.folder, "open"), "w").close()
    server.sql("select pg_switch_wal()")
    result = until_seen("the archive", lambda: look(server, "archiver"),
                        archive_failing=False, archive_backlog=0)
    assert seen(result, "archived") > 0, result
    assert seen(result, "archive_age") is not None, result


def check_backup(server):
    must_see(look(server, "backup"), backup_age=None, backups_running=0,
             refused=None)
    pg.run("pg_basebackup", "-h", server.folder, "-p", str(server.port),
           "-U", "postgres", "-D", os.path.join(server.folder, "backup"),
           "-X", "stream", "-c", "fast", "--no-sync")
    result = look(server, "backup")
    assert 0 <= seen(result, "backup_age") < 600000, result


def check_settings(server):
    must_see(look(server, "settings"), pending_restart=0, pending_settings="")
    server.sql("alter system set max_connections = 30",
               "alter system set wal_buffers = '128kB'",
               "select pg_reload_conf()")
    must_see(until_seen("the settings", lambda: look(server, "settings"),
                        pending_restart=2),
             pending_settings="max_connections, wal_buffers")


def case_archive():
    with monitored("archive_mode = on", "archive_command = "
                   "'test -e @dir@/open && cp %p @dir@/archive/%f'") as server:
        os.mkdir(os.path.join(server.folder, "archive"))
        open(os.path.join(server.folder, "open"), "w").close()
        pg.own(os.path.join(server.folder, "archive"))
        check_archive(server)
        check_backup(server)
        check_settings(server)
        must_see(look(server, "archiver", "backup", user="nobody"),
                 archive_failing=False, archive_backlog=None, backup_age=None,
                 refused="archiver (permission denied for function "
                 "pg_ls_archive_statusdir), backup (permission denied for "
                 "function pg_ls_waldir)")


def case_no_archive():
    """archive_mode is off, which is no failure and shows nothing."""
    with monitored() as server:
        must_see(look(server, "archiver"), archived=None, archive_failing=None,
                 archive_backlog=None, refused=None)


# ----------------------------------------------------------- in the database -

def check_indexes(server):
    must_see(look(server, "indexes"), invalid_indexes=0, invalid_index_names="")
    server.sql("create table d (n int)", "insert into d values (1), (1)")
    with contextlib.suppress(pg.Error):
        server.sql("create unique index concurrently twice on d (n)")
    result = look(server, "indexes", user="nobody")
    must(result, outcome="warn", message_has="invalid_indexes == 0")
    must_see(result, invalid_indexes=1, invalid_index_names="public.twice",
             refused=None)
    server.sql("drop index twice")
    # One that is being built is not valid yet, and not counted.
    with server.client() as held, server.client() as builder:
        held.ask("begin")
        held.ask("insert into d values (2)")
        builder.send("create index concurrently slow on d (n)")
        until("it to be there", lambda: server.sql(
            "select from pg_index where not indisvalid"))
        must_see(look(server, "indexes"), invalid_indexes=0)
        held.ask("rollback")
        builder._until_ready()


def check_extensions(server):
    result = look(server, "extensions", user="nobody")
    must_see(result, extension={"plpgsql": "1.0"}, extensions_outdated="",
             extensions_missing="", postgis=None, refused=None)
    server.sql("create extension pg_trgm version '1.4'")
    result = note(probe.check({
        "url": server.url(user="relevo"),
        "expect": ["extension('pg_trgm') >= '1.3'",
                   "not exists extension('postgis')"]}))
    must(result, outcome="ok")
    words = seen(result, "extensions_outdated")
    assert re.match(r"pg_trgm 1\.4 \(1\.[56]\)", words), words
    # Its files are gone from the server, as after a change of packages.
    server.sql("update pg_extension set extname = 'gone' "
               "where extname = 'pg_trgm'")
    result = look(server, "extensions")
    must(result, outcome="warn", message_has="extensions_missing == ''")
    must_see(result, extensions_missing="gone")


def check_stand_in(server):
    """What PostGIS says by its library, in any schema; and one that does not
    load."""
    server.sql("create schema \"Geo\"",
               "create function \"Geo\".postgis_lib_version() returns text "
               "language sql as $$ select '3.3.2'::text $$",
               "update pg_extension set extname = 'postgis', extnamespace = "
               "'\"Geo\"'::regnamespace where extname = 'gone'",
               "grant usage on schema \"Geo\" to relevo")
    must_see(look(server, "extensions"), postgis="3.3.2", refused=None)
    server.sql("create or replace function \"Geo\".postgis_lib_version() "
               "returns text language plpgsql as $$ begin raise 'could not "
               "access file \"$libdir/postgis-3\"'; end $$")
    result = note(probe.check({"url": server.url(user="relevo"),
                               "expect": ["postgis >= '3.3'"]}))
    must(result, outcome="fail", fault="mismatch",
         message_has="postgis >= '3.3' (absent)")
    must_see(result, refused="extensions (could not access file "
             "\"$libdir/postgis-3\")")


def case_database():
    with monitored() as server:
        check_indexes(server)
        check_extensions(server)
        check_stand_in(server)
        server.sql("checkpoint")
        until("it to be counted", lambda: server.sql(
            "select checkpoints_req from pg_stat_bgwriter") > [["0"]])
        result = look(server, "sizes", "cache", "wraparound", "checkpoints")
        must_see(result, refused=None, mxid_age=0)
        assert seen(result, "databases_size") > seen(
            result, "database_size") > 1 << 20, result
        assert 50 < seen(result, "hit_ratio") <= 100, result
        assert seen(result, "commits") > 0 and 0 < seen(result, "xid_age")
        assert 0 < seen(result, "wraparound") < 1, result
        assert seen(result, "checkpoint_age") < 600000, result
        assert 0 < seen(result, "checkpoints_early") <= 100, result
        assert seen(result, "checkpoint_distance") >= 0, result


def case_postgis():
    if not glob.glob("/usr/share/postgresql/*/extension/postgis.control"):
        print("no PostGIS here: its stand-in is looked at, not itself")
        return
    with monitored() as server:
        server.sql("create extension postgis")
        result = note(probe.check({
            "url": server.url(user="relevo"),
            "expect": ["exists extension('postgis')", "postgis >= '3'"]}))
        must(result, outcome="ok")
        assert seen(result, "postgis") == seen(result, "extension")["postgis"]


def page_queries():
    """By name: the query of each example for what sets do not show."""
    block = re.search(r"A query of the check asks.*?```\n(.*?)```",
                      read_page(), re.S).group(1)
    for name, rest in re.findall(r"^(\w+) += \{(.*?)\};$", block,
                                 re.S | re.M):
        query, = re.findall(r'query = "(.*?)";', rest)
        lines, = re.findall(r"expect = \[(.*?)\];", rest)
        yield name, {"query": query, "expect": re.findall('"(.*?)"', lines),
                     "params": re.findall(r'params = \["(.*?)"\]', rest)}


def case_queries_of_the_page():
    """Well, and after what each of them is to see."""
    with monitored() as server:
        asks = dict(page_queries())
        server.sql("create table orders (n serial)",
                   "grant usage on sequence orders_n_seq to relevo",
                   "create function f() returns trigger language plpgsql "
                   "as 'begin return new; end'",
                   "create trigger t before insert on orders "
                   "execute function f()")

        def ask(name):
            options = {k: v for k, v in asks[name].items() if v}
            return probe.check({"url": server.url(user="relevo"), **options})
        for name in asks:
            must(ask(name), outcome="ok")
        assert len(asks) == 5, asks
        server.sql("select setval('orders_n_seq', 2000000000)",
                   "alter table orders disable trigger t",
                   "create subscription s connection 'host=127.0.0.1 port=1' "
                   "publication p with (connect = false)",
                   "insert into pg_subscription_rel select oid, "
                   "'orders'::regclass, 'd' from pg_subscription")
        for name in ("sequences", "triggers", "copied"):
            must(ask(name), outcome="fail", fault="mismatch")
        must_see(ask("table"), rows=1)


# --------------------------------------------------------------- from outside -

def case_role_with_nothing():
    """What it may not see is absent, and no zero; that is no failure, unless
    a line asks for it."""
    with monitored() as server:
        result = look(server, *[name for name in described if name != "pools"],
                      user="nobody")
        must(result, outcome="ok")
        must_see(result, active=None, oldest_transaction=None, xmin_age=None,
                 standbys=None, sync_waits=None, lag_bytes=None, wal_size=None,
                 connected=1, lock_waiters=0, invalid_indexes=0)
        assert seen(result, "uptime") > 0, result
        assert seen(result, "refused").startswith(
            "connections (the state of sessions), replication (standbys), "
            "slots (permission denied for function pg_ls_waldir), "), result
        result = note(probe.check({"url": server.url(user="nobody"),
                                   "expect": ["wal_size < 1GiB"]}))
        must(result, outcome="fail", fault="mismatch",
             message_has="wal_size < 1GiB (absent)")


def case_uptime():
    """Kept between probes: a restart, a crash of one process, another
    setting, a promotion."""
    with monitored() as primary, primary.standby() as server:
        where = tempfile.mkdtemp(dir=folder)
        config = """defaults = { interval = "200ms"; };
checks = { it = %s; };\n""" % literal({"url": server.url(user="relevo"),
                                       "keep_connection": True,
                                       "sets": ["uptime", "settings",
                                                "replication"]})
        with Watch(where, config) as watch:
            def wait(name, count):
                until("%s, %d times" % (name, count), lambda: sum(
                    seen(note(r), name) is True
                    for r in watch.history("it")) >= count)

            def quiet():
                until("three quiet probes", lambda: [
                    [seen(r, name) for name in
                     ("restarted", "settings_changed", "timeline_changed")]
                    for r in watch.history("it", 3)] == [[False] * 3] * 3)
            quiet()
            first = watch.history("it")[-1]
            must_see(first, restarted=None, settings_changed=None)
            server.stop("fast")
            server.again()
            wait("restarted", 1)
            quiet()
            server.sql("alter system set work_mem = '5MB'",
                       "select pg_reload_conf()")
            wait("settings_changed", 1)
            server.sql("select pg_promote()")
            wait("timeline_changed", 1)
            with server.client() as victim:
                os.kill(victim.pid, 9)
            wait("restarted", 2)
            quiet()


def case_slow_set():
    """Somebody holds a catalog: the set that reads it is given up, the others
    are there."""
    with monitored() as server, server.client() as held:
        held.ask("begin")
        held.ask("lock table pg_extension in access exclusive mode")
        result = look(server, "extensions", "cache", sets_timeout="200ms")
        must(result, outcome="ok")
        words = seen(result, "refused")
        assert words == ", ".join(
            ["extensions (no answer within 200 ms)"] * 3), words
        assert seen(result, "commits") > 0, result
        # The time is up before the sets are: the probe is not.
        result = look(server, "extensions", "uptime", timeout="2s",
                      sets_timeout="60s")
        must(result, outcome="ok")
        assert re.search(r"extensions \(no answer within \d+ ms\)",
                         seen(result, "refused")), result
        assert result["duration_ms"] < 2000, result


def case_hung_in_a_set():
    """The whole server stands still meanwhile."""
    with monitored() as server, server.client() as held:
        held.ask("begin")
        held.ask("lock table pg_extension in access exclusive mode")
        got = {}
        asking = threading.Thread(target=lambda: got.update(look(
            server, "extensions", timeout="3s", sets_timeout="60s")))
        asking.start()
        until("it to wait", lambda: server.sql(
            "select from pg_locks where not granted"))
        server.pause(all=True)
        asking.join()
        must(got, outcome="fail", fault="timeout",
             message_has="the set extensions")


def check_pools(bouncer):
    with bouncer.client() as holder, bouncer.client() as waiter:
        holder.ask("begin")
        waiter.send("select 1")
        result = until("the wait", lambda: (
            lambda r: (seen(r, "pool_wait") or 0) >= 1000 and r)(
                note(probe.check({"url": bouncer.url(),
                                  "sets": ["pools", "locks"]}))))
        must_see(result, pool_waiting=1, pool_servers_active=1,
                 pools_paused=0, pools_disabled=0, pool_servers_idle=0,
                 refused="locks (this is a console of pgbouncer)")
        must_see(result, pool={"pgbouncer/pgbouncer": 0, "postgres/app": 1})
        assert seen(result, "pool_clients") >= 1, result
        result = note(probe.check({"url": bouncer.url(),
                                   "expect": ["pool('postgres/app') == 0"]}))
        must(result, outcome="fail", message_has="pool('postgres/app') == 0 (1)")
        holder.ask("rollback")
        waiter._until_ready()


def case_pgbouncer():
    if not pgbouncer.find():
        print("no pgbouncer: its pools are not looked at")
        return
    with monitored() as server:
        server.sql("create role app login")
        with Pgbouncer(folder, server, "default_pool_size = 1",
                       "pool_mode = transaction",
                       users=("app", "relevo")) as bouncer:
            check_pools(bouncer)
            # Through it, sets are those of the server behind it.
            result = note(probe.check({
                "url": bouncer.url(user="relevo", database="postgres"),
                "sets": ["locks", "uptime", "pools"]}))
            must(result, outcome="ok")
            must_see(result, lock_waiters=0,
                     refused="pools (this is no console of pgbouncer)")
            bouncer.command("PAUSE unused")
            must_see(note(probe.check({"url": bouncer.url(),
                                       "sets": ["pools"]})), pools_paused=1)


def table_of(names, *rows):
    """An answer with these columns."""
    out = scripted.message(b"T", struct.pack("!h", len(names)) + b"".join(
        name + struct.pack("!xihihih", 0, 0, 25, -1, -1, 0) for name in names))
    for row in rows:
        out += scripted.message(b"D", struct.pack("!h", len(row)) + b"".join(
            struct.pack("!i", -1) if value is None else
            struct.pack("!i", len(value)) + value for value in row))
    return out + scripted.message(b"C", b"SHOW\0") + scripted.READY


def case_nonsense():
    """A console that says what no pgbouncer says: numbers that are none, too
    large or not there, names without end, other columns, rows in thousands."""
    answers = {
        b"SHOW POOLS": table_of(
            [b"database", b"user", b"cl_active", b"cl_waiting", b"sv_active",
             b"sv_idle", b"maxwait", b"cl_active"],
            [b"d" * 5000, b"\xff\0\xfe", b"7", b"x", None, b"9" * 30, b"1e300",
             b"8"],
            [None, None, b"9223372036854775807", b"", b"-5", b"1.5", b"nan", b""],
            *[[b"%d" % i, b"u", b"1", b"2", b"3", b"4", b"inf", b"5"]
              for i in range(3000)]),
        b"SHOW DATABASES": table_of([b"nothing"], [b"1"])}

    def script(c):
        scripted.startup(c)
        c.send(scripted.request(0) + scripted.status(
            b"server_version", b"1/bouncer") + scripted.KEY + scripted.READY)
        kind, words = scripted.hear(c)
        while kind:
            c.send(answers.get(words.rstrip(b"\0"), table_of([b"v"], [b"1"])))
            kind, words = scripted.hear(c)

    with Peer(script) as server:
        result = note(probe.check({
            "url": pg.url(server.port) + "?sslmode=disable",
            "sets": ["pools"]}))
    must(result, outcome="ok")
    must_see(result, pool_clients=(1 << 63) - 1, pool_waiting=6000,
             pool_wait=None, pool_servers_idle=12000, pools_paused=None)
    assert 200 < len(seen(result, "pool")) <= 256, result


# --------------------------------------------------------------------- script -

def read_description():
    code, out, err = probe.run("plugin", "describe", "postgres", "--json")
    assert code == 0, err
    plugin = json.loads(out)
    help_of = next(o["help"] for o in plugin["options"] if o["name"] == "sets")
    for name in help_of.rstrip(".").split("There are ")[1].split():
        described[name] = [f["name"] for f in plugin["fields"]
                           if f["help"].startswith(name + ": ")]
        assert described[name], name


def read_recipe():
    recipe.extend(re.search(r"`(CREATE ROLE relevo [^`]*)`",
                            read_page()).group(1).split("; "))


def all_were_seen():
    """Only PostgreSQL can make a field of it be filled: that it is named right
    in the table shows here."""
    missing = [field for name, fields in described.items() for field in fields
               if field not in filled
               and (name != "pools" or pgbouncer.find())]
    if missing:
        print("FAIL fields that no case saw: " + " ".join(missing))
    return not missing


def main():
    global probe, folder
    if not pg.find():
        print("no postgres: skipped")
        return 77
    if cases.lacks("postgres"):
        return 77
    with tempfile.TemporaryDirectory(prefix="rlv-pg-") as folder:
        os.chmod(folder, 0o755)
        probe = Probe(folder, "postgres")
        read_description()
        read_recipe()
        status = cases.run(globals(), sys.argv[1:], at_once=2)
        if not sys.argv[1:] and not all_were_seen():
            status = 1
        return status


if __name__ == "__main__":
    sys.exit(main())
