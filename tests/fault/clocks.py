#!/usr/bin/python3
"""Bad clocks, with a whole relevo and real targets that are well all the time:
the wall clock jumps (libfaketime: an hour ahead and back, a day back, ten years
ahead, 1970) and processes stand still (SIGSTOP of all of them, of main, of the
workers). The targets count what they are asked: no burst, no hole; and nothing
fails, no time is negative, no result is lost, no incident opens.

RELEVO_LONG=1: standstills of 60 s, more rounds, and the history's retention
looks at a clock that is ten years ahead."""
import contextlib
import glob
import os
import signal
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from flaky import Flaky  # noqa: E402
from watch import PROGRAM, Watch, children, until  # noqa: E402

LONG = bool(os.environ.get("RELEVO_LONG"))
LIBRARY = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
CHECKS = 12
INTERVAL = 1.0
STANDSTILL = 60 if LONG else 6
DAY = 86400
HEALED = 12 if LONG else 5  # seconds of good order after each disturbance

CONFIG = """
defaults = { interval = "1s"; timeout = "2s"; retry_interval = "500ms";
             failure_threshold = 1; expect = ["latency < 1500ms"]; };
checks = {
%s
  twice = { url = "http://%s/"; depends_on = ["c0"]; };
};
"""
CHECK = '  c%d = { url = "http://%s/"; };'


