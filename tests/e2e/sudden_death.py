#!/usr/bin/python3
"""SIGKILL at any instant, again and again, under load: to main alone (keepers
go on and are adopted), to a worker, the runner, a keeper, a script, and to
every process of Relevo and all they started. What must be true of the history
all the same is in tests/lib/invariants.py. RELEVO_LONG=1: 2,000 deaths."""
import collections
import concurrent.futures
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from mortal import CHECKS, Mortal  # noqa: E402
from watch import until  # noqa: E402

LONG = bool(os.environ.get("RELEVO_LONG"))
SEED = int(os.environ.get("RELEVO_SEED", "1"))
ROUNDS, DEATHS = (20, 100) if LONG else (1, 40)
AT_ONCE = 2  # rounds; each has a folder, targets and processes of its own
SHARES = {"main": 30, "all": 20, "worker": 15, "runner": 15, "keeper": 10,
          "script": 10}


class SuddenDeath(unittest.TestCase):
    def deaths(self, mortal):
        """In random order, each as often as its share says."""
        roles = [role for role, share in SHARES.items()
                 for _ in range(share * DEATHS // 100)]
        mortal.random.shuffle(roles)
        return roles

    def live(self, mortal):
        mortal.start()
        if mortal.random.random() < 0.8:
            mortal.wait_watching()
        mortal.pause()

    def strike(self, mortal, role):
        """Where it is said of one that is not always there, wait for it."""
        if role in ("main", "all"):
            mortal.strike(role)
            mortal.judge()
            self.live(mortal)
            return
        mortal.wait_watching()
        until("a " + role, lambda: mortal.strike(role), 60, 0.02)
        if mortal.random.random() < 0.1:
            mortal.reload()
        mortal.pause()
        mortal.check_alive()

    def round(self, seed):
        struck = collections.Counter()
        with tempfile.TemporaryDirectory(prefix="relevo-e2e-") as folder, \
                Mortal(folder, seed) as mortal:
            self.live(mortal)
            for role in self.deaths(mortal):
                self.strike(mortal, role)
                struck[role] += 1
            mortal.strike("main")
            mortal.judge()
            now = mortal.settle()
            self.assertGreater(len(now.rows("transition")), CHECKS // 2)
            self.assertGreater(len(mortal.traces.read().told), 0)
            rows = {t: len(now.rows(t)) for t in ("hot", "transition",
                                                  "incident", "run")}
        print("RELEVO_SEED=%d: %s, %s" % (seed, dict(struck), rows),
              file=sys.stderr)

    def test_killed_at_any_instant(self):
        seeds = range(SEED, SEED + ROUNDS)
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for seed, done in [(s, pool.submit(self.round, s)) for s in seeds]:
                with self.subTest("RELEVO_SEED=%d" % seed):
                    done.result()


if __name__ == "__main__":
    unittest.main()
