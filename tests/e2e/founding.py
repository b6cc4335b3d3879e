#!/usr/bin/python3
"""The case that Relevo was made for, on real servers: an API behind nginx whose
health answer says how its PostgreSQL and its Redis are. The database's process
is killed. One incident, on the database, with the API as its impact; the
database's diagnosis runs and the API's does not; one notice that it is down and
one that it is back. Then the same with a database that is watched by itself."""
import datetime
import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import runbook_env  # noqa: E402
from founding import Founding as Servers  # noqa: E402
from watch import Watch, until  # noqa: E402

CONFIG = """
environments = {
  production = { vars = { base = "%(base)s"; }; };
};
defaults = { interval = "300ms"; retry_interval = "100ms"; timeout = "5s"; };
checks = {
  api   = { url = "${base}/health/ready"; depends_on = ["db", "redis"]; tags = ["smoke"];
            record = { db = "json('.db')"; redis = "json('.redis')"; };
            expect = ["status == 200", "db == 'ok'", "redis == 'ok'"]; };
  db    = { of = "api"; expect = ["db == 'ok'"]; };
  redis = { of = "api"; expect = ["redis == 'ok'"]; };
};
runbooks = {
  look       = { script = "http/diagnose"; match = { check = "db"; }; };
  api-look   = { script = "http/diagnose"; match = { check = "api"; }; };
  pg-restart = { script = "service/restart"; on = "down";
                 match = { check = "db"; when = "db contains '111'"; };
                 environments = ["production"];
                 params = { service = "postgresql@15-main"; }; };
  never      = { script = "service/restart"; on = "down";
                 match = { check = "db"; when = "db contains '110'"; };
                 params = { service = "postgresql@15-main"; }; };
  oncall     = { script = "notify/webhook"; on = ["down", "recovered"];
                 params = { url = { env = "ONCALL_URL"; }; format = "json"; }; };
};
"""

# Three probed checks of one nginx: what it serves itself, and the API behind it.
PROBED = """
defaults = { timeout = "5s"; retry_interval = "100ms"; success_threshold = 1; };
checks = {
  web  = { url = "%(base)s/docs"; interval = "1h"; down_interval = "200ms"; failure_threshold = 4; };
  api  = { url = "%(base)s/health/ready"; interval = "300ms"; failure_threshold = 2;
           depends_on = ["web"]; };
  slow = { url = "%(base)s/api/v1/slow"; interval = "10s"; failure_threshold = 1;
           depends_on = ({ any = ["web"]; }); };
};
runbooks = {
  look   = { script = "http/diagnose"; match = { plugin = "http"; }; };
  oncall = { script = "notify/webhook"; on = ["down", "recovered"];
             params = { url = { env = "ONCALL_URL"; }; format = "json"; }; };
};
"""


class Case(unittest.TestCase):
    CONFIG = ""

    def setUp(self):
        lacks = Servers.missing()
        if lacks:
            self.skipTest("not installed: " + lacks)
        folder = self.enterContext(
            tempfile.TemporaryDirectory(prefix="relevo-e2e-"))
        self.servers = self.enterContext(Servers())
        self.oncall = self.enterContext(runbook_env.Receiver())
        self.watch = self.enterContext(Watch(
            folder, self.CONFIG % {"base": self.servers.base},
            {"ONCALL_URL": "http://127.0.0.1:%d/hook" % self.oncall.port}))

    def notices(self):
        return [json.loads(body) for _, _, body in list(self.oncall.got)]

    def the_incident(self):
        """There is exactly one; whole."""
        incidents = self.watch.incidents()
        self.assertEqual(len(incidents), 1, incidents)
        return self.watch.json("incident", "show")

    def said(self, event):
        return [e["text"] for e in self.the_incident()["timeline"]
                if e["event"] == event]

    def runs(self, *states):
        """Of all checks: [(runbook, check)] in those states, oldest first."""
        return [(run["runbook"], run["check"])
                for run in reversed(self.watch.json("runbook", "log"))
                if run["state"] in states]

    def goes_on_failing(self, check, results=5):
        """So that whatever would be done twice has been done twice."""
        before = self.watch.history(check)[0]["at"]
        until("more results of " + check, lambda: len(
            [r for r in self.watch.history(check) if r["at"] > before])
            >= results)


