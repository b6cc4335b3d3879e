#!/usr/bin/python3
"""`relevo test`, on real servers: the suite that gates a staging system. nginx
serves pages and hands the API on to an application behind it; of 17 checks 11
run and 10 pass, a minor one fails, and six are skipped for want of a token:
90.9 %. Then what a gate must get right: which checks, which reports, which exit
status, and a monitor that could not look."""
import json
import os
import pty
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import nginx  # noqa: E402
from founding import TOKEN, Site  # noqa: E402
from hostile import Hostile, plain_signals  # noqa: E402
from watch import PROGRAM  # noqa: E402

CONFIG = """
environments = {
  staging = { vars = { base = "http://127.0.0.1:%d"; token = { env = "STG_API_TOKEN"; }; }; };
};
defaults = { schedule = "manual"; };
templates = {
  uat   = { tags = ["uat"]; };
  login = { headers = { Authorization = "Bearer ${token}"; }; };
};
checks = {
  api      = { use = ["uat"]; url = "${base}/health/ready"; tags = ["uat", "smoke"];
               expect = ["status == 200", "json('.redis') == 'ok'"];
               record = { db = "json('.db')"; }; title = "The API is ready"; };
  db       = { of = "api"; tags = ["uat"]; expect = ["db == 'ok'"]; };
  docs     = { use = ["uat"]; url = "${base}/docs"; expect = ["body contains 'How to'"]; };
  old      = { use = ["uat"]; url = "${base}/old"; };
  robots   = { use = ["uat"]; url = "${base}/robots.txt"; };
  style    = { use = ["uat"]; url = "${base}/style.css"; };
  gone     = { use = ["uat"]; url = "${base}/gone"; expect = ["status == 404"]; };
  version  = { use = ["uat"]; url = "${base}/api/v1/version"; expect = ["json('.version') ~ /^2[.]/"]; };
  locked   = { use = ["uat"]; url = "${base}/api/v1/tasks"; expect = ["status == 401"];
               title = "No tasks for strangers"; };
  slow     = { use = ["uat"]; url = "${base}/api/v1/slow"; };
  queue    = { use = ["uat"]; url = "${base}/api/v1/queue"; severity = "minor";
               title = "The queue is short | mostly"; owner = "ops";
               expect = ["json('.waiting') < 10", "json('.note') == '|'"]; };
  tasks    = { use = ["uat", "login"]; url = "${base}/api/v1/tasks"; };
  users    = { use = ["uat", "login"]; url = "${base}/api/v1/users"; };
  projects = { use = ["uat", "login"]; url = "${base}/api/v1/projects"; };
  reports  = { use = ["uat", "login"]; url = "${base}/api/v1/reports"; };
  profile  = { use = ["uat", "login"]; url = "${base}/api/v1/profile"; };
  audit    = { use = ["uat"]; url = "${base}/api/v1/audit"; requires = ["token"]; };
  later    = { use = ["uat"]; url = "${base}/later"; enabled = false; };
};
"""


PLAIN = """
vars = { web = "http://127.0.0.1:%d"; token = { env = "STG_API_TOKEN"; }; };
defaults = { schedule = "manual"; };
checks = {
  docs  = { url = "${web}/docs"; tags = ["uat"]; };
  slow  = { url = "${web}/api/v1/slow"; tags = ["uat", "smoke"]; };
  tasks = { url = "${web}/api/v1/tasks"; tags = ["uat"];
            headers = { Authorization = "Bearer ${token}"; }; };
  later = { url = "${web}/later"; enabled = false; };
};
"""


