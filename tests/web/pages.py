#!/usr/bin/python3
"""The pages in a real browser: each of them in both languages and themes and as
narrow as a phone, valid, without a fault that axe finds; an outage as it is
seen; and whatever a target says, it stays text.

Screenshots lie in <build>/tests/web/screenshots. Skips (77) where Chromium,
node or their modules are missing."""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from browser import Browser, missing  # noqa: E402
from hostile_words import Says, strings  # noqa: E402
from nginx import Nginx  # noqa: E402
from watch import BUILD, Watch, until  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
LONG = "RELEVO_LONG" in os.environ
ENGLISH, SPANISH = "en-US", "es-AR"
browser = None


def setUpModule():
    global browser
    browser = Browser().__enter__()


def tearDownModule():
    browser.__exit__()


def address(watch):
    return watch.json("status")["web"]["addresses"][0]


def plain(text):
    return " ".join(text.split())


class Page(unittest.TestCase):
    """What holds of every page, whatever it shows."""

    def look(self, url, **job):
        seen = browser.visit(url, **job)
        self.assertEqual([], seen["executed"], url)
        self.assertEqual([], seen["foreign"], url)
        self.assertEqual([], seen["elements"], url)
        self.assertEqual([], seen.get("axe", []), url)
        self.assertEqual([], seen.get("invalid", []), url)
        self.assertLessEqual(seen["width"], job.get("width", 1280), url)
        return seen


# --------------------------------------------------------------- the pages ---

SERVER = """
    server {
        listen 127.0.0.1:@http@;
        default_type application/json;
        location / { return 200 '{"db":"ok"}'; }
    }
"""
CONFIG = """
timezone = "America/Argentina/Buenos_Aires"; automation = "diagnose";
environments = { staging = {}; production = {}; };
defaults = { interval = "1s"; failure_threshold = 2; };
checks = {
  api  = { url = "http://127.0.0.1:%(port)d/"; title = "Orders API"; owner = "web team"; tags = ["smoke"];
           links = { dashboard = "https://graphs.example.com/d/1"; };
           record = { db = "json('.db')"; }; depends_on = ["db"];
           expect = ["status == 200", "db == 'ok'"]; };
  db   = { of = "api"; expect = ["db == 'ok'"]; };
  docs = { url = "http://127.0.0.1:%(port)d/docs"; warn_unless = ["latency < 1us"]; };
  mail = { url = "http://127.0.0.1:%(port)d/mail"; enabled = false; environments = ["staging"]; };
  ask  = { url = "http://127.0.0.1:%(port)d/ask"; schedule = "manual"; environments = ["production"]; };
  none = { url = "http://127.0.0.1:1/"; environments = ["staging"]; };
};
runbooks = { look = { script = "http/diagnose"; match = { plugin = "http"; }; }; };
"""
NAMES = ["staging/api", "production/api", "staging/db", "production/db",
         "staging/docs", "production/docs", "staging/mail"]
PAGES = [
    ("overview", "/"),
    ("problems", "/?show=problems&env=staging"),
    ("check", "/check/staging/api"),
    ("quarter", "/check/production/docs?span=90d"),
    ("incidents", "/incidents"),
    ("past", "/incident/I-1"),
    ("nothing", "/nothing/here"),
]


