#!/usr/bin/env python3
"""runbooks/postgres/restart on a real PostgreSQL that is ended in each way: what
it starts again, and above all what it leaves alone. Its systemctl is a stand-in
that starts that server: a machine that runs tests has no systemd to spare."""
import contextlib
import glob
import os
import pathlib
import shutil
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import cases  # noqa: E402
import pg  # noqa: E402
import runbook_env as env  # noqa: E402

SCRIPT = "postgres/restart"
SYSTEMCTL = """#!/bin/sh
printf '%%s\\n' "$*" >>%(here)s/asked
case "$1 $2" in
"show --property=LoadState") cat %(here)s/load ;;
"show --property=ActiveState")
    if [ -e %(data)s/postmaster.pid ] && [ -e %(here)s/restarted ]; then
        echo active
    else
        echo failed
    fi ;;
restart*)
    touch %(here)s/restarted
    cd /
    exec %(as)s %(pg_ctl)s -D %(data)s -l %(log)s -w start 3>&- ;;
esac
"""
folder = None


class Unit:
    """A unit that the server is, for the time of a case."""

    def __init__(self, server):
        self.server = server
        self.here = tempfile.mkdtemp(dir=folder)
        as_owner = "setpriv --reuid=%s --regid=%s --clear-groups" % (
            pg.SUPERUSER, pg.SUPERUSER) if pg.is_root() else ""
        program = pathlib.Path(self.here, "systemctl")
        program.write_text(SYSTEMCTL % {
            "here": self.here, "data": server.data, "as": as_owner,
            "pg_ctl": pg.find("pg_ctl"),
            "log": os.path.join(server.folder, "unit.log")})
        program.chmod(0o755)
        self.load("loaded")

    def load(self, state):
        pathlib.Path(self.here, "load").write_text(state + "\n")

    def restarted(self):
        return os.path.exists(os.path.join(self.here, "restarted"))

    def run(self, document=None, path="", **params):
        params = {"service": "postgresql@15-relevo-test",
                  "data-dir": self.server.data, "free": "0", **params}
        return env.run(
            SCRIPT, failing("refused") if document is None else document,
            params, None,
            {"PATH": "%s%s:%s" % (path, self.here, env.PATH),
             "RELEVO_DEADLINE": str(int(time.time()) + 600)}, limit=240)


@contextlib.contextmanager
def crashed(*lines, kill=True, **options):
    """A server that was killed, and its unit."""
    with pg.Postgres(folder, *lines, **options) as server:
        server.sql("create table t (n int)", "insert into t values (1)")
        if kill:
            server.kill()
        try:
            yield server, Unit(server)
        finally:
            stop_restarted(server)


def stop_restarted(server):
    """What the unit has started is no child of this process."""
    pid = os.path.join(server.data, "postmaster.pid")
    if server.process.poll() is not None and os.path.exists(pid):
        with contextlib.suppress(AssertionError):
            pg.run("pg_ctl", "-D", server.data, "-m", "immediate", "stop")


def failing(fault, message="connection refused", port=5432):
    document = env.context(check={
        "name": "db", "plugin": "postgres", "settings": {"user": "postgres"},
        "target": {"host": "127.0.0.1", "port": port}})
    document["result"].update(fault=fault, message=message)
    return document


def left_alone(unit, ran, status, code, *texts):
    assert ran.status == status, ran
    found = str(ran.finding(code))
    for text in texts:
        assert text in found, "%s is not in %s" % (text, ran)
    assert not unit.restarted(), ran
    return ran


# ------------------------------------------------------------- it restarts ---

def case_killed():
    with crashed() as (server, unit):
        ran = unit.run()
        assert ran.status == 0 and unit.restarted(), ran
        assert "it crashed, disk fine" in str(ran.finding("pg.restart_safe"))
        assert "timeline 1" in ran.finding("pg.restarted")["detail"], ran
        assert server.sql("select n from t") == [["1"]]
        # Once more: it runs, and is left alone.
        os.remove(os.path.join(unit.here, "restarted"))
        left_alone(unit, unit.run(), 11, "pg.already")