class WallClock:
    """What relevo takes for the time of day: the true one and an offset."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "clock")
        self.offset = 0
        self.set(0)

    def env(self):
        return {"LD_PRELOAD": LIBRARY[0], "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1",
                "FAKETIME_TIMESTAMP_FILE": self.path,
                # else it takes the writer's monotonic waits for wall time
                "FAKETIME_FORCE_MONOTONIC_FIX": "0"}

    def set(self, offset):
        self.offset = offset
        with open(self.path + ".new", "w") as f:
            f.write("%+d\n" % offset)
        os.rename(self.path + ".new", self.path)


class Clocks(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="relevo-clocks-")
        self.folder = self.temporary.name

    def tearDown(self):
        self.temporary.cleanup()

    def config(self, flaky):
        return CONFIG % ("\n".join(CHECK % (i, t) for i, t in
                                   enumerate(flaky.targets[:-1])),
                         flaky.targets[-1])

    def names(self):
        return ["c%d" % i for i in range(CHECKS)] + ["twice"]

    def all_up(self, watch):
        return all(c["state"] == "up" for c in watch.json("status")["checks"])

    # ------------------------------------------------- what must hold ---

    def look_at_requests(self, flaky, begin, end, most=0):
        """Between the two no target is asked twice at once or left alone: in
        any full second once, give or take what the machine was late by. most:
        so many more are allowed in all, for each target."""
        for i, seen in enumerate(flaky.seen):
            times = [t for t in seen if begin <= t <= end]
            due = (end - begin) / INTERVAL
            self.assertLessEqual(len(times), due + 1.5 + most, (i, times))
            self.assertGreaterEqual(len(times), due - 1.5, (i, times))
            if most == 0:
                gaps = [b - a for a, b in zip(times, times[1:])]
                self.assertGreater(min(gaps), 0.2 * INTERVAL, (i, times))
                self.assertLess(max(gaps), 1.9 * INTERVAL, (i, times))

    def look_at_history(self, watch, late, blind):
        """Every result is good, and none took a negative time; returns how many
        there are. late: so many may be flagged so for each check (a busy
        machine is late, too); blind: so many may be unknown, because we stood
        still ourselves."""
        count = 0
        for name in self.names():
            rows = watch.history(name, 100000)
            count += len(rows)
            flagged = [r for r in rows if "late" in r.get("flags", [])]
            self.assertLessEqual(len(flagged), late, (name, flagged))
            unseen = [r for r in rows if r["outcome"] != "ok"]
            self.assertLessEqual(len(unseen), blind, (name, unseen))
            for row in unseen:
                self.assertEqual((row["outcome"], row["fault"]),
                                 ("unknown", "cancelled"), row)
                self.assertIn("disturbed", row["flags"])
            for row in rows:
                latency = row["observations"].get("latency", 0)
                self.assertTrue(0 <= latency <= row["duration_ms"], row)
        return count

    def look(self, watch, late=1000000, blind=0):
        about = [i["check"] for i in watch.incidents()
                 if i["check"] != "relevo:time:self"]
        self.assertEqual(about, [], watch.log()[-3000:])
        self.assertTrue(watch.json("db", "check")["sound"])
        return self.look_at_history(watch, late, blind)

    # ------------------------------------------------------ wall clock ---

    def jumps(self, clock):
        to_1970 = -int(time.time()) + 1000
        return [3600, 0, -3600, 0, -DAY, 3650 * DAY, to_1970, 0] * (
            4 if LONG else 1)

    def test_the_wall_clock_jumps(self):
        clock = WallClock(self.folder)
        with Flaky(CHECKS + 1, 0) as flaky:
            watch = Watch(self.folder, self.config(flaky), clock.env())
            with watch:
                until("all to be up", lambda: self.all_up(watch))
                begin = time.monotonic()
                for offset in self.jumps(clock):
                    clock.set(offset)
                    time.sleep(5 if LONG else 2)
                    self.assertTrue(self.all_up(watch), watch.log()[-3000:])
                self.look_at_requests(flaky, begin, time.monotonic())
                told = watch.log()
                for text in ("jumped ahead by", "went back by"):
                    self.assertIn(text, told)
                self.assertIn("wall clock", watch.run("status")[1])
                self.look(watch)
                # So many jumps are a trouble, of the monitor itself.
                self.assertEqual([t["name"] for t in
                                  watch.json("status")["troubles"]],
                                 ["relevo:time:self"])
                # On disk is what was measured; a probe under way is not.
                watch.stop()
                asked = flaky.requests
                watch.start()
                self.assertGreaterEqual(self.look(watch), asked - CHECKS - 1)

    @unittest.skipUnless(LONG, "retention looks once in a minute or ten")
    def test_ten_years_ahead_delete_nothing(self):
        clock = WallClock(self.folder)
        with Flaky(CHECKS + 1, 0) as flaky:
            watch = Watch(self.folder, self.config(flaky), clock.env())
            with watch:
                until("all to be up", lambda: self.all_up(watch))
                time.sleep(20)
                clock.set(3650 * DAY)
                time.sleep(60)  # the first look is after a minute
                self.assertGreaterEqual(self.look(watch),
                                        flaky.requests - 2 * (CHECKS + 1))
                watch.stop()
                clock.set(2 * 3650 * DAY)
                watch.start()
                time.sleep(75)
                self.assertGreaterEqual(self.look(watch),
                                        flaky.requests - 3 * (CHECKS + 1))

    # ------------------------------------------------------ standstill ---

    def stand_still(self, watch, pids):
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(STANDSTILL)
        finally:
            resumed = time.monotonic()
            for pid in reversed(pids):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
        return resumed

    def one_standstill(self, choose, late):
        with Flaky(CHECKS + 1, 0, delay=0.3) as flaky:
            with Watch(self.folder, self.config(flaky)) as watch:
                until("all to be up", lambda: self.all_up(watch))
                time.sleep(2)
                resumed = self.stand_still(watch, choose(watch))
                time.sleep(HEALED)
                end = time.monotonic()
                self.look_at_requests(flaky, resumed, end, most=1)
                self.look_at_requests(flaky, resumed + 2, end)
                self.assertTrue(self.all_up(watch), watch.log()[-3000:])
                self.look(watch, late + 2, blind=late)
                self.assertEqual(watch.json("status")["troubles"], [])
                return watch.log()

    def test_all_stand_still(self):
        told = self.one_standstill(
            lambda w: [w.process.pid] + children(w.process.pid), late=1)
        self.assertIn("stood still for", told)
        self.assertNotIn("worker", told)

    def test_main_stands_still(self):
        told = self.one_standstill(lambda w: [w.process.pid], late=1)
        self.assertIn("stood still for", told)
        self.assertNotIn("worker", told)

    def test_workers_stand_still(self):
        """They are replaced long before they go on, and no plugin is to
        blame."""
        def workers(watch):
            found = [p for p in children(watch.process.pid) if is_worker(p)]
            self.assertTrue(found)
            return found
        told = self.one_standstill(workers, late=1)
        self.assertIn("it was stopped by a signal", told)
        self.assertNotIn("stood still for", told)
        self.assertNotIn("held back", told)


def is_worker(pid):
    with open("/proc/%d/cmdline" % pid, "rb") as f:
        return b"worker" in f.read()


def has_sanitizers():
    with open(PROGRAM, "rb") as f:
        return b"__asan_init" in f.read()


if __name__ == "__main__":
    if not LIBRARY:
        print("no libfaketime here: skipped")
        sys.exit(77)
    if has_sanitizers():
        print("a sanitizer must be loaded before libfaketime: skipped")
        sys.exit(77)
    unittest.main()
