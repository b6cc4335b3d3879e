#!/usr/bin/env python3
"""runbooks/postgres/diagnose of real servers that let nobody in: which of the
causes that look the same is it, and what does it say to do? Or not to do.

The branches that count are looked at twice and must be told the same both
times; what lies in the server's folder is the same before and after, if nothing
of the server's own runs. All run, several at a time, with servers of their own. As root the cases
with a volume of its own run, too.

    runbook_postgres_diagnose.py [NAME...]   only cases whose name contains one
"""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import peer  # noqa: E402
import pg as postgres  # noqa: E402
import runbook_env as env  # noqa: E402
from backups import STANZA, Backups  # noqa: E402
from peer import BlackHole, Peer  # noqa: E402
from pg import Postgres  # noqa: E402
from pg_diagnosis import (PASSWORD, SCRIPT, backup_of, document,  # noqa: E402
                          error_response, look, main, must, without)
from watch import until  # noqa: E402

folder = None


# ------------------------------------------------------------------- ended ---

def case_killed():
    with Postgres(folder) as pg:
        where = backup_of(pg)
        pg.kill()
        params = {"backup": where, "read": "12"}
        found = must(look(pg, params=params, still=True), "crashed",
                     "pg.crashed", "pg_ctl -D " + pg.data)
        assert found["title"].startswith("crashed, disk fine ("), found
        assert " s old and readable, restart is safe: " in found["title"], found
        assert found["title"].endswith(" start"), found  # the whole command


