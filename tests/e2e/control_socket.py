#!/usr/bin/python3
"""The control socket and those who use it badly: garbage, lines without an
end, clients that do not read or never leave, another user. The watch stays
punctual, and one who asks well is answered."""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from ledger import Ledger  # noqa: E402
from peer import Peer  # noqa: E402
from watch import BUILD, Watch, resident_kib, until  # noqa: E402

CONFIG = """
plugin_dir = "%s/plugins";
checks = {
  steady = { url = "http://127.0.0.1:%d/"; interval = "100ms"; };
  %s
};
"""
IDLE = 'idle%d = { url = "http://127.0.0.1:%d/"; schedule = "manual"; };'
INTERVAL = 0.1
LAG = 1.0  # detects a loop that stood still, not a busy machine


def answer(conn):
    conn.read_request()
    conn.reply(body=b"well")


class ControlSocket(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="relevo-e2e-")
        self.folder = self.temporary.name
        self.peer = Peer(answer)
        self.watch = Watch(self.folder, CONFIG % (
            os.path.abspath(BUILD), self.peer.port,
            " ".join(IDLE % (i, self.peer.port) for i in range(100))))
        self.watch.start()
        self.clients = []
        self.watch.wait_state("steady", "up")

    def tearDown(self):
        for client in self.clients:
            client.close()
        if self.watch.process.poll() is None:
            self.watch.stop()
        self.peer.__exit__(None, None, None)
        self.temporary.cleanup()

    def client(self):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(os.path.join(self.watch.state, "control.sock"))
        sock.settimeout(30)
        self.clients.append(sock)
        return sock

    def lines(self, sock):
        """Complete lines until the other side closes, or says the end."""
        data = b""
        while True:
            try:
                piece = sock.recv(65536)
            except ConnectionResetError:
                break
            data += piece
            if not piece or data.endswith((b'{"end":true}\n',)):
                break
        return [json.loads(line) for line in data.splitlines()]

    def ask(self, text):
        sock = self.client()
        sock.sendall(text)
        sock.shutdown(socket.SHUT_WR)
        return self.lines(sock)

    def is_well(self):
        """It answers at once, and has been punctual until now."""
        begun = time.monotonic()
        self.assertEqual(self.ask(b'{"command": "version"}\n')[0]["pid"],
                         self.watch.process.pid)
        self.assertLess(time.monotonic() - begun, 10)
        times = until("some results", lambda: self.times())
        gaps = [b - a for a, b in zip(times, times[1:])]
        self.assertLess(max(gaps), INTERVAL + LAG, gaps)
        self.assertEqual(self.watch.check("steady")["state"], "up")
        self.assertEqual(self.watch.stop(), 0)

    def times(self):
        rows = Ledger.live(self.watch.state).rows("hot")
        return len(rows) > 10 and sorted(row["started_ns"] / 1e9
                                         for row in rows)

    # ------------------------------------------------------------- what is said

    def test_nonsense_is_answered_with_what_was_expected(self):
        for text in (b"hello\n", b"\n", b"[]\n", b"{}\n", b"null\n",
                     b'{"command": 5}\n', b'{"command": "status"\n', b"\0\n",
                     b"\xff\xfe\n", b'{"command": "status", "command": "x"}\n',
                     b'{"command": ' + b"[" * 5000 + b"\n"):
            answers = self.ask(text)
            self.assertEqual(len(answers), 1, text)
            self.assertIn("expected one JSON object a line",
                          answers[0]["error"])
        self.is_well()

    def test_an_unknown_command_is_named_so(self):
        answers = self.ask(b'{"command": "stauts"}\n{"command": "version"}\n')
        self.assertIn("unknown command", answers[0]["error"])
        self.assertIn("version", answers[1])
        self.is_well()

    def test_what_does_not_exist_is_refused(self):
        for request in ({"command": "check"}, {"command": "check", "name": 7},
                        {"command": "check", "name": "nope"},
                        {"command": "runbook.run"},
                        {"command": "runbook.run", "runbook": ["x"]},
                        {"command": "runbook.run", "runbook": "x",
                         "check": "steady"}):
            answers = self.ask(json.dumps(request).encode() + b"\n")
            self.assertRegex(answers[0]["error"],
                             'no such|no check "nope" in the running', request)
        self.is_well()

    def test_a_line_without_end(self):
        sock = self.client()
        try:
            for _ in range(100):
                sock.sendall(b"x" * 65536)
        except (BrokenPipeError, ConnectionResetError):
            pass
        else:
            self.fail("6 MiB were taken")
        answers = self.lines(sock)
        if answers:  # else the close came before it was read
            self.assertIn("64 KiB", answers[0]["error"])
        self.is_well()

    def test_the_longest_line_is_still_read(self):
        text = b'{"command": "version", "x": "'
        text += b"y" * (65536 - len(text) - 2) + b'"}'
        self.assertEqual(len(text), 65536)
        self.assertIn("version", self.ask(text + b"\n")[0])
        self.is_well()

    def test_half_lines(self):
        for text in (b'{"comm', b"{", b""):
            self.client().sendall(text)
        left = self.client()
        left.sendall(b'{"command": "sta')
        left.close()
        slow = self.client()
        for byte in b'{"command": "version"}\n':
            slow.sendall(bytes([byte]))
            time.sleep(0.005)
        self.assertIn(b"version", slow.recv(65536))
        self.is_well()

    # ------------------------------------------------------------- who says it

    def test_a_hundred_clients(self):
        """Some are turned away; those who leave make room."""
        crowd = []
        for _ in range(100):
            sock = self.client()
            try:
                sock.sendall(b'{"command": "version"}\n')
                crowd.append(sock.recv(65536))
            except (BrokenPipeError, ConnectionResetError):
                crowd.append(b"")
        served = sum(b"version" in text for text in crowd)
        self.assertGreaterEqual(served, 32)
        self.assertLess(served, 100)
        for sock in self.clients:
            sock.close()
        until("room", lambda: self.is_answered())
        self.is_well()

    def is_answered(self):
        try:
            return "version" in self.ask(b'{"command": "version"}\n')[0]
        except (OSError, IndexError):
            return False

    def memory(self):
        return resident_kib(self.watch.process.pid) // 1024

    def send_until_it_is_not_taken(self, sock, request):
        """True: nothing has been taken for a second."""
        sock.setblocking(False)
        quiet = time.monotonic()
        while time.monotonic() - quiet < 1:
            try:
                sock.send(request)
                quiet = time.monotonic()
            except BlockingIOError:
                time.sleep(0.01)

    def test_clients_that_never_read(self):
        """What they do not read is not kept for ever; nor are they, once
        another one wants their place."""
        before = self.memory()
        for _ in range(4):
            self.send_until_it_is_not_taken(
                self.client(), b'{"command": "status"}\n' * 50)
        self.assertLess(self.memory(), before + 400)  # sanitizers keep what is freed
        for _ in range(60):
            self.client().sendall(b'{"comm')
        self.assertIn("version", self.ask(b'{"command": "version"}\n')[0])
        for sock in self.clients[4:]:
            sock.close()
        self.is_well()

    def test_a_client_leaves_before_its_answer(self):
        for name in ("steady", "idle1"):
            for _ in range(20):
                sock = self.client()
                sock.sendall(b'{"command": "check", "name": "%s"}\n'
                             % name.encode())
                sock.close()
        for _ in range(5):
            sock = self.client()
            sock.sendall(b'{"command": "reload"}\n')
            sock.close()
        self.is_well()

    @unittest.skipUnless(os.getuid() == 0 and shutil.which("setpriv"),
                         "only root can become somebody else")
    def test_another_user_is_refused(self):
        os.chmod(self.folder, 0o755)
        os.chmod(self.watch.state, 0o755)
        path = os.path.join(self.watch.state, "control.sock")
        os.chmod(path, 0o666)  # as if somebody had opened it
        speak = ("import socket\ns = socket.socket(socket.AF_UNIX)\n"
                 "s.settimeout(20)\ns.connect(%r)\n"
                 "try:\n    s.sendall(b'{\"command\": \"reload\"}\\n')\n"
                 "except BrokenPipeError:\n    pass  # refused before\n"
                 "print(s.recv(65536).decode())" % path)
        done = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
             sys.executable, "-c", speak], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=60)
        self.assertIn("the daemon's own user",
                      done.stdout.decode())
        os.chmod(path, 0o660)
        done = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
             sys.executable, "-c", speak], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=60)
        self.assertIn("PermissionError", done.stdout.decode())
        self.assertNotIn("reloaded", self.watch.log())
        self.is_well()


if __name__ == "__main__":
    unittest.main()
