#!/usr/bin/python3
"""A database that only the API sees: what is recorded out of its answer, the
check that is judged from it, and answers that say nothing. On a real nginx,
first one probe at a time without a daemon, then under one."""
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
            if (-f %(folder)s/proxy) { return 502 '<html>Bad Gateway</html>'; }
            if (-f %(folder)s/silent) { return 200 '{"redis":"ok"}'; }
            if (-f %(folder)s/db) {
                return 503 '{"db":"[Errno 111] refused","redis":"ok","lag":7}';
            }
            return 200 '{"db":"ok","redis":"ok","lag":0.5}';
        }
    }
"""
CONFIG = """
checks = {
  api = { url = "http://127.0.0.1:%d/health/ready"; interval = "300ms"; retry_interval = "100ms";
          failure_threshold = 2;
          record = { db = "json('.db')"; redis = "json('.redis')"; server = "header('server')"; };
          expect = ["status == 200"]; };
  db  = { of = "api"; record = { lag = "json('.lag')"; }; failure_threshold = 2;
          expect = ["db == 'ok'"]; warn_unless = ["lag < 5"]; };
  redis = { of = "api"; expect = ["redis == 'ok'"]; };
  asked = { of = "api"; expect = ["exists db"]; };
};
"""


class Derived(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="relevo-e2e-")
        self.web = Nginx(self.folder.name,
                         SERVER % {"folder": self.folder.name})
        self.web.__enter__()
        self.watch = Watch(self.folder.name,
                           CONFIG % self.web.ports["http"])

    def tearDown(self):
        self.web.__exit__(None, None, None)
        self.folder.cleanup()

    def turn(self, name, on=True):
        path = os.path.join(self.folder.name, name)
        if on:
            open(path, "w").close()
        else:
            os.unlink(path)

    def look(self, name, *options):
        return self.watch.json("check", name, "--local", *options)

    def came_to(self, name, outcome, fault, code, message):
        result = self.look(name)
        self.assertEqual(
            (name, outcome, fault, code, message),
            (result["check"], result["outcome"], result["fault"],
             result["code"], result["message"]))
        return result

    def test_one_probe_at_a_time(self):
        good = self.came_to("db", "ok", "none", "", "")
        self.assertEqual(good["observations"]["lag"], 0.5)
        self.assertEqual(good["observations"]["db"], "ok")
        self.assertTrue(good["observations"]["server"].startswith("nginx"))
        self.assertGreater(good["phases"]["wait_ms"], 0)
        api = self.came_to("api", "ok", "none", "", "")
        self.assertNotIn("lag", api["observations"])
        self.assertEqual(api["observations"]["redis"], "ok")
        extra = self.look("db", "--expect", "redis == 'ok' and lag < 1")
        self.assertEqual(extra["outcome"], "ok")
        self.assertEqual(len(extra["expectations"]), 3)

    def test_the_peer_names_the_fault(self):
        self.turn("db")
        bad = self.came_to(
            "db", "fail", "error_response", "503",
            self.look("db")["message"])
        self.assertIn("db == 'ok' ('[Errno 111] refused')", bad["message"])
        self.assertEqual(bad["observations"]["lag"], 7)
        self.assertIn("evidence", bad)
        self.came_to("redis", "ok", "none", "", "")
        self.assertEqual(self.look("api")["outcome"], "fail")

    def test_answers_that_say_nothing(self):
        for answer in ("proxy", "silent"):
            self.turn(answer)
            self.came_to("db", "unknown", "cancelled", "",
                         "api said nothing about db")
            self.assertEqual(self.look("asked")["outcome"], "fail")
            self.turn(answer, False)
        self.web.process.kill()
        self.web.process.wait()
        gone = self.look("db")
        self.assertEqual((gone["outcome"], gone["fault"], gone["code"]),
                         ("unknown", "cancelled", ""))
        self.assertRegex(gone["message"], "^api was not observed: .*refused")
        self.assertEqual(self.look("api")["code"], "ECONNREFUSED")

    def test_under_a_daemon(self):
        with self.watch as watch:
            for name in ("api", "db", "redis", "asked"):
                watch.wait_state(name, "up")
            self.turn("db")
            watch.wait_state("db", "down")
            last = watch.check("db")["last"]
            self.assertEqual(last["code"], "503")
            self.assertEqual(watch.check("redis")["state"], "up")
            self.every_result_has_its_own(watch)
            self.turn("db", False)
            watch.wait_state("db", "up")
            self.turn("proxy")
            watch.wait_state("db", "unknown")
            watch.wait_state("asked", "down", "suspect")
            self.turn("proxy", False)
            watch.wait_state("db", "up")
            asked = watch.json("check", "db")
            self.assertEqual((asked["check"], asked["outcome"]), ("db", "ok"))

    def every_result_has_its_own(self, watch):
        """One of db for each of api, at the same instant."""
        def same():
            api = {r["at"]: r for r in watch.history("api")}
            db = {r["at"]: r for r in watch.history("db")}
            newest = max(api) if api else None
            older = set(api) - {newest}
            return older and older <= set(db) and (api, db, older)
        api, db, older = until("results of both", same)
        for at in older:
            self.assertEqual(api[at]["duration_ms"], db[at]["duration_ms"])
            self.assertEqual(api[at]["purpose"], db[at]["purpose"])
            self.assertEqual(api[at]["observations"]["db"],
                             db[at]["observations"]["db"])
        self.assertTrue(any(r["outcome"] == "fail" for r in db.values()))


if __name__ == "__main__":
    unittest.main()
