#!/usr/bin/python3
"""Scripts that will not go: deaf to SIGTERM, hidden in other sessions, forked
twice, without an environment, stopped, forking without end, running from parent
to parent, holding the pipes, stopping or killing what keeps them. When the run
is over none of them is left, nothing of it waits, and the checks beside them
were measured all the while. RELEVO_LONG=1: two hundred of them in place of
twenty-four; RELEVO_SEED repeats an order."""
import os
import random
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from peer import Peer  # noqa: E402
from scripts import script  # noqa: E402
from watch import Watch, until  # noqa: E402

COUNT = 200 if os.environ.get("RELEVO_LONG") else 24
AT_ONCE = 4
SEED = int(os.environ.get("RELEVO_SEED") or random.randrange(1 << 30))

# MARK stands in the arguments of each process: that is how it is found; it is
# a number of seconds, too. `stay` is deaf and stays.
BEGIN = """
exec 2>/dev/null
MARK=%s
stay() { trap '' TERM HUP INT; sleep $MARK; sleep $MARK; }
"""
HIDDEN = "env -i /usr/bin/setsid /bin/sh -c '(trap \"\" TERM; " \
         "sleep $0; sleep $0) >/dev/null 3>&- &' $MARK"
PYTHON = "exec env MARK=$MARK python3 -c '%s' $MARK"
KINDS = {
    "deaf": "stay & stay & stay",
    "session": "trap '' TERM; setsid sleep $MARK & setsid setsid sleep $MARK &"
               " stay",
    "daemon": "(setsid sleep $MARK >/dev/null 3>&- &); exit 0",
    "hidden": HIDDEN + "; exit 0",
    "stopped": "sleep $MARK & kill -STOP $! $$; stay",
    "bomb": "trap '' TERM; bomb() { bomb $MARK & bomb $MARK & wait; }; bomb",
    "comet": PYTHON % """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    if os.fork(): os._exit(0)
    os.setsid()
""",
    "many": "i=0; while [ $i -lt 60 ]; do setsid sleep $MARK & i=$((i+1)); "
            "done; exit 0",
    "pipes": "sleep $MARK & setsid sleep $MARK & exit 0",
    "folder": 'rm -rf "$RELEVO_RUN_DIR"; ' + HIDDEN + "; stay",
    "stops-keeper": "trap '' TERM; while :; do kill -STOP $PPID; "
                    "sleep 0.01 $MARK; done",
    "kills-keeper": HIDDEN + "; kill -KILL $PPID; stay",
    "stops-runner": """
read -r _ _ _ runner _ </proc/$PPID/stat
kill -STOP $runner; kill -STOP $PPID; stay""",
    "kills-both": """
read -r _ _ _ runner _ </proc/$PPID/stat
(setsid sleep $MARK &) ; kill -KILL $runner $PPID; stay""",
}
CONFIG = """
workers = 1;
defaults = { interval = "1h"; };
checks = {
  beat = { url = "http://127.0.0.1:%d/"; interval = "200ms"; timeout = "5s"; };
%s};
runbooks = {
%s};
"""


def answer(conn):
    conn.read_request()
    conn.reply(body=b"well")