def case_killed_and_its_command_starts_it():
    """The command that is told is one that works."""
    with Postgres(folder) as pg:
        pg.kill()
        postgres.own(pg.folder)
        found = look(pg).finding("pg.crashed")
        assert "backups were not looked at" in found["title"], found
        command = found["next"].split(";")[0]
        subprocess.run(["sh", "-c", command], check=True, cwd="/",
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            assert pg.sql("select 1") == [["1"]]
        finally:
            with open(pg.data + "/postmaster.pid") as f:
                os.kill(int(f.readline()), signal.SIGQUIT)
            until("its end", lambda: pg.state() == "down")


def case_killed_with_a_damaged_backup():
    with Postgres(folder) as pg:
        where = backup_of(pg)
        with open(where + "/monday/global/pg_control", "r+b") as f:
            f.seek(100)
            f.write(b"\xff")
        pg.kill()
        params = {"backup": where, "read": "12"}
        found = must(look(pg, params=params), "crashed",
                     "pg.crashed", "take a backup")
        assert "which cannot be read" in found["title"], found


def case_killed_without_any_backup():
    with Postgres(folder) as pg:
        pg.kill()
        params = {"backup": pg.where + "/no-such-folder"}
        found = must(look(pg, params=params), "crashed",
                     "pg.crashed", "take a backup")
        assert "no backup was found" in found["title"], found


def case_killed_and_another_is_the_primary():
    """Started as it is, it would be a second one."""
    with Postgres(folder) as pg, pg.standby() as standby:
        pg.kill()
        standby.sql("select pg_promote(true, 60)")
        place = "127.0.0.1:%d" % standby.port
        found = must(look(pg, params={"hosts": place}), "crashed",
                     "pg.crashed", "touch standby.signal")
        assert found["title"].endswith(
            "do not start it: %s is the primary now" % place), found


def case_killed_for_want_of_memory():
    """A stand-in for what the kernel says."""
    with Postgres(folder) as pg:
        pid = pg.process.pid
        pg.kill()
        path = without(folder, "dmesg")
        with open(path + "/dmesg", "w") as f:
            f.write("#!/bin/sh\nread -r up rest </proc/uptime\n"
                    'echo "[$up] Out of memory: Killed process %d (postgres) '
                    'total-vm:9kB"\n' % pid)
        os.chmod(path + "/dmesg", 0o755)
        found = must(look(pg, environ={"PATH": path}, good={"standbys": 2}),
                     "out_of_memory", "pg.crashed", "for want of memory")
        assert "restart is safe if none of its 2 standbys was promoted" in \
            found["title"], found


def case_killed_and_managed_and_its_dump_is_old():
    with Postgres(folder) as pg:
        dump = os.path.join(pg.where, "old%d.sql" % pg.port)
        with open(dump, "w") as out:
            out.write(postgres.run("pg_dump", "-h", pg.folder, "-p",
                                   str(pg.port), "-U", postgres.SUPERUSER))
        days_ago = time.time() - 3 * 86400
        os.utime(dump, (days_ago, days_ago))
        open(pg.data + "/patroni.dynamic.json", "w").close()
        pg.kill()
        params = {"backup": dump, "read": "12"}
        found = must(look(pg, params=params), "crashed", "pg.crashed",
                     "patronictl list", "leave the start to that")
        assert "newest backup 3 days old (more than 26 h) and readable" in \
            found["title"], found
        assert "restart is safe" not in found["title"], found


def case_killed_and_its_repository():
    """A backup of pgbackrest is read by that."""
    if not shutil.which("pgbackrest"):
        print("skipped killed_and_its_repository: no pgbackrest")
        return
    with tempfile.TemporaryDirectory(dir=folder) as where:
        os.chmod(where, 0o755)
        with Backups(where) as made:
            made.pgbackrest()
            made.pg.kill()
            rest = "pgbackrest:%s:%s" % (STANZA, made.conf)
            params = {"backup": rest, "read": "12"}
            found = must(look(made.pg, params=params), "crashed", "pg.crashed")
            assert " s old and readable, restart is safe" in found["title"], \
                found
            os.rename(made.repo, made.repo + ".away")
            found = must(look(made.pg, params=params), "crashed",
                         "pg.crashed", "take a backup")
            assert "no backup" in found["title"], found


def case_stopped_cleanly():
    with Postgres(folder) as pg:
        pg.stop()
        must(look(pg, still=True), "stopped", "pg.stopped",
             "somebody did that", "ask who did it")


def case_cannot_start():
    with Postgres(folder) as pg:
        pg.stop()
        os.chmod(pg.data, 0o755)
        pg.spawn()
        pg.process.wait(60)
        must(look(pg, still=True), "cannot_start", "pg.cannot_start",
             "chmod 700", "has invalid permissions")


def case_data_is_gone():
    with Postgres(folder) as pg:
        pg.stop()
        os.rename(pg.data, pg.data + ".away")
        must(look(pg, still=True), "no_data", "pg.no_data", "mounted")


def case_another_port():
    with Postgres(folder) as pg:
        url = "postgres://postgres@127.0.0.1:%d/postgres" % peer.closed_port()
        must(look(pg, url=url), "wrong_port", "pg.port",
             "on port %d" % pg.port)


def case_refused_without_its_data():
    """With nothing but the address it does not say that a restart is safe."""
    ran = env.run(SCRIPT, document("postgres://a@127.0.0.1:%d/a"
                                   % peer.closed_port()))
    must(ran, "not_running", "pg.not_running", "data-dir")
    assert "restart is safe" not in str(ran), ran


def case_damaged_control_file():
    with Postgres(folder) as pg:
        pg.stop()
        with open(pg.data + "/global/pg_control", "r+b") as f:
            f.seek(40)
            f.write(b"\xff" * 8)
        pg.spawn()
        pg.process.wait(60)
        must(look(pg, still=True), "corruption", "pg.corruption",
             "do not start it again", status=20)


# -------------------------------------------------------------------- disk ---

def volume(case):
    """A case with a small file system: only root may mount one."""
    def on_volume():
        if not postgres.is_root():
            print("skipped %s: only root may mount a volume" % case.__name__)
            return
        case()
    return on_volume


@volume
def case_disk_is_full():
    with Postgres(folder, volume="64m") as pg:
        pg.exhaust()
        # It panics, recovers, panics: 57P03, and it is the disk all the same.
        ran = look(pg, "57P03", "starting", twice=True)
        assert ran.verdict() == "disk_full" and ran.status == 20, ran
        # Somebody restarts it: refused from now on.
        pg.stop("immediate")
        pg.fill()
        pg.spawn()
        pg.process.wait(60)
        ran = look(pg, still=True)
        found = must(ran, "disk_full", "pg.disk_full", "A restart cannot help",
                     pg.folder, status=20)
        assert found["title"] == "disk full: do not restart", found
        assert "restart is safe" not in str(ran), ran


@volume
def case_disk_is_full_and_it_runs():
    with Postgres(folder, volume="64m") as pg:
        pg.fill()
        ran = look(pg, "53100", "error_response")
        must(ran, "disk_full", "pg.disk_full", "Never delete", status=20)


# -------------------------------------------------------------------- hung ---

def case_hung():
    with Postgres(folder) as pg:
        pg.pause()
        must(look(pg, fault="timeout", twice=True), "hung", "pg.hung",
             "stopped by a signal (T)", "kill -CONT %d" % pg.process.pid,
             "fence it")


def case_login_that_does_not_end():
    """As with an LDAP server behind it that does not answer."""
    with Peer(lambda c: [c.sock.settimeout(20), c.sock.recv(65536),
                         c.send(b"R\0\0\0\x08\0\0\0\x03"),
                         c.sleep(20)]) as slow:
        ran = env.run(SCRIPT, document(
            "postgres://a@127.0.0.1:%d/a?sslmode=disable" % slow.port),
            secrets={"password": PASSWORD})
        must(ran, "slow:login", "pg.slow_login", "ldap")


def case_no_answer_to_the_connection():
    with BlackHole() as hole:
        ran = env.run(SCRIPT, document("postgres://a@127.0.0.1:%d/a"
                                       % hole.port))
        must(ran, "host_or_path", "pg.connect_timeout", "port 22")


def case_unknown_name():
    ran = env.run(SCRIPT, document("postgres://a@no-such-host.invalid/a"))
    assert ran.verdict().startswith("dns:"), ran
    assert "no-such-host.invalid" in ran.finding("pg.dns")["title"], ran


# ---------------------------------------------------------------- starting ---

def case_starting_up():
    with Postgres(folder) as pg:
        pg.stop()
        pg.recover()
        must(look(pg, "57P03", "starting", twice=True), "starting",
             "pg.starting",
             "do not restart it", "Its startup process is")


def case_shutting_down():
    with Postgres(folder) as pg, pg.client() as held:
        held.ask("begin")
        pg.stop("smart", wait=False)
        until("it to refuse", lambda: pg.state() == "57P03")
        must(look(pg, "57P03", "starting"), "stopping", "pg.stopping",
             "1 sessions are still open")


# -------------------------------------------------------------------- auth ---

def case_wrong_password():
    with Postgres(folder, hba=["host all all all scram-sha-256"]) as pg:
        pg.sql("create role mon login password '%s'" % PASSWORD)
        ran = look(pg, "28P01", "auth", url=pg.url("mon"), twice=True,
                   secrets={"password": "guessed-wrong"})
        must(ran, "credentials", "pg.auth", "own credential is the suspect",
             "Nothing was touched", status=20)
        assert "guessed-wrong" not in str(ran), ran
        assert "crash" not in str(ran), ran


def case_right_password():
    odd = "it's a \\ p:ssw%rd"
    with Postgres(folder, hba=["host all all all scram-sha-256"]) as pg:
        pg.sql("create role mon login password '%s'" % odd.replace("'", "''"),
               "grant pg_monitor to mon")
        encoded = "it%27s%20a%20%5C%20p:ssw%25rd"
        for secrets in ({"password": odd + "\n"},
                        {"url": pg.url("mon:" + encoded)}):
            ran = look(pg, url=pg.url("mon"), secrets=secrets)
            must(ran, None, "pg.well_now", status=11)
            assert odd not in str(ran) and encoded not in str(ran), ran


def case_no_password_here():
    """The check has one, this runbook was given none: that accuses nobody."""
    with Postgres(folder, hba=["host all all all scram-sha-256"]) as pg:
        pg.sql("create role mon login password '%s'" % PASSWORD)
        ran = look(pg, "", "mismatch", url=pg.url("mon:***"))
        must(ran, None, "pg.no_password", "password = {")
        must(look(pg, "28P01", "auth", url=pg.url("mon")), "credentials",
             "pg.auth", status=20)


def case_rejected_by_its_list():
    with Postgres(folder, hba=["host all all all reject"]) as pg:
        must(look(pg, "28000", "auth"), "credentials", "pg.auth",
             "pg_hba", status=20)


def case_unknown_role_and_database():
    with Postgres(folder) as pg:
        must(look(pg, "28000", "auth", url=pg.url("nobody")), "credentials",
             "pg.auth", "dropped or renamed", status=20)
        must(look(pg, "3D000", "error_response",
                  url=pg.url(database="nothing")), "no_database",
             "pg.no_database")


def case_server_of_another_language():
    """Its words are not understood, its SQLSTATE is."""
    for state, verdict in ((b"28P01", "credentials"), (b"57P03", "starting"),
                           (b"53300", "overloaded:connections")):
        say = error_response("la autentificaci\u00f3n fall\u00f3", state)
        with Peer(lambda c, text=say: [c.sock.settimeout(20),
                                       c.sock.recv(65536),
                                       c.send(text)]) as server:
            ran = env.run(SCRIPT, document(
                "postgres://a@127.0.0.1:%d/a?sslmode=disable" % server.port))
        assert ran.verdict() == verdict, (state, str(ran))


# ---------------------------------------------------------------- too many ---

def case_out_of_connections():
    with Postgres(folder, "max_connections = 5",
                  "superuser_reserved_connections = 1",
                  "max_wal_senders = 0") as pg:
        pg.sql("create role app login", "create role mon login")
        held = [pg.client(user="app") for _ in range(4)]
        try:
            held[0].ask("begin")
            must(look(pg, "53300", "overloaded", url=pg.url("mon"),
                      twice=True), "overloaded:connections", "pg.too_many",
                 "3 are held by app from [local], idle",
                 "1 of app in postgres from [local], idle in transaction")
            # The last place is a superuser's.
            must(look(pg, "53300", "overloaded"), "overloaded:connections",
                 "pg.connections", "5 of 5")
        finally:
            for client in held:
                client.close()


if __name__ == "__main__":
    sys.exit(main(globals()))
