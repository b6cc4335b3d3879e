#!/usr/bin/python3
"""1,000 SIGHUPs in ten seconds: with the same configuration, and with one that
really changes each time, while runs are under way and workers die. No probe is
late by more than an interval, memory and descriptors of main and its workers
stay as they were. RELEVO_LONG=1: ten times as many.

Memory says nothing under a sanitizer: the tests of this folder run without."""
import os
import signal
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from flaky import Flaky  # noqa: E402
from watch import PROGRAM, Watch, children, until  # noqa: E402

ROUNDS = 10 if os.environ.get("RELEVO_LONG") else 1
HUPS, SECONDS, WARM_UP = 1000, 10.0, 200
CHECKS = 30
INTERVAL = 1.0
MORE_MEMORY = 1 << 20
# Main also has SQLite's cache of pages (its own default: 2,000 KiB), which the
# long version fills.
PAGE_CACHE = 2000 << 10 if ROUNDS > 1 else 0

CONFIG = """
runbook_dir = "%(folder)s/books";
defaults = { interval = "1s"; timeout = "900ms"; retry_interval = "300ms"; };
checks = {
%(checks)s
%(more)s
};
runbooks = { look = { script = "look"; match = { plugin = "http"; };
                      cooldown = "1s"; }; };
"""
CHECK = '  c%d = { url = "http://%s/"; };'
BROKEN = '  broken = { url = "http://127.0.0.1:1/"; title = "%d"; };'
EXTRA = '  extra%d = { url = "http://%s/"; interval = "10s"; };'
SCRIPT = "#!/bin/sh\n# kind: diagnose\nsleep 0.7\n"


def memory(pid):
    """Its own, in bytes."""
    with open("/proc/%d/smaps_rollup" % pid) as f:
        return sum(int(line.split()[1]) * 1024 for line in f
                   if line.startswith("Private_"))


def descriptors(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


class Storm(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="relevo-storm-")
        self.folder = self.temporary.name
        os.mkdir(os.path.join(self.folder, "books"))
        path = os.path.join(self.folder, "books", "look")
        with open(path, "w") as f:
            f.write(SCRIPT)
        os.chmod(path, 0o755)

    def tearDown(self):
        self.temporary.cleanup()

    def config(self, flaky, n=0):
        """The n-th of them; 0 has nothing that fails."""
        checks = "\n".join(CHECK % (i, t)
                           for i, t in enumerate(flaky.targets))
        more = "" if n == 0 else BROKEN % n + "\n" + "\n".join(
            EXTRA % (i, flaky.targets[i]) for i in range(n % 7))
        return CONFIG % {"folder": self.folder, "checks": checks,
                         "more": more}

    def storm(self, watch, count, change=lambda n: None):
        begin = time.monotonic()
        for n in range(count):
            change(n)
            watch.reload()
            rest = begin + (n + 1) * SECONDS / HUPS - time.monotonic()
            if rest > 0:
                time.sleep(rest)

    def workers(self, watch):
        found = []
        for pid in children(watch.process.pid):
            try:
                with open("/proc/%d/cmdline" % pid, "rb") as f:
                    if b"worker" in f.read():
                        found.append(pid)
            except OSError:
                pass  # it has just ended
        return found

    def settled(self, watch):
        """Memory and descriptors of main and of each worker, once no reload is
        under way: no vet process, and no new line in the log."""
        def rests():
            before = len(watch.log())
            time.sleep(1)
            return len(watch.log()) == before
        until("the last reload", rests, 60)
        pids = [watch.process.pid] + self.workers(watch)
        return [(pid, memory(pid), descriptors(pid)) for pid in pids]

    def look(self, flaky, targets, begin, end, most=2.4):
        for i in targets:
            times = [begin] + [t for t in flaky.seen[i] if begin < t < end]
            gaps = [b - a for a, b in zip(times, times[1:] + [end])]
            self.assertLess(max(gaps), most * INTERVAL, (i, times))

    def same(self, before, after):
        self.assertEqual([x[0] for x in before], [x[0] for x in after])
        most = MORE_MEMORY + PAGE_CACHE
        for (pid, bytes_, fds), (_, bytes_now, fds_now) in zip(before, after):
            what = "%r, then %r" % (before, after)
            self.assertLess(bytes_now - bytes_, most, what)
            self.assertLessEqual(fds_now, fds + 1, what)
            most = MORE_MEMORY  # of a worker: main comes first

    def reloaded(self, watch):
        """SIGHUPs that come while one is worked on become one more."""
        return watch.log().count(": generation ")

    def begin(self, flaky, watch):
        until("all targets to be asked",
              lambda: all(len(s) > 1 for s in flaky.seen))

    def test_the_same_configuration(self):
        with Flaky(CHECKS, 0) as flaky:
            with Watch(self.folder, self.config(flaky)) as watch:
                self.begin(flaky, watch)
                self.storm(watch, WARM_UP)
                before = self.settled(watch)
                begin = time.monotonic()
                self.storm(watch, HUPS * ROUNDS)
                self.look(flaky, range(CHECKS), begin, time.monotonic())
                self.same(before, self.settled(watch))
                self.assertEqual(watch.incidents(), [])
                self.assertGreater(self.reloaded(watch), 50)

    def test_another_one_each_time(self):
        with Flaky(CHECKS, 0) as flaky:
            with Watch(self.folder, self.config(flaky)) as watch:
                def change(n):
                    watch.write(self.config(flaky, n + 1))
                self.begin(flaky, watch)
                self.storm(watch, WARM_UP, change)
                before = self.settled(watch)
                begin = time.monotonic()
                self.storm(watch, HUPS * ROUNDS, change)
                self.look(flaky, range(CHECKS), begin, time.monotonic())
                watch.write(self.config(flaky, WARM_UP))
                watch.reload()
                self.same(before, self.settled(watch))
                self.assertGreater(self.reloaded(watch), 50)
                log = watch.json("runbook", "log")
                self.assertGreater(len([r for r in log if r["started"]]), 0)

    def test_while_workers_die(self):
        with Flaky(CHECKS, 0) as flaky:
            with Watch(self.folder, self.config(flaky)) as watch:
                def change(n):
                    watch.write(self.config(flaky, n + 1))
                    if n % 100 == 50:
                        for pid in self.workers(watch)[:1]:
                            os.kill(pid, signal.SIGKILL)
                self.begin(flaky, watch)
                begin = time.monotonic()
                self.storm(watch, HUPS // 2, change)
                # Who died with its worker has lost one probe at most.
                self.look(flaky, range(CHECKS), begin, time.monotonic(), 2.9)
                self.settled(watch)
                for i in range(CHECKS):
                    watch.wait_state("c%d" % i, "up")
                self.assertEqual([i["check"] for i in watch.incidents()
                                  if i["check"] != "broken"], [])


def has_sanitizers():
    with open(PROGRAM, "rb") as f:
        return b"__asan_init" in f.read()


if __name__ == "__main__":
    if has_sanitizers():
        print("built with sanitizers: skipped")
        sys.exit(77)
    unittest.main()
