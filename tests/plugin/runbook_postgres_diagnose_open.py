#!/usr/bin/env python3
"""runbooks/postgres/diagnose of real servers that let us in and are ill all the
same: another role, locks, a standby that is behind, damaged data, an age.

The branches that count are looked at twice and must be told the same.

    runbook_postgres_diagnose_open.py [NAME...]   as of the others
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import peer  # noqa: E402
import pg as postgres  # noqa: E402
from pg import Postgres  # noqa: E402
from pg_diagnosis import look, main, must  # noqa: E402
from watch import until  # noqa: E402

folder = None


# -------------------------------------------------------------------- role ---

def case_failover_has_happened():
    with Postgres(folder) as pg, pg.standby() as standby:
        wish = "?target_session_attrs=read-write"
        # Whom the standby follows is asked, too.
        must(look(standby, "25006", "readonly", url=standby.url() + wish),
             "readonly", "pg.role", "is a standby now; the primary is")
        pg.stop()
        must(look(standby, "25006", "readonly", twice=True), "readonly",
             "pg.role",
             "was not found")
        # Now the one that the check asks was the primary, and the other is.
        standby.sql("select pg_promote(true, 60)")
        open(pg.data + "/standby.signal", "w").close()
        postgres.own(pg.data)
        pg.again()
        found = must(look(pg, "25006", "readonly", params={
            "hosts": "127.0.0.1:%d" % standby.port}), "readonly", "pg.role")
        assert found["title"].endswith(
            "the primary is 127.0.0.1:%d" % standby.port), found


def case_two_primaries():
    with Postgres(folder) as pg, pg.standby() as standby:
        standby.sql("select pg_promote(true, 60)")
        must(look(pg, params={"hosts": "127.0.0.1:%d" % standby.port}),
             "two_primaries", "pg.two_primaries", "fence", status=20)


def case_one_of_two_hosts_is_down():
    """The check is served all the same: a remark, no cause."""
    with Postgres(folder) as pg:
        url = "postgres://postgres@127.0.0.1:%d,127.0.0.1:%d/postgres" % (
            peer.closed_port(), pg.port)
        ran = look(pg, url=url, params={"data-dir": "", "log": ""})
        assert ran.verdict() is None and ran.status == 11, ran


def case_sessions_are_made_read_only():
    with Postgres(folder, "default_transaction_read_only = on") as pg:
        must(look(pg, "25006", "readonly"), "readonly", "pg.readonly",
             "default_transaction_read_only")


# ------------------------------------------------------- locks, replication ---

def case_locked():
    with Postgres(folder) as pg, pg.client() as holder, pg.client() as waiter:
        pg.sql("create table t (secret text)")
        holder.ask("begin")
        holder.ask("lock table t")
        waiter.send("select * from t where secret = 'hunter2'")
        until("it to wait", lambda: pg.sql(
            "select 1 from pg_stat_activity where wait_event_type = 'Lock'"))
        ran = look(pg, "57014", "timeout", twice=True,
                   settings={"query": "select * from t"})
        must(ran, "locked", "pg.locked", "process %d" % holder.pid,
             "pg_terminate_backend(%d)" % holder.pid, "idle in transaction")
        ran.finding("pg.slow_query")
        assert "hunter2" not in str(ran), ran


def case_synchronous_standby_is_gone():
    with Postgres(folder) as pg, pg.client() as waiter:
        pg.configure("synchronous_standby_names = 'far'")
        pg.reload()
        until("it to be read", lambda: pg.sql(
            "show synchronous_standby_names") == [["far"]])
        waiter.send("create table t ()")
        until("it to wait", lambda: pg.sql(
            "select 1 from pg_stat_activity where wait_event = 'SyncRep'"))
        must(look(pg), "sync_standby", "pg.sync_standby", "far",
             "connected: none")


def case_standby_falls_behind():
    with Postgres(folder) as pg, pg.standby() as standby:
        standby.sql("select pg_wal_replay_pause()")
        must(look(standby), "replication:paused", "pg.replay_paused")
        standby.sql("select pg_wal_replay_resume()")
        pg.stop()
        until("the link to be gone", lambda: not standby.sql(
            "select 1 from pg_stat_wal_receiver"))
        must(look(standby), "replication:link_down", "pg.no_receiver")


def case_archiver_fails():
    with Postgres(folder, "archive_mode = on",
                  "archive_command = 'false'") as pg:
        pg.sql("create table t ()", "select pg_switch_wal()")
        until("it to fail", lambda: pg.sql(
            "select failed_count from pg_stat_archiver") != [["0"]])
        must(look(pg), "archiver", "pg.archiver", "has failed")


# -------------------------------------------------------------- corruption ---

def case_truncated_relation():
    with Postgres(folder) as pg:
        pg.sql("create table t as select generate_series(1, 10000) as x",
               "checkpoint")
        path = pg.sql("select pg_relation_filepath('t')")[0][0]
        pg.stop()
        with open(os.path.join(pg.data, path), "r+b") as f:
            f.truncate(8192 * 3 + 100)
        pg.again()
        ran = look(pg, "XX001", "error_response", twice=True,
                   settings={"query": "select sum(x) from t"})
        must(ran, "corruption", "pg.corruption", "XX001",
             "stop writing to it", status=20)


# ------------------------------------------------------------------- slow burn ---

def case_wraparound():
    with Postgres(folder) as pg:
        pg.stop()
        xid = 1200 * 1048576  # the first of a segment of pg_xact
        file = pg.data + "/pg_xact/%04X" % (xid // 1048576)
        with open(file, "wb") as f:
            f.write(b"\x55" * 262144)
        postgres.own(pg.data)
        postgres.run("pg_resetwal", "-x", str(xid), pg.data)
        pg.again()
        must(look(pg, twice=True), "wraparound", "pg.wraparound",
             "1.26 thousand million")


def case_restart_is_noticed():
    with Postgres(folder) as pg:
        ran = look(pg, good={"role": "primary"})
        assert "since the last good result" in \
            ran.finding("pg.restarted")["title"], ran


if __name__ == "__main__":
    sys.exit(main(globals()))
