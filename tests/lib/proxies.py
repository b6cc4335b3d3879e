"""Proxies on loopback, for tests.

    with Tinyproxy(folder, "BasicAuth me s3cret") as proxy: ... proxy.port ...
    with Socks() as proxy: ... proxy.port, proxy.asked ...

Tinyproxy is the real one (HTTP CONNECT); Socks and Socks4a are small ones that
resolve names themselves, note in `asked` what for, and refuse as they are told.
SlowPath(port, seconds) hands on to a port of this machine, answers so much
later.
"""
import contextlib
import os
import select
import shutil
import socket
import struct
import subprocess
import time

from peer import Gone, Peer


def find():
    return shutil.which("tinyproxy")


class Tinyproxy:
    def __init__(self, folder, *lines):
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            self.port = sock.getsockname()[1]
        self.conf = os.path.join(folder, "tinyproxy%d.conf" % self.port)
        with open(self.conf, "w") as f:
            f.write("\n".join(["Port %d" % self.port, "Listen 127.0.0.1",
                               "Timeout 60", "MaxClients 20", *lines]) + "\n")
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(
            [find(), "-d", "-c", self.conf], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 5).close()
                return self
            time.sleep(0.05)
        self.__exit__()
        raise AssertionError("tinyproxy does not start")

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def pass_on(c, port, answers_after=0):
    """Between a connection and a port of this machine, until either ends."""
    with socket.create_connection(("127.0.0.1", port), 10) as far:
        ends = {c.sock: far, far: c.sock}
        while not c.stop.is_set():
            for end in select.select(list(ends), [], [], 0.1)[0]:
                data = end.recv(65536)
                if not data:
                    return
                if end is far:
                    c.sleep(answers_after)
                ends[end].sendall(data)
    raise Gone


class SlowPath(Peer):
    def __init__(self, port, seconds):
        super().__init__(lambda c: pass_on(c, port, seconds))


class Socks(Peer):
    """user: (name, password) to be asked for. reply: what is said to a
    request; 0 connects, else one of RFC 1928's section 6."""

    def __init__(self, user=None, reply=0):
        self.user = user
        self.reply = reply
        self.asked = []
        super().__init__(self._talk)

    def _talk(self, c):
        c.sock.settimeout(10)
        file = c.sock.makefile("rb")
        methods = file.read(file.read(2)[1])
        wanted = 2 if self.user else 0
        if wanted not in methods:
            c.send(b"\x05\xff")
            return
        c.send(bytes([5, wanted]))
        if self.user and not self._admits(c, file):
            return
        kind = file.read(4)[3]
        host = file.read(file.read(1)[0] if kind == 3 else 4).decode("latin-1")
        port, = struct.unpack(">H", file.read(2))
        self.asked.append((host, port))
        c.send(bytes([5, self.reply, 0, 1]) + bytes(6))
        if self.reply == 0:
            pass_on(c, port)  # whatever the name is, it is here

    def _admits(self, c, file):
        name = file.read(file.read(2)[1])
        password = file.read(file.read(1)[0])
        good = (name.decode(), password.decode()) == self.user
        c.send(b"\x01" + (b"\x00" if good else b"\x01"))
        return good


class Socks4a(Socks):
    """reply: 90 connects, 91 to 93 refuse."""

    def __init__(self, reply=90):
        super().__init__(reply=reply)

    def _talk(self, c):
        c.sock.settimeout(10)
        file = c.sock.makefile("rb")
        port, = struct.unpack(">H", file.read(8)[2:4])
        _user, host = (b"".join(iter(lambda: file.read(1), b"\0"))
                       for _ in range(2))
        self.asked.append((host.decode("latin-1"), port))
        c.send(bytes([0, self.reply]) + bytes(6))
        if self.reply == 90:
            pass_on(c, port)