def case_another_whose_folder_begins_alike():
    """That one runs, and is not taken for this one."""
    with crashed() as (server, unit):
        other = pg.Postgres(folder)
        other.data = server.data + "2"
        with other:
            ran = unit.run()
            assert ran.status == 0 and unit.restarted(), ran


def case_it_does_not_come_back():
    with crashed() as (server, unit):
        with open(server.data + "/postgresql.conf", "a") as f:
            f.write("shared_buffers = 'much'\n")
        ran = unit.run()
        assert ran.status == 30 and unit.restarted(), ran
        ran.finding("service.failed")
        # Now its log says why: that is not for a restart.
        os.remove(os.path.join(unit.here, "restarted"))
        ran = unit.run(log=os.path.join(server.folder, "unit.log"))
        left_alone(unit, ran, 20, "pg.cannot_start", "configuration")


def case_standby():
    """Another primary is as it should be."""
    with pg.Postgres(folder) as primary, primary.standby() as server:
        server.kill()
        unit = Unit(server)
        try:
            ran = unit.run(others="127.0.0.1:%d" % primary.port)
            assert ran.status == 0 and ran.finding("pg.restarted"), ran
        finally:
            stop_restarted(server)


# ---------------------------------------------------- it leaves it alone ---

def writes_its_log(server):
    """Until it can write no more of it."""
    with contextlib.suppress(pg.Error, OSError):
        while True:
            server.sql("select pg_logical_emit_message(true, 'x', "
                       "repeat('x', 400000))")


def case_full_disk():
    if not pg.is_root():
        print("not root, so no small volume: skipped")
        return
    with crashed(volume="64m", kill=False) as (server, unit):
        # A slot that nobody reads: no segment of the log is used again.
        server.sql("select pg_create_physical_replication_slot('gone', true)")
        server.fill()
        writes_its_log(server)
        log = os.path.join(server.folder, "log")
        # It panics, starts, panics, until somebody stops and starts it.
        server.stop("immediate")
        server.fill()
        server.spawn()
        server.process.wait(60)
        for _ in range(2):
            left_alone(unit, unit.run(log=log), 20, "pg.disk_full",
                       "do not restart", "Never delete anything in pg_wal")


def case_nearly_full_disk():
    with crashed() as (_, unit):
        left_alone(unit, unit.run(free="99"), 20, "pg.disk_low",
                   "under 99%")


def case_stopped_cleanly():
    with crashed(kill=False) as (server, unit):
        server.stop()
        left_alone(unit, unit.run(), 20, "pg.stopped", "somebody did that")


def case_it_runs():
    with crashed(kill=False) as (server, unit):
        left_alone(unit, unit.run(), 11, "pg.already", "takes connections")


def case_it_hangs():
    with crashed(kill=False) as (server, unit):
        server.pause(all=True)
        ran = unit.run(failing("timeout"))
        left_alone(unit, ran, 20, "pg.hung", "stopped by a signal")


def case_it_starts_already():
    with crashed(kill=False) as (server, unit):
        server.stop("immediate")
        server.recover()
        left_alone(unit, unit.run(), 75, "pg.starting")


def case_damaged():
    with crashed() as (server, unit):
        for name in glob.glob(server.data + "/pg_wal/[0-9A-F]*"):
            os.remove(name)
        server.spawn()
        server.process.wait(60)
        ran = unit.run(log=os.path.join(server.folder, "log"))
        left_alone(unit, ran, 20, "pg.corruption", "checkpoint record")


def again_and_again(server, done):
    """As systemd does with Restart=always: now it is there, now it is not."""
    while not done.wait(0.3):
        server.spawn()
        server.process.wait(60)


def case_it_fails_to_start_again_and_again():
    def lose_the_log(server):
        for name in glob.glob(server.data + "/pg_wal/[0-9A-F]*"):
            os.remove(name)

    def misspell(server):
        with open(server.data + "/postgresql.conf", "a") as f:
            f.write("shared_buffers = 'much'\n")

    for damage, code in ((lose_the_log, "pg.corruption"),
                         (misspell, "pg.cannot_start")):
        with crashed() as (server, unit):
            damage(server)
            done = threading.Event()
            loop = threading.Thread(target=again_and_again,
                                    args=(server, done))
            loop.start()
            try:
                log = os.path.join(server.folder, "log")
                seen = set()
                for _ in range(2):
                    ran = unit.run(log=log)
                    seen |= {(ran.status, f["code"])
                             for f in ran.of("finding")}
                    assert not unit.restarted(), ran
            finally:
                done.set()
                loop.join()
            # Caught while it tries, it is left to that.
            assert seen <= {(20, code), (75, "pg.starting")}, seen


