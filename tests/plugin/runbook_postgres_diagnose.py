#!/usr/bin/env python3
"""runbooks/postgres/diagnose against real servers, each ill in one way: which
cause does it name, what does it say to do, and does anything of a server or a
secret get further than it should?

Each case looks twice and must be told the same both times; what lies in the
server's folder is the same before and after, if nothing of the server's own
runs. All run, several at a time, with servers of their own. As root the cases
with a volume of its own run, too.

    runbook_postgres_diagnose.py [NAME...]   only cases whose name contains one
"""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import cases  # noqa: E402
import peer  # noqa: E402
import pg as postgres  # noqa: E402
import runbook_env as env  # noqa: E402
from peer import BlackHole, Peer  # noqa: E402
from pg import Postgres  # noqa: E402
from watch import until  # noqa: E402

SCRIPT = "postgres/diagnose"
PASSWORD = "correct-horse-battery"
folder = None


def document(url, code="", fault="refused", settings=None, **check):
    """The context of a failing postgres check."""
    made = env.context(url)
    made["check"].update(name="db", plugin="postgres",
                         settings=settings or {}, **check)
    made["result"].update(fault=fault, code=code, expectations=[],
                          message="the check's own words", phases={},
                          observations={})
    return made


def whole(path):
    """What is in a folder: names, sizes and times of writing."""
    seen = {}
    for where, _, files in os.walk(path):
        for name in files:
            file = os.path.join(where, name)
            stat = os.lstat(file)
            seen[file] = (stat.st_size, stat.st_mtime_ns)
    return seen


def look(server, code="", fault="refused", url=None, params=None,
         settings=None, still=False, times=2, **more):
    """Twice; both come to the same. still: nothing of the server's is
    running, so not a byte in its folder may be other than before."""
    params = {"data-dir": server.data, "log": server.folder + "/log",
              **(params or {})}
    before = whole(server.folder) if still else None
    told = None
    for _ in range(times):
        ran = env.run(SCRIPT, document(url or server.url(), code, fault,
                                       settings), params=params, **more)
        first, told = told, (ran.verdict(), ran.status)
        assert first in (None, told), (first, str(ran))
    assert not still or whole(server.folder) == before
    return ran


def must(ran, verdict, code, *words, status=0):
    """The verdict, the finding that carries it, and words of that finding."""
    assert ran.status == status, ran
    assert ran.verdict() == verdict, (verdict, str(ran))
    found = ran.finding(code)
    for word in words:
        assert word in json.dumps(found), (word, str(ran))
    assert len(ran.of("verdict")) <= 1 and ran.err == "", ran
    assert ran.seconds < 60, ran.seconds
    return found


def backup_of(server):
    """The folder of a base backup of it."""
    where = os.path.join(server.where, "backups%d" % server.port)
    os.mkdir(where)
    postgres.own(where)
    postgres.run("pg_basebackup", "-h", server.folder, "-p", str(server.port),
                 "-U", postgres.SUPERUSER, "-D", where + "/monday", "-c",
                 "fast", "--no-sync")
    return where


# ------------------------------------------------------------------- ended ---

def case_killed():
    with Postgres(folder) as pg:
        where = backup_of(pg)
        pg.kill()
        params = {"backup": where, "read": "12"}
        found = must(look(pg, params=params, still=True), "crashed",
                     "pg.crashed", "pg_ctl -D " + pg.data)
        assert found["title"].startswith("crashed, disk fine ("), found
        assert " s old and readable, restart is safe" in found["title"], found


def case_killed_and_its_command_starts_it():
    """The command that is told is one that works."""
    with Postgres(folder) as pg:
        pg.kill()
        postgres.own(pg.folder)
        found = look(pg, times=1).finding("pg.crashed")
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
        found = must(look(pg, params=params, times=1), "crashed",
                     "pg.crashed", "take a backup")
        assert "which cannot be read" in found["title"], found


def case_killed_without_any_backup():
    with Postgres(folder) as pg:
        pg.kill()
        params = {"backup": pg.where + "/no-such-folder"}
        found = must(look(pg, params=params, times=1), "crashed",
                     "pg.crashed", "take a backup")
        assert "no backup was found" in found["title"], found


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


