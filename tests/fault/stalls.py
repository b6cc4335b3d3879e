#!/usr/bin/python3
"""A commit takes five seconds, again and again: probes go out on time, a target
that fails goes down and its notice goes out, memory stays where it was, what
does not fit into the queue is counted and told, and all is well by itself when
commits are quick again. One that never ends delays many notices no longer than
one. RELEVO_LONG=1: for minutes, and with a queue as large as it really is.
Needs a build with failpoints (preset fault)."""
import contextlib
import os
import re
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from faulty import is_built  # noqa: E402
from flaky import Flaky  # noqa: E402
from ledger import Ledger  # noqa: E402
from scripts import script  # noqa: E402
from watch import BUILD, Watch, resident_kib, until  # noqa: E402

LONG = bool(os.environ.get("RELEVO_LONG"))
STALL_S = 5
FILL_S = 180  # what fills a queue of 64 MiB takes two minutes
FOR_EVER_S = 3600
COMMITS = 24 if LONG else 2  # that take so long
GOOD, LOUD = 20, 10
OUTAGES = 12
INTERVAL = 0.5
CONFIG = """
workers = 1; plugin_dir = "%s/plugins"; defaults = { timeout = "2s"; };
checks = {
%s
};
runbooks = { call = { script = "%s"; }; };
"""
QUIET_CHECK = '  c%d = { url = "http://%s/"; interval = "500ms"; ' \
              'failure_threshold = 2; };'
# Each result brings what the target said: the queue is soon full.
LOUD_CHECK = '  loud%d = { url = "http://%s/"; interval = "100ms"; ' \
             'evidence = "16KiB"; };'
LOSES, LOST = "results are being dropped", re.compile(r"(\d+) results were dr")
RESULTS = "relevo:history:results"


class Stall:
    """The failpoint acts only while its file is there, and removes it: so it is
    made again until the block ends."""

    def __init__(self, folder, seconds=STALL_S):
        self.seconds = seconds
        self.file = os.path.join(folder, "armed")
        self.count = 0  # commits that stalled
        self.is_over = threading.Event()

    def env(self, queue):
        points = ["store.before_commit=sleep:%d" % (self.seconds * 1000)]
        if queue == "small":  # the first to be met
            points.append("store.small_queue=error")
            open(self.file, "w").close()
        return {"RELEVO_FAILPOINT": ",".join(points),
                "RELEVO_FAILPOINT_ARM": self.file}

    def arm(self):
        while not self.is_over.wait(0.05):
            if not os.path.exists(self.file):
                open(self.file, "w").close()
                self.count += 1

    def __enter__(self):
        self.thread = threading.Thread(target=self.arm)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.file)


