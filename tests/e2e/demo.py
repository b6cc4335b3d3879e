#!/usr/bin/python3
"""The demonstration: the founding outage on real servers, in a minute, without
hands, three outages of a real-time path that look alike from outside, and three
of a PostgreSQL that is watched by itself. `./dev demo` runs it; among the tests
it is e2e.demo.

A production with an API behind nginx, its PostgreSQL and its Redis, a gateway
that subscribes to another Redis, a shop's API over a PostgreSQL of its own, and a
staging like it, without the gateway and the shop. Each step prints the command
that a person would type and what it really printed, and holds that against what
was promised. Exit status 0 only if every step was as told."""
import http.server
import json
import os
import re
import signal
import sys
import tempfile
import textwrap
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import founding  # noqa: E402
from realtime import RealTime  # noqa: E402
from shop import Shop  # noqa: E402
from watch import Watch, until  # noqa: E402

CONFIG = """
environments = {
  staging    = { vars = { base = "%(staging)s"; token = { env = "STG_API_TOKEN"; }; }; };
  production = { vars = { base = "%(production)s"; }; };
};
defaults  = { interval = "2s"; http = { timeout = "1s"; }; };
templates = {
  page  = { schedule = "manual"; environments = ["staging"]; };
  login = { headers = { Authorization = "Bearer ${token}"; }; };
  quick = { environments = ["production"]; failure_threshold = 2; success_threshold = 1; retry_interval = "500ms"; };
};
checks = {
  api   = { url = "${base}/health/ready"; depends_on = ["db", "redis"];
            record = { db = "json('.db')"; redis = "json('.redis')"; };
            expect = ["status == 200", "db == 'ok'", "redis == 'ok'"]; };
  db    = { of = "api"; expect = ["db == 'ok'"]; title = "PostgreSQL"; owner = "the database's people"; };
  redis = { of = "api"; expect = ["redis == 'ok'"]; };

  docs    = { use = ["page"]; url = "${base}/docs"; expect = ["body contains 'How to'"]; };
  old     = { use = ["page"]; url = "${base}/old"; };
  robots  = { use = ["page"]; url = "${base}/robots.txt"; };
  style   = { use = ["page"]; url = "${base}/style.css"; };
  gone    = { use = ["page"]; url = "${base}/gone"; expect = ["status == 404"]; };
  version = { use = ["page"]; url = "${base}/api/v1/version"; expect = ["json('.version') ~ /^2[.]/"]; };
  locked  = { use = ["page"]; url = "${base}/api/v1/tasks"; expect = ["status == 401"]; };
  queue   = { use = ["page"]; url = "${base}/api/v1/queue"; severity = "minor";
              expect = ["json('.waiting') < 10"]; };
%(locked)s
%(realtime)s
%(shop)s
};
runbooks = {
  diagnose   = { script = "http/diagnose"; match = { plugin = "http"; }; };
  redis      = { script = "redis/diagnose"; match = { plugin = "redis"; }; };
  websocket  = { script = "websocket/diagnose"; match = { plugin = "websocket"; }; };
%(diagnose_shop)s
  pg-restart = { script = "service/restart"; match = { check = "db"; when = "db contains '111'"; };
                 environments = ["production"]; params = { service = "postgresql@15-main"; }; };
  oncall     = { script = "notify/webhook"; on = ["down", "recovered"];
                 params = { url = { env = "ONCALL_URL"; }; format = "json"; }; };
};
"""
PLAIN = {"NO_COLOR": "1", "LC_ALL": "C.UTF-8", "TZ": "UTC", "COLUMNS": "110"}
LOCKED = ("tasks", "users", "projects", "reports", "profile", "audit")


class Untold(Exception):
    """A step was not as told."""


