#!/usr/bin/python3
"""The disk of the state directory is full, is read-only at the start, or loses
the history while it is written: the watch goes on, a target that fails goes down
and its notice goes out, no healthy one is accused, what is wrong is told as a
trouble of the monitor itself; when the cause is gone, what was measured
meanwhile is written within seconds. Needs mounts of its own (root, or user
namespaces); what needs none runs everywhere. A disk that turns read-only, or
fails otherwise, while it is written: tests/fault/nth_call.py. RELEVO_LONG=1:
the disk fills five times, and for longer."""
import contextlib
import os
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from flaky import Flaky  # noqa: E402
from ledger import Ledger  # noqa: E402
from scripts import script  # noqa: E402
from watch import BUILD, Watch, until  # noqa: E402

LONG = bool(os.environ.get("RELEVO_LONG"))
TIMES, FULL_S = (5, 30) if LONG else (1, 1)
CHECKS = 4
CHECK = 'c%d = { url = "http://%s/"; interval = "200ms"; ' \
        'retry_interval = "100ms"; failure_threshold = 2; };'
CONFIG = """
workers = 1; plugin_dir = "%s/plugins";
checks = { %s };
runbooks = { call = { script = "%s"; params = { key = "k-1234"; }; }; };
"""
WRITING = "relevo:history:writing"
DOWN = 4


def may_mount():
    return os.environ.get("RELEVO_MOUNTS") == "1"