class Servers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if nginx.find() is None:
            raise unittest.SkipTest("no nginx")
        cls.temporary = tempfile.TemporaryDirectory(prefix="relevo-e2e-")
        cls.root = cls.temporary.name
        cls.site = Site()
        cls.site.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.site.__exit__()
        cls.temporary.cleanup()

    def setUp(self):
        self.at = tempfile.mkdtemp(dir=self.root)
        self.env = dict(os.environ, **plain_signals())
        for name in ("RELEVO_CONFIG", "STG_API_TOKEN"):
            self.env.pop(name, None)
        self.env["RELEVO_STATE_DIR"] = os.path.join(self.root, "state")
        self.config(self.CONFIG % self.site.port)
        del self.site.asked[:]

    def config(self, text):
        with open(os.path.join(self.at, "relevo.cfg"), "w") as f:
            f.write(text)

    def run_it(self, *argv, exit=0):
        done = subprocess.run([PROGRAM, "test", *argv], text=True, cwd=self.at,
                              stdin=subprocess.DEVNULL, env=self.env,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=120)
        self.assertEqual(done.returncode, exit, "%s\n%s%s" % (
            argv, done.stdout, done.stderr))
        self.assertNotIn(TOKEN, done.stdout + done.stderr)
        return done.stdout, done.stderr

    def read(self, name):
        with open(os.path.join(self.at, name), encoding="utf-8") as f:
            return f.read()

    def names(self, *argv, exit=0):
        out, _ = self.run_it("--json", *argv, exit=exit)
        return [c["check"] for c in json.loads(out)["checks"]]