class Stalls(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="relevo-fault-")
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name
        self.notices = os.path.join(self.folder, "notices")
        self.flaky = Flaky(GOOD + LOUD, 0)
        self.addCleanup(self.flaky.__exit__)
        self.flaky.body = b"x" * 8192
        for i in range(GOOD, GOOD + LOUD):
            self.flaky.bad[i] = True

    def make(self, stall, queue):
        checks = [(QUIET_CHECK if i < GOOD else LOUD_CHECK) % (i, target)
                  for i, target in enumerate(self.flaky.targets)]
        call = script(self.folder, "call", "notify",
                      'echo "$RELEVO_ON $RELEVO_CHECK" >> ' + self.notices,
                      on="down, recovered")
        watch = Watch(self.folder, CONFIG % (os.path.abspath(BUILD),
                                             "\n".join(checks), call))
        watch.env.update(stall.env(queue))
        return watch

    def told(self):
        with contextlib.suppress(OSError), open(self.notices) as f:
            return f.read().split("\n")
        return []

    def wait_told(self, line):
        until("the notice " + line, lambda: line in self.told())

    def wait_up(self, watch):
        until("all to be up", lambda: all(
            check["state"] == "up" for check in watch.json("status")["checks"]
            if check["name"].startswith("c")), 90, 0.2)

    # ------------------------------------------------------------ looks ---

    def an_outage(self, watch):
        """It is seen and told while commits stall."""
        begin = time.monotonic()
        self.flaky.bad[0] = True
        watch.wait_state("c0", "down", limit=30)
        down = time.monotonic()
        self.wait_told("down c0")
        told = time.monotonic()
        self.flaky.bad[0] = False
        watch.wait_state("c0", "up", limit=30)
        self.wait_told("recovered c0")
        print("down after %.1f s, told after %.1f s" %
              (down - begin, told - begin), file=sys.stderr)

    def asked_on_time(self, begin, end):
        """Who waits for a commit is late by seconds."""
        for i in range(GOOD):
            times = [begin] + [t for t in self.flaky.seen[i]
                               if begin < t < end] + [end]
            gap = max(b - a for a, b in zip(times, times[1:]))
            self.assertLess(gap, INTERVAL + STALL_S / 2, "c%d" % i)
            self.assertGreater(len(times), (end - begin) / INTERVAL * 0.8)

    def nothing_is_unaccounted(self, log):
        """Each answer that a target gave is stored, or counted as lost."""
        ledger = Ledger(os.path.join(self.folder, "state"))
        self.assertEqual(ledger.integrity, "ok")
        lost = [row["value"] for row in ledger.rows("counter")
                if row["name"] == "lost"][0]
        self.assertGreater(lost, 0)
        self.assertEqual(sum(int(n) for n in LOST.findall(log)), lost)
        asked = sum(len(seen) for seen in self.flaky.seen)
        stored = len(ledger.rows("hot"))
        print("%d asked, %d stored, %d lost" % (asked, stored, lost),
              file=sys.stderr)
        self.assertLessEqual(abs(asked - stored - lost), 2 * (GOOD + LOUD))

    # ------------------------------------------------------------- test ---

    def stall(self, queue, limit_mib, commits=COMMITS, seconds=STALL_S):
        """Ends when some commits have stalled and results were lost."""
        stall = Stall(self.folder, seconds)
        with self.make(stall, queue) as watch:
            self.wait_up(watch)
            before = resident_kib(watch.process.pid)
            seen = [before]

            def has_stalled():
                seen.append(resident_kib(watch.process.pid))
                return stall.count > commits and LOSES in watch.log()

            begin = time.monotonic()
            with stall:
                until("a stall", lambda: stall.count > 1)
                self.an_outage(watch)
                until("the commits to stall", has_stalled,
                      10 * seconds * commits + 60, 0.2)
            end, now_us = time.monotonic(), time.time() * 1e6
            self.is_over(watch, now_us)
        print("memory: %d KiB, at most %d" % (before, max(seen)),
              file=sys.stderr)
        self.asked_on_time(begin, end)
        self.assertLess(max(seen), before + 1024 * limit_mib)
        self.nothing_is_unaccounted(watch.log())

    def is_over(self, watch, now_us):
        until("new results to be stored", lambda: any(
            row["started_us"] > now_us
            for row in Ledger.live(watch.state).rows("hot")), FILL_S + 30)
        until("the losses to be counted", lambda: LOST.search(watch.log()))
        if LONG:
            until("the trouble to be over", lambda: not watch.troubles(), 120)
        self.wait_up(watch)
        self.assertEqual({i["check"] for i in watch.accused()
                          if i["check"].startswith("c")}, {"c0"})
        self.wait_told("down " + RESULTS)
        self.assertEqual(self.told().count("down " + RESULTS), 1)

    def test_commits(self):
        self.stall("small", 16)

    @unittest.skipUnless(LONG, "the real queue: RELEVO_LONG=1")
    def test_the_real_queue(self):
        self.flaky.body = b"x" * 16384
        self.stall("real", 160, 1, FILL_S)

    def test_many_notices(self):
        stall = Stall(self.folder, FOR_EVER_S)
        watch = self.make(stall, "real").start()
        try:
            self.wait_up(watch)
            with stall:
                until("the stall", lambda: stall.count > 1)
                for i in range(OUTAGES):
                    self.flaky.bad[i] = True
                until("all to be told", lambda: {
                    "down c%d" % i for i in range(OUTAGES)
                } <= set(self.told()))
            stored = Ledger.live(watch.state).rows("incident")
            self.assertLessEqual(len(stored), LOUD)  # none of theirs
        finally:
            watch.kill()


if __name__ == "__main__":
    if not is_built():
        print("built without failpoints: skipped")
        sys.exit(77)
    unittest.main()