class DiskRefuses(unittest.TestCase):
    def setUp(self):
        self.cleanup = contextlib.ExitStack()
        self.folder = self.cleanup.enter_context(
            tempfile.TemporaryDirectory(prefix="relevo-e2e-"))
        self.flaky = self.cleanup.enter_context(Flaky(CHECKS, 0))
        self.notices = os.path.join(self.folder, "notices")
        call = script(
            self.folder, "call", "notify",
            'echo "$RELEVO_ON $RELEVO_CHECK $(cat "$RELEVO_SECRET_KEY")" >> '
            + self.notices, on="down, recovered",
            more='# param: key secret required "a"')
        self.watch = Watch(self.folder, CONFIG % (
            os.path.abspath(BUILD), "\n".join(
                CHECK % (i, t) for i, t in enumerate(self.flaky.targets)),
            call))

    def tearDown(self):
        self.cleanup.close()

    # --------------------------------------------------------- the disk ---

    def mount(self):
        if not may_mount():
            self.skipTest("no mounts of its own: neither root nor namespaces")
        state = self.watch.state
        os.makedirs(state, mode=0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m,mode=700",
                        "none", state], check=True)
        self.cleanup.callback(subprocess.run, ["umount", "-l", state])

    def remount(self, how):
        subprocess.run(["mount", "-o", "remount," + how, self.watch.state],
                       check=True)

    def fill(self):
        with open(os.path.join(self.watch.state, "filler"), "ab",
                  buffering=0) as f:
            for size in (65536, 1):
                with contextlib.suppress(OSError):
                    while True:
                        f.write(bytes(size))

    def empty(self):
        os.unlink(os.path.join(self.watch.state, "filler"))

    # ---------------------------------------------------------- waiting ---

    def told(self):
        with contextlib.suppress(OSError), open(self.notices) as f:
            return [line.strip() for line in f]
        return []

    def wait_told(self, line, times=1):
        until("the notice " + line,
              lambda: self.told().count(line) >= times)

    def troubles(self):
        return [t["name"] for t in self.watch.json("status")["troubles"]]

    def wait_trouble(self, name):
        until("the trouble " + name, lambda: name in self.troubles())

    def wait_well(self):
        for i in range(CHECKS):
            self.watch.wait_state("c%d" % i, "up")

    def wait_stored(self, since_us):
        """A result that began after it is in the file."""
        until("new results", lambda: any(
            row["started_us"] > since_us
            for row in Ledger.live(self.watch.state).rows("hot")))

    # ------------------------------------------------------------ looks ---

    def nothing_is_missing(self, since_us, until_us):
        """Each check has a result for each second of that time."""
        rows = [r for r in Ledger.live(self.watch.state).rows("hot")
                if since_us < r["started_us"] < until_us]
        for second in range(1, (until_us - since_us) // 1000000):
            at = since_us + second * 1000000
            seen = {r["check_id"] for r in rows
                    if at - 1000000 <= r["started_us"] < at + 1000000}
            self.assertGreaterEqual(len(seen), CHECKS, second)

    def nobody_is_accused(self, but=()):
        for i in self.watch.accused():
            self.assertIn(i["check"], but, i)

    # ------------------------------------------------------------ tests ---

    def refuse_for_a_while(self, begin, end, n):
        """The promise, whatever makes the disk refuse; for the n-th time."""
        target = n % CHECKS
        since_us = int(time.time() * 1e6)
        begin()
        self.wait_trouble(WRITING)
        self.wait_told("down %s k-1234" % WRITING, n + 1)
        self.flaky.bad[target] = True
        self.watch.wait_state("c%d" % target, "down")
        self.wait_told("down c%d k-1234" % target)
        time.sleep(FULL_S)
        for i in range(CHECKS):
            if i != target:
                self.assertEqual(self.watch.check("c%d" % i)["state"], "up")
        end()
        now_us = int(time.time() * 1e6)
        self.wait_stored(now_us)
        self.assertIn("history: writing again", self.watch.log())
        self.nothing_is_missing(since_us, now_us)
        until("the trouble to be over", lambda: not self.troubles())
        self.flaky.bad[target] = False
        self.wait_well()
        self.wait_told("recovered c%d k-1234" % target)
        self.nobody_is_accused(but=["c%d" % i for i in range(n + 1)])

    def test_full(self):
        self.mount()
        with self.watch:
            self.wait_well()
            for n in range(TIMES):
                self.refuse_for_a_while(self.fill, self.empty, n)
        self.assertEqual(Ledger(self.watch.state).integrity, "ok")

    def test_started_on_a_full_disk(self):
        self.mount()
        self.fill()
        with self.watch:
            self.wait_trouble(WRITING)
            self.flaky.bad[1] = True
            self.watch.wait_state("c1", "down")
            self.wait_told("down c1 k-1234")
            self.empty()
            self.wait_stored(0)
            self.nobody_is_accused(but=("c1",))

    def test_started_on_a_read_only_disk(self):
        """It knows what was, and has no control socket until it may."""
        self.mount()
        self.flaky.bad[2] = True
        with self.watch:
            self.watch.wait_state("c2", "down")
            self.wait_told("down c2 k-1234")
        self.remount("ro")
        self.watch.start_unanswered()
        try:
            self.wait_told("down %s k-1234" % WRITING)
            self.assertIn("going on without", self.watch.log())
            self.remount("rw")
            until("the control socket", lambda: os.path.exists(
                os.path.join(self.watch.state, "control.sock")))
            self.assertEqual(self.watch.check("c2")["state"], "down")
            self.wait_stored(int(time.time() * 1e6))
            self.flaky.bad[2] = False
            self.wait_told("recovered c2 k-1234")
        finally:
            self.watch.stop()
        self.assertEqual(self.told().count("down c2 k-1234"), 1)

    def removed(self, how):
        with self.watch:
            self.wait_well()
            self.flaky.bad[3] = True
            self.watch.wait_state("c3", "down")
            self.wait_told("down c3 k-1234")
            how(os.path.join(self.watch.state, "history.db"))
            self.wait_trouble("relevo:history:file")
            self.wait_stored(int(time.time() * 1e6))
            states = {row["check_id"]: row["state"] for row in
                      Ledger.live(self.watch.state).rows("state")}
            self.assertEqual(list(states.values()).count(DOWN), 2)
            self.flaky.bad[3] = False
            self.wait_told("recovered c3 k-1234")
            self.nobody_is_accused(but=("c3",))
        self.assertEqual(self.told().count("down c3 k-1234"), 1)
        self.assertEqual(Ledger(self.watch.state).integrity, "ok")

    def test_the_file_is_removed(self):
        self.removed(os.unlink)

    def test_the_file_is_replaced(self):
        def replace(path):
            with open(path + ".other", "wb") as f:
                f.write(b"not a database" * 1000)
            os.rename(path + ".other", path)
        self.removed(replace)
        aside = [name for name in os.listdir(self.watch.state)
                 if ".corrupt-" in name]
        self.assertTrue(aside)


def enter_namespace():
    """Runs this very script again where it may mount."""
    flags = "-m" if os.getuid() == 0 else "-Urm"
    if subprocess.run(["unshare", flags, "true"], stdout=subprocess.DEVNULL,
                      stderr=subprocess.DEVNULL).returncode != 0:
        return
    os.environ["RELEVO_MOUNTS"] = "1"
    os.execvp("unshare", ["unshare", flags, sys.executable,
                          os.path.abspath(__file__), *sys.argv[1:]])


if __name__ == "__main__":
    if not may_mount():
        enter_namespace()
    unittest.main()