class Pages(Page):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="relevo-web-")
        cls.web = Nginx(cls.folder.name, SERVER)
        cls.web.__enter__()
        cls.watch = Watch(cls.folder.name,
                          CONFIG % {"port": cls.web.ports["http"]},
                          {"RELEVO_WEB": "127.0.0.1:0"})
        subprocess.run([os.path.join(BUILD, "tests", "past"), cls.watch.state,
                        "90", "600", *NAMES], check=True)
        cls.watch.start()
        cls.url = address(cls.watch)
        cls.watch.wait_state("staging/docs", "degraded")
        cls.watch.wait_state("staging/none", "down")

    @classmethod
    def tearDownClass(cls):
        cls.watch.stop()
        cls.web.__exit__(None, None, None)
        cls.folder.cleanup()

    def test_each_in_both_languages_and_themes_and_on_a_phone(self):
        for name, path in PAGES:
            with self.subTest(name):
                light = self.look(self.url + path, language=ENGLISH,
                                  shot=name + "-en-light", axe=True, valid=True)
                dark = self.look(self.url + path, language=SPANISH,
                                 scheme="dark", width=360, axe=True,
                                 shot=name + "-es-dark-phone")
                self.assertEqual("en", light["language"])
                self.assertEqual("es", dark["language"])
                self.assertNotEqual(light["ground"], dark["ground"])
                self.assertEqual(404 if name == "nothing" else 200,
                                 light["status"])

    def test_the_overview(self):
        seen = self.look(self.url)
        for part in ("staging", "production", "api", "Orders API", "up",
                     "degraded", "paused", "enabled = false", "manual", "p50",
                     "none", "down", "refused ECONNREFUSED", "since",
                     "America/Argentina/Buenos_Aires (UTC-03:00)"):
            self.assertIn(part, seen["text"])
        self.assertEqual("30", seen["headers"]["refresh"])
        self.assertEqual("Accept-Language", seen["headers"]["vary"])
        still = self.look(self.url + "/?refresh=0")
        self.assertNotIn("refresh", still["headers"])

    def test_what_is_asked_for_is_shown(self):
        only = self.look(self.url + "/?env=production")
        self.assertNotIn("staging/none", only["text"])
        tagged = self.look(self.url + "/?tag=smoke")
        self.assertIn("api", tagged["text"])
        self.assertNotIn("docs", tagged["text"])
        nothing = self.look(self.url + "/?tag=smoke&show=problems&lang=es")
        self.assertIn("Ninguna comprobación coincide", nothing["text"])
        self.assertIn("Todo", self.look(self.url + "/?lang=es",
                                        language=ENGLISH)["text"].title())

    def test_a_check(self):
        seen = self.look(self.url + "/check/staging/api")
        for part in ("Orders API", "web team", "smoke", "dashboard",
                     "status == 200", "db == 'ok'", "holds", "connect",
                     "24 h", "7 days", "90 days", "p99", "40m 0s in 1",
                     "I-1"):
            self.assertIn(part, plain(seen["text"]))
        # Two hours without results touch two or three of the clock.
        self.assertRegex(plain(seen["text"]), "2[123] of 24 h")
        self.assertEqual(404, self.look(
            self.url + "/check/staging/nobody")["status"])

    def test_a_past_incident(self):
        seen = self.look(self.url + "/incident/I-1")
        for part in ("staging/api", "resolved", "nothing listens on the port",
                     "no process holds 127.0.0.1:8080", "systemctl status api",
                     "3 failing results in a row", "http-diagnose", "done",
                     "Output of http-diagnose"):
            self.assertIn(part, plain(seen["text"]))
        for wrong in ("/incident/I-99", "/incident/x", "/incident/0"):
            self.assertEqual(404, self.look(self.url + wrong)["status"])

    def test_a_watch_that_does_not_answer(self):
        main = self.watch.process.pid
        os.kill(main, signal.SIGSTOP)
        try:
            seen = until("the page to say so", lambda: self._says(
                "The watch does not answer."), limit=60, every=1)
            self.assertIn("what was stored", seen["text"])
            self.assertIn("Orders API", seen["text"])
        finally:
            os.kill(main, signal.SIGCONT)
        until("the page to be well again", lambda: not self._says(
            "The watch does not answer."), limit=60)

    def _says(self, words):
        seen = self.look(self.url, language=ENGLISH)
        return seen if words in seen["text"] else None

    def test_an_outage_is_seen(self):
        self.web.kill()
        self.watch.wait_state("production/api", "down")
        until("the diagnosis", lambda: any(
            run["verdict"] == "done" for run in self._runs("production/api")))
        seen = self.look(self.url, language=ENGLISH, axe=True, valid=True,
                         shot="outage-en-light")
        text = plain(seen["text"])
        self.assertIn("open incidents", text.lower())
        self.assertIn("production/api down", text)
        self.assertIn("nothing listens on", text)
        number = re.search(r"(I-\d+) production/api", text).group(1)
        self.look(self.url + "?lang=es", scheme="dark", width=360,
                  shot="outage-es-phone-dark")
        one = self.look(self.url + "/incident/" + number, axe=True, valid=True,
                        language=ENGLISH, shot="incident-en-light")
        self.look(self.url + "/incident/" + number, language=SPANISH,
                  scheme="dark", width=360, shot="incident-es-phone-dark")
        for part in ("production/api", "refused ECONNREFUSED", "failing",
                     "down", "nothing listens on", "look"):
            self.assertIn(part, plain(one["text"]))
        self.look(self.url + "/check/production/api", axe=True, valid=True,
                  shot="down-en-light")
        self.web.start_again()
        self.watch.wait_state("production/api", "up")
        self.watch.wait_state("staging/api", "up")

    def _runs(self, check):
        return [run for run in self.watch.json("runbook", "log")
                if run["check"] == check]


