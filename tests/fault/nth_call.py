#!/usr/bin/python3
"""The n-th call that changes a file fails, in main, the runner or a keeper:
with EIO, ENOSPC or EROFS, once, for a while, or from then on until it is
healed. A short life with an outage is lived through each time (tests/lib/
smoke.py says what must hold). Sixty calls by a seed; RELEVO_LONG=1: each one.
Needs a build with failpoints (preset fault)."""
import concurrent.futures
import errno
import os
import random
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from faulty import DISK, FOREVER, KEEPER, MAIN, RUNNER, is_built  # noqa: E402
from smoke import Smoke  # noqa: E402

SEED = int(os.environ.get("RELEVO_SEED", "1"))
SAMPLES = 0 if os.environ.get("RELEVO_LONG") else 60
AT_ONCE = 12
ROLES = {"main": MAIN, "runner": RUNNER, "keeper": KEEPER}
ERRORS = (errno.EIO, errno.ENOSPC, errno.EROFS)
LASTS = (1, 25, FOREVER)


def count_calls():
    """Of a life in which nothing fails, by role."""
    with tempfile.TemporaryDirectory(prefix="relevo-fault-") as folder:
        life = Smoke(folder)
        rules = {name: life.faulty.fail(DISK, role, 0, FOREVER)
                 for name, role in ROLES.items()}
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
    role, n, error, lasts = case
    with tempfile.TemporaryDirectory(prefix="relevo-fault-") as folder:
        life = Smoke(folder)
        life.faulty.fail(DISK, ROLES[role], error, n,
                         min(n + lasts - 1, FOREVER))
        try:
            life.live()
        except Exception as e:  # noqa: BLE001
            return "%s, call %d, %s, %d times:\n%s" % (
                role, n, errno.errorcode[error], lasts, e)
    return None


def cases(calls):
    chance = random.Random(SEED)
    every = [(role, n) for role, count in sorted(calls.items())
             for n in range(1, count + 1)]
    if SAMPLES:
        every = chance.sample(every, min(SAMPLES, len(every)))
    return [(role, n, chance.choice(ERRORS), chance.choice(LASTS))
            for role, n in every]


class NthCall(unittest.TestCase):
    def test_files(self):
        calls = count_calls()
        chosen = cases(calls)
        print("RELEVO_SEED=%d, %r calls, %d lives" % (SEED, calls,
                                                      len(chosen)),
              file=sys.stderr)
        for name, count in calls.items():
            self.assertGreater(count, 2, name)
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            wrong = [text for text in pool.map(live, chosen) if text]
        self.assertEqual(wrong, [], "\n\n".join(wrong[:3]) +
                         "\n%d of %d" % (len(wrong), len(chosen)))


if __name__ == "__main__":
    if not is_built():
        print("built without failpoints: skipped")
        sys.exit(77)
    unittest.main()
