#!/usr/bin/python3
"""All hostile plugins at once, beside checks of good targets: main lives, the
good checks are measured on, every culprit is named and held back, and no
incident accuses a target. Short: until all are held back. Long: five minutes,
in which each comes back several times."""
import os
import resource
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from hostile import Hostile, plain_signals  # noqa: E402
from peer import Peer  # noqa: E402
from watch import Watch, resident_kib, until  # noqa: E402

LONG = os.environ.get("RELEVO_LONG") == "1"
LASTS = 300 if LONG else 15
GOOD = 10
DEADLY = ("crash", "abort", "exit", "timer:_exit", "timer:loop", "overflow",
          "leak", "close", "garbage", "thread-crash")
RUDE = ("twice", "cwd", "umask", "locale", "signals", "threads", "nap")


def name_of(act):
    return act.replace("timer:", "").replace("_", "at-once-")


def config(hostile, port):
    hostile.make("hostile")
    hostile.make("sleeper", "BLOCKING")
    hostile.make("initless", "CRASH_IN_INIT")
    checks = ['  good%d = { url = "http://127.0.0.1:%d/"; interval = "500ms"; '
              'success_threshold = 1; };' % (i, port) for i in range(GOOD)]
    checks += ['  %s = { plugin = "hostile"; act = "%s"; };'
               % (name_of(act), act) for act in DEADLY + RUDE]
    checks += ['  b-%s = { plugin = "sleeper"; act = "%s"; };' % (act, act)
               for act in ("sleep", "crash")]
    checks.append('  init = { plugin = "initless"; };')
    return (hostile.config() + 'workers = 2;\ndefaults = { interval = "1s"; '
            'timeout = "900ms"; };\nchecks = {\n%s\n};\n' % "\n".join(checks))


def answer(conn):
    conn.read_request()
    conn.reply(body=b"well")


class Storm(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="relevo-fault-")
        self.peer = Peer(answer)

    def tearDown(self):
        self.peer.__exit__(None, None, None)
        self.temporary.cleanup()

    def culprits(self):
        return {"relevo:probes:" + name_of(act) for act in DEADLY} | {
            "relevo:probes:b-sleep", "relevo:probes:b-crash",
            "relevo:plugin:initless"}

    def good_results(self, watch):
        return [watch.history("good%d" % i, 5000) for i in range(GOOD)]

    def test_the_watch_goes_on(self):
        began = time.monotonic()
        with Watch(self.temporary.name,
                   config(Hostile(self.temporary.name), self.peer.port),
                   plain_signals()) as watch:
            main = watch.process.pid
            held = set()

            def all_held():
                held.update(t["name"] for t in watch.troubles())
                return held >= self.culprits()
            try:
                until("every culprit to be held back", all_held, 240 if not LONG else 900, 0.5)
            except AssertionError:
                self.fail("never held back: %s\n%s" % (
                    sorted(self.culprits() - held), watch.log()[-20000:]))
            settled = time.monotonic()
            before = resident_kib(main)
            time.sleep(max(0, LASTS - (settled - began)))
            self.still_measured(watch)
            self.judge(watch, held)
            self.assertEqual(watch.process.pid, main)
            self.assertIsNone(watch.process.poll())
            self.assertLess(resident_kib(main) - before, 32 * 1024)

    def still_measured(self, watch):
        before = [results[0]["at"] for results in self.good_results(watch)]
        until("each good check to go on", lambda: all(
            results[0]["at"] > at for results, at in
            zip(self.good_results(watch), before)), 60)

    def judge(self, watch, held):
        """What was lost says that it was us; each good check is up and was
        measured all the time: a gap is a probe or two, not a silence."""
        self.assertEqual(watch.accused(), [])
        self.assertEqual({h for h in held if "good" in h}, set())
        for i, results in enumerate(self.good_results(watch)):
            lost = [r for r in results if r["outcome"] != "ok"]
            print("good%d: %d results, %d lost" % (i, len(results), len(lost)))
            self.assertEqual({r["fault"] for r in lost} - {"plugin"}, set())
            self.assertIn(watch.check("good%d" % i)["state"],
                          ("up", "unknown"))
        print("%d workers died" % watch.log().count("probes in flight"))


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    unittest.main()