# ----------------------------------------------------- what targets may say ---

RUNBOOK = """#!/usr/bin/python3
# kind: diagnose
# title: says again what it was told
import json, os, sys
told = json.load(sys.stdin)
with os.fdopen(3, "w") as out:
    for name, text in sorted(told["result"]["observations"].items()):
        if isinstance(text, str):
            out.write(json.dumps({"t": "finding", "sev": "crit", "code": "x",
                                  "title": text, "detail": text,
                                  "next": text}) + "\\n")
            print(text.encode("utf-8", "replace").decode())
"""
HOSTILE = """
automation = "diagnose"; history = { outputs = "1d"; };
defaults = { interval = "2s"; failure_threshold = 1; evidence = "16KiB"; };
checks = {
%(checks)s
};
runbooks = { echo = { script = "%(script)s"; match = { check = "said*"; }; }; };
"""


class Words(Page):
    """Of a group of strings: in JSON (observed, judged, in messages and
    evidence, then in findings and outputs), in headers, as a raw body."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="relevo-web-")
        cls.says = Says(strings())
        script = os.path.join(cls.folder.name, "echo.py")
        with open(script, "w") as f:
            f.write(RUNBOOK)
        os.chmod(script, 0o755)
        cls.watch = Watch(cls.folder.name, HOSTILE % {
            "checks": cls.says.checks(), "script": script},
            {"RELEVO_WEB": "127.0.0.1:0"})
        cls.watch.start()
        cls.url = address(cls.watch)
        cls.names = cls.says.names()
        for name in cls.names:
            cls.watch.wait_state(name, "down")
        until("every diagnosis", lambda: {
            run["check"] for run in cls.watch.json("runbook", "log",
                                                   "--limit", "200")
            if run["verdict"] == "done"} >= {
                n for n in cls.names if n.startswith("said")}, limit=120)

    @classmethod
    def tearDownClass(cls):
        cls.watch.stop()
        cls.says.close()
        cls.folder.cleanup()

    def test_they_stay_text(self):
        incidents = {i["check"]: i["id"] for i in self.watch.json(
            "incident", "list", "--limit", "200")}
        told = ""
        self.look(self.url, axe=True, valid=True, shot="hostile-en-light")
        self.look(self.url + "/incidents", axe=True, valid=True)
        self.look(self.url, width=360, shot="hostile-phone")
        for n, name in enumerate(self.names):
            paths = ["/check/" + name, "/incident/" + incidents[name]]
            for path in paths:
                seen = self.look(self.url + path, valid=True, axe=n == 0,
                                 shot="hostile-" + path.split("/")[1]
                                 if n == 0 else None)
                told += seen["all"]
                if n == 0:
                    self.look(self.url + path, width=360)
        lost = [s for s in self.says.shown() if s not in told]
        self.assertEqual([], lost)
        print("%d strings, %d pages, nothing executed" % (self.says.count,
                                        3 + 2 * len(self.names)))

    def test_in_the_address(self):
        words = [s for s in self.says.shown() if len(s) < 60]
        for text in words if LONG else words[:6]:
            quoted = "".join("%%%02X" % b for b in text.encode())
            self.look(self.url + "/?env=%s&tag=%s&lang=%s&show=%s"
                      % ((quoted,) * 4), valid=True)
            self.look(self.url + "/incidents?before=" + quoted)


if __name__ == "__main__":
    lacking = missing()
    if lacking:
        print("skipped: " + lacking)
        sys.exit(77)
    unittest.main()
