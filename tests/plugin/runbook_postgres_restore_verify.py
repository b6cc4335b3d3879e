#!/usr/bin/env python3
"""runbooks/postgres/restore-verify: real backups of each kind are restored into
a scratch folder, the bad ones are found out, and whatever ends it, nothing is
left and nothing of the source is touched. As the user of the server: a restored
one does not run as root."""
import glob
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import backups  # noqa: E402
import cases  # noqa: E402
import pg  # noqa: E402
import runbook_env as env  # noqa: E402

SCRIPT = "postgres/restore-verify"
HEARTBEAT = "select max(at) from heartbeat"
LATER = "9999999999"
made = runbooks = folder = listener = None


def scratch(name):
    path = os.path.join(folder, "scratch-" + name)
    os.mkdir(path)
    pg.own(path)
    return path


def verify(backup, where, rights=None, **params):
    params = {"backup": backup, "scratch": where, "heartbeat": HEARTBEAT,
              **params}
    return env.run(SCRIPT, {}, params, None, {"RELEVO_DEADLINE": LATER},
                   rights=pg.as_owner() if rights is None else rights,
                   runbooks=runbooks, limit=240)


def is_clean(where):
    assert set(os.listdir(where)) <= {".lock", "last-restore"}, \
        os.listdir(where)
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            assert not os.readlink("/proc/%s/cwd" % pid).startswith(where), pid
        except OSError:
            pass


def must(ran, where, verdict, code, *texts, status=0):
    is_clean(where)
    assert ran.status == status, ran
    assert ran.verdict() == verdict, ran
    found = str(ran.finding(code))
    for text in texts:
        assert text in found, "%s is not in %s" % (text, ran)
    return ran


def figure(ran, name):
    return [m["value"] for m in ran.of("metric") if m["name"] == name][0]


def rest(conf=None):
    return "pgbackrest:%s:%s" % (backups.STANZA, conf or made.conf)


# -------------------------------------------------------------- good ones ---

def good(name, backup, times=1, **params):
    """And nothing of the source has another date than before."""
    where = scratch(name)
    source = [p for p in (backup, made.archive, made.repo, made.space,
                          made.mapped) if os.path.isdir(p)]
    before = backups.snapshot(*source)
    for _ in range(times):
        ran = must(verify(backup, where, **params), where, "restore:good",
                   "restore.restored")
        must(ran, where, "restore:good", "restore.checked", "no damage")
        must(ran, where, "restore:good", "restore.age", "heartbeat")
        assert figure(ran, "pg.restore_rto") > 0, ran
    after = backups.snapshot(*source)
    changed = [p for p in before.keys() | after.keys()
               if before.get(p) != after.get(p)]
    assert not changed, changed[:9]
    assert "rto " in pathlib.Path(where, "last-restore").read_text()
    return ran, where


def case_base_backup():
    ran, where = good("plain", made.path("plain"), 2)
    assert "fit their checksums" in str(ran.finding("restore.checked")), ran
    told = env.run("postgres/restore-diagnose", {},
                   {"backup": made.path("plain"), "scratch": where})
    assert "restore-verify took" in told.finding("restore.time")["title"], told


def case_base_backup_and_archive():
    ran, _ = good("log", made.path("plain"), archive=made.archive)
    alone, _ = good("alone", made.path("tar"))
    # The log reaches beyond the backup.
    assert figure(ran, "pg.restore_rpo") < figure(alone, "pg.restore_rpo"), (
        ran, alone)


def case_archives_and_packed_log():
    archive = backups.copy(made.archive, os.path.join(folder, "packed"))
    subprocess.run(["gzip", *(os.path.join(archive, name) for name in
                              os.listdir(archive) if len(name) == 24)],
                   check=True)
    pg.own(archive)
    good("tar", made.path("tar"), archive=archive)


def case_pgbackrest():
    ran, _ = good("rest", rest(), 2)
    assert "pgbackrest" in str(ran.finding("restore.newest")), ran


