#!/usr/bin/python3
"""The commands that read, on the real program: plugins described in processes
of their own, expectations tried by hand, and what is left in the history when
the daemon is gone."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
from watch import BUILD, PROGRAM, Watch  # noqa: E402

# Nobody listens on port 1.
CONFIG = """
checks = {
  api = { url = "http://127.0.0.1:1/"; interval = "1s"; timeout = "900ms";
          retry_interval = "100ms"; tags = ["smoke"]; };
};
runbooks = {
  look   = { script = "http/diagnose"; match = { check = "a*"; tags = ["smoke"]; }; };
  oncall = { script = "notify/webhook"; on = ["down", "recovered"];
             params = { url = { env = "RELEVO_TEST_NOT_SET"; }; format = "slack"; }; };
};
"""
SEEN = {"status": 503, "latency": "620ms",
        "body": {"db": "[Errno 111] Connection refused"},
        "headers": {"Content-Type": "application/json"}}


class Reading(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="relevo-e2e-")
        self.at = self.folder.name
        self.env = dict(os.environ, TZ="UTC")
        for name in ("RELEVO_CONFIG", "RELEVO_STATE_DIR",
                     "RELEVO_TEST_NOT_SET"):
            self.env.pop(name, None)

    def tearDown(self):
        self.folder.cleanup()

    def run_it(self, *argv, text="", exit=0):
        done = subprocess.run([PROGRAM, *argv], input=text, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=self.env, cwd=self.at, timeout=120)
        self.assertEqual(done.returncode, exit,
                         "%s\n%s%s" % (argv, done.stdout, done.stderr))
        return done.stdout, done.stderr

    def test_every_command_stands_in_its_page(self):
        page = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                            "..", "..", "docs", "commands.md")
        with open(page) as f:
            rows = dict(re.findall(r"\| `relevo ([^`]+)` \| (.+) \|\n",
                                   f.read()))
        out, _ = self.run_it("help")
        listed = out.split("COMMAND …\n\n")[1].split("\n\n")[0]
        self.assertEqual(
            [" ".join(line.split()) for line in listed.splitlines()],
            ["%s %s" % (name.replace("\\|", "|"), summary)
             for name, summary in rows.items()])

    # ------------------------------------------------------------- plugins ---

    def test_what_cannot_be_written_is_an_error(self):
        config = os.path.join(self.at, "relevo.cfg")
        with open(config, "w") as file:
            file.write(CONFIG)
        for where in (">/dev/full", ">&-"):
            for command in ("config show", "test", "fault list"):
                with self.subTest(command=command, where=where):
                    ran = subprocess.run(
                        ["sh", "-c", 'exec "$0" -c "$1" $2 %s' % where,
                         os.path.abspath(PROGRAM), config, command],
                        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                        env=self.env, cwd=self.at, timeout=120)
                    self.assertEqual(ran.returncode, 3, ran.stderr)
                    self.assertIn(b"standard output", ran.stderr)

    def test_plugins_are_listed(self):
        out, _ = self.run_it("plugin", "list")
        self.assertRegex(out, r"http +\S+ +\S.* +/\S+/http\.so\n")
        listed = json.loads(self.run_it("plugin", "list", "--json")[0])
        http = [p for p in listed if p["name"] == "http"][0]
        self.assertTrue(os.path.isabs(http["path"]), http["path"])
        self.assertIn("latency", [f["name"] for f in http["fields"]])
        self.assertRegex(out, r"heartbeat +\S+ +\S.* +built in\n")

    def test_a_broken_plugin_is_listed_with_its_error(self):
        shutil.copy(os.path.join(BUILD, "plugins", "example.so"), self.at)
        with open(os.path.join(self.at, "torn.so"), "wb") as f:
            f.write(b"\x7fELF and no more")
        with open(os.path.join(self.at, "relevo.cfg"), "w") as f:
            f.write('plugin_dir = ["%s"];\n' % self.at)
        out, _ = self.run_it("plugin", "list", exit=1)
        self.assertRegex(out, r"example +1\.0 ")
        self.assertRegex(out, r"torn +unusable +\S*torn\.so: \S")
        listed = json.loads(self.run_it("plugin", "list", "--json", exit=1)[0])
        here = [p for p in listed if os.path.dirname(p["path"] or "") == self.at]
        self.assertEqual(["example", "torn"], [p["name"] for p in here])
        self.assertIn("torn.so", here[1]["error"])
        self.assertIn("http", [p["name"] for p in listed])  # Relevo's own, too

    def test_a_plugin_is_described(self):
        out, _ = self.run_it("plugin", "describe", "http")
        for part in ("  url: text, required\n", "  status: whole number",
                     "  expect      status in 200..299\n", "my-http = {"):
            self.assertIn(part, out)
        by_path, _ = self.run_it(
            "plugin", "describe", os.path.join(BUILD, "plugins", "http.so"))
        self.assertEqual(out, by_path)
        _, err = self.run_it("plugin", "describe", "htp", exit=2)
        self.assertIn("htp", err)

    def test_the_example_of_a_description_is_a_configuration(self):
        for plugin in ("http", "example"):
            out, _ = self.run_it("plugin", "describe", plugin)
            example = out.split("\nExample:\n")[1].replace("HOST", "127.0.0.1")
            with open(os.path.join(self.at, "relevo.cfg"), "w") as f:
                f.write('state_dir = "%s/state";\n%s' % (self.at, example))
            self.run_it("config", "check")

    # -------------------------------------------------------- expectations ---

    def expect(self, expression, exit, *more):
        file = os.path.join(self.at, "seen.json")
        with open(file, "w") as f:
            json.dump(SEEN, f)
        return self.run_it("expect", expression, "--with", file, *more,
                           exit=exit)

    def test_expectations_over_a_file(self):
        for expression, exit, out in (
                ("status == 503", 0, "true\n503\n"),
                ("status == 200", 1, "false\n503\n"),
                ("latency < 500ms", 1, "false\n620ms\n"),
                ("status == 503 and latency < 1s", 0,
                 "true\nstatus 503, latency 620ms\n"),
                ("json('.db') contains '111'", 0,
                 "true\n'[Errno 111] Connection refused'\n"),
                ("header('content-type') ~ /json/", 0,
                 "true\n'application/json'\n"),
                ("cert_expiry > 14d", 1, "false\n(absent)\n")):
            self.assertEqual(self.expect(expression, exit)[0], out, expression)
        verdict = json.loads(self.expect("status == 200", 1, "--json")[0])
        self.assertEqual(verdict, {"expression": "status == 200",
                                   "true": False, "values": "503"})

    def test_a_mistake_is_pointed_at(self):
        _, err = self.expect("latency < 1s and statuz == 200", 2)
        lines = err.splitlines()
        self.assertIn("status", lines[0])
        self.assertEqual(lines[1], "  latency < 1s and statuz == 200")
        self.assertEqual(lines[2], "  " + " " * 17 + "^")

    def test_mistakes_in_observations(self):
        for text, part in (('{"status": "x"}', "whole number"),
                           ('{"statu": 1}', 'did you mean "status"?'),
                           ('{"status": ', "not JSON")):
            _, err = self.run_it("expect", "status == 1", "--with", "-",
                                 text=text, exit=2)
            self.assertIn(part, err)
        _, err = self.run_it("expect", "status == 1", "--with", "none", exit=2)
        self.assertIn("none", err)

    def test_an_expression_without_observations(self):
        self.assertIn("a condition", self.run_it("expect", "status == 1")[0])
        self.assertIn("whole number", self.run_it("expect", "status")[0])
        self.assertIn("a condition", self.run_it(
            "expect", "modified_ago < 1h", "--plugin", "example")[0])

    # --------------------------------------------------------- the history ---

    def test_nothing_yet(self):
        for words in (("history", "api"), ("incident", "show"),
                      ("incident", "list"), ("runbook", "log")):
            _, err = self.run_it(*words, "--state-dir", "nothing", exit=3)
            self.assertIn("no history in nothing yet: start relevo run", err)

    def test_runbooks_are_listed(self):
        watch = Watch(self.at, CONFIG)
        _, out, _ = watch.run("runbook", "list")
        self.assertRegex(out, r"look +diagnose +suspect +check a\*, tag smoke +"
                              r"diagnose +/\S+/http/diagnose\n")
        self.assertRegex(out, r'oncall +notify +down, recovered +every check +'
                              r'held: env "RELEVO_TEST_NOT_SET" has no value here')
        look = watch.json("runbook", "list")[0]
        self.assertEqual((look["name"], look["on"], look["mode"]),
                         ("look", ["suspect"], "diagnose"))

    def test_what_is_left_of_an_outage(self):
        with Watch(self.at, CONFIG) as watch:
            watch.wait_incident("a cause", lambda i: i and i["cause"])
        # The daemon has gone.
        out, _ = self.run_it("incident", "show", "--state-dir", watch.state)
        for part in ("I-1  api is DOWN since ",
                     "fault    refused ECONNREFUSED: connection refused "
                     "(blames the target)",
                     "cause    nothing listens on 127.0.0.1:1",
                     "Found by look (R-1)", "  crit  nothing listens",
                     "Timeline (local time, UTC)", "First failing result",
                     "Held back\n  notify oncall (R-2): env ",
                     "More: relevo history api"):
            self.assertIn(part, out)
        incident = watch.json("incident", "show", "I-1")
        self.assertEqual(incident["result"]["at"], incident["began"])
        self.assertEqual(incident["result"]["code"], "ECONNREFUSED")
        self.assertEqual([r["id"] for r in incident["runs"]], ["R-1", "R-2"])
        self.assertEqual(incident["timeline"][0]["event"], "failing")
        self.assertEqual(len(watch.incidents()), 1)
        runs = watch.json("runbook", "log")
        self.assertEqual([(r["id"], r["verdict"]) for r in runs],
                         [("R-2", ""), ("R-1", "done")])
        results = watch.json("history", "api")
        self.assertGreaterEqual(len(results), 3)
        self.assertEqual(sorted((r["at"] for r in results), reverse=True),
                         [r["at"] for r in results])
        out, _ = self.run_it("history", "api", "-n", "3", "--state-dir",
                             watch.state)
        self.assertIn("\n3 results: 3 fail (0.0 % ok)\n", out)


if __name__ == "__main__":
    unittest.main(verbosity=2)