class Founding(Servers):
    CONFIG = CONFIG

    def test_the_gate(self):
        out, err = self.run_it("--min-pass", "90%", "--env", "staging")
        self.assertIn("\n10 of 11 passed (90.9 %), 1 minor failure, 6 skipped, "
                      "1 disabled; ", out)
        self.assertIn("\npassed: only minor checks failed\n", out)
        self.assertEqual(err, "")
        out, _ = self.run_it("--min-pass", "95", exit=1)
        self.assertIn("\nfailed: 90.9 % passed, 95 % are wanted\n", out)
        # What plugins are like may be remembered, results are not.
        self.assertLessEqual(set(os.listdir(self.env["RELEVO_STATE_DIR"])),
                             {"catalogs"})

    def test_with_a_token_all_of_them_run(self):
        self.env["STG_API_TOKEN"] = TOKEN
        out, _ = self.run_it("--min-pass", "90%", exit=1)
        self.assertIn("15 of 17 passed (88.2 %), 1 failure, 1 minor failure",
                      out)
        self.assertIn("\nfailed: 1 check did not pass; 88.2 % passed, 90 % are "
                      "wanted\n", out)
        # It requires the token and does not send it.
        self.assertRegex(out, r"FAILED +staging/audit .*  auth 401\n")

    def test_markdown(self):
        self.run_it("--format", "markdown", "--output", "r.md")
        text = self.read("r.md")
        for part in (
                "# Relevo test: staging\n",
                "10 of 11 passed (90.9 %), 1 minor failure, 6 skipped",
                "| 10 | 1 | 6 | 90.9 % |",
                "### staging/queue: The queue is short &#124; mostly\n",
                "- `json('.waiting') < 10` was `37`\n",
                "- **staging/tasks**: env \"STG_API_TOKEN\" is not set\n"):
            self.assertIn(part, text)
        rows = [line for line in text.split("## Results\n\n")[1]
                .split("\n\n")[0].splitlines()]
        self.assertEqual(len(rows), 2 + 17)
        self.assertEqual({len(re.findall(r"(?<!\\)\|", row)) for row in rows},
                         {len(re.findall(r"\|", rows[0]))})
        slow = text.split("## Slowest\n\n")[1].splitlines()[2:]
        self.assertEqual(len(slow), 5)
        self.assertIn("staging/slow", slow[0])
        self.assertNotIn("\u202e", text)

    def test_all_reports_at_once(self):
        out, _ = self.run_it("--format", "junit", "--output", "r.xml",
                             "--format", "markdown", "--output", "r.md",
                             "--format", "tap", "--output", "r.tap",
                             "--format", "json", "--output", "r.json",
                             "--format", "text")
        self.assertIn("10 of 11 passed (90.9 %)", out)
        suite = xml.fromstring(self.read("r.xml"))[0]
        self.assertEqual(
            [suite.get(k) for k in ("name", "tests", "failures", "errors",
                                    "skipped")],
            ["staging", "17", "1", "0", "6"])
        self.assertEqual(
            [c.get("name") for c in suite.iter("testcase")
             if c.find("failure") is not None], ["queue"])
        self.assertEqual(suite.find(".//failure").get("type"), "mismatch")
        report = json.loads(self.read("r.json"))
        self.assertEqual(
            [report["summary"][k] for k in ("run", "passed", "failed", "minor",
                                            "skipped", "pass_rate")],
            [11, 10, 1, 1, 6, 90.9])
        self.assertEqual(
            report["checks"][10]["expectations"][0],
            {"line": "json('.waiting') < 10", "true": False, "values": "37"})
        tap = self.read("r.tap")
        self.assertTrue(tap.startswith("TAP version 14\n1..17\n"), tap[:40])
        self.assertEqual(len(re.findall(r"(?m)^not ok ", tap)), 1)
        self.assertEqual(len(re.findall(r"(?m)^ok .* # SKIP env ", tap)), 6)
        if shutil.which("prove"):
            done = subprocess.run(
                ["prove", "-e", "cat", os.path.join(self.at, "r.tap")],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            self.assertIn("Failed test:  11", done.stdout)

    def test_a_derived_check_costs_no_request(self):
        self.assertEqual(self.names("api", "db"), ["staging/api", "staging/db"])
        self.assertEqual(self.site.asked, ["/health/ready"])
        self.assertEqual(self.names("db"), ["staging/db"])
        self.assertEqual(self.site.asked, ["/health/ready"] * 2)

    def test_names_in_an_environment(self):
        self.assertEqual(self.names("docs"), ["staging/docs"])
        self.assertEqual(self.names("staging/d*", "old"),
                         ["staging/db", "staging/docs", "staging/old"])
        self.assertEqual(self.names("--tag", "smoke"), ["staging/api"])
        self.assertEqual(len(self.names("--tag", "smoke", "--tag", "uat")), 17)

    def test_an_environment_that_is_none(self):
        for words, part in (
                (("production/*",), 'no check "production/*"'),
                (("--env", "stagin"), 'did you mean "staging"?')):
            _, err = self.run_it(*words, exit=2)
            self.assertIn(part, err)

    def test_skip_has_a_reason(self):
        self.config(CONFIG.replace('owner = "ops"', 'skip = "being rebuilt"')
                    % self.site.port)
        out, _ = self.run_it("queue", "docs")
        self.assertRegex(out, r"skipped +staging/queue +being rebuilt\n")
        self.assertIn("1 of 1 passed (100.0 %), 1 skipped", out)


class Gate(Servers):
    CONFIG = PLAIN

    def test_names_globs_tags(self):
        self.assertEqual(self.names("docs"), ["docs"])
        self.assertEqual(self.names("d*", "tasks"), ["docs", "tasks"])
        self.assertEqual(self.names("--tag", "smoke"), ["slow"])
        self.assertEqual(self.names("--tag", "smoke,uat"),
                         ["docs", "slow", "tasks"])

    def test_what_fits_nothing(self):
        for words, part in (
                (("dosc",), 'no check "dosc" in '),
                (("dosc",), 'did you mean "docs"?'),
                (("docs", "x/*"), 'no check "x/*"'),
                (("--tag", "smok"), 'did you mean "smoke"?'),
                (("--env", "staging"), 'no environment "staging"')):
            out, err = self.run_it(*words, exit=2)
            self.assertIn(part, err)
            self.assertEqual(out, "")
        self.assertEqual(self.site.asked, [])

    def test_nothing_run_is_not_passed(self):
        out, err = self.run_it("tasks", "--min-pass", "0", exit=3)
        self.assertIn("nothing was run, 1 skipped", out)
        self.assertIn("every check that was selected is skipped", err)
        _, err = self.run_it("later", exit=3)
        self.assertIn("no enabled check", err)

    # ------------------------------------------------------------ mistakes ---

    def test_mistakes_on_the_line(self):
        for words, part in (
                (("--format", "tap", "--format", "junit"), "standard output"),
                (("--json", "--format", "tap"), "standard output"),
                (("--format", "jnuit"), 'did you mean "junit"'),
                (("--output", "a", "--output", "b"), "more --output"),
                (("--min-pass", "101%"), "not a percentage"),
                (("--min-pass", ""), "not a percentage"),
                (("--fail-on", "warn"), "degraded")):
            out, err = self.run_it(*words, exit=2)
            self.assertIn(part, err)
            self.assertEqual(out, "")
        self.assertEqual(self.site.asked, [])

    def test_a_report_that_cannot_be_written(self):
        out, err = self.run_it(
            "docs", "--format", "junit", "--output", "none/r.xml", "--format",
            "json", "--output", "r.json", "--format", "tap", exit=3)
        self.assertIn("none/r.xml: ", err)
        self.assertIn("ok 1 - docs\n", out)
        self.assertEqual(json.loads(self.read("r.json"))["summary"]["run"], 1)
        self.assertEqual(sorted(os.listdir(self.at)), ["r.json", "relevo.cfg"])

    def test_a_pipe_is_not_replaced(self):
        pipe = os.path.join(self.at, "pipe")
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        try:
            out, _ = self.run_it("docs", "--format", "json", "--output", pipe)
            report = os.read(reader, 65536)
        finally:
            os.close(reader)
        self.assertEqual(json.loads(report)["summary"]["run"], 1)
        self.assertIn("1 of 1 passed", out)  # it goes nowhere else
        self.assertTrue(stat.S_ISFIFO(os.stat(pipe).st_mode))

    def test_a_link_stays_one(self):
        os.mkdir(os.path.join(self.at, "reports"))
        os.symlink("reports/r.json", os.path.join(self.at, "latest"))
        with open(os.path.join(self.at, "reports", "r.json"), "w"):
            pass
        self.run_it("docs", "--json", "--output", "latest")
        self.assertTrue(os.path.islink(os.path.join(self.at, "latest")))
        self.assertEqual(json.loads(self.read("reports/r.json"))["summary"]
                         ["verdict"], "passed")

    def test_degraded(self):
        self.config("""checks = { slow = { url = "http://127.0.0.1:%d/api/v1/slow";
            warn_unless = ["latency < 20ms"]; }; };""" % self.site.port)
        out, _ = self.run_it()
        self.assertIn("1 of 1 passed (100.0 %), 1 degraded", out)
        self.assertRegex(out, r"\n +warn_unless latency < 20ms \(\d+(\.\d+)?m?s\)\n")
        out, _ = self.run_it("--fail-on", "degraded", exit=1)
        self.assertIn("0 of 1 passed (0.0 %), 1 failure", out)

    # --------------------------------------------------- could not look ---

    def test_a_crash_of_a_plugin_is_not_passed(self):
        hostile = Hostile(self.at).make("hostile")
        self.config(hostile.config() + """checks = {
            good = { url = "http://127.0.0.1:%d/docs"; };
            bad = { plugin = "hostile"; act = "crash"; };
        };""" % self.site.port)
        report = json.loads(self.run_it("--json", exit=1)[0])
        bad = [c for c in report["checks"] if c["check"] == "bad"][0]
        self.assertEqual((bad["status"], bad["fault"]), ("unknown", "plugin"))
        self.assertEqual(
            [report["summary"][k] for k in ("run", "passed", "unknown")],
            [2, 1, 1])
        out, _ = self.run_it("--format", "junit", exit=1)
        error = xml.fromstring(out).find(".//error")
        self.assertEqual(error.get("type"), "plugin")

    # ------------------------------------------------------------ terminal ---

    def test_progress_on_a_terminal_only(self):
        main, other = pty.openpty()
        try:
            done = subprocess.run([PROGRAM, "test", "slow"], cwd=self.at,
                                  env=self.env, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=other,
                                  timeout=120)
            os.set_blocking(main, False)
            shown = os.read(main, 4096).decode()
        finally:
            os.close(main)
            os.close(other)
        self.assertEqual(done.returncode, 0)
        self.assertIn("0/1  slow", shown)
        self.assertTrue(shown.endswith("\r\033[K"), repr(shown))


if __name__ == "__main__":
    unittest.main(verbosity=2)
