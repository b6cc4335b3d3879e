#!/usr/bin/python3
"""A gigabyte from a script, of whatever sort and on whatever descriptor: what
is kept has a bound, the rest is counted, Relevo's processes together take no
more than 2 MiB beyond what a quiet run takes, and the checks beside it are
measured all the while. Needs a build without sanitizers, whose memory is not
ours (preset fault). RELEVO_LONG=1: a gigabyte of each sort, else of one."""
import os
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from peer import Peer  # noqa: E402
from scripts import script  # noqa: E402
from watch import BUILD, Watch, children, until  # noqa: E402

LONG = bool(os.environ.get("RELEVO_LONG"))
MIB = 1 << 20
MOST = 2 * MIB  # the promise
KEPT = 128 * 1024  # of each stream

SORTS = {
    "zeros": ("head -c %d /dev/zero", 1024),
    "lines": ("yes | head -c %d >&2", 32),
    "one-line": ("yes | tr -d '\\n' | head -c %d", 32),
    "one-finding": ("head -c %d /dev/zero | tr '\\0' x >&3", 32),
    "findings": ("yes '{\"t\":\"finding\",\"sev\":\"info\",\"code\":\"a\","
                 "\"title\":\"b\"}' | head -c %d >&3", 16),
    "large-findings": ("yes \"$(printf '{\"t\":\"finding\",\"sev\":\"info\","
                       "\"title\":\"%%08000d\"}' 1)\" | head -c %d >&3", 16),
    "garbage": ("openssl enc -aes-128-ctr -pass pass:x -nosalt </dev/zero "
                "2>/dev/null | head -c %d", 32),
    "secrets": ("yes \"it is $(cat \"$RELEVO_SECRET_KEY\")\" | head -c %d", 16),
    "look-like": ("yes 'password=x token: authorization' | head -c %d", 16),
    "both": ("yes | head -c %d & yes n | head -c $((16*1024*1024)) >&2; wait",
             32),
}
CONFIG = """
workers = 1;
vars = { s = { env = "VOLUME"; }; };
checks = {
  beat = { url = "http://127.0.0.1:%d/"; interval = "200ms"; timeout = "5s"; };
  slot = { url = "http://127.0.0.1:%d/"; schedule = "manual"; };
};
runbooks = {
%s};
"""


def answer(conn):
    conn.read_request()
    conn.reply(body=b"well")


def is_sanitized():
    with open(os.path.join(BUILD, "relevo"), "rb") as f:
        return b"__asan_init" in f.read()


def memory_of(pids):
    """What they take that no file stands behind: the program itself counts
    for more whenever another test's ends, which had a share in it."""
    total = 0
    for pid in pids:
        try:
            with open("/proc/%d/smaps_rollup" % pid) as f:
                for line in f:
                    if line.startswith(("Pss_Anon:", "Pss_Shmem:")):
                        total += int(line.split()[1]) * 1024
        except OSError:
            pass
    return total


class Sampler(threading.Thread):
    """The most that Relevo's own processes took at once."""

    def __init__(self, main):
        super().__init__()
        self.main = main
        self.program = os.readlink("/proc/%d/exe" % main)
        self.most = 0
        self.ended = threading.Event()
        self.start()

    def ours(self, pid):
        try:
            return os.readlink("/proc/%d/exe" % pid) == self.program
        except OSError:
            return False

    def run(self):
        while not self.ended.is_set():
            pids = [p for p in [self.main, *children(self.main)]
                    if self.ours(p)]
            self.most = max(self.most, memory_of(pids))
            time.sleep(0.005)

    def stop(self):
        self.ended.set()
        self.join()
        return self.most


@unittest.skipIf(is_sanitized(), "a sanitizer's memory is not ours")
class ScriptVolume(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="relevo-fault-")
        self.folder = self.temporary.name

    def tearDown(self):
        self.temporary.cleanup()

    def size(self, sort):
        return (1024 if LONG else SORTS[sort][1]) * MIB

    def make(self, port):
        books = []
        for name, body in [("quiet", "sleep 1"), *(
                (s, SORTS[s][0] % self.size(s)) for s in SORTS)]:
            path = script(self.folder, name, "diagnose", body,
                          more='# param: key secret "a"')
            books.append('  %s = { script = "%s"; timeout = "10m"; match = '
                         '{ check = "slot"; }; params = { key = "${s}"; }; };\n'
                         % (name, path))
        return Watch(self.folder, CONFIG % (port, port, "".join(books)),
                     {"VOLUME": "a-secret-of-some-length",
                      "RELEVO_DUMPABLE": "1"})

    def run_one(self, watch, name):
        """The ended run, and the most memory that was taken meanwhile."""
        before = len(watch.json("runbook", "log", "--limit", "1000"))
        sampler = Sampler(watch.process.pid)
        code, _, err = watch.run("runbook", "run", name, "--check", "slot",
                                 check=False)
        self.assertEqual(code, 0, err)
        ended = until(name + " to end", lambda: [
            r for r in watch.json("runbook", "log", "--limit", "1000")[:-before or None]
            if r["state"] == "ended"], 600, 0.2)
        return ended[0], sampler.stop()

    def test_a_gigabyte(self):
        with Peer(answer) as peer, self.make(peer.port) as watch:
            watch.wait_state("beat", "up")
            self.run_one(watch, "lines")  # fills what is filled once
            since = watch.history("beat", 1)[0]["at"]
            for sort in SORTS:
                with self.subTest(sort):
                    quiet = self.run_one(watch, "quiet")[1]
                    run, most = self.run_one(watch, sort)
                    print("%-16s %5d MiB, %+6.0f KiB" % (
                        sort, self.size(sort) // MIB, (most - quiet) / 1024))
                    self.is_right(sort, run)
                    self.assertLess(most - quiet, MOST, sort)
            beats = [r for r in watch.history("beat", 100000)
                     if r["at"] >= since]
            self.assertEqual({r["outcome"] for r in beats}, {"ok"})

    def is_right(self, sort, run):
        self.assertEqual((run["verdict"], run["exit"]), ("done", 0), run)
        self.assertLess(len(run["output"].encode()), 2 * 3 * KEPT + 200)
        self.assertLess(len(str(run["findings"])), 4 * KEPT)
        self.assertNotIn("a-secret-of-some-length", str(run))
        if "finding" not in sort:
            self.assertIn("bytes dropped]", run["output"])
        elif sort != "one-finding":
            self.assertIn("more findings were dropped", str(run["findings"]))


if __name__ == "__main__":
    unittest.main()
