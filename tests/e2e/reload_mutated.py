#!/usr/bin/python3
"""A configuration that is wrong never replaces a good one: mutated files by
SIGHUP, and files that vanish, are half written, unreadable, a folder, a FIFO, a
device without end. Each is refused with file and line, the old one stays in
force, and no probe is missed; a mutation that leaves it valid is taken.

`config check` is asked first, and the daemon must say the same.
RELEVO_SEED: where the seeds begin; RELEVO_LONG=1: 1,000 of them in place of
50."""
import contextlib
import os
import random
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from flaky import Flaky  # noqa: E402
from mutate import mutate  # noqa: E402
from watch import Watch, until  # noqa: E402

COUNT = 1000 if os.environ.get("RELEVO_LONG") else 50
SEED = int(os.environ.get("RELEVO_SEED", "1"))
CHECKS = 4
INTERVAL = 2.0

CONFIG = """\
timezone = "Europe/Madrid";
environments = {
  one = { vars = { a = "%s"; b = "%s"; }; };
  two = { vars = { a = "%s"; b = "%s"; }; };
};
defaults = { interval = "2s"; http = { timeout = "900ms"; }; };
templates = { kind = { tags = ["kind"]; failure_threshold = 2; }; };
checks = {
  a = { url = "http://${a}/"; use = ["kind"]; title = "A";
        expect = ["status == 200", "latency < 800ms"]; };
  b = { url = "http://${b}/"; depends_on = ["a"];
        warn_unless = ["latency < 700ms"]; };
  c = { of = "a"; expect = ["size == 2B"]; };
};
maintenance = { night = { cron = "0 3 * * 0"; duration = "1h"; }; };
"""
REFUSED = "the new configuration is refused"
TAKEN = ": generation "


class Mutated(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="relevo-mutated-")
        self.folder = self.temporary.name

        self.story = []  # when which seed was tried

    def tearDown(self):
        self.temporary.cleanup()

    def put(self, watch, text):
        with open(watch.config + ".new", "wb") as f:
            f.write(text)
        os.replace(watch.config + ".new", watch.config)

    def hup(self, watch):
        """Returns what the daemon says to it."""
        at = len(watch.log())
        watch.reload()

        def said():
            new = watch.log()[at:]
            why = new.partition(REFUSED)[2]  # the rest of the line; reasons
            return TAKEN in new or why.count("\n") > 1
        until("an answer to SIGHUP", said, 60, 0.02)
        time.sleep(0.05)  # all lines of it
        new = watch.log()[at:]
        self.assertFalse(REFUSED in new and TAKEN in new, new)
        return new

    def one(self, watch, seed, text):
        """True: it was taken."""
        mutated, name = mutate(random.Random(seed), text)
        self.story.append((time.monotonic(), seed, name))
        self.put(watch, mutated)
        code, _, wrong = watch.run("config", "check", check=False)
        self.assertIn(code, (0, 2), (seed, name, wrong[-2000:]))
        said = self.hup(watch)
        what = "seed %d: %s: %s%s" % (seed, name, wrong[:2000], said[:2000])
        self.assertEqual(code == 0, TAKEN in said, what)
        self.assertLess(len(said), 200000, what[:2000])
        self.assertNotRegex(said, r"[\x00-\x09\x0b-\x1f\x7f]", what)
        if code != 0:
            self.assertRegex(said, r"\w+\.cfg:\d+:", what)
        return code == 0

    def look(self, flaky, excused, end):
        """No target was left alone for two intervals, but while a mutation was
        in force."""
        for i, seen in enumerate(flaky.seen):
            times = [t for t in seen if t < end] + [end]
            for a, b in zip(times, times[1:]):
                if not any(a < y and x < b for x, y in excused):
                    near = [x for x in self.story if a - 2 < x[0] < b]
                    self.assertLess(b - a, 1.9 * INTERVAL, (i, a, b, near))

    def good(self, flaky, watch):
        with open(watch.config, "rb") as f:
            text = f.read()
        until("all targets to be asked",
              lambda: all(len(s) > 1 for s in flaky.seen))
        for seen in flaky.seen:
            del seen[:-1]
        return text

    def test_mutated(self):
        print("seeds %d to %d" % (SEED, SEED + COUNT - 1))
        with Flaky(CHECKS, 0) as flaky:
            watch = Watch(self.folder, CONFIG % tuple(flaky.targets))
            with watch:
                text = self.good(flaky, watch)
                excused = []
                for seed in range(SEED, SEED + COUNT):
                    begin = time.monotonic()
                    if not self.one(watch, seed, text):
                        continue
                    self.put(watch, text)
                    self.assertIn(TAKEN, self.hup(watch))
                    excused.append((begin, time.monotonic() + INTERVAL))
                self.look(flaky, excused, time.monotonic())
                self.assertLess(len(excused), COUNT / 2)
                self.put(watch, text)
                self.assertIn(TAKEN, self.hup(watch))
                for name in ("one/a", "one/b", "two/a", "two/c"):
                    watch.wait_state(name, "up")
                self.assertEqual(watch.incidents(), [])

    def refuse(self, watch, make, says):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(watch.config)
        make(watch.config)
        said = self.hup(watch)
        self.assertIn(REFUSED, said)
        self.assertIn("relevo.cfg", said)
        self.assertRegex(said, says)

    def test_what_is_no_file(self):
        def half(path):
            with open(path, "wb") as f:
                f.write(b'checks = { a = { url = "http')

        def sealed(path):
            half(path)
            os.chmod(path, 0)

        kinds = [
            (lambda path: None, "No such file"),
            (os.mkdir, "not a regular file"),
            (os.mkfifo, "not a regular file"),
            (lambda path: os.symlink("/dev/zero", path), "not a regular file"),
            (lambda path: os.symlink(path, path), "symbolic links"),
            (lambda path: os.symlink("/nowhere/at/all", path), "No such file"),
            (half, r"relevo\.cfg:1:\d+"),
        ]
        if os.getuid() != 0:
            kinds.append((sealed, "Permission denied"))
        with Flaky(CHECKS, 0) as flaky:
            watch = Watch(self.folder, CONFIG % tuple(flaky.targets))
            with watch:
                text = self.good(flaky, watch)
                for make, says in kinds:
                    self.refuse(watch, make, says)
                    if os.path.isdir(watch.config):
                        os.rmdir(watch.config)
                self.look(flaky, [], time.monotonic())
                self.put(watch, text)
                self.assertIn(TAKEN, self.hup(watch))


if __name__ == "__main__":
    unittest.main()
