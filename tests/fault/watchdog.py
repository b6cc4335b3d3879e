#!/usr/bin/python3
"""Who is fed by the watchdog: only a scheduler that ticks together with a
writer that lives. One that hangs in a commit, one that has ended, and a main
that stands still are not; a disk that refuses is no reason to be restarted.
Needs a build with failpoints (preset fault); RELEVO_LONG=1: more often."""
import os
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from service_manager import ServiceManager  # noqa: E402
from watch import BUILD, Watch, until  # noqa: E402

ROUNDS = 10 if os.environ.get("RELEVO_LONG") else 1
PERIOD = 2.0
CHECKS = """
defaults = { interval = "100ms"; timeout = "100ms"; };
checks = { a = { url = "http://127.0.0.1:1/"; }; };
"""


def has_failpoints():
    with open(os.path.join(BUILD, "relevo"), "rb") as f:
        return b"store.writer_ends\0" in f.read()


class Watchdog(unittest.TestCase):
    def rounds(self, failpoint):
        """A daemon for each round, with its manager, until it is ended."""
        for _ in range(ROUNDS):
            with tempfile.TemporaryDirectory(prefix="relevo-wd-") as folder, \
                    ServiceManager(folder) as manager:
                env = dict(manager.env(PERIOD), RELEVO_FAILPOINT=failpoint)
                watch = Watch(folder, CHECKS, env=env)
                with open(os.path.join(folder, "out.log"), "ab") as out:
                    process = subprocess.Popen(
                        [watch.program, "-c", watch.config, "run"],
                        stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                        env=watch.env)
                try:
                    manager.wait("READY")
                    yield manager, watch
                finally:
                    process.kill()
                    process.wait()

    def starves(self, failpoint, who):
        for manager, watch in self.rounds(failpoint):
            manager.silent_for(2 * PERIOD)
            if who:
                until("the log to name it", lambda: who in watch.log())

    def test_a_writer_that_hangs(self):
        self.starves("store.before_commit=sleep:600000@3", "history's writer")

    def test_a_writer_that_has_ended(self):
        self.starves("store.writer_ends=error@3", "history's writer")

    def test_a_main_that_stands_still(self):
        self.starves("main.step=sleep:600000@30", None)

    def test_a_disk_that_refuses(self):
        for manager, watch in self.rounds("store.before_commit=error"):
            until("trouble", lambda: "trying again" in watch.log())
            begin = time.monotonic()
            time.sleep(3 * PERIOD)
            self.assertGreaterEqual(len(manager.all("WATCHDOG", begin)), 3)


if __name__ == "__main__":
    if not has_failpoints():
        print("built without failpoints: skipped")
        sys.exit(77)
    unittest.main()
