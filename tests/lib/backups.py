"""Backups of a real PostgreSQL, of each kind, in a folder of its own.

    made = Backups(folder)        a server that archives its log twice: for
                                  pgbackrest, and as a folder of segments
    made.base("name"), made.tar("name"), made.dump("name"), made.pgbackrest()
    made.switch(3)                three more segments are archived
    made.copy("name", "other")    to be damaged

made.folder holds them, made.conf is the configuration of pgbackrest, made.pg
the server. All of it belongs to the user of the server, who runs what it needs.
"""
import contextlib
import os
import pathlib
import shutil
import subprocess
import time

import pg

STANZA = "demo"
CONF = """[global]
repo1-path=%(repo)s
log-path=%(folder)s/log
lock-path=%(folder)s/lock
log-level-file=off
log-level-console=warn
start-fast=y
compress-type=gz
compress-level=1
archive-timeout=60
[%(stanza)s]
pg1-path=%(data)s
pg1-port=%(port)d
pg1-socket-path=%(socket)s
"""


class Backups(contextlib.ExitStack):
    def __init__(self, folder):
        super().__init__()
        self.folder = os.path.join(folder, "backups")
        self.archive = os.path.join(folder, "archive")
        self.repo = os.path.join(folder, "repo")
        self.conf = os.path.join(self.folder, "pgbackrest.conf")
        for path in (self.folder, self.archive, self.repo):
            os.mkdir(path)
            pg.own(path)
        self.pg = self.enter_context(pg.Postgres(
            folder, "archive_mode = on", "max_logical_replication_workers = 0",
            "archive_command = 'cp %%p %s/%%f && pgbackrest --config=%s "
            "--stanza=%s archive-push %%p'" % (self.archive, self.conf,
                                               STANZA)))
        self.pg.sql("create table heartbeat (at timestamptz)")
        self.write_conf(self.repo)
        self.rest("stanza-create")

    def write_conf(self, repo, conf=None):
        conf = conf or self.conf
        pathlib.Path(conf).write_text(CONF % {
            "repo": repo, "folder": self.folder, "stanza": STANZA,
            "data": self.pg.data, "port": self.pg.port,
            "socket": self.pg.folder})
        pg.own(conf)
        return conf

    def path(self, name):
        return os.path.join(self.folder, name)

    def beat(self):
        self.pg.sql("insert into heartbeat values (clock_timestamp())")

    def rest(self, *words):
        pg.run("pgbackrest", "--config=" + self.conf, "--stanza=" + STANZA,
               *words)

    def pgbackrest(self):
        self.rest("backup", "--type=full")

    def _base(self, name, *more):
        pg.run("pg_basebackup", "-h", self.pg.folder, "-p", str(self.pg.port),
               "-U", pg.SUPERUSER, "-D", self.path(name), "-c", "fast",
               "--no-sync", *more)
        return self.path(name)

    def base(self, name, *more):
        return self._base(name, "-X", "stream", *more)

    def tar(self, name, *more):
        return self._base(name, "-X", "stream", "-Ft", "-z", *more)

    def dump(self, name, *more):
        pg.run("pg_dump", "-h", self.pg.folder, "-p", str(self.pg.port), "-U",
               pg.SUPERUSER, "-f", self.path(name), *(more or ("-Fc",)),
               pg.SUPERUSER)
        return self.path(name)

    def switch(self, times=1):
        """Ends a segment; waits until it is archived."""
        for _ in range(times):
            self.beat()
            name = self.pg.sql("select pg_walfile_name(pg_switch_wal())")[0][0]
            end = time.monotonic() + 60
            while self.pg.sql("select last_archived_wal >= '%s' from "
                              "pg_stat_archiver" % name)[0][0] != "t":
                if time.monotonic() > end:
                    raise AssertionError(self.pg.log()[-2000:])
                time.sleep(0.03)
        return name

    def copy(self, name, other):
        return copy(self.path(name), self.path(other))


def copy(source, target):
    subprocess.run(["cp", "-a", source, target], check=True)
    return target


def flip(path, at):
    """Turns the bits of one byte round."""
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)
        f.seek(at)
        f.write(bytes([byte[0] ^ 0xff]))


def truncate(path, part=0.7):
    os.truncate(path, int(os.path.getsize(path) * part))


def snapshot(*paths):
    """What is there, to be compared: names, sizes, dates, where links lead."""
    seen = {}
    for path in paths:
        for where, folders, files in os.walk(path):
            for name in folders + files:
                at = os.path.join(where, name)
                st = os.lstat(at)
                seen[at] = (st.st_size, st.st_mtime_ns, st.st_mode,
                            os.readlink(at) if os.path.islink(at) else "")
    return seen


def lacks_programs():
    """Which are missing; says so."""
    missing = [p for p in ("pgbackrest", "jq") if not shutil.which(p)]
    missing += [p for p in ("postgres", "pg_verifybackup", "pg_amcheck")
                if not pg.find(p)]
    if missing:
        print("no %s: skipped" % ", ".join(missing))
    return bool(missing)
