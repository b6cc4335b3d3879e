#!/usr/bin/python3
"""The n-th call of a sort fails, in one of the program's roles, and a short
life with an outage is lived through (tests/lib/smoke.py says what must hold):

  files    whatever changes one, in main, the runner or a keeper: with EIO,
           ENOSPC or EROFS, once, for a while, or from then on until it is
           healed. Sixty by a seed; RELEVO_LONG=1: each one.
  memory   an allocation, once or twice, in main (also from then on: then it
           ends, and is started again), a worker, the runner or a keeper.
           Twenty by a seed; RELEVO_LONG=1: what ten minutes are enough for.

Needs a build with failpoints (preset fault)."""
import concurrent.futures
import errno
import os
import random
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from faulty import (DISK, FOREVER, KEEPER, MAIN, MEMORY, RUNNER,  # noqa: E402
                    WORKER, is_built)
from smoke import Smoke  # noqa: E402

SEED = int(os.environ.get("RELEVO_SEED", "1"))
LONG = bool(os.environ.get("RELEVO_LONG"))
AT_ONCE = 12 if LONG else 30
ROLES = {"main": MAIN, "runner": RUNNER, "keeper": KEEPER, "worker": WORKER}
ERRORS = (errno.EIO, errno.ENOSPC, errno.EROFS)
LASTS = (1, 25, FOREVER)
MEMORY_LIVES, MEMORY_S = 20, 600


def count_calls(sort, roles):
    """Of a life in which nothing fails, by role."""
    with tempfile.TemporaryDirectory(prefix="relevo-fault-") as folder:
        life = Smoke(folder)
        rules = {name: life.faulty.fail(sort, ROLES[name], 0, FOREVER)
                 for name in roles}
        heal, seen = life.faulty.heal, {}

        def count():
            seen.update({name: life.faulty.seen(rule)
                         for name, rule in rules.items()})
            heal()
        life.faulty.heal = count
        life.live()
        return seen


def live(case):
    """None, or what went wrong."""
    sort, role, n, error, lasts = case
    with tempfile.TemporaryDirectory(prefix="relevo-fault-") as folder:
        life = Smoke(folder)
        life.may_end = sort == MEMORY
        life.faulty.fail(sort, ROLES[role], error, n,
                         min(n + lasts - 1, FOREVER))
        try:
            life.live()
        except Exception as e:  # noqa: BLE001
            return "%s, call %d, %s, %d times:\n%s" % (
                role, n, errno.errorcode[error], lasts, e)
    return None


def every(calls):
    return [(role, n) for role, count in sorted(calls.items())
            for n in range(1, count + 1)]


def disk_cases(chance, calls):
    chosen = every(calls)
    if not LONG:
        chosen = chance.sample(chosen, min(60, len(chosen)))
    return [(DISK, role, n, chance.choice(ERRORS), chance.choice(LASTS))
            for role, n in chosen]


def memory_cases(chance, calls):
    """Each role as often as another."""
    chosen = every(calls)
    chance.shuffle(chosen)
    ranks = {role: 0 for role in calls}
    for i, (role, n) in enumerate(chosen):
        ranks[role] += 1
        chosen[i] = (ranks[role], role, n)
    return [(MEMORY, role, n, errno.ENOMEM, chance.choice(
        (1, 2, FOREVER) if role == "main" else (1, 2)))
        for _, role, n in sorted(chosen)]


class NthCall(unittest.TestCase):
    def live_through(self, chosen, seconds=None):
        end = None if seconds is None else time.monotonic() + seconds

        def one(case):
            late = end is not None and time.monotonic() > end
            return (0, None) if late else (1, live(case))
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            lived = list(pool.map(one, chosen))
        wrong = [text for _, text in lived if text]
        print("%d lives" % sum(n for n, _ in lived), file=sys.stderr)
        if wrong:
            self.fail("%s\n\nof %d:\n%s" % (
                "\n\n".join(wrong[:3]), len(lived), "\n".join(
                    " ".join(text.split("\n")[:2]) for text in wrong)))

    def calls(self, sort, *roles):
        calls = count_calls(sort, roles)
        print("RELEVO_SEED=%d, %r calls" % (SEED, calls), file=sys.stderr)
        for name, count in calls.items():
            self.assertGreater(count, 2, name)
        return calls

    def test_files(self):
        calls = self.calls(DISK, "main", "runner", "keeper")
        self.live_through(disk_cases(random.Random(SEED), calls))

    def test_memory(self):
        calls = self.calls(MEMORY, "main", "runner", "keeper", "worker")
        chosen = memory_cases(random.Random(SEED), calls)
        self.live_through(chosen if LONG else chosen[:MEMORY_LIVES],
                          MEMORY_S if LONG else None)


if __name__ == "__main__":
    if not is_built():
        print("built without failpoints: skipped")
        sys.exit(77)
    unittest.main()
