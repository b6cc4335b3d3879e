#!/usr/bin/env python3
"""The web role against people: requests that mean two things, names that are
not ours, wrong tokens, paths that lead elsewhere, clients that dawdle beside an
honest one. Nothing of it may be answered with anything but a refusal, and the
watch goes on."""
import base64
import json
import os
import socket
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from page import Answer, Page  # noqa: E402

CHECKS = 'checks = { a = { url = "http://127.0.0.1:1/"; interval = "60s"; }; };'
TOKEN = "correct-horse-battery"
VECTORS = os.path.join(os.environ.get("RELEVO_VECTORS") or os.path.join(
    os.environ.get("RELEVO_SOURCE", "."), "..", "shared", "vectors"),
                       "llhttp", "llhttp_cases.jsonl")
HOST = b"Host: localhost\r\n"
GOOD = b"GET /healthz HTTP/1.1\r\n" + HOST


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.page = Page(cls.folder.name, CHECKS,
                        'hosts = ["status.example.com"];').start()
        cls.pid = cls.page.web_pid()

    @classmethod
    def tearDownClass(cls):
        # The same process has served all of it.
        survived = cls.page.web_pid() == cls.pid
        cls.page.stop()
        cls.folder.cleanup()
        assert survived, cls.page.log()

    def refused(self, data, status=None, half_close=False):
        raw = self.page.raw(data, half_close=half_close)
        answer = Answer(raw)
        if status is None:
            self.assertTrue(answer.status == 0 or answer.status >= 400,
                            (data, raw[:200]))
        else:
            self.assertEqual(answer.status, status, (data, raw[:200]))
        self.assertEqual(raw.count(b"HTTP/1.1 "), 1 if raw else 0, data)

    def test_the_bad_requests_of_llhttp(self):
        if not os.path.exists(VECTORS):
            self.skipTest("no vectors")
        tried = 0
        with open(VECTORS) as f:
            for case in map(json.loads, f):
                if case["type"] == "request" and case["error"]:
                    tried += 1
                    self.refused(base64.b64decode(case["bytes_b64"]),
                                 half_close=True)
        self.assertGreaterEqual(tried, 60)

    def test_one_reading_or_none(self):
        """Each is the good request with one thing wrong."""
        self.assertEqual(Answer(self.page.raw(GOOD + b"\r\n")).status, 200)
        bad = [
            b"GET /healthz HTTP/1.1\n" + HOST + b"\r\n",
            GOOD + b"X: a\nY: b\r\n\r\n",
            GOOD + b"X: a\r\n b\r\n\r\n",
            GOOD + b"X: a\rb\r\n\r\n",
            GOOD + b"X: a\0b\r\n\r\n",
            GOOD + b"X : a\r\n\r\n",
            GOOD + b": a\r\n\r\n",
            GOOD + b"X\r\n\r\n",
            GOOD + HOST + b"\r\n",
            b"GET /healthz HTTP/1.1\r\n\r\n",
            b"GET /healthz HTTP/1.0\r\n\r\n",
            GOOD + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
            GOOD + b"Content-Length: +1\r\n\r\na",
            GOOD + b"Content-Length: 0x1\r\n\r\na",
            GOOD + b"Content-Length: 1, 1\r\n\r\na",
            GOOD + b"Content-Length: 10000000000000000000\r\n\r\na",
            GOOD + b"Content-Length: \r\n\r\n",
            GOOD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"0\r\n\r\n",
            b"GET  /healthz HTTP/1.1\r\n" + HOST + b"\r\n",
            b"GET /healthz  HTTP/1.1\r\n" + HOST + b"\r\n",
            b"GET /healthz HTTP/1.1 \r\n" + HOST + b"\r\n",
            b"GET /healthz HTTP/2.0\r\n" + HOST + b"\r\n",
            b"GET /healthz HTTP/1.2\r\n" + HOST + b"\r\n",
            b"GET /healthz http/1.1\r\n" + HOST + b"\r\n",
            b"GET /healthz\r\n" + HOST + b"\r\n",
            b"GET /\x80 HTTP/1.1\r\n" + HOST + b"\r\n",
            b"GET http://localhost/healthz HTTP/1.1\r\n" + HOST + b"\r\n",
            b"G@T /healthz HTTP/1.1\r\n" + HOST + b"\r\n",
            b"\r\n" + GOOD + b"\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        ]
        for data in bad:
            self.refused(data, 400)
        self.refused(GOOD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411)
        self.refused(GOOD + b"X: " + b"a" * 9000 + b"\r\n\r\n", 431)
        self.refused(GOOD + b"X: a\r\n" * 80 + b"\r\n", 431)

    def test_one_request_a_connection(self):
        """A second one in the same bytes reaches nobody."""
        raw = self.page.raw(GOOD + b"\r\n" + GOOD + b"\r\n")
        self.assertEqual(raw.count(b"HTTP/1.1 "), 1)
        self.assertIn(b"Connection: close", raw)

    def test_a_head_in_pieces(self):
        with socket.create_connection(self.page.address, 20) as s:
            for i in range(0, len(GOOD), 7):
                s.sendall(GOOD[i:i + 7])
                time.sleep(0.001)
            s.sendall(b"\r\n")
            self.assertTrue(s.recv(100).startswith(b"HTTP/1.1 200"))

    def test_names_that_are_not_ours(self):
        for host in ("evil.example", "localhost.evil.example", "127.0.0.1.nip.io",
                     "127.0.0.2", "", "[::2]", "status.example.com.", "a b"):
            self.assertEqual(
                self.page.get("/api/v1/status", {"Host": host}).status, 421,
                host)
        for host in ("localhost", "LOCALHOST:8970", "127.0.0.1:1", "[::1]:80",
                     "status.example.com", "Status.Example.COM:443"):
            self.assertEqual(
                self.page.get("/api/v1/status", {"Host": host}).status, 200,
                host)

    def test_paths_that_lead_elsewhere(self):
        for path in ("/../healthz", "/./healthz", "//healthz", "/healthz//",
                     "/%2e%2e/etc/passwd", "/check/..%2f..%2fetc/passwd",
                     "/page.css/../healthz", "/a%00", "/%ff", "/a\\..\\b",
                     "/healthz%", "/healthz#x", "*"):
            self.assertEqual(self.page.get(path).status, 400, path)
        for path in ("/etc/passwd", "/HEALTHZ", "/healthz.", "/healthz;a",
                     "/api/v1/", "/api/v1/history", "/api/v1/history/nix"):
            self.assertEqual(self.page.get(path).status, 404, path)

    def test_it_can_only_be_read(self):
        for method in ("POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT",
                       "get", "PROPFIND"):
            answer = self.page.ask(method, "/api/v1/status")
            self.assertEqual(answer.status, 405, method)
            self.assertEqual(answer.headers["allow"], "GET, HEAD, OPTIONS")
        self.assertEqual(self.page.ask("OPTIONS", "/").status, 204)
        head = self.page.ask("HEAD", "/api/v1/status")
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertGreater(int(head.headers["content-length"]), 10)

    def test_every_answer_keeps_browsers_from_harm(self):
        for path in ("/", "/api/v1/status", "/metrics", "/badge/a.svg", "/nix",
                     "/healthz", "/page.css"):
            headers = self.page.get(path).headers
            policy = headers["content-security-policy"]
            self.assertTrue(policy.startswith("default-src 'none'; "), path)
            self.assertIn("frame-ancestors 'none'", policy)
            self.assertEqual(headers["x-content-type-options"], "nosniff")
            self.assertEqual(headers["referrer-policy"], "no-referrer")
            self.assertNotIn("server", headers)
            self.assertNotIn("access-control-allow-origin", headers)

    def test_too_long_a_body(self):
        for size in (101 * 1024, 2 ** 30):
            raw = self.page.raw(b"POST /healthz HTTP/1.1\r\n" + HOST +
                                b"Content-Length: %d\r\n\r\n" % size +
                                b"a" * 1000)
            self.assertIn(Answer(raw).status, (400, 405, 413))

    def test_slow_clients_beside_an_honest_one(self):
        """More of them than there are places, each with its head half sent;
        then clients that read nothing."""
        slow = []
        try:
            for i in range(400):
                s = socket.create_connection(self.page.address, 20)
                s.sendall(GOOD[:1 + i % 40])
                slow.append(s)
            for s in slow[-50:]:  # those that still have a place drip on
                try:
                    s.sendall(b"x")
                except OSError:
                    pass
            for _ in range(20):
                began = time.monotonic()
                self.assertEqual(self.page.get("/healthz").status, 200)
                self.assertLess(time.monotonic() - began, 10)  # hang detector
            for s in slow[:100]:
                try:
                    s.sendall(b"GET /metrics HTTP/1.1\r\n")
                except OSError:
                    pass
            self.assertEqual(self.page.get("/metrics").status, 200)
        finally:
            for s in slow:
                s.close()


class Token(unittest.TestCase):
    def test_a_token_is_asked_for_wherever_something_is_told(self):
        with tempfile.TemporaryDirectory() as folder, \
                Page(folder, CHECKS, 'token = { env = "T"; };',
                     {"T": TOKEN}) as page:
            basic = base64.b64encode(b"me:" + TOKEN.encode()).decode()
            right = ("Bearer " + TOKEN, "Basic " + basic, "bearer " + TOKEN)
            wrong = (None, "", "Bearer", "Bearer ", "Bearer " + TOKEN[:-1],
                     "Bearer " + TOKEN + "x", "Bearer " + TOKEN.upper(),
                     "Basic " + base64.b64encode(TOKEN.encode()).decode(),
                     "Basic " + base64.b64encode(b"me:no").decode(),
                     "Basic ====", "Basic " + "A" * 4000, "Digest " + TOKEN)
            paths = ("/", "/api/v1/status", "/api/v1/history/a", "/metrics",
                     "/api/v1/incidents", "/api/v1/openapi.json", "/page.css",
                     "/badge/a.svg", "/check/a", "/incidents", "/no/such/path")
            for path in paths:
                for given in wrong:
                    answer = page.get(path, {"Authorization": given})
                    self.assertEqual(answer.status, 401, (path, given))
                    self.assertIn("Basic", answer.headers["www-authenticate"])
                    self.assertNotIn(TOKEN, answer.text())
            for given in right:
                self.assertEqual(
                    page.get("/api/v1/status",
                             {"Authorization": given}).status, 200, given)
            self.assertEqual(page.get("/healthz").status, 200)
            self.assertNotIn(TOKEN, page.log())


if __name__ == "__main__":
    unittest.main()
