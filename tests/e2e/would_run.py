#!/usr/bin/python3
"""service/restart through the daemon: whatever the mode, the remediation is
recorded as what would have run, with the mode as its reason, and systemctl is
never called."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
from watch import Watch  # noqa: E402

# Nobody listens on port 1.
CONFIG = """
automation = "%s";
checks = {
  db = { url = "http://127.0.0.1:1/"; interval = "1s"; timeout = "900ms";
         retry_interval = "100ms"; };
};
runbooks = {
  db-restart = { script = "service/restart"; match = { check = "db"; fault = "refused"; };%s
                 params = { service = "postgresql@15-main"; }; };
};
"""
SYSTEMCTL = '#!/bin/sh\necho "$@" >>"%s"\n'


class WouldRun(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="relevo-e2e-")
        self.called = os.path.join(self.folder.name, "called")
        tools = os.path.join(self.folder.name, "bin")
        os.mkdir(tools)
        program = os.path.join(tools, "systemctl")
        with open(program, "w") as f:
            f.write(SYSTEMCTL % self.called)
        os.chmod(program, 0o755)
        self.env = {"PATH": tools + ":" + os.environ["PATH"]}

    def tearDown(self):
        self.folder.cleanup()

    def outage(self, mode, own, reason):
        with Watch(self.folder.name, CONFIG % (mode, own), self.env) as watch:
            incident = watch.wait_incident(
                "the remediation", lambda i: i["runs"])
            self.assertEqual(incident["check"], "db")
            self.assertEqual(len(incident["runs"]), 1, incident["runs"])
            run = incident["runs"][0]
            self.assertEqual(
                (run["runbook"], run["kind"], run["state"], run["held_by"],
                 run["reason"]),
                ("db-restart", "remediate", "would have run", "mode", reason))
            self.assertIsNone(run["exit"])
            told = [e["text"] for e in incident["timeline"]
                    if e["event"] == "would_run"]
            self.assertEqual(
                told, ["remediate db-restart would have run (%s)" % reason])
            logged = watch.json("runbook", "log")
            self.assertEqual([r["held_by"] for r in logged], ["mode"])
        self.assertFalse(os.path.exists(self.called))

    def test_below_its_mode(self):
        self.outage("diagnose", "", 'automation is "diagnose"')

    def test_its_own_mode_is_lower(self):
        self.outage("auto", ' automation = "observe";',
                    'automation is "observe"')

    def test_no_mode_lets_it_start(self):
        self.outage("auto", "", 'automation is "auto", and this version '
                                'starts no remediation')


if __name__ == "__main__":
    unittest.main()
