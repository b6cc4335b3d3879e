#!/usr/bin/python3
"""The founding case, on a real nginx: a health endpoint answers 503 because of
its database, then nginx is stopped, then all is repaired. One incident that
says so, with the diagnosis' findings, resolved at the end."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from nginx import Nginx  # noqa: E402
from watch import Watch, until  # noqa: E402

SERVER = """
    server {
        listen 127.0.0.1:@http@;
        default_type application/json;
        location = /health/ready {
            if (-f %s) {
                return 503 '{"status":"degraded","db":"[Errno 111] Connection refused","redis":"ok"}';
            }
            return 200 '{"status":"ready","db":"ok","redis":"ok"}';
        }
    }
"""
CONFIG = """
checks = {
  api = { url = "http://127.0.0.1:%d/health/ready"; interval = "300ms"; retry_interval = "100ms";
          expect = ["status == 200", "json('.db') == 'ok'"]; };
};
runbooks = {
  api-diagnose = { script = "http/diagnose"; match = { plugin = "http"; }; };
};
"""


class Outages(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="relevo-e2e-")
        self.switch = os.path.join(self.folder.name, "db-down")

    def tearDown(self):
        self.folder.cleanup()

    def test_both_outages_in_one_incident(self):
        with Nginx(self.folder.name, SERVER % self.switch) as web, \
                Watch(self.folder.name, CONFIG % web.ports["http"]) as watch:
            watch.wait_state("api", "up")
            open(self.switch, "w").close()
            self.database_is_the_cause(watch)
            web.process.kill()
            web.process.wait()
            self.connections_are_refused(watch)
            os.unlink(self.switch)
            web._start()  # on new ports: the configuration follows
            self.assertTrue(web._answers())
            watch.write(CONFIG % web.ports["http"])
            watch.reload()
            self.it_is_resolved(watch)

    def database_is_the_cause(self, watch):
        incident = watch.wait_incident(
            "the database as the cause",
            lambda i: i["state"] == "open" and "database" in i["cause"])
        self.assertEqual((incident["fault"], incident["code"]),
                         ("error_response", "503"))
        run = [r for r in incident["runs"] if r["kind"] == "diagnose"][0]
        self.assertEqual((run["state"], run["exit"]), ("ended", 0))
        titles = [f.get("title", "") for f in run["findings"]]
        self.assertTrue(any("Connection refused" in t for t in titles), titles)
        code, text, _ = watch.run("incident", "show")
        self.assertEqual(code, 0)
        self.assertIn("database", text)
        self.assertIn("503", text)

    def connections_are_refused(self, watch):
        incident = watch.wait_incident(
            "the refusal", lambda i: i["fault"] == "refused" and
            len([r for r in i["runs"] if r["state"] == "ended"]) == 2)
        self.assertEqual(incident["code"], "ECONNREFUSED")
        self.assertIn("changed", [e["event"] for e in incident["timeline"]])
        check = watch.check("api")
        self.assertEqual((check["state"], check["last"]["errno"]),
                         ("down", 111))
        self.assertEqual(watch.run("status")[0], 1)

    def it_is_resolved(self, watch):
        incident = watch.wait_incident("the recovery",
                                       lambda i: i["state"] == "resolved")
        self.assertEqual(incident["timeline"][-1]["event"], "recovered")
        self.assertEqual(len(watch.incidents()), 1)
        until("the check to be up",
              lambda: watch.check("api")["state"] == "up")
        history = watch.history("api", 100)
        self.assertIn("refused", [r["fault"] for r in history])
        self.assertEqual(history[0]["outcome"], "ok")


if __name__ == "__main__":
    unittest.main()
