#!/usr/bin/env python3
"""runbooks/postgres/diagnose as a program: from where it looks and what it cannot
see from there, what it does with a context that is none, and whether anything
of a server, a stranger or a secret gets further than it should.

    runbook_postgres_diagnose_contract.py [NAME...]   as of the others
"""
import contextlib
import getpass
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import peer  # noqa: E402
import pg as postgres  # noqa: E402
import pgbouncer  # noqa: E402
import runbook_env as env  # noqa: E402
from apart import apart  # noqa: E402
from peer import Peer  # noqa: E402
from pg import Postgres  # noqa: E402
from pg_diagnosis import (PASSWORD, SCRIPT, clean, document,  # noqa: E402
                          error_response, look, main, must, without)
from pgbouncer import Pgbouncer  # noqa: E402

folder = None


# ---------------------------------------------------- from where it stands ---

def ssh_to(script):
    """A PATH in which ssh is a script: its arguments are in $@."""
    bare = without(folder, "ssh")
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


def case_by_real_ssh():
    """With a key of its own, to a server whose key is known."""
    sshd = shutil.which("sshd", path=env.PATH + ":" + os.environ["PATH"])
    if not sshd:
        print("skipped by_real_ssh: sshd is not installed")
        return
    with tempfile.TemporaryDirectory(dir=folder) as at, Postgres(folder) as pg:
        os.chmod(at, 0o755)
        port = peer.closed_port()
        for name in ("host", "key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "",
                            "-f", at + "/" + name], check=True)
        key = pathlib.Path(at, "key").read_text()
        public = pathlib.Path(at, "host.pub").read_text()
        known = pathlib.Path(at, "known")
        known.write_text("[127.0.0.1]:%d %s" % (port, public))
        conf = pathlib.Path(at, "conf")
        conf.write_text(
            "ListenAddress 127.0.0.1:%d\nHostKey %s/host\nPidFile none\n"
            "AuthorizedKeysFile %s/key.pub\nUsePAM no\nStrictModes no\n"
            % (port, at, at))
        postgres.own(at)
        server = subprocess.Popen(
            [sshd, "-D", "-e", "-f", str(conf)], cwd="/",
            stderr=subprocess.DEVNULL, **postgres.as_owner())
        try:
            env.wait_for_port(port, server)
            pg.kill()
            user = postgres.SUPERUSER if postgres.is_root() \
                else getpass.getuser()
            ran = look(pg, secrets={"ssh_key": key}, params={
                "ssh": "ssh://%s@%%h:%d" % (user, port),
                "ssh-known-hosts": str(known)})
            must(ran, "crashed", "pg.crashed")
        finally:
            server.terminate()
            server.wait(10)


def case_ssh_fails():
    with Postgres(folder) as pg:
        pg.kill()
        path = ssh_to('echo "Permission denied (publickey)." >&2\nexit 255\n')
        ran = look(pg, params={"ssh": "postgres@db"}, environ={"PATH": path})
        must(ran, "not_listening", "pg.refused", "df -h first")
        assert "publickey" in ran.finding("pg.not_seen")["detail"], ran


def case_well_is_moot():
    with Postgres(folder, "autovacuum = off") as pg:
        pg.sql("create table t as select 1 as x")
        newest = "select pg_snapshot_xmax(pg_current_snapshot())"
        before = pg.sql(newest)
        ran = look(pg, settings={"query": "select x from t"}, twice=True)
        must(ran, None, "pg.well_now", "it is the primary", status=11)
        assert [m["name"] for m in ran.of("metric")] == ["pg.login_ms"], ran
        # Nothing was written: no transaction was given a number.
        assert pg.sql(newest) == before


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


@apart
def case_without_psql():
    """It says so, and still what can be known without it."""
    with Postgres(folder) as pg:
        path = {"PATH": without(folder, "psql")}
        pg.client().close()
        # Debian's own lies outside of PATH.
        subprocess.run(["mount", "-t", "tmpfs", "none", "/usr/lib/postgresql"],
                       check=True)
        ran = look(pg, "57014", "timeout", environ=path)
        found = must(ran, None, "pg.not_seen", "psql is not installed",
                     "apt-get install postgresql-client", status=78)
        assert found["title"].startswith("from here was not seen: what"), found
        pg.kill()
        ran = look(pg, environ=path)
        must(ran, "not_running", "pg.not_seen", "psql is not installed")


def case_behind_a_pooler():
    """It takes no options at the start, and speaks for the server behind it."""
    if not pgbouncer.find():
        print("skipped behind_a_pooler: no pgbouncer")
        return
    with Postgres(folder) as pg, Pgbouncer(folder, pg) as bouncer:
        url = bouncer.url("app", "postgres")
        pg.sql("create role app login")
        must(look(pg, url=url), None, "pg.well_now", status=11)
        pg.kill()
        # Whoever comes first waits for its server, who comes then is told.
        must(look(pg, "auth", "timeout", url=url), "slow:login",
             "pg.slow_login", "a pooler that waits")
        found = must(look(pg, "08P01", "error_response", url=url), "pooler",
                     "pg.pooler", "server login has been failing")
        assert "is a pooler" in found["title"], found


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
    """Two traps to a context."""
    with tempfile.TemporaryDirectory(dir=folder) as where:
        mark = pathlib.Path(where, "mark")
        shapes = ["postgres://{}/", "{}", "postgres://127.0.0.1:1/{}",
                  "postgres://{}@127.0.0.1:1", "host={} port=1",
                  "host=127.0.0.1 port=1 user='{}'"]
        traps = env.shell_traps(mark)
        for i in range(0, len(traps), 2):
            one, two = (traps * 2)[i:i + 2]
            made = document(shapes[i // 2 % len(shapes)].replace("{}", one),
                            settings={"user": two, "query": "select " + one})
            ran = env.run(SCRIPT, made, params={
                "data-dir": two.replace("\0", ""),
                "backup": one.replace("\0", "")})
            assert ran.status in (0, 10, 20, 78), ran
            assert not mark.exists(), (one, two)
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
            look(pg, settings={"query": query})
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
        must(look(pg), "crashed", "pg.crashed")


def case_names_of_strangers_stay_text():
    """Whoever may log in chooses the name of an application, and a query."""
    with Postgres(folder) as pg:
        name = "\n@locks\n{\"waiting\": 7}\x1b[31m$(touch x)"
        with pg.client(application_name=name) as one, pg.client() as two:
            one.ask("begin")
            one.ask("create table t ()")
            one.ask("lock table t")
            two.send("lock table pg_class")
            ran = look(pg)
            clean(ran)
            assert ran.status in (0, 11), ran


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
                ran = look(pg, url=pg.url("mon"), secrets=secrets)
                must(ran, None, "pg.well_now", status=11)
        finally:
            done.set()
            watcher.join()
    assert any(b"relevo" in line or b"psql" in line for line in seen)
    assert not any(PASSWORD.encode() in line for line in seen)


if __name__ == "__main__":
    sys.exit(main(globals()))
