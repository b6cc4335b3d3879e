"""How soon an incident on a real PostgreSQL names its cause: from the end of
the first failing result to the end of the diagnosis whose verdict stands in the
incident. Every branch of runbooks/postgres/diagnose that needs no waiting: one
for a server that hangs waits by its nature.

The server is broken before the watch begins, so that the first result fails.
"""
import contextlib
import json
import os
import subprocess
import sys
from datetime import datetime

from conditions import settle
from figures import figure, say
from measure import PROGRAM, Relevo, folder, until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import peer  # noqa: E402
import pg  # noqa: E402
from pg_diagnosis import PASSWORD, backup_of  # noqa: E402
from probe import literal  # noqa: E402

SCRAM = ["host all all all scram-sha-256"]
ROOTS_OWN = ("disk_full",)  # only root may mount a volume


# ---------------------------------------------------------------- branches ---
# Each yields the server, settings of the check and parameters of the runbook;
# its name is the verdict, with what tells it from another of the same.

@contextlib.contextmanager
def crashed(place):
    with pg.Postgres(place) as server:
        server.kill()
        yield server, {}, {}


@contextlib.contextmanager
def crashed_with_backup(place):
    with pg.Postgres(place) as server:
        where = backup_of(server)
        server.kill()
        yield server, {}, {"backup": where}


@contextlib.contextmanager
def stopped(place):
    with pg.Postgres(place) as server:
        server.stop()
        yield server, {}, {}


@contextlib.contextmanager
def cannot_start(place):
    with pg.Postgres(place) as server:
        server.stop()
        os.chmod(server.data, 0o755)
        server.spawn()
        server.process.wait(60)
        yield server, {}, {}


@contextlib.contextmanager
def no_data(place):
    with pg.Postgres(place) as server:
        server.stop()
        os.rename(server.data, server.data + ".away")
        yield server, {}, {}


@contextlib.contextmanager
def wrong_port(place):
    with pg.Postgres(place) as server:
        yield server, {"url": pg.url(peer.closed_port())}, {}


@contextlib.contextmanager
def not_running(place):
    with pg.Postgres(place) as server:
        yield server, {"url": pg.url(peer.closed_port())}, {
            "data-dir": "", "log": ""}


@contextlib.contextmanager
def corruption(place):
    with pg.Postgres(place) as server:
        server.stop()
        with open(server.data + "/global/pg_control", "r+b") as f:
            f.seek(40)
            f.write(b"\xff" * 8)
        server.spawn()
        server.process.wait(60)
        yield server, {}, {}


@contextlib.contextmanager
def corruption_of_a_table(place):
    with pg.Postgres(place) as server:
        server.sql("create table t as select generate_series(1, 10000) as x",
                   "checkpoint")
        path = server.sql("select pg_relation_filepath('t')")[0][0]
        server.stop()
        with open(os.path.join(server.data, path), "r+b") as f:
            f.seek(8192 + 4000)
            f.write(b"\xff" * 8)
        server.again()
        yield server, {"query": "select sum(x) from t"}, {}


@contextlib.contextmanager
def disk_full(place):
    with pg.Postgres(place, volume="64m") as server:
        server.exhaust()
        server.stop("immediate")
        server.fill()
        server.spawn()
        server.process.wait(60)
        yield server, {}, {}


@contextlib.contextmanager
def starting(place):
    with pg.Postgres(place) as server:
        server.stop()
        server.recover()
        yield server, {}, {}


@contextlib.contextmanager
def credentials(place):
    with pg.Postgres(place, hba=SCRAM) as server:
        server.sql("create role mon login password '%s'" % PASSWORD)
        yield server, {"url": server.url("mon"), "password": "guessed"}, {}


@contextlib.contextmanager
def no_database(place):
    with pg.Postgres(place) as server:
        yield server, {"url": server.url(database="nothing")}, {}


