#!/usr/bin/env python3
"""runbooks/postgres/restore-diagnose and its page against real backups of a
real PostgreSQL: good ones of each kind, each way in which one is bad, and
hostile parameters. As the user of the server: root could read anything."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import backups  # noqa: E402
import cases  # noqa: E402
import pg  # noqa: E402
import runbook_env as env  # noqa: E402

SCRIPT = "postgres/restore-diagnose"
made = runbooks = folder = None


def look(backup, document=None, environ=None, **params):
    return env.run(SCRIPT, document or {}, {"backup": backup, **params}, None,
                   {"RELEVO_DEADLINE": "9999999999", **(environ or {})},
                   rights=pg.as_owner(), runbooks=runbooks, limit=120)


def must(ran, verdict, code, *texts, status=0):
    assert ran.status == status, ran
    assert ran.verdict() == verdict, ran
    found = str(ran.finding(code))
    for text in texts:
        assert text in found, (text, ran)
    return ran


def rest(conf=None):
    return "pgbackrest:%s:%s" % (backups.STANZA, conf or made.conf)


def repository(name):
    """A copy of the repository, and a configuration for it."""
    repo = backups.copy(made.repo, os.path.join(folder, name))
    return repo, made.write_conf(repo, repo + ".conf")


def files(where, pattern):
    return sorted(pathlib.Path(where).rglob(pattern))


# -------------------------------------------------------------- good ones ---

def case_base_backup():
    for _ in range(2):
        ran = must(look(made.path("plain")), "backup:good", "restore.readable",
                   "checksum of its manifest")
    assert "base backup" in ran.finding("restore.newest")["detail"], ran
    assert {line["name"] for line in ran.of("metric")} == {
        "pg.backup_age", "pg.restorable_age"}, ran


def case_base_backup_in_archives():
    for _ in range(2):
        must(look(made.path("tar")), "backup:good", "restore.readable",
             "only restore-verify compares")


def case_dumps():
    for name in ("custom.dump", "directory", "text.sql", "packed.sql.gz"):
        ran = look(made.path(name))
        must(ran, "backup:good", "restore.readable", "All of it")
        assert name in ran.finding("restore.newest")["detail"], ran
        ran.finding("restore.time")


def case_pgbackrest():
    for _ in range(2):
        ran = look(rest())
        must(ran, "backup:good", "restore.readable", "pgbackrest verify")
        must(ran, "backup:good", "restore.log", "without a gap")


def case_archived_log():
    ran = look(made.path("plain"), archive=made.archive)
    must(ran, "backup:good", "restore.log", "without a gap")
    ran = look(made.path("tar"), archive=made.archive)
    must(ran, "backup:good", "restore.log", "without a gap")


def case_over_ssh():
    """Its stand-in only runs here what it is given."""
    where = os.path.join(folder, "ssh")
    os.mkdir(where)
    ssh = pathlib.Path(where, "ssh")
    ssh.write_text('#!/bin/sh\nprintf "%s\\n" "$*" >&2\n'
                   'while [ "$1" != -- ]; do shift; done; shift 2; exec "$@"\n')
    ssh.chmod(0o755)
    pg.own(where)
    path = {"PATH": where + ":" + env.PATH}
    must(look(made.path("plain"), None, path, ssh="postgres@db1"),
         "backup:good", "restore.readable")
    ssh.write_text("#!/bin/sh\necho 'Permission denied (publickey).' >&2\n"
                   "exit 255\n")
    must(look(made.path("plain"), None, path, ssh="postgres@db1"),
         "no_route", "restore.unseen", "Permission denied", "255")


# ----------------------------------------------------------- the commands ---

def commands(ran):
    """As a person would: copied out of the finding, pasted into a shell."""
    text = ran.finding("restore.how")["detail"]
    for line in ran.out.splitlines():
        assert "…" not in line, ran
    said = subprocess.run(
        ["sh", "-c", "exec 2>&1; " + text], cwd="/", stdout=subprocess.PIPE,
        env={"PATH": env.PATH, "PGHOST": made.pg.folder, "LANG": "C.UTF-8",
             "PGPORT": str(made.pg.port), "PGUSER": pg.SUPERUSER},
        **pg.as_owner())
    assert said.returncode == 0, (text, said.stdout.decode())


def target(name):
    """Where nothing is yet, below a folder whose name has to be quoted."""
    where = os.path.join(folder, name)
    os.mkdir(where)
    pg.own(where)
    return os.path.join(where, "data")


def case_commands_of_base_backup():
    for name, log in (("plain", True), ("tar", False)):
        to = target("of %s and 'this'; touch mark" % name)
        ran = look(made.path(name), target=to,
                   **({"archive": made.archive} if log else {}))
        beats(ran, to)


def case_commands_of_pgbackrest():
    to = target("of rest")
    beats(look(rest(), target=to), to)


def beats(ran, data):
    """The last command starts a server that has the server's settings: its
    place is taken, so a configuration of its own comes before it."""
    step = ran.finding("restore.how")["detail"]
    assert step.endswith(" -w start"), ran
    steps, start = step.rsplit(" && ", 1)
    ran.finding("restore.how")["detail"] = steps
    commands(ran)
    socket = os.path.dirname(data)
    with open(os.path.join(data, "postgresql.auto.conf"), "a") as f:
        f.write("listen_addresses = ''\narchive_mode = off\n"
                "unix_socket_directories = '%s'\n" %
                socket.replace("'", "''"))
    ran.finding("restore.how")["detail"] = start
    commands(ran)
    try:
        rows = pg.run("psql", "-h", socket, "-p", str(made.pg.port), "-U",
                      pg.SUPERUSER, "-XAtc", "select count(*) from heartbeat")
        assert int(rows) >= 1, ran
    finally:
        pg.run("pg_ctl", "-D", data, "-m", "immediate", "stop")
    assert not os.path.exists(os.path.join(folder, "mark"))


def case_commands_of_dumps():
    for name in ("custom.dump", "packed.sql.gz"):
        commands(look(made.path(name)))
        with made.pg.client(database="restored") as client:
            assert int(client.ask("select count(*) from heartbeat")[0][0]) >= 1
        made.pg.sql("drop database restored")


# ---------------------------------------------------------------- bad ones ---

def bad(name, other, damage):
    path = made.copy(name, other)
    damage(path)
    return path


def case_dump_cut_off():
    for name in ("custom.dump", "text.sql", "packed.sql.gz"):
        path = bad(name, "cut-" + name, backups.truncate)
        must(look(path), "backup:damaged", "restore.damaged", status=20)
    path = bad("directory", "cut-directory", lambda path: backups.truncate(
        max(files(path, "*.gz"), key=os.path.getsize)))
    must(look(path), "backup:damaged", "restore.damaged", status=20)
    empty = made.path("empty.dump")
    pathlib.Path(empty).touch()
    must(look(empty), "backup:damaged", "restore.damaged", status=20)


def case_list_of_a_dump_that_was_cut_off_looks_good():
    """Why pg_restore -l is not what is asked."""
    path = bad("custom.dump", "listed.dump", backups.truncate)
    pg.run("pg_restore", "-l", path)


def case_flipped_byte_in_a_base_backup():
    path = bad("plain", "flipped", lambda path: backups.flip(
        max(files(path + "/base", "[0-9]*"), key=os.path.getsize), 9000))
    must(look(path), "backup:damaged", "restore.damaged", "checksum mismatch",
         status=20)


def case_base_backup_that_did_not_end():
    def unfinished(path):
        os.remove(path + "/global/pg_control")
        os.remove(path + "/backup_manifest")
    must(look(bad("plain", "unfinished", unfinished)), "backup:damaged",
         "restore.damaged", "did not end", status=20)
    path = bad("plain", "no-manifest",
               lambda path: os.remove(path + "/backup_manifest"))
    must(look(path), "backup:unread", "restore.unread", "no backup_manifest")


def case_archives_that_are_damaged():
    base = "base.tar.gz"
    path = bad("tar", "tar-cut",
               lambda path: backups.truncate(os.path.join(path, base)))
    must(look(path), "backup:damaged", "restore.damaged", status=20)
    path = bad("tar", "tar-flipped",
               lambda path: backups.flip(os.path.join(path, base), 99999))
    must(look(path), "backup:damaged", "restore.damaged", status=20)

    def without_a_file(path):
        subprocess.run(["gunzip", os.path.join(path, base)], check=True)
        subprocess.run(["tar", "--delete", "-f", os.path.join(path, "base.tar"),
                        "base/1/PG_VERSION"], check=True)
        pg.own(path)
    must(look(bad("tar", "tar-lacks", without_a_file)), "backup:damaged",
         "restore.damaged", "base/1/PG_VERSION", status=20)


def case_one_before_is_readable():
    where = made.path("several")
    os.mkdir(where)
    backups.copy(made.path("plain"), where + "/monday")
    backups.copy(made.path("custom.dump"), where + "/tuesday.dump")
    backups.copy(made.path("custom.dump"), where + "/wednesday.dump")
    for name, at in (("tuesday", 1e9), ("wednesday", 2e9)):
        os.utime("%s/%s.dump" % (where, name), (at, at))
    backups.truncate(where + "/wednesday.dump")
    pg.own(where)
    ran = must(look(where), "backup:damaged", "restore.damaged", "wednesday",
               "the one before", "monday", status=20)
    assert "monday" in ran.finding("restore.how")["detail"], ran


def case_no_backup_at_all():
    where = made.path("nothing")
    os.mkdir(where)
    must(look(where), "backup:none", "restore.none", status=20)
    must(look("/nonexistent/backups"), "backup:none", "restore.none",
         "is not there", status=20)
    must(look("relative"), "backup:none", "restore.none", status=20)
    # A data directory has the manifest that it was made from, perhaps.
    must(look(made.pg.data), "backup:none", "restore.none", status=20)


# -------------------------------------------------------------- pgbackrest ---

def case_repository_cannot_be_read():
    repo, conf = repository("locked")
    os.chmod(repo, 0)
    must(look(rest(conf)), "backup:repository", "restore.repository",
         "Permission denied", status=20)
    os.chmod(repo, 0o700)
    said = pg.run("pgbackrest", "--config=" + made.write_conf("/nonexistent",
                  repo + ".2.conf"), "--stanza=" + backups.STANZA, "info")
    assert "error" in said  # and yet its exit status was 0
    must(look(rest(repo + ".2.conf")), "backup:repository",
         "restore.repository", "missing stanza path", status=20)
    must(look(rest("/nonexistent.conf")), "backup:repository",
         "restore.repository", "unable to open", status=20)


def case_repository_without_a_backup():
    repo = os.path.join(folder, "bare")
    os.mkdir(repo)
    pg.own(repo)
    conf = made.write_conf(repo, repo + ".conf")
    pg.run("pgbackrest", "--config=" + conf, "--stanza=" + backups.STANZA,
           "stanza-create")
    must(look(rest(conf)), "backup:none", "restore.none", status=20)


def case_flipped_byte_in_a_repository():
    repo, conf = repository("flipped-repo")
    backups.flip(max(files(repo + "/backup", "*.gz"), key=os.path.getsize), 99)
    must(look(rest(conf)), "backup:damaged", "restore.damaged",
         "pgbackrest verify", status=20)


# --------------------------------------------------------- gaps, age, room ---

def case_gap_in_the_repository():
    repo, conf = repository("gap")
    segments = files(repo + "/archive", "*.gz")
    os.remove(segments[-2])
    must(look(rest(conf)), "backup:gap", "restore.gap",
         segments[-2].name[:24])
    # In the middle of the backup itself.
    first = re.search("[0-9A-F]{24}", str(look(rest()).finding("restore.log")))
    os.remove(next(s for s in segments if s.name.startswith(first[0])))
    must(look(rest(conf)), "backup:gap", "restore.gap", first[0],
         "Not even what the backup itself needs")


def case_gap_in_a_folder():
    where = backups.copy(made.archive, os.path.join(folder, "gap-archive"))
    names = sorted(n for n in os.listdir(where) if len(n) == 24)
    os.remove(os.path.join(where, names[-2]))
    must(look(made.path("plain"), archive=where), "backup:gap", "restore.gap",
         names[-2], "It reaches " + names[-3])
    must(look(made.path("tar"), archive=where), "backup:gap", "restore.gap")


def case_too_old():
    must(look(made.path("plain"), rpo="0s"), "backup:old", "restore.old",
         "may be lost")
    must(look(made.path("plain"), rpo="3650d"), "backup:good", "restore.age")


def case_no_room():
    if not pg.is_root():
        print("not root, so no small volume: skipped")
        return
    where = os.path.join(folder, "small")
    os.mkdir(where)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", where],
                   check=True)
    try:
        must(look(made.path("plain"), target=where + "/a/b"), "no_space",
             "restore.no_space", "are free")
    finally:
        subprocess.run(["umount", where], check=True)


def case_no_time():
    must(look(made.path("plain"), limit="0"), "backup:unread",
         "restore.unread", "within 0 s").finding("restore.newest")
    must(look(made.path("plain"), None, {"RELEVO_DEADLINE": "1000"}), None,
         "restore.no_time")


# ----------------------------------------------------------------- hostile ---

def case_wrong_parameters():
    ran = env.run(SCRIPT, {}, {})
    assert ran.status == 78 and ran.finding("restore.params"), ran
    for name, value in (("rpo", "soon"), ("rpo", ""), ("target", "x"),
                        ("limit", "-1"), ("limit", "1; id"),
                        ("target", "/a$(id)"), ("target", '/"')):
        ran = look(made.path("plain"), **{name: value})
        if value:
            assert ran.status == 78 and ran.finding("restore.params"), ran
    for document in (b"", b"{", b"\xff"):
        ran = env.run(SCRIPT, document, {"backup": made.path("plain")})
        assert ran.status == 78, ran


def case_traps_stay_text():
    where = made.path("traps")
    os.mkdir(where)
    mark = os.path.join(where, "mark")
    traps = [t for t in env.shell_traps(mark) if "\0" not in t]
    for i, trap in enumerate(traps):  # as names of dumps, all at once
        name = trap.replace("/", ":").encode("utf-8", "surrogatepass")
        with open(os.fsencode(where) + b"/%d" % i + name + b".dump", "w"):
            pass
    pg.own(where)
    ran = look(where)
    assert ran.status == 20, ran
    for trap in traps[SEED % 3::3]:
        text = trap.encode("utf-8", "replace").decode()
        ran = look(text, archive=text, target="/" + text, scratch=text,
                   ssh=text)
        assert ran.status in (0, 20, 78), ran
    assert not os.path.exists(mark)


def case_naughty_strings_stay_text():
    strings = [s for s in env.naughty_strings() if s and "\0" not in s]
    step = len(strings) // 5
    for text in strings[SEED % step::step]:
        ran = look("/" + text, target="/" + text)
        assert ran.status in (20, 78), ran
        ran = look("pgbackrest:" + text)
        assert ran.status == 20, ran


def main():
    global made, runbooks, folder, SEED
    if backups.lacks_programs():
        return 77
    SEED = int(os.environ.get("RELEVO_SEED") or os.getpid())
    print("seed %d" % SEED)
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        runbooks = pathlib.Path(shutil.copytree(
            env.RUNBOOKS, os.path.join(folder, "runbooks")))
        with backups.Backups(folder) as made:
            prepare()
            return cases.run(globals(), sys.argv[1:], at_once=4)


def prepare():
    made.beat()
    made.pg.sql("create table filling as select n, md5(n::text) from "
                "generate_series(1, 9999) n")
    made.pgbackrest()
    made.base("plain")
    made.tar("tar")
    made.dump("custom.dump")
    made.dump("directory", "-Fd")
    made.dump("text.sql", "-Fp")
    made.dump("packed.sql.gz", "-Fp", "-Z1")
    made.switch(4)


if __name__ == "__main__":
    sys.exit(main())
