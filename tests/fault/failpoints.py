#!/usr/bin/python3
"""A process kills itself at a named place, at its n-th passing: main before a
commit, after one that nobody has acted on yet, with an order in its hand, in
the middle of a reload or a migration; the runner with a keeper that main does
not know of; a keeper before it has signed, in the middle of its run, with an
outcome that is not renamed or not reported yet; a worker with probes under
way. What must be true all the same is in tests/lib/invariants.py.
Needs a build with failpoints (preset fault); RELEVO_LONG=1: more passings."""
import os
import signal
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from invariants import UNKNOWN  # noqa: E402
from mortal import Mortal  # noqa: E402
from watch import BUILD, until  # noqa: E402

LONG = bool(os.environ.get("RELEVO_LONG"))
SEED = int(os.environ.get("RELEVO_SEED", "1"))
PASSINGS = range(1, 40) if LONG else (1, 2, 5)
TIMES = 40 if LONG else 2


def has_failpoints():
    """Their names are in the program; that of the variable always is."""
    with open(os.path.join(BUILD, "relevo"), "rb") as f:
        return b"store.mid_migration\0" in f.read()


class FailPoints(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="relevo-fault-")
        self.folder = self.temporary.name
        self.mortal = Mortal(self.folder, SEED)
        self.armed = os.path.join(self.folder, "armed")

    def tearDown(self):
        self.mortal.__exit__()
        self.temporary.cleanup()

    # --------------------------------------------------------------- main ---

    def dies(self):
        code = self.mortal.process.wait(120)
        self.assertEqual(code, -signal.SIGKILL,
                         self.mortal.watch.log()[-3000:])
        self.mortal.judge()

    def main_dies(self, point, passings):
        for passing in passings:
            self.mortal.start(RELEVO_FAILPOINT="%s=kill@%d" % (point, passing))
            self.dies()
        self.settle_adopted()

    def settle_adopted(self):
        """Where nobody but main dies, each keeper is adopted: it is known how
        every run ended."""
        now = self.mortal.settle()
        self.assertEqual([row for row in now.rows("run")
                          if row["verdict"] == UNKNOWN], [])

    def test_before_a_commit(self):
        self.main_dies("store.before_commit", PASSINGS)

    def test_after_a_commit(self):
        self.main_dies("store.after_commit", PASSINGS)

    def test_before_an_order_is_given(self):
        self.main_dies("daemon.before_order", PASSINGS)

    def test_before_a_start_is_recorded(self):
        self.main_dies("daemon.before_started", PASSINGS)

    def test_before_an_end_is_recorded(self):
        self.main_dies("daemon.before_ended", PASSINGS)

    def test_in_the_first_migrations(self):
        self.main_dies("store.mid_migration", (1, 2, 1))

    def test_in_the_middle_of_a_start(self):
        self.main_dies("daemon.mid_reload", (1, 1))
        self.main_dies("daemon.before_reload_is_stored", (1, 1))

    def test_in_the_middle_of_a_reload(self):
        for point in ["daemon.mid_reload",
                      "daemon.before_reload_is_stored"] * (TIMES // 2):
            self.mortal.start(RELEVO_FAILPOINT=point + "=kill@2")
            self.mortal.wait_watching()
            self.mortal.pause()
            self.mortal.reload()
            self.dies()
        self.settle_adopted()

    # ------------------------------------------------------------- others ---

    def others_die(self, *points):
        """Each time one process alone; every other time main right after."""
        for time in range(TIMES):
            self.mortal.start(RELEVO_FAILPOINT=",".join(
                point + "=kill" for point in points),
                RELEVO_FAILPOINT_ARM=self.armed)
            self.mortal.wait_watching()
            self.mortal.pause()
            open(self.armed, "w").close()
            until("a death at " + " or ".join(points),
                  lambda: not os.path.exists(self.armed), 120, 0.001)
            if time % 2:
                self.mortal.pause()
            self.mortal.strike("main")
            self.mortal.judge()
        self.mortal.settle()

    def test_runner_before_it_forks(self):
        self.others_die("runner.before_fork")

    def test_runner_with_a_keeper_nobody_knows_of(self):
        self.others_die("runner.after_fork")

    def test_runner_before_it_reports_an_end(self):
        self.others_die("runner.before_report")

    def test_keeper_before_it_has_signed(self):
        self.others_die("keeper.before_note")

    def test_keeper_in_the_middle_of_its_run(self):
        self.others_die("keeper.mid_run")

    def test_keeper_before_its_outcome(self):
        self.others_die("keeper.before_outcome")

    def test_keeper_before_a_rename(self):
        self.others_die("relevo-keeper/fs.before_rename")

    def test_keeper_after_its_outcome(self):
        self.others_die("keeper.after_outcome")

    def workers_die(self, point):
        """Both, each at its n-th passing: a worker, which may touch no file
        here, cannot find out whether it is its turn."""
        self.mortal.start(RELEVO_FAILPOINT="%s=kill@%d" % (
            point, self.mortal.random.randint(20, 100)))
        until("%d deaths at %s" % (TIMES, point),
              lambda: self.mortal.watch.log().count("killed by signal 9") >=
              TIMES, 60 + 10 * TIMES)  # a back-off of up to 10 s before each
        self.mortal.strike("main")
        self.mortal.judge()
        self.settle_adopted()

    def test_worker_with_probes_under_way(self):
        self.workers_die("worker.mid_probe")

    def test_worker_before_it_tells_a_result(self):
        self.workers_die("worker.before_result")


if __name__ == "__main__":
    if not has_failpoints():
        print("built without failpoints: skipped")
        sys.exit(77)
    unittest.main()