def marked(mark):
    """Living processes with the mark in their arguments."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as f:
                argv = f.read()
            with open("/proc/%s/stat" % pid) as f:
                state = f.read().rsplit(")", 1)[1].split()[0]
        except OSError:
            continue
        if mark.encode() in argv and state not in "ZX":
            found.append((int(pid), argv))
    return found


class ScriptContained(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="relevo-e2e-")
        self.folder = self.temporary.name
        os.chmod(self.folder, 0o755)
        self.tag = "%d%d" % (os.getpid(), time.monotonic_ns() % 10 ** 6)

    def tearDown(self):
        self.temporary.cleanup()

    def mark(self, kind):
        return "90.%s%02d" % (self.tag, list(KINDS).index(kind))

    def make(self, port):
        """A check for each kind: one run a check and runbook at a time."""
        checks, books = [], []
        for kind, body in KINDS.items():
            path = script(self.folder, kind, "diagnose",
                          BEGIN % self.mark(kind) + body)
            checks.append('  %s = { url = "http://127.0.0.1:%d/"; schedule = '
                          '"manual"; };\n' % (kind, port))
            books.append('  %s = { script = "%s"; timeout = "1s"; grace = '
                         '"300ms"; match = { check = "%s"; }; };\n'
                         % (kind, path, kind))
        return Watch(self.folder,
                     CONFIG % (port, "".join(checks), "".join(books)))

    def runs(self, watch):
        return {r["id"]: r for r in watch.json("runbook", "log", "-n", "1000")}

    def start(self, watch, kind):
        code, out, err = watch.run("runbook", "run", kind, "--check", kind,
                                   "--json", check=False)
        self.assertEqual(code, 0, err)

    def go_through(self, watch, order):
        """A few at a time, and never two of a kind."""
        queue, under_way, done = list(order), [], 0
        end = time.monotonic() + 60 + 30 * len(order)
        while queue or under_way:
            self.assertLess(time.monotonic(), end, under_way)
            runs = self.runs(watch).values()
            live = [r["runbook"] for r in runs if r["state"] != "ended"]
            for kind in [k for k in under_way if k not in live]:
                under_way.remove(kind)
                self.is_gone(kind)
                done += 1
            for kind in queue[:]:
                if len(under_way) < AT_ONCE and kind not in under_way:
                    queue.remove(kind)
                    self.start(watch, kind)
                    under_way.append(kind)
            time.sleep(0.1)
        return done

    def is_gone(self, kind):
        """The run has ended, so the grace is over; what a lost keeper left is
        looked for by a thread."""
        try:
            until("nothing of %s to be left" % kind,
                  lambda: not marked(self.mark(kind)), 10)
        except AssertionError:
            raise AssertionError("%s: %r" % (kind, marked(self.mark(kind))))

    def was_watched(self, watch, since):
        """Every probe of the check beside them, and no gap."""
        beats = [r for r in watch.history("beat", 100000) if r["at"] >= since]
        self.assertEqual({r["outcome"] for r in beats}, {"ok"})
        times = sorted(stamp(r["at"]) for r in beats)
        gaps = [b - a for a, b in zip(times, times[1:])]
        self.assertLess(max(gaps), 2.0, "a gap of %g s" % max(gaps))

    def test_none_is_left(self):
        print("RELEVO_SEED=%d" % SEED)
        order = (list(KINDS) * (COUNT // len(KINDS) + 1))[:COUNT]
        random.Random(SEED).shuffle(order)
        with Peer(answer) as peer, self.make(peer.port) as watch:
            watch.wait_state("beat", "up")
            since = until("a result",
                          lambda: watch.history("beat", 1))[0]["at"]
            main = watch.process.pid
            self.assertEqual(self.go_through(watch, order), COUNT)
            self.assertEqual(watch.process.pid, main)
            self.was_watched(watch, since)
            self.assertEqual(watch.check("beat")["state"], "up")
            runs = self.runs(watch).values()
            self.assertEqual(len(runs), COUNT)
            self.ended_as_they_should(runs)
        self.assertEqual(marked("90." + self.tag), [])

    def ended_as_they_should(self, runs):
        for run in runs:
            how = (run["verdict"], run["exit"], run["reason"])
            if run["runbook"] in ("kills-keeper", "kills-both"):
                self.assertEqual(how[:2], ("unknown", None), run)
            elif run["runbook"] in ("daemon", "hidden", "comet", "many",
                                    "pipes"):
                self.assertEqual(how[:2], ("done", 0), run)
            elif run["runbook"] == "bomb":
                self.assertIn("processes at once", str(run["findings"]), run)
            else:
                self.assertEqual(how[::2], ("unknown", "timed out"), run)


def stamp(text):
    day, clock = text.rstrip("Z").split("T")
    h, m, s = clock.split(":")
    return int(h) * 3600 + int(m) * 60 + float(s) + 86400 * int(day[-2:])


if __name__ == "__main__":
    unittest.main()
