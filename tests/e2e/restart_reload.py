#!/usr/bin/python3
"""Restart and reload keep state: counts, open incidents and history go on
exactly; a bad configuration is refused and the old one stays; two daemons do
not share a state directory; nothing is left after a stop."""
import os
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from nginx import free_port  # noqa: E402
from watch import Watch, until  # noqa: E402

REFUSED = """
checks = {
  gone = { url = "http://127.0.0.1:%d/"; interval = "%s"; retry_interval = "100ms"; %s };
};
"""


class RestartReload(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="relevo-e2e-")
        self.folder = self.temporary.name
        self.port = free_port()

    def tearDown(self):
        self.temporary.cleanup()

    def config(self, interval="300ms", more=""):
        return REFUSED % (self.port, interval, more)

    def test_an_open_incident_survives_a_restart(self):
        with Watch(self.folder, self.config()) as watch:
            watch.wait_state("gone", "down")
            before = watch.wait_incident("it", lambda i: i["state"] == "open")
            since = watch.check("gone")["since"]
            self.assertEqual(watch.stop(), 0)
            watch.start()
            again = watch.check("gone")
            self.assertEqual((again["state"], again["since"]),
                             ("down", since))
            time.sleep(1)
            after = watch.json("incident", "show")
            self.assertEqual(after["id"], before["id"])
            self.assertEqual(after["opened"], before["opened"])
            events = [e["event"] for e in after["timeline"]]
            self.assertEqual(events.count("down"), 1, events)
            self.assertEqual(len(watch.incidents()), 1)

    def test_a_suspect_count_survives_a_restart(self):
        slow = self.config(more='failure_threshold = 100;')
        with Watch(self.folder, slow) as watch:
            until("some failures", lambda: int(
                watch.check("gone")["count"].split("/")[0] or 0) >= 5)
            watch.stop()
            watch.start()
            count = int(watch.check("gone")["count"].split("/")[0])
            self.assertGreaterEqual(count, 5)
            self.assertEqual(watch.check("gone")["state"], "suspect")

    def test_a_bad_configuration_changes_nothing(self):
        with Watch(self.folder, self.config()) as watch:
            watch.wait_state("gone", "down")
            watch.write("checks = { gone = { url = 5; }; };")
            code, _, err = watch.run("reload", check=False)
            self.assertEqual(code, 2)
            self.assertIn("relevo.cfg:2:", err)
            watch.reload()
            until("it to be refused in the log",
                  lambda: "refused, the old one stays" in watch.log())
            self.assertEqual(watch.check("gone")["state"], "down")

    def test_a_good_one_adds_and_removes(self):
        with Watch(self.folder, self.config()) as watch:
            watch.wait_state("gone", "down")
            watch.write("checks = { other = { url = "
                        '"http://127.0.0.1:%d/"; interval = "300ms"; }; };'
                        % self.port)
            self.assertEqual(watch.run("reload")[0], 0)
            watch.wait_state("other", "down")
            names = [c["name"] for c in watch.json("status")["checks"]]
            self.assertEqual(names, ["other"])
            old = [i for i in watch.incidents() if i["check"] == "gone"]
            self.assertEqual(old[0]["state"], "resolved")

    def test_unchanged_checks_keep_their_count(self):
        slow = self.config(more='failure_threshold = 100;')
        with Watch(self.folder, slow) as watch:
            until("some failures", lambda: int(
                watch.check("gone")["count"].split("/")[0] or 0) >= 5)
            for _ in range(5):
                self.assertEqual(watch.run("reload")[0], 0)
            count = int(watch.check("gone")["count"].split("/")[0])
            self.assertGreaterEqual(count, 5)

    def test_a_second_daemon_is_refused(self):
        with Watch(self.folder, self.config()) as watch:
            code, _, err = watch.run("run", check=False)
            self.assertEqual(code, 3)
            self.assertIn("another relevo already runs", err)

    def test_a_wrong_configuration_does_not_start(self):
        watch = Watch(self.folder, 'checks = { a = { url = "http://127.0.0.1/"; methd = "GET"; }; };')
        code, _, err = watch.run("run", check=False)
        self.assertEqual(code, 2)
        self.assertIn("did you mean \"method\"?", err)


if __name__ == "__main__":
    unittest.main()