class Derived(Case):
    """The database is seen only through the API's answer."""
    CONFIG = CONFIG

    def test_the_outage(self):
        for name in ("api", "db", "redis"):
            self.watch.wait_state("production/" + name, "up")
        self.servers.database.kill()
        self.watch.wait_state("production/db", "down")
        self.watch.wait_state("production/api", "impacted")
        self.watch.wait_incident("the diagnosis", lambda i: i["cause"])
        until("the notice", self.notices)
        self.goes_on_failing("production/api")
        self.while_it_is_down()
        self.servers.database.start()
        for name in ("api", "db", "redis"):
            self.watch.wait_state("production/" + name, "up")
        until("the notice of its end", lambda: len(self.notices()) > 1)
        self.goes_on_failing("production/api")  # well, this time
        self.when_it_is_over()

    def while_it_is_down(self):
        incident = self.the_incident()
        self.assertEqual(
            (incident["check"], incident["state"], incident["fault"],
             incident["code"], impacted(incident)),
            ("production/db", "open", "error_response", "503",
             ["production/api"]))
        self.assertIn("the database is the cause: db says \"[Errno 111] "
                      "Connection refused\"", incident["cause"])
        self.assertEqual(self.watch.check("production/api")["waits_for"],
                         "production/db")
        self.assertEqual(self.watch.check("production/redis")["state"], "up")
        self.what_ran()
        self.why_not()
        self.one_notice()

    def what_ran(self):
        self.assertEqual(self.runs("ended"), [
            ("look", "production/db"), ("oncall", "production/db")])
        self.assertEqual(self.runs("would have run"),
                         [("pg-restart", "production/db")])
        self.assertEqual(self.runs("held"), [("api-look", "production/api")])
        self.assertEqual(
            self.said("would_run"),
            ["remediate pg-restart would have run (automation is "
             "\"diagnose\")"])

    def why_not(self):
        self.assertEqual(self.said("held"), [
            "diagnose api-look of production/api: production/db is suspect: "
            "its diagnosis runs instead"])
        impact = self.said("impact")
        self.assertEqual(len(impact), 1)
        for part in ("production/api is impacted: ", "production/db is down",
                     "its runbooks are not run (api-look, oncall): "
                     "production/db is the cause"):
            self.assertIn(part, impact[0])

    def one_notice(self):
        notices = self.notices()
        self.assertEqual(len(notices), 1, notices)
        self.assertEqual(
            [notices[0][k] for k in ("event", "check", "incident",
                                     "would_have_run")],
            ["down", "production/db", "I-1", ["pg-restart"]])
        self.assertEqual(notices[0]["impact"], ["production/api"])

    def when_it_is_over(self):
        incident = self.the_incident()
        self.assertEqual(incident["state"], "resolved")
        self.assertEqual(len(self.said("recovered")), 1)
        self.assertIn("production/api is up", self.said("impact_over")[0])
        down, recovered = self.notices()
        self.assertEqual(recovered["event"], "recovered")
        self.assertEqual(recovered["dedup_key"], down["dedup_key"])
        _, text, _ = self.watch.run("incident", "show")
        for part in ("production/db was down", "the database is the cause",
                     "production/api", "would have run"):
            self.assertIn(part, text)


class Probed(Case):
    """Every check has probes of its own, and all of them see nginx die. It is
    asked for once an hour: only its children's failures make it known."""
    CONFIG = PROBED

    def test_the_outage(self):
        for name in ("web", "api", "slow"):
            self.watch.wait_state(name, "up")
        self.servers.web.kill()
        self.watch.wait_state("web", "down")
        self.watch.wait_state("api", "impacted")
        self.watch.wait_state("slow", "impacted")
        self.goes_on_failing("api")
        incident = self.the_incident()
        self.assertEqual((incident["check"], incident["fault"]),
                         ("web", "refused"))
        self.assertEqual(impacted(incident), ["api", "slow"])
        until("the diagnosis and the notice", lambda: self.runs("ended") ==
              [("look", "web"), ("oncall", "web")])
        self.servers.web.start_again()
        for name in ("web", "api", "slow"):
            self.watch.wait_state(name, "up")
        self.freed_at_once()
        until("the notice of its end", lambda: len(self.notices()) > 1)
        self.assertEqual([n["event"] for n in self.notices()],
                         ["down", "recovered"])

    def freed_at_once(self):
        """Not only when its turn comes, up to ten seconds later."""
        resolved = moment(self.the_incident()["resolved"])
        good = until("its result in the history", lambda: [
            moment(r["at"]) for r in self.watch.history("slow")
            if r["outcome"] == "ok" and moment(r["at"]) >= resolved])
        self.assertLess(min(good) - resolved, 4)


def impacted(incident):
    return sorted(i["check"] for i in incident["impact"])


def moment(text):
    return datetime.datetime.fromisoformat(
        text.replace("Z", "+00:00")).timestamp()


if __name__ == "__main__":
    unittest.main(verbosity=2)