def case_another_primary():
    with pg.Postgres(folder) as other, crashed() as (_, unit):
        ran = unit.run(others="127.0.0.1:1 127.0.0.1:%d" % other.port)
        left_alone(unit, ran, 21, "pg.two_primaries", str(other.port))


def case_managed():
    marks = {"patroni.dynamic.json": "patroni",
             "postgresql-auto-failover.conf": "pg_auto_failover"}
    with crashed() as (server, unit):
        for mark, name in marks.items():
            path = pathlib.Path(server.data, mark)
            path.touch()
            left_alone(unit, unit.run(), 10, "pg.managed", name)
            path.unlink()
        with open(server.data + "/postgresql.auto.conf", "a") as f:
            f.write("shared_preload_libraries = 'repmgr'\n")
        left_alone(unit, unit.run(), 10, "pg.managed", "repmgr")


def case_managers_that_run():
    """A process list of a machine that has them, besides what runs here."""
    with crashed() as (_, unit):
        ps = pathlib.Path(unit.here, "ps")
        for line, name in (
                ("/usr/bin/python3 /usr/bin/patroni /etc/patroni.yml",
                 "patroni"),
                ("/usr/bin/pg_autoctl run", "pg_auto_failover"),
                ("/usr/bin/repmgrd -f /etc/repmgr.conf", "repmgr")):
            ps.write_text('#!/bin/sh\n/bin/ps "$@"\n'
                          "echo '99 1 S 10 root - %s'\n" % line)
            ps.chmod(0o755)
            left_alone(unit, unit.run(), 10, "pg.managed", name)


def case_other_failures():
    with crashed() as (_, unit):
        ran = unit.run(failing("auth", "password authentication failed"))
        left_alone(unit, ran, 20, "pg.credential", "credential is the suspect")
        for fault in ("overloaded", "starting", "certificate", "readonly"):
            left_alone(unit, unit.run(failing(fault)), 10, "pg.not_a_crash",
                       fault)


def case_data_is_not_there():
    with crashed() as (_, unit):
        ran = unit.run(**{"data-dir": "/nonexistent"})
        left_alone(unit, ran, 20, "pg.no_data")


# -------------------------------------------------------------- parameters ---

def case_units_that_cannot():
    with crashed() as (_, unit):
        for state, status, code in (("masked", 20, "service.masked"),
                                    ("not-found", 78, "service.unknown"),
                                    ("", 75, "service.unclear")):
            unit.load(state)
            left_alone(unit, unit.run(), status, code)
        unit.load("loaded")
        for name in ("", "-f", "a b", "$(id)", "a;b", "../x", "a\nb"):
            left_alone(unit, unit.run(service=name), 78, "service.name")
        for free in ("-1", "1000", "x", "5;id"):
            left_alone(unit, unit.run(free=free), 78, "pg.params")


def case_traps_stay_text():
    with crashed() as (_, unit):
        mark = os.path.join(folder, "mark")
        for trap in [t for t in env.shell_traps(mark) if "\0" not in t][::4]:
            trap = trap.encode("utf-8", "replace").decode()
            ran = unit.run(failing("refused", trap), log=trap, others=trap,
                           **{"data-dir": "/" + trap})
            assert ran.status in (20, 78), ran
            assert not unit.restarted(), ran
        assert not os.path.exists(mark)
        for bad in (b"", b"{", b"\xff"):
            assert unit.run(bad).status == 78


def main():
    global folder
    env.need("jq", "ps")
    if not pg.find():
        print("no postgres: skipped")
        return env.SKIP
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        try:
            return cases.run(globals(), sys.argv[1:], at_once=4)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder, exist_ok=True)


if __name__ == "__main__":
    sys.exit(main())
