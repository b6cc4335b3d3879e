#!/usr/bin/python3
"""What a service manager hears (sd_notify), from a stand-in socket: READY once
the first checks are loaded, food for the watchdog, RELOADING and READY again
with a good and with a bad configuration, STOPPING. The writer's half of the
watchdog is in tests/fault/watchdog.py."""
import os
import signal
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from service_manager import ServiceManager  # noqa: E402
from watch import Watch, children, until  # noqa: E402

CHECKS = """
defaults = { interval = "200ms"; timeout = "100ms"; };
checks = { a = { url = "http://127.0.0.1:1/"; }; };
"""


class Manager(unittest.TestCase):
    def setUp(self):
        self.temp = tempfile.TemporaryDirectory(prefix="relevo-sd-")
        self.addCleanup(self.temp.cleanup)
        self.folder = self.temp.name

    def watch(self, manager, **env):
        return Watch(self.folder, CHECKS,
                     env=dict(manager.env(), **env))

    def test_a_life(self):
        with ServiceManager(self.folder) as manager:
            watch = Watch(self.folder, CHECKS, env=manager.env(watchdog=1.5))
            with watch:
                ready = manager.wait("READY")
                self.assertEqual(ready["STATUS"], "watching 1 check")
                self.assertEqual(watch.json("status")["checks"][0]["name"],
                                 "a")
                until("several feedings",
                      lambda: len(manager.all("WATCHDOG")) >= 4)
                self.assertEqual(manager.all("STOPPING"), [])
            self.assertEqual(manager.wait("STOPPING")["STOPPING"], "1")
            self.assertEqual(len(manager.all("READY")), 1)

    def test_reload(self):
        with ServiceManager(self.folder) as manager, \
                self.watch(manager) as watch:
            manager.wait("READY")
            for config, status in (
                    (CHECKS + 'timezone = "UTC";', "watching 1 check"),
                    ("checks = { a = { urk = 1; }; };", "refused")):
                begin = time.monotonic()
                before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
                watch.write(config)
                watch.process.send_signal(signal.SIGHUP)
                said = manager.wait("RELOADING", begin)
                after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
                self.assertTrue(before <= int(said["MONOTONIC_USEC"]) <= after)
                self.assertIn(status, manager.wait("READY", begin)["STATUS"])

    def test_a_name_without_a_file(self):
        with ServiceManager(self.folder, abstract=True) as manager, \
                self.watch(manager):
            manager.wait("READY")
        self.assertEqual(manager.all("WATCHDOG"), [])  # was not asked for

    def test_a_main_that_stands_still(self):
        with ServiceManager(self.folder) as manager:
            watch = Watch(self.folder, CHECKS, env=manager.env(watchdog=1.0))
            with watch:
                manager.wait("WATCHDOG")
                watch.process.send_signal(signal.SIGSTOP)
                try:
                    manager.silent_for(2.0)
                finally:
                    watch.process.send_signal(signal.SIGCONT)
                manager.wait("WATCHDOG", time.monotonic())

    def test_no_role_can_speak_for_main(self):
        with ServiceManager(self.folder) as manager, \
                self.watch(manager) as watch:
            manager.wait("READY")
            below = children(watch.process.pid)
            self.assertTrue(below)
            for pid in below:
                with open("/proc/%d/environ" % pid, "rb") as f:
                    self.assertNotIn(b"NOTIFY_SOCKET", f.read())

    def test_another_ones_watchdog(self):
        with ServiceManager(self.folder) as manager, \
                self.watch(manager, WATCHDOG_USEC="100000",
                           WATCHDOG_PID="1"):
            manager.wait("READY")
            time.sleep(0.5)
        self.assertEqual(manager.all("WATCHDOG"), [])

    def test_nonsense_for_a_socket(self):
        watch = Watch(self.folder, CHECKS, env={"NOTIFY_SOCKET": "x"})
        with watch:
            watch.wait_state("a", "suspect", "down")
        self.assertIn("NOTIFY_SOCKET", watch.log())


if __name__ == "__main__":
    unittest.main()
