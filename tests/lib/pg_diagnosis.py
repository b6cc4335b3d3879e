"""What the tests of runbooks/postgres/diagnose share: its context, looks at a
server that must come to the same each time, what a finding must say, and things
that a server or its user may do to it. Used by
tests/plugin/runbook_postgres_diagnose*.py."""

import json
import os
import sys
import tempfile

import cases
import pg as postgres
import runbook_env as env

SCRIPT = "postgres/diagnose"
PASSWORD = "correct-horse-battery"


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
         settings=None, still=False, twice=False, good=None, **more):
    """twice: both times it comes to the same. still: nothing of the server's
    is running; that, too, and not a byte in its folder is other than before.
    good: observations of the last good result."""
    params = {"data-dir": server.data, "log": server.folder + "/log",
              **(params or {})}
    before = whole(server.folder) if still else None
    made = document(url or server.url(), code, fault, settings)
    if good:
        made["last_good"] = {"at": "2026-01-02T03:04:05.678Z",
                             "observations": good}
    told = None
    for _ in range(2 if twice or still else 1):
        ran = env.run(SCRIPT, made, params=params, **more)
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


# ----------------------------------------------------------------- hostile ---

def error_response(text, state=b"28P01"):
    body = (b"SFATAL\0VFATAL\0C" + state + b"\0M"
            + text.encode("utf-8", "replace").replace(b"\0", b"") + b"\0\0")
    return b"E" + (len(body) + 4).to_bytes(4, "big") + body


def clean(ran):
    """Nothing of it moves a terminal's cursor or turns text round."""
    for text in [*ran.raw, *ran.out.split("\n"), *ran.err.split("\n")]:
        bad = [c for c in text if ord(c) < 32 and c != "\t" or c in "\x7f\u202e"]
        assert not bad, (bad, text)


# ---------------------------------------------------------------- programs ---

def without(folder, *names):
    """A PATH with the machine's programs, but not these."""
    bare = tempfile.mkdtemp(dir=folder)
    for place in ("/usr/bin", "/bin", "/usr/sbin"):
        for name in os.listdir(place):
            if name not in names and not os.path.lexists(bare + "/" + name):
                os.symlink(place + "/" + name, bare + "/" + name)
    return bare


def main(names):
    """Runs the cases of a script, which has a variable for their folder."""
    env.need("psql", "jq", "curl", "getent", "ss")
    if not postgres.find():
        print("skipped: postgres is not installed")
        return env.SKIP
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        names["folder"] = folder
        return cases.run(names, sys.argv[1:], at_once=4)
