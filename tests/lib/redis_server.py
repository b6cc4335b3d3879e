"""A real redis-server in a folder of its own, on a port that was free.

    with Redis(folder, "requirepass s3cret") as redis:
        redis.ask("AUTH", "s3cret"), redis.port, redis.process

The lines are those of its configuration, in which @dir@ is its folder. Nothing
is saved unless they say so. Leaving the block ends it by its pid, also if it
was stopped (SIGSTOP).
"""
import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import time

_numbers = itertools.count()


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def find():
    return shutil.which("redis-server")


class Error(Exception):
    """An error reply."""


class Client:
    """One connection; speaks as much RESP as tests need."""

    def __init__(self, server, timeout=20):
        if server.socket:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(timeout)
            self.sock.connect(server.socket)
        else:
            self.sock = socket.create_connection(("127.0.0.1", server.port),
                                                 timeout)
        self.file = self.sock.makefile("rb")

    def send(self, *words):
        out = b"*%d\r\n" % len(words)
        for word in words:
            word = word if isinstance(word, bytes) else str(word).encode()
            out += b"$%d\r\n%s\r\n" % (len(word), word)
        self.sock.sendall(out)

    def read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise OSError("redis closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise Error(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            n = int(rest)
            return None if n < 0 else self.file.read(n + 2)[:-2].decode(
                errors="replace")
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        return rest.decode()

    def ask(self, *words):
        self.send(*words)
        return self.read()

    def close(self):
        self.file.close()
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def commands(conn):
    """The commands that come over a connection (peer.Conn), each as a list of
    words: for a peer that answers them in its own way."""
    conn.sock.settimeout(10)
    file = conn.sock.makefile("rb")
    while True:
        line = file.readline()
        if not line:
            return
        if not line.startswith(b"*"):
            yield line.decode(errors="replace").split()
            continue
        words = []
        for _ in range(int(line[1:])):
            n = int(file.readline()[1:])
            words.append(file.read(n + 2)[:-2].decode(errors="replace"))
        yield words


class Redis:
    def __init__(self, folder, *lines, sentinel=False, plain=True,
                 socket_only=False, port=None):
        """plain=False: no port without TLS; the lines may use @port@."""
        self.folder = os.path.join(folder, "redis%d" % next(_numbers))
        os.mkdir(self.folder)
        self.lines = lines
        self.sentinel = sentinel
        self.plain = plain
        self.fixed_port = port
        self.port = None
        self.socket = os.path.join(self.folder, "s") if socket_only else None
        self.process = None

    def _configure(self):
        self.port = self.fixed_port or (0 if self.socket else free_port())
        lines = ["bind 127.0.0.1", "dir " + self.folder, "daemonize no",
                 "logfile " + os.path.join(self.folder, "log"),
                 "port %d" % (self.port if self.plain else 0)]
        if not self.sentinel:
            lines += ['save ""', "enable-debug-command local"]
        if self.socket:
            lines.append("unixsocket " + self.socket)
        lines += [line.replace("@port@", str(self.port)).replace(
            "@dir@", self.folder) for line in self.lines]
        with open(self.conf(), "w") as f:
            f.write("\n".join(lines) + "\n")

    def conf(self):
        return os.path.join(self.folder, "redis.conf")

    def spawn(self):
        argv = [find(), self.conf()]
        self.process = subprocess.Popen(
            argv + (["--sentinel"] if self.sentinel else []),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    def log(self):
        with contextlib.suppress(OSError):
            with open(os.path.join(self.folder, "log"), errors="replace") as f:
                return f.read()
        return ""

    def _accepts(self):
        for _ in range(400):
            if self.process.poll() is not None:
                return False
            try:
                Client(self).close()
                return True
            except OSError:
                time.sleep(0.05)
        return False

    def start(self):
        for _ in range(5):
            self._configure()
            self.spawn()
            if self._accepts():
                return self
            self.stop()
        raise AssertionError("redis-server does not start: " + self.log())

    def again(self):
        """The same server once more, after it ended."""
        self.spawn()
        assert self._accepts(), self.log()

    def client(self):
        return Client(self)

    def ask(self, *words, auth=None):
        with Client(self) as client:
            if auth:
                client.ask("AUTH", *auth)
            return client.ask(*words)

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()  # also ends one that is stopped
            self.process.wait()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