def case_refused_without_its_machine():
    """With nothing but the address it does not say that a restart is safe."""
    ran = env.run(SCRIPT, document("postgres://a@%s:%d/a" % (
        "127.0.0.1", peer.closed_port())), environ={"PATH": without("ip")})
    assert ran.finding("pg.not_running"), ran
    assert "restart is safe" not in str(ran), ran


# -------------------------------------------------------------------- disk ---

def volume(case):
    """A case with a small file system: only root may mount one."""
    def on_volume():
        if not postgres.is_root():
            print("skipped %s: only root may mount a volume" % case.__name__)
            return
        case()
    return on_volume


def writes_log(server):
    """True once it can write no more of it."""
    try:
        server.sql("select pg_logical_emit_message(true, 'x', "
                   "repeat('x', 400000))")
    except (postgres.Error, OSError):
        return True


@volume
def case_disk_is_full():
    with Postgres(folder, volume="64m") as pg:
        # A slot that nobody reads keeps its log, so that nothing is reused.
        pg.sql("select pg_create_physical_replication_slot('gone', true)")
        pg.fill()
        until("it to end for want of space", lambda: writes_log(pg))
        # It panics, recovers, panics: 57P03, and it is the disk all the same.
        ran = look(pg, "57P03", "starting")
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
        must(look(pg, fault="timeout"), "hung", "pg.hung",
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
        must(look(pg, "57P03", "starting"), "starting", "pg.starting",
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
        ran = look(pg, "28P01", "auth", url=pg.url("mon"),
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
            ran = look(pg, url=pg.url("mon"), secrets=secrets, times=1)
            must(ran, None, "pg.well_now", status=11)
            assert odd not in str(ran) and encoded not in str(ran), ran


def case_no_password_here():
    """The check has one, this runbook was given none: that accuses nobody."""
    with Postgres(folder, hba=["host all all all scram-sha-256"]) as pg:
        pg.sql("create role mon login password '%s'" % PASSWORD)
        ran = look(pg, "", "mismatch", url=pg.url("mon:***"), times=1)
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
        must(look(pg, "3D000", "error_response", times=1,
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
    with Postgres(folder, hba=["host all all all scram-sha-256"]) as pg:
        pg.sql("create role mon login password '%s'" % PASSWORD)
        watcher.start()
        try:
            for secrets in ({"password": PASSWORD},
                            {"url": pg.url("mon:" + PASSWORD)}):
                ran = look(pg, url=pg.url("mon"), secrets=secrets, times=1)
                must(ran, None, "pg.well_now", status=11)
        finally:
            done.set()
            watcher.join()
    assert any(b"relevo" in line or b"psql" in line for line in seen)
    assert not any(PASSWORD.encode() in line for line in seen)


# ---------------------------------------------------------------- too many ---

def case_out_of_connections():
    with Postgres(folder, "max_connections = 5",
                  "superuser_reserved_connections = 1",
                  "max_wal_senders = 0") as pg:
        pg.sql("create role app login", "create role mon login")
        held = [pg.client(user="app") for _ in range(4)]
        try:
            held[0].ask("begin")
            must(look(pg, "53300", "overloaded", url=pg.url("mon")),
                 "overloaded:connections", "pg.too_many",
                 "3 are held by app from [local], idle",
                 "1 of app in postgres from [local], idle in transaction")
            # The last place is a superuser's.
            must(look(pg, "53300", "overloaded"), "overloaded:connections",
                 "pg.connections", "5 of 5")
        finally:
            for client in held:
                client.close()


# -------------------------------------------------------------------- role ---

def case_failover_has_happened():
    with Postgres(folder) as pg, pg.standby() as standby:
        wish = "?target_session_attrs=read-write"
        # Whom the standby follows is asked, too.
        must(look(standby, "25006", "readonly", url=standby.url() + wish),
             "readonly", "pg.role", "is a standby now; the primary is")
        pg.stop()
        must(look(standby, "25006", "readonly"), "readonly", "pg.role",
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
        ran = look(pg, "57014", "timeout", settings={"query": "select * from t"})
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
        ran = look(pg, "XX001", "error_response",
                   settings={"query": "select sum(x) from t"})
        must(ran, "corruption", "pg.corruption", "XX001",
             "stop writing to it", status=20)


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
        must(look(pg), "wraparound", "pg.wraparound", "1.26 thousand million")


def case_restart_is_noticed():
    with Postgres(folder) as pg:
        made = document(pg.url())
        made["last_good"] = {"at": "2026-01-02T03:04:05.678Z",
                             "observations": {}}
        ran = env.run(SCRIPT, made)
        assert "since the last good result" in \
            ran.finding("pg.restarted")["title"], ran


# ---------------------------------------------------- from where it stands ---

def without(*names):
    """A PATH with the machine's programs, but not these."""
    bare = tempfile.mkdtemp(dir=folder)
    for place in ("/usr/bin", "/bin", "/usr/sbin"):
        for name in os.listdir(place):
            if name not in names and not os.path.lexists(bare + "/" + name):
                os.symlink(place + "/" + name, bare + "/" + name)
    return bare


def ssh_to(script):
    """A PATH in which ssh is a script: its arguments are in $@."""
    bare = without("ssh")
    with open(bare + "/ssh", "w") as f:
        f.write("#!/bin/sh\n" + script)
    os.chmod(bare + "/ssh", 0o755)
    return bare


def case_by_ssh():
    """A stand-in that does what the other end of ssh does with its words."""
    with Postgres(folder) as pg:
        pg.kill()
        path = ssh_to('printf "%s " "$@" >>' + folder + '/words\n'
                      'while [ "$1" != -- ]; do shift; done\n'
                      'shift 2\nexec sh -c "$*"\n')
        ran = look(pg, params={"ssh": "postgres@%h"}, environ={"PATH": path})
        must(ran, "crashed", "pg.crashed")
        words = pathlib.Path(folder, "words").read_text()
        assert " -- postgres@127.0.0.1 sh -s " in words, words
        assert "BatchMode=yes" in words, words


def case_ssh_fails():
    with Postgres(folder) as pg:
        pg.kill()
        path = ssh_to('echo "Permission denied (publickey)." >&2\nexit 255\n')
        ran = look(pg, params={"ssh": "postgres@db"}, environ={"PATH": path})
        must(ran, "not_listening", "pg.refused", "df -h first")
        assert "publickey" in ran.finding("pg.not_seen")["detail"], ran


def case_well_is_moot():
    with Postgres(folder) as pg:
        ran = look(pg)
        must(ran, None, "pg.well_now", "it is the primary", status=11)
        assert [m["name"] for m in ran.of("metric")] == ["pg.login_ms"], ran


def case_by_its_socket():
    with Postgres(folder) as pg:
        settings = {"host": pg.folder, "port": str(pg.port),
                    "user": "postgres"}
        made = document(None, settings=settings)
        must(env.run(SCRIPT, made), None, "pg.well_now", status=11)
        pg.kill()
        # Its folder is found by what a killed server leaves beside its socket.
        must(env.run(SCRIPT, made, params={"log": pg.folder + "/log"}),
             "crashed", "pg.crashed", "pg_ctl -D " + pg.data)


def case_user_who_sees_little():
    with Postgres(folder) as pg:
        pg.sql("create role mon login")
        ran = look(pg, url=pg.url("mon"))
        must(ran, None, "pg.well_now", status=11)
        assert "pg_monitor" in ran.finding("pg.not_seen")["detail"], ran


def case_query_that_may_not():
    with Postgres(folder) as pg:
        pg.sql("create role mon login", "create table t ()")
        must(look(pg, "42501", "forbidden", url=pg.url("mon"),
                  settings={"query": "select * from t;"}), "forbidden",
             "pg.forbidden", "permission denied")


# ---------------------------------------------------------------- contract ---

def case_not_a_postgres_check():
    assert env.run(SCRIPT, env.context()).status == 10


def case_without_anything_to_look_at():
    made = {"check": {"plugin": "postgres"}}
    assert env.run(SCRIPT, made).status == 78
    for bad in (b"", b"{", b"[]", b"null", b"\xff\xfe"):
        assert env.run(SCRIPT, bad).status == 78, bad


def case_deadline_in_the_past_ends_at_once():
    with Postgres(folder) as pg:
        pg.pause()
        ran = look(pg, environ={"RELEVO_DEADLINE": "1000"})
        assert ran.status == 0 and ran.seconds < 30, ran


# ----------------------------------------------------------------- hostile ---

def clean(ran):
    """Nothing of it moves a terminal's cursor or turns text round."""
    for text in [*ran.raw, *ran.out.split("\n"), *ran.err.split("\n")]:
        bad = [c for c in text if ord(c) < 32 and c != "\t" or c in "\x7f\u202e"]
        assert not bad, (bad, text)


def error_response(text, state=b"28P01"):
    body = (b"SFATAL\0VFATAL\0C" + state + b"\0M"
            + text.encode("utf-8", "replace").replace(b"\0", b"") + b"\0\0")
    return b"E" + (len(body) + 4).to_bytes(4, "big") + body


def case_naughty_errors_stay_text():
    with tempfile.TemporaryDirectory(dir=folder) as where:
        mark = pathlib.Path(where, "mark")
        texts = env.shell_traps(mark) + ["\x1b]0;x\x07", "x" * 100000]
        for at in range(0, len(texts), 6):
            with contextlib.ExitStack() as stack:
                rude = [stack.enter_context(Peer(
                    lambda c, say=error_response(text): [
                        c.sock.settimeout(20), c.sock.recv(65536),
                        c.send(say)])) for text in texts[at:at + 6]]
                hosts = ",".join("127.0.0.1:%d" % r.port for r in rude)
                ran = env.run(SCRIPT, document(
                    "postgres://a@%s/a?sslmode=disable" % hosts,
                    code=texts[at][:60].encode("utf-8", "replace").decode()))
            assert ran.status == 20, ran
            assert len([f for f in ran.of("finding")
                        if f["code"] == "pg.auth"]) == len(rude), ran
            assert not mark.exists(), texts[at:at + 6]
            clean(ran)


def case_naughty_targets_stay_text():
    with tempfile.TemporaryDirectory(dir=folder) as where:
        mark = pathlib.Path(where, "mark")
        shapes = ["postgres://{}/", "{}", "postgres://127.0.0.1:1/{}",
                  "postgres://{}@127.0.0.1:1", "host={} port=1",
                  "host=127.0.0.1 port=1 user='{}'"]
        for i, text in enumerate(env.shell_traps(mark)):
            made = document(shapes[i % len(shapes)].replace("{}", text),
                            settings={"user": text, "query": "select " + text})
            ran = env.run(SCRIPT, made, params={"data-dir": text.replace(
                "\0", ""), "backup": text.replace("\0", "")})
            assert ran.status in (0, 10, 20, 78), ran
            assert not mark.exists(), text
            clean(ran)


def case_query_is_not_read_by_psql():
    """Neither its own commands nor what they would do to the outside."""
    with Postgres(folder) as pg:
        mark = folder + "/psql-mark"
        for query in ("\\! touch " + mark, "select 1 \\! touch " + mark,
                      "select 1\n\\! touch " + mark,
                      "select 1 \\g | touch " + mark,
                      "select '$relevo$' \\! touch " + mark,
                      "select 1; create table made ()",
                      "with x as (select 1) select :'HOME' from x",
                      "select nextval('s')"):
            look(pg, settings={"query": query}, times=1)
            assert not os.path.exists(mark), query
        assert pg.sql("select to_regclass('made')") == [[None]]


def case_log_that_a_client_wrote():
    """What it has the server quote forbids no restart."""
    with Postgres(folder) as pg:
        for text in ("invalid page in block 1 of relation base/1/2",
                     "could not write to file: No space left on device"):
            for sql in ("selec 'PANIC:  " + text + "'",
                        "selec '\nPANIC:  " + text + "\n'",
                        'select 1 from "' + text + '"'):
                with contextlib.suppress(postgres.Error):
                    pg.sql(sql)
        assert pg.log().count("invalid page") >= 3, pg.log()
        pg.kill()
        must(look(pg, times=1), "crashed", "pg.crashed")


def case_names_of_strangers_stay_text():
    """Whoever may log in chooses the name of an application, and a query."""
    with Postgres(folder) as pg:
        name = "\n@locks\n{\"waiting\": 7}\x1b[31m$(touch x)"
        with pg.client(application_name=name) as one, pg.client() as two:
            one.ask("begin")
            one.ask("create table t ()")
            one.ask("lock table t")
            two.send("lock table pg_class")
            ran = look(pg, times=1)
            clean(ran)
            assert ran.status in (0, 11), ran


def main():
    global folder
    env.need("psql", "jq", "curl", "getent", "ss")
    if not postgres.find():
        print("skipped: postgres is not installed")
        return env.SKIP
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        return cases.run(globals(), sys.argv[1:], at_once=4)


if __name__ == "__main__":
    sys.exit(main())