def case_dumps():
    for name in ("custom.dump", "packed.sql.gz", "all.sql"):
        good(name, made.path(name))


def case_settings_of_the_source_stay_out():
    path = made.copy("plain", "with-settings")
    os.chmod(path, 0o755)
    mark = os.path.join(folder, "archived")
    with open(path + "/postgresql.auto.conf", "a") as f:
        f.write("archive_mode = on\narchive_command = 'touch %(mark)s'\n"
                "archive_cleanup_command = 'touch %(mark)s'\n"
                "recovery_end_command = 'touch %(mark)s'\n"
                "primary_conninfo = 'host=127.0.0.1 port=%(port)d'\n"
                "shared_preload_libraries = 'nonexistent'\n"
                "external_pid_file = '%(mark)s'\n" % {
                    "mark": mark, "port": listener.getsockname()[1]})
    pathlib.Path(path, "standby.signal").touch()
    pg.own(path)
    where = scratch("settings")
    must(verify(path, where), where, "restore:good", "restore.restored")
    assert not os.path.exists(mark)
    # Nor has a subscription in it gone where it leads.
    listener.settimeout(0)
    try:
        listener.accept()
        raise AssertionError("what was restored has connected to its source")
    except BlockingIOError:
        pass


# ---------------------------------------------------------------- bad ones ---

def bad(name, other, damage):
    path = made.copy(name, other)
    damage(path)
    return path, scratch(other)


def largest(path, pattern="base/*/[0-9]*"):
    return max(glob.glob(os.path.join(path, pattern)), key=os.path.getsize)


def case_flipped_byte():
    path, where = bad("plain", "flipped",
                      lambda path: backups.flip(largest(path), 9000))
    must(verify(path, where), where, "backup:damaged", "restore.failed",
         "checksum mismatch", status=20)


def case_flipped_byte_in_an_archive_that_is_not_packed():
    """What restore-diagnose cannot see."""
    def damage(path):
        base = path + "/base.tar.gz"
        subprocess.run(["gunzip", base], check=True)
        with open(path + "/base.tar", "rb") as f:
            at = f.read().index(b"f" * 7 + b"illing")
        backups.flip(path + "/base.tar", at + 20)
        pg.own(path)
    path, where = bad("tar", "flipped-tar", damage)
    must(verify(path, where), where, "backup:damaged", "restore.failed",
         "checksum mismatch", status=20)


def case_damage_that_the_source_had():
    """The manifest fits, the pages do not."""
    def damage(path):
        os.remove(path + "/backup_manifest")
        backups.flip(largest(path), 9000)
    path, where = bad("plain", "damaged", damage)
    must(verify(path, where), where, "backup:damaged", "restore.corrupt",
         status=20)


def case_log_is_missing():
    def damage(path):
        os.remove(path + "/backup_manifest")
        for name in glob.glob(path + "/pg_wal/[0-9A-F]*"):
            os.remove(name)
    path, where = bad("plain", "without-log", damage)
    must(verify(path, where), where, "backup:damaged", "restore.failed",
         "does not start", "checkpoint record", status=20)


def case_dump_cut_off():
    path, where = bad("custom.dump", "cut.dump", backups.truncate)
    must(verify(path, where), where, "backup:damaged", "restore.failed",
         "cannot be loaded", status=20)


def case_flipped_byte_in_a_repository():
    repo = backups.copy(made.repo, os.path.join(folder, "flipped-repo"))
    conf = made.write_conf(repo, repo + ".conf")
    backups.flip(max(map(str, pathlib.Path(repo, "backup").rglob("*.gz")),
                     key=os.path.getsize), 99)
    where = scratch("flipped-repo")
    must(verify(rest(conf), where), where, "backup:damaged", "restore.failed",
         status=20)