class Alarm:
    """Whoever is on call: takes notices as a chat does."""

    def __init__(self):
        self.notices = []
        alarm = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers.get("Content-Length", 0))
                body = json.loads(self.rfile.read(length))
                alarm.notices.append((time.time(), body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d/" % self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever)

    def of(self, event):
        return [body for _, body in self.notices if body["event"] == event]

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Stage:
    """Tells the story: titles, commands, their output, and whether it was so."""

    def __init__(self, watch):
        self.watch = watch
        self.began = time.monotonic()
        self.steps = 0
        self.left_out = 0

    def step(self, title):
        self.steps += 1
        print("\n[%4.1f s] %d. %s" % (time.monotonic() - self.began, self.steps,
                                      title), flush=True)

    def leave_out(self, why):
        self.left_out += 1
        print("  (left out: %s)" % why, flush=True)

    def typed(self, line):
        print("$ " + line)

    def shown(self, text):
        print(textwrap.indent(text.rstrip("\n"), "  "), flush=True)

    def relevo(self, *argv, lines=None, part=None, code=None):
        """Runs it and shows what it printed: all of it, the first lines, and
        the paragraph that begins with a word."""
        self.typed("relevo " + " ".join(
            '"%s"' % a if " " in a else a for a in argv))
        status, out, err = self.watch.run(*argv, check=False)
        shown = (out + err).split("\n")[:lines]
        if part is not None:
            shown += ["…"] + [p for p in out.split("\n\n") if p.startswith(part)]
        self.shown("\n".join(shown))
        if code is not None:
            self.told(status == code, "exit status %d" % code, status)
        return out

    def told(self, holds, what, seen=""):
        if not holds:
            raise Untold("not as told: %s; seen: %s" % (what, seen))


class World:
    """What the story happens to: production's servers, whoever is on call."""

    def __init__(self, production, alarm, way, shop):
        self.database = production.database
        self.alarm = alarm
        self.way = way
        self.shop = shop


# -------------------------------------------------------------- the story ---

def all_is_well(stage, world):
    stage.step("All is well")
    for name in ("staging/api", "production/api", "production/db"):
        stage.watch.wait_state(name, "up")
    out = stage.relevo("status", "--matrix", "api", "db", "redis", code=0)
    stage.told(re.search(r"(?m)^db +up +up$", out), "both databases are up", out)


def the_database_dies(stage, world):
    stage.step("Production's PostgreSQL is killed")
    stage.typed("kill -9 %d" % world.database.process.pid)
    world.database.kill()
    until("a failing result",
          lambda: any(r["outcome"] == "fail"
                      for r in stage.watch.history("production/db", 1)))
    stage.step("The first failing result: it is not the API, it is its database")
    out = stage.relevo("history", "production/db", "-n", "1", lines=2)
    stage.told("111" in out, "the database refuses connections (errno 111)", out)


def the_alarm_knows_the_cause(stage, world):
    stage.step("The diagnosis comes before the alarm")
    until("the alarm", lambda: world.alarm.of("down"))
    notice = world.alarm.of("down")[0]
    print("  (what the person on call gets)")
    stage.shown(notice["text"])
    incident = stage.watch.json("incident", "show")
    events = [e["event"] for e in incident["timeline"]]
    stage.told(events.index("diagnosis") < events.index("down"),
               "diagnosis before down", events)
    stage.told("Connection refused" in (notice["diagnosis"] or {}).get("title", ""),
               "the alarm names the cause", notice)


def one_incident(stage, world):
    stage.step("One incident, on the database; the API is its impact")
    stage.watch.wait_state("production/api", "impacted")
    stage.relevo("status", "--matrix", "api", "db", "redis", code=1)
    stage.relevo("incident", "list")
    out = stage.relevo("incident", "show", lines=14, part="Timeline")
    incidents = stage.watch.incidents()
    stage.told([i["check"] for i in incidents] == ["production/db"],
               "one incident, on production/db", incidents)
    shown = stage.watch.json("incident", "show")
    stage.told("production/api" in json.dumps(shown["impact"]),
               "the API is listed as impact", shown["impact"])
    stage.told(len(world.alarm.of("down")) == 1, "one alarm", world.alarm.notices)
    stage.told("database" in out, "the incident says why", out)


def would_have_run(stage, world):
    stage.step("What Relevo would have done, had it been allowed to")
    out = stage.relevo("runbook", "log", "-n", "5")
    stage.told(re.search(r"pg-restart.*would have run", out),
               "pg-restart would have run", out)


def it_heals(stage, world):
    stage.step("The database comes back")
    stage.typed(" ".join(world.database.command()[:3]) + " … &")
    world.database.start()
    until("the all-clear", lambda: world.alarm.of("recovered"))
    stage.watch.wait_state("production/api", "up")
    out = stage.relevo("incident", "show", lines=1)
    print("  (and the person on call gets)")
    stage.shown(world.alarm.of("recovered")[0]["text"])
    stage.told(re.search(r"was down for \d+\.\d ?s", out), "how long it was down", out)


def the_gate(stage, world):
    stage.step("The same checks gate staging")
    out = stage.relevo("test", "--env", "staging", "--min-pass", "90%", code=0)
    stage.told("10 of 11 passed (90.9 %), 1 minor failure, 6 skipped" in out,
               "90.9 %", out)


def relevo_itself_dies(stage, world):
    stage.step("The database dies again, and in the middle of it Relevo itself")
    world.database.kill()
    until("the second alarm", lambda: len(world.alarm.of("down")) == 2)
    before = stage.watch.json("incident", "show")
    stage.typed("kill -9 %d    # relevo" % stage.watch.process.pid)
    stage.watch.kill()
    stage.watch.start()
    stage.typed("relevo run &")
    stage.watch.wait_state("production/db", "down")
    after = stage.watch.json("incident", "show")
    stage.relevo("incident", "list")
    stage.told(after["id"] == before["id"] and after["began"] == before["began"],
               "the same incident", after)
    world.database.start()
    until("the second all-clear", lambda: len(world.alarm.of("recovered")) == 2)
    nothing_is_doubled(stage, world)


def nothing_is_doubled(stage, world):
    out = stage.relevo("incident", "show", lines=4)
    stage.told("was down on and off for" in out, "its time is told as it was", out)
    stage.told(len(stage.watch.incidents()) == 1, "no second incident",
               stage.watch.incidents())
    events = [body["event"] for _, body in world.alarm.notices]
    stage.told(events == ["down", "recovered"] * 2, "every notice once", events)
    keys = {body["dedup_key"] for _, body in world.alarm.notices}
    stage.told(len(keys) == 1, "one key for all of them", keys)
    until("every notice to have run once",
          lambda: len([r for r in stage.watch.json("runbook", "log")
                       if r["kind"] == "notify" and r["state"] == "ended"]) == 4)


def the_journey(stage, world):
    stage.step("Real time: the way of a message, from Redis to a client")
    out = stage.relevo("check", "production/live", lines=3, code=0)
    stage.told(re.search("phases .*subscribe.*publish.*deliver", out),
               "its phases", out)


def diagnoses(incident):
    return [r for r in incident["runs"]
            if r["kind"] == "diagnose" and r["state"] == "ended"]


def outage_of(stage, check, fault, code, diagnosed=1):
    """The incident of that check, which is open now."""
    incident = stage.watch.wait_incident(
        "an incident of %s with its diagnosis" % check,
        lambda i: i["check"] == check and i["state"] != "resolved" and
        len(diagnoses(i)) >= diagnosed)
    out = stage.relevo("incident", "show", lines=5, part="Found by")
    last = incident.get("latest", incident["result"])
    print("  …")
    stage.shown("  phases: " + ", ".join(
        "%s %g ms" % (name[:-3], ms) for name, ms in last["phases"].items()))
    stage.told((incident["fault"], incident["code"]) == (fault, code),
               "%s %s" % (fault, code), out)
    found = [f for r in diagnoses(incident)[-1:] for f in r["findings"]
             if f["t"] == "finding"]
    stage.told(found, "what the diagnosis found", out)
    return found


def nothing_arrives(stage, world):
    stage.step("The gateway loses its subscription: all parts are green, and nothing arrives")
    stage.typed("kill -USR1 %d    # the gateway" % world.way.gateway.process.pid)
    world.way.gateway.lose_subscription()
    outage_of(stage, "production/live", "timeout", "deliver")
    stage.relevo("status", "--matrix", "cache", "gateway", "live", code=1)
    world.way.gateway.subscribe_again()
    stage.watch.wait_state("production/live", "up")


def redis_hangs(stage, world):
    stage.step("Redis hangs: its port takes connections, nobody answers")
    stage.typed("kill -STOP %d    # redis-server" % world.way.redis.process.pid)
    world.way.redis.pause()
    outage_of(stage, "production/cache", "timeout", "PING")
    stage.watch.wait_state("production/live", "impacted")
    world.way.redis.go_on()
    stage.watch.wait_state("production/cache", "up")
    stage.watch.wait_state("production/live", "up")


def redis_is_killed(stage, world):
    stage.step("Redis is killed: its port refuses")
    stage.typed("kill -9 %d" % world.way.redis.process.pid)
    world.way.redis.kill()
    outage_of(stage, "production/cache", "refused", "ECONNREFUSED",
              diagnosed=2)
    world.way.redis.start()
    stage.watch.wait_state("production/cache", "up")
    stage.watch.wait_state("production/live", "up")


def shop_outage(stage, nth, fault, code, title):
    """The nth outage of the shop's database, and the finding with that title."""
    found = outage_of(stage, "production/shop-db", fault, code, diagnosed=nth)
    told = [f for f in found if re.search(title, f["title"])]
    stage.told(told, title, found)
    return told[0]


def shop_is_well(stage):
    for name in ("production/shop-db", "production/shop"):
        stage.watch.wait_state(name, "up")


def the_shops_database_is_killed(stage, world):
    stage.step("The shop's PostgreSQL, which is watched itself, is killed: may it be restarted?")
    shop_is_well(stage)
    stage.typed("kill -9 %d    # its postmaster" % world.shop.database.process.pid)
    world.shop.database.kill()
    found = shop_outage(stage, 1, "refused", "ECONNREFUSED",
                        r"^crashed, disk fine .*, newest backup .* old and "
                        "readable, restart is safe: .*pg_ctl -D .* start$")
    stage.told("pg_ctl -D " + world.shop.database.data in found["next"],
               "the command that starts it", found)
    stage.watch.wait_state("production/shop", "impacted")
    world.shop.database.again()
    shop_is_well(stage)


def the_monitors_password_is_wrong(stage, world):
    stage.step("Somebody changes the monitor's password: the shop is well, the monitor is not")
    database = world.shop.database
    before = database.process.pid
    stage.typed("psql -c \"alter role relevo password '…'\"")
    world.shop.change_password("another")
    found = shop_outage(stage, 2, "auth", "28P01",
                        "the monitor's own credential is the suspect")
    stage.told("Nothing was touched" in found["detail"], "nothing touched", found)
    stage.relevo("status", "--matrix", "shop", "shop-db", code=1)
    stage.told(database.process.poll() is None and database.pids()[0] == before,
               "the database goes on as it was")
    stage.told(stage.watch.check("production/shop")["state"] == "up",
               "the shop goes on, too")
    world.shop.change_password(world.shop.environ()["SHOP_DB_PASSWORD"])
    shop_is_well(stage)


def its_disk_is_full(stage, world):
    stage.step("The shop's PostgreSQL refuses again; this time its volume is full")
    if not world.shop.database.volume:
        stage.leave_out("only root, where a volume may be mounted, can give it "
                        "a small one")
        return
    stage.typed("fallocate -l … %s" % world.shop.database.filler())
    world.shop.fill_up()
    found = shop_outage(stage, 3, "refused", "ECONNREFUSED",
                        "^disk full: do not restart$")
    stage.told("restart is safe" not in json.dumps(found), "no restart", found)
    world.shop.make_room()
    world.shop.database.again()
    shop_is_well(stage)


STORY = (all_is_well, the_database_dies, the_alarm_knows_the_cause, one_incident,
         would_have_run, it_heals, the_gate, relevo_itself_dies, the_journey,
         nothing_arrives, redis_hangs, redis_is_killed,
         the_shops_database_is_killed, the_monitors_password_is_wrong,
         its_disk_is_full)


def locked():
    """Six checks that want a token which nobody gave."""
    return "\n".join(
        '  %-9s = { use = ["page", "login"]; url = "${base}/api/v1/%s"; };'
        % (name, name) for name in LOCKED)


def play(folder):
    with Alarm() as alarm, founding.Founding() as production, \
            founding.Founding() as staging, RealTime() as way, \
            Shop(folder) as shop:
        config = CONFIG % {"production": production.base,
                           "staging": staging.base, "locked": locked(),
                           "realtime": way.checks('use = ["quick"]; '),
                           "shop": shop.checks('use = ["quick"]; '),
                           "diagnose_shop": shop.runbook()}
        environ = PLAIN | shop.environ() | {"ONCALL_URL": alarm.url}
        with Watch(folder, config, env=environ) as watch:
            stage = Stage(watch)
            for tell in STORY:
                tell(stage, World(production, alarm, way, shop))
            print("\n%d steps, each as told%s, in %.0f s." % (
                stage.steps - stage.left_out,
                ", %d left out" % stage.left_out if stage.left_out else "",
                time.monotonic() - stage.began))


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if founding.Founding.missing():
        print("skipped: not installed: " + founding.Founding.missing())
        return 77
    with tempfile.TemporaryDirectory(prefix="relevo-demo-") as folder:
        os.chmod(folder, 0o755)  # the servers are others than root
        try:
            play(folder)
        except (Untold, AssertionError) as e:
            print("\n%s" % e, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