@contextlib.contextmanager
def too_many_connections(place):
    with pg.Postgres(place, "max_connections = 5", "max_wal_senders = 0",
                     "superuser_reserved_connections = 1") as server, \
            contextlib.ExitStack() as held:
        server.sql("create role app login", "create role mon login")
        for _ in range(4):
            held.enter_context(server.client(user="app"))
        yield server, {"url": server.url("mon")}, {}


@contextlib.contextmanager
def readonly(place):
    with pg.Postgres(place) as primary, primary.standby() as server:
        yield server, {"url": server.url() +
                       "?target_session_attrs=read-write"}, {}


# Branch: how it comes about, the verdict.
BRANCHES = {
    "crashed": (crashed, "crashed"),
    "crashed, a backup read": (crashed_with_backup, "crashed"),
    "stopped": (stopped, "stopped"),
    "cannot start": (cannot_start, "cannot_start"),
    "no data folder": (no_data, "no_data"),
    "wrong port": (wrong_port, "wrong_port"),
    "only an address": (not_running, "not_running"),
    "control file damaged": (corruption, "corruption"),
    "table damaged": (corruption_of_a_table, "corruption"),
    "disk full": (disk_full, "disk_full"),
    "starting": (starting, "starting"),
    "wrong password": (credentials, "credentials"),
    "no such database": (no_database, "no_database"),
    "too many connections": (too_many_connections, "overloaded:connections"),
    "a standby": (readonly, "readonly"),
}


# ------------------------------------------------------------- measurement ---

def config(server, settings, params):
    check = {"url": server.url(), "interval": "1s", "timeout": "5s",
             "failure_threshold": 1, **settings}
    params = {"data-dir": server.data, "log": server.folder + "/log", **params}
    if "password" in settings:
        params["password"] = settings["password"]
    return ("automation = \"diagnose\";\nchecks = { db = %s; };\n"
            "runbooks = { diagnose = { script = \"postgres/diagnose\"; "
            "match = { check = \"db\"; }; params = %s; }; };\n"
            % (literal(check), literal(params)))


def ask(relevo, *words):
    done = subprocess.run([PROGRAM, "-c", relevo.config, *words, "--json"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          stdin=subprocess.DEVNULL)
    return json.loads(done.stdout or "null")


def seconds(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def verdict_in_incident(relevo):
    """The first diagnosis of the incident, once it has its verdict."""
    incident = ask(relevo, "incident", "show") or {}
    runs = [run for run in incident.get("runs", []) if run["ended"]]
    return runs[0] if runs else None


def once(place, branch, wanted):
    with branch(place) as (server, settings, params):
        relevo = Relevo(place, config(server, settings, params))
        relevo.forget()
        relevo.start()
        try:
            relevo.watching()
            until("the verdict " + wanted, lambda: verdict_in_incident(relevo), 30, 0.1)
            run = verdict_in_incident(relevo)
            first = [r for r in ask(relevo, "history", "db")
                     if r["outcome"] == "fail"][-1]
        finally:
            relevo.stop()
    told = [f["class"] for f in run["findings"] if f["t"] == "verdict"]
    if told != [wanted]:
        raise SystemExit("%s and not %s: %s" % (told, wanted, run))
    return seconds(run["ended"]) - seconds(first["at"]) - \
        first["duration_ms"] / 1e3


def diagnosis(rounds):
    took = {name: [] for name, (_, verdict) in BRANCHES.items()
            if verdict not in ROOTS_OWN or pg.is_root()}
    for name in set(BRANCHES) - set(took):
        say("%s: left out, only root may mount a volume" % name)
    for _ in range(rounds):
        settle()
        for name, values in took.items():
            with folder() as place:
                values.append(once(place, *BRANCHES[name]))
    for name, values in took.items():
        figure("diagnosis." + name.replace(", ", ".").replace(" ", "_"),
               values, "s")
    figure("diagnosis.slowest", [max(of) for of in zip(*took.values())])
