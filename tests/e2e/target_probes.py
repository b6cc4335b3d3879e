#!/usr/bin/python3
"""At most target_probes probes (default 4) run against one host and port at
once; the others wait and are all made; 0 is no limit."""
import os
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from peer import Peer  # noqa: E402
from watch import Watch, until  # noqa: E402

CHECKS = 12
CHECK = 'c%d = { url = "http://127.0.0.1:%d/"; interval = "2s"; };'


class Counter:
    """Answers each request after a while; knows how many were open at most."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.lock = threading.Lock()
        self.open = self.most = self.served = 0

    def __call__(self, conn):
        conn.read_request()
        with self.lock:
            self.open += 1
            self.most = max(self.most, self.open)
        conn.sleep(self.seconds)
        with self.lock:
            self.open -= 1
            self.served += 1
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


class TargetProbes(unittest.TestCase):
    def run_with(self, option, seconds=0.3):
        counter = Counter(seconds)
        with tempfile.TemporaryDirectory(prefix="relevo-e2e-") as folder, \
                Peer(counter) as peer:
            checks = "\n".join(CHECK % (i, peer.port) for i in range(CHECKS))
            with Watch(folder, "%s checks = { %s };" % (option, checks)) as w:
                until("all to be up", lambda: all(
                    c["state"] == "up" for c in w.json("status")["checks"]))
                until("three rounds", lambda: counter.served >= 3 * CHECKS)
        return counter.most

    def test_four_by_default(self):
        self.assertLessEqual(self.run_with(""), 4)

    def test_as_configured(self):
        self.assertEqual(self.run_with("target_probes = 1;"), 1)

    def test_no_limit(self):
        # Each is open for most of its interval: about nine at any time.
        self.assertGreater(self.run_with("target_probes = 0;", 1.5), 4)


if __name__ == "__main__":
    unittest.main()
