#!/usr/bin/python3
"""Main kills itself at a named failpoint, at its n-th passing, and is started
again: before a commit, after a commit that nobody has acted on yet, in the
middle of a migration. The invariants are those of tests/e2e/sudden_death.py.
Needs a build with failpoints (preset fault); RELEVO_LONG=1: more passings."""
import os
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import sudden_death  # noqa: E402
from flaky import Flaky  # noqa: E402
from watch import BUILD, Watch, until  # noqa: E402

PASSINGS = range(1, 60) if os.environ.get("RELEVO_LONG") else (1, 2, 3, 5, 8)


def has_failpoints():
    """Their names are in the program; that of the variable always is."""
    with open(os.path.join(BUILD, "relevo"), "rb") as f:
        return b"store.mid_migration\0" in f.read()


class FailPoints(sudden_death.SuddenDeath):
    test_killed_at_any_instant = None  # runs there

    def die_at(self, watch, point, passing):
        env = dict(watch.env,
                   RELEVO_FAILPOINT="%s=kill@%d" % (point, passing))
        with open(os.path.join(self.folder, "out.log"), "ab") as out:
            process = subprocess.Popen(
                [watch.program, "-c", watch.config, "run"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env)
        try:
            code = process.wait(60)
        finally:
            process.kill()
        self.assertEqual(code, -signal.SIGKILL, watch.log()[-3000:])

    def die_and_go_on(self, point, passings):
        with Flaky(sudden_death.CHECKS, 0.08, sudden_death.SEED) as flaky:
            watch = Watch(self.folder, self.config(flaky.targets))
            for passing in passings:
                self.die_at(watch, point, passing)
                self.look(watch)
            flaky.settle()
            with watch:
                for i in range(sudden_death.CHECKS):
                    watch.wait_state("c%d" % i, "up")
                until("all runs to end", lambda: self.quiet(watch), 60, 0.5)
            self.all_has_ended(self.look(watch))

    def test_before_a_commit(self):
        self.die_and_go_on("store.before_commit", PASSINGS)

    def test_after_a_commit(self):
        self.die_and_go_on("store.after_commit", PASSINGS)

    def test_in_the_first_migration(self):
        self.die_and_go_on("store.mid_migration", (1,))


if __name__ == "__main__":
    if not has_failpoints():
        print("built without failpoints: skipped")
        sys.exit(77)
    unittest.main()