def case_link_that_leads_out():
    path, where = bad("plain", "linked", lambda path: [
        os.remove(path + "/backup_manifest"),
        os.symlink(made.pg.data, path + "/base/elsewhere")])
    must(verify(path, where), where, "backup:damaged", "restore.failed",
         "links", status=20)


def case_old_slow_or_without_heartbeat():
    path = made.path("plain")  # the quickest
    where = scratch("limits")
    ran = must(verify(path, where, rpo="0s", rto="0s"), where, "backup:old",
               "restore.old", status=20)
    ran.finding("restore.slow")
    must(verify(path, where, heartbeat="select null"), where,
         "backup:damaged", "restore.heartbeat", status=20)
    must(verify(path, where, heartbeat="select 1; drop table x"), where,
         "backup:unread", "restore.heartbeat", "syntax error", status=20)
    must(verify(path, where, limit="0"), where, "backup:unread",
         "restore.no_time", status=20)


def case_no_backup():
    where = scratch("none")
    must(verify("/nonexistent", where), where, "backup:none", "restore.none",
         status=20)


def case_no_room():
    if not pg.is_root():
        print("not root, so no small volume: skipped")
        return
    where = scratch("small")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=777", "none",
                    where], check=True)
    pg.own(where)
    try:
        must(verify(made.path("plain"), where), where, "no_space",
             "restore.no_space", status=20)
    finally:
        subprocess.run(["umount", where], check=True)


# ------------------------------------------------------------- the scratch ---

def case_scratch_folder_that_is_none():
    path = made.path("custom.dump")
    link = os.path.join(folder, "a-link")
    os.symlink(scratch("behind-a-link"), link)
    for where in ("", "relative", "/nonexistent", "/etc/..;id", link,
                  made.pg.data, *(["/usr"] if pg.is_root() else [])):
        ran = verify(path, where)
        assert ran.status == 78, (where, ran)
    assert not glob.glob(made.pg.data + "/restore.*")


def case_root_is_refused():
    if pg.is_root():
        ran = verify(made.path("custom.dump"), scratch("root"), {})
        assert ran.status == 78 and "root" in str(ran), ran


def case_what_has_no_mark_is_left_alone():
    where = scratch("marks")
    for name in ("restore.abcdef", "restore.ABCDEF"):
        os.mkdir(os.path.join(where, name))
        pathlib.Path(where, name, "precious").touch()
    target = os.path.join(folder, "precious")
    os.mkdir(target)
    pathlib.Path(target, "mark").write_text("relevo-restore-verify/1\n")
    os.symlink(target, os.path.join(where, "restore.linked"))
    pg.own(where)
    assert verify(made.path("plain"), where).status == 0
    for name in ("restore.abcdef", "restore.ABCDEF", "restore.linked"):
        assert os.path.exists(os.path.join(where, name)), name
    assert os.path.exists(target + "/mark")


class Running:
    """One that waits in its heartbeat, until it is killed."""

    def __init__(self, name, below=""):
        self.where = scratch(name)
        self.run = tempfile.mkdtemp(dir=folder)
        pg.own(self.run)
        self.process = subprocess.Popen(
            [str(runbooks / SCRIPT)], stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, cwd="/", env={
                "PATH": env.PATH, "RELEVO_RUN_DIR": self.run,
                "RELEVO_DEADLINE": LATER,
                "RELEVO_PARAM_BACKUP": made.path("plain"),
                "RELEVO_PARAM_SCRATCH": os.path.join(
                    folder, below, os.path.basename(self.where)),
                "RELEVO_PARAM_HEARTBEAT":
                    "select now() from pg_sleep(600)"}, **pg.as_owner())
        self.process.stdin.write(b"{}")
        self.process.stdin.close()
        self.wait(lambda: glob.glob(self.where + "/restore.*/heartbeat.out"))
        pid, = glob.glob(self.where + "/restore.*/data/postmaster.pid")
        self.server = int(pathlib.Path(pid).read_text().split("\n")[0])

    def wait(self, probe, limit=120):
        end = time.monotonic() + limit
        while not probe():
            assert time.monotonic() < end, "waited for nothing"
            time.sleep(0.05)

    def gone(self):
        self.process.wait(120)
        self.wait(lambda: not os.path.exists("/proc/%d" % self.server))
        self.wait(lambda: not glob.glob(self.where + "/restore.*"))
        is_clean(self.where)


