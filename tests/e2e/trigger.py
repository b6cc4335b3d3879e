#!/usr/bin/python3
"""A check that has another one probed: under a daemon and without one, in turn
and never twice at once, and what becomes of it when the other check fails, is
paused or goes, and when workers are killed. With a plugin made for it
(tests/lib/plugins/relay.c): what it triggers takes 30 ms."""
import datetime
import json
import os
import signal
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from watch import BUILD, Watch, children, until  # noqa: E402

HEAD = """
plugin_dir = "%s"; workers = 4; target_probes = 0;
""" % os.path.abspath(os.path.join(BUILD, "tests", "plugins"))
JOURNEY = """plugin = "relay"; trigger = "publish"; value = "n-1"; interval = "200ms"; timeout = "3s";
             failure_threshold = 2; retry_interval = "100ms";"""
PUBLISH = """plugin = "relay"; text = "PUBLISH {{nonce}} {{{{x"; schedule = "manual"; after = "%s"; timeout = "10s";"""


def config(publish=PUBLISH % "30ms", journeys=1, more=""):
    checks = ["journey%d = { %s };" % (i, JOURNEY) for i in range(journeys)]
    return HEAD + "checks = { %s publish = { %s %s }; };" % (
        "\n".join(checks), publish, more)


def began(result):
    at = datetime.datetime.fromisoformat(result["at"].replace("Z", "+00:00"))
    return at.timestamp()


class Trigger(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="relevo-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def watch(self, *args, **kwargs):
        return Watch(self.folder, config(*args, **kwargs))

    def journey_with(self, watch, fault):
        """Waits for a result of the journey that began from now on."""
        seen = len(watch.history("journey0"))
        return until("a journey that ends with " + fault, lambda: next(
            (r for r in watch.history("journey0")[:-seen or None]
             if r["fault"] == fault), None))

    def test_both_have_their_results(self):
        with self.watch() as watch:
            watch.wait_state("journey0", "up")
            results = until("results of what was triggered",
                            lambda: watch.history("publish"))
            self.assertEqual(results[0]["observations"]["text_seen"],
                             "PUBLISH n-1 {{x")
            self.assertEqual(results[0]["outcome"], "ok")
            # Recorded, and not counted for its state.
            self.assertEqual(watch.check("publish")["state"], "pending")
            _, page, _ = watch.run("check", "journey0")
            for phase in ("subscribe", "publish", "deliver"):
                self.assertIn(phase, page)
            phases = watch.json("check", "journey0")["phases"]
            self.assertGreaterEqual(phases["publish_ms"], 30)

    def test_without_a_daemon(self):
        watch = self.watch(journeys=2)
        result = watch.json("check", "journey0", "--local")
        self.assertEqual(result["outcome"], "ok")
        self.assertGreaterEqual(result["phases"]["publish_ms"], 30)
        # Nobody has triggered that one.
        result = watch.json("check", "publish", "--local")
        self.assertEqual((result["outcome"], result["fault"]),
                         ("unknown", "config"))
        self.assertIn("text: {{nonce}} has no value", result["message"])
        # Both, of which each waits for its turn; the third is not for a test.
        report = json.loads(watch.run("test", "--format", "json")[1])
        self.assertEqual({c["check"]: c["status"] for c in report["checks"]},
                         {"journey0": "passed", "journey1": "passed",
                          "publish": "skipped"})

    def test_a_failure_without_a_daemon(self):
        watch = self.watch(more='expect = ["len(text_seen) == 0"];')
        result = watch.json("check", "journey0", "--local")
        self.assertEqual((result["outcome"], result["fault"]),
                         ("fail", "mismatch"))

    def test_never_twice_at_once(self):
        with self.watch(journeys=4) as watch:
            until("enough of them", lambda: len(watch.history("publish")) > 40)
            results = watch.history("publish")[::-1]
            for a, b in zip(results, results[1:]):
                # Ends and begins are told in whole milliseconds.
                self.assertLessEqual(began(a) + a["duration_ms"] / 1000 - 0.002,
                                     began(b))
            for i in range(4):
                self.assertEqual(watch.check("journey%d" % i)["state"], "up")

    def test_its_failure_is_the_journeys(self):
        with self.watch(more='expect = ["len(text_seen) == 0"];') as watch:
            watch.wait_state("journey0", "down")
            incident = watch.wait_incident(
                "an incident", lambda i: i["check"] == "journey0")
            self.assertEqual((incident["fault"], incident["code"]),
                             ("mismatch", "TRIGGER"))
            self.assertEqual(watch.check("publish")["state"], "pending")

    def test_paused_and_resumed(self):
        with self.watch(PUBLISH % "300ms") as watch:
            until("one to be under way", lambda: watch.history("publish"))
            watch.run("pause", "publish")
            result = self.journey_with(watch, "cancelled")
            self.assertEqual(result["outcome"], "unknown")
            watch.run("resume", "publish")
            self.journey_with(watch, "none")

    def test_not_enabled(self):
        with self.watch(more="enabled = false;") as watch:
            result = self.journey_with(watch, "config")
            self.assertEqual(result["outcome"], "unknown")
            self.assertEqual(watch.check("publish")["state"], "paused")
            _, out, _ = watch.run("status")
            self.assertRegex(out, r"publish .*enabled = false")
            for command in ("pause", "resume"):
                code, _, err = watch.run(command, "publish", check=False)
                self.assertEqual(code, 2)
                self.assertIn("change that in the configuration", err)
            result = watch.json("check", "journey0", "--local")
            self.assertEqual(result["fault"], "config")
            self.assertEqual(watch.history("publish"), [])
            code, _, err = watch.run("config", "check")
            self.assertIn('triggers "publish", which has enabled = false', err)
            watch.write(config())
            watch.run("reload")
            self.journey_with(watch, "none")
            self.assertEqual(watch.check("publish")["state"], "pending")

    def test_reloads(self):
        with self.watch(PUBLISH % "300ms") as watch:
            watch.wait_state("journey0", "up")
            watch.reload()  # the same again: what is under way goes on
            self.journey_with(watch, "none")
            watch.write(HEAD + "checks = { journey0 = { %s }; };" %
                        JOURNEY.replace('trigger = "publish"; ', ""))
            watch.run("reload")
            until("it to be gone", lambda: "publish" not in
                  [c["name"] for c in watch.json("status")["checks"]])
            watch.write(config())
            watch.run("reload")
            self.journey_with(watch, "none")
            faults = {r["fault"] for r in watch.history("journey0")}
            self.assertLessEqual(faults, {"none", "cancelled"})

    def test_workers_are_killed(self):
        with self.watch(PUBLISH % "300ms", journeys=2) as watch:
            for i in range(2):
                watch.wait_state("journey%d" % i, "up")
            for _ in range(3):
                for pid in children(watch.process.pid):
                    with open("/proc/%d/cmdline" % pid) as f:
                        if "worker" in f.read():
                            os.kill(pid, signal.SIGKILL)
                self.journey_with(watch, "none")
            for i in range(2):
                watch.wait_state("journey%d" % i, "up")

    def test_unknown_names_and_circles(self):
        watch = Watch(self.folder, config().replace(
            'trigger = "publish"', 'trigger = "publsh"'))
        code, _, err = watch.run("config", "check", check=False)
        self.assertEqual(code, 2)
        self.assertIn('did you mean "publish"?', err)
        watch.write(config(more='trigger = "journey0";'))
        code, _, err = watch.run("config", "check", check=False)
        self.assertEqual(code, 2)
        self.assertRegex(err, "it triggers itself: .* → .* → ")


if __name__ == "__main__":
    unittest.main()