def case_ended_by_a_signal():
    running = Running("term")
    busy = verify(made.path("custom.dump"), running.where)
    assert busy.status == 75 and busy.finding("restore.scratch"), busy
    running.process.send_signal(signal.SIGTERM)
    running.gone()
    assert running.process.returncode == 75
    assert os.listdir(running.run) == []


def case_killed():
    # Its folder has another name than the one that is given.
    os.symlink(folder, os.path.join(folder, "l"))
    running = Running("killed", "l")
    running.process.kill()
    running.gone()


def case_killed_with_all_that_it_started():
    running = Running("all-killed")
    os.killpg(running.process.pid, signal.SIGKILL)
    running.process.wait()
    # The server ends by itself, the folder is for the next one.
    running.wait(lambda: not os.path.exists("/proc/%d" % running.server))
    left, = glob.glob(running.where + "/restore.*")
    ran = verify(made.path("plain"), running.where)
    must(ran, running.where, "restore:good", "restore.restored")
    assert not os.path.exists(left)


# ----------------------------------------------------------------- hostile ---

def case_traps_stay_text():
    """A dump is loaded as the role that is given, so that gets further."""
    where = scratch("traps")
    mark = os.path.join(where, "trap")
    traps = [t for t in env.shell_traps(mark) if "\0" not in t][::4]
    for i, trap in enumerate(traps):
        trap = trap.encode("utf-8", "replace").decode()
        path = made.path("plain" if i % 2 else "custom.dump")
        ran = verify(path, where, heartbeat=trap, role=trap, database=trap,
                     archive=trap)
        assert ran.status in (20, 78), ran
        assert verify(trap, where, rpo=trap).status == 78
        assert verify("pgbackrest:" + trap, where).status == 20
        assert not os.path.exists(mark), trap
        is_clean(where)


def prepare():
    """With a tablespace, whose links lead to where the source has it."""
    made.space, made.mapped = (os.path.join(folder, name)
                               for name in ("space", "mapped"))
    for path in (made.space, made.mapped):
        os.mkdir(path)
        pg.own(path)
    made.pg.sql("create tablespace apart location '%s'" % made.space,
                "create table inside (n int) tablespace apart",
                "insert into inside values (1)",
                "create table filling as select n, 'fffffffilling' || n from "
                "generate_series(1, 9999) n",
                "create index on filling (n)",
                "create subscription s connection 'host=127.0.0.1 port=%d "
                "dbname=x' publication p with (connect = false)"
                % listener.getsockname()[1],
                "alter subscription s enable")
    made.beat()
    made.tar("tar")
    made.base("plain", "-T", "%s=%s" % (made.space, made.mapped))
    made.pgbackrest()
    made.dump("custom.dump")
    made.dump("packed.sql.gz", "-Fp", "-Z1")
    pg.run("pg_dumpall", "-h", made.pg.folder, "-p", str(made.pg.port), "-U",
           pg.SUPERUSER, "-f", made.path("all.sql"))
    time.sleep(2)  # the heartbeats are to differ by more than a second
    made.switch(2)


def main():
    global made, runbooks, folder, listener
    if backups.lacks_programs():
        return 77
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        runbooks = pathlib.Path(shutil.copytree(
            env.RUNBOOKS, os.path.join(folder, "runbooks")))
        listener = socket.create_server(("127.0.0.1", 0))
        with listener, backups.Backups(folder) as made:
            prepare()
            return cases.run(globals(), sys.argv[1:], at_once=4)


if __name__ == "__main__":
    sys.exit(main())
