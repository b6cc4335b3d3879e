#!/usr/bin/python3
"""A real-time gateway, small and real: clients of WebSocket get every message
that is published on a channel of Redis. With the standard library alone.

    gateway.py PORT REDIS_PORT [CHANNEL]

A client may say {"subscribe": NAME} and is told {"subscribed": NAME}; whatever
else it says comes back as it was. SIGUSR1: the gateway loses its subscription,
and nothing else, until SIGUSR2: everything looks well, and nothing arrives.
Where Redis goes away it tries again and again, its clients stay connected.

`Gateway` runs it as a process of its own, for tests, the demonstration and
`./dev run`. Each client has a thread, and there is one that listens to Redis.
"""
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import wsframes

AGAIN_S = 0.2  # between two attempts to reach Redis
LONGEST = 1 << 20


class Client:
    """One connection of WebSocket, from its request to its end."""

    def __init__(self, sock, clients):
        self.sock = sock
        self.file = sock.makefile("rb")
        self.clients = clients
        self.lock = threading.Lock()

    def send(self, data):
        with self.lock, contextlib.suppress(OSError):
            self.sock.sendall(data)

    def serve(self):
        with contextlib.suppress(OSError, ValueError), self.sock:
            request = b""
            while not request.endswith(b"\r\n\r\n"):
                line = self.file.readline(8192)
                if not line or len(request) > 65536:
                    return
                request += line
            if not wsframes.header(request, "sec-websocket-key"):
                self.send(b"HTTP/1.1 426 Upgrade Required\r\n"
                          b"Upgrade: websocket\r\nContent-Length: 0\r\n\r\n")
                return
            self.send(wsframes.upgrade(request))
            self.clients.add(self)
            try:
                while self.take():
                    pass
            finally:
                self.clients.discard(self)

    def take(self):
        """One frame; false: it was the last."""
        opcode, payload = self.read_frame()
        if opcode == wsframes.CLOSE:
            self.send(wsframes.frame(wsframes.CLOSE, payload[:2]))
            return False
        if opcode == wsframes.PING:
            self.send(wsframes.frame(wsframes.PONG, payload))
        elif opcode in (wsframes.TEXT, wsframes.BINARY):
            self.answer(opcode, payload)
        return True

    def answer(self, opcode, payload):
        said = None
        with contextlib.suppress(ValueError):
            said = json.loads(payload)
        if isinstance(said, dict) and "subscribe" in said:
            self.send(wsframes.text(json.dumps(
                {"subscribed": said["subscribe"]})))
        else:
            self.send(wsframes.frame(opcode, payload))

    def read_frame(self):
        head = self.read(2)
        length = head[1] & 127
        if length >= 126:
            length = int.from_bytes(self.read(2 if length == 126 else 8), "big")
        if length > LONGEST:
            raise ValueError("too long")
        mask = self.read(4) if head[1] & 128 else bytes(4)
        payload = self.read(length)
        return head[0] & 15, bytes(b ^ mask[i % 4]
                                   for i, b in enumerate(payload))

    def read(self, n):
        data = self.file.read(n)
        if len(data) < n:
            raise ValueError("it hung up")
        return data


class Subscription:
    """What is published on the channel, handed to every client."""

    def __init__(self, port, channel, clients):
        self.port, self.channel, self.clients = port, channel, clients
        self.wanted = True
        self.sock = None

    def want(self, wanted):
        """Called by a signal: the socket ends, whoever reads it goes on."""
        self.wanted = wanted
        sock = self.sock
        if not wanted and sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def follow(self):
        while True:
            if self.wanted:
                with contextlib.suppress(OSError, ValueError):
                    self.listen()
            time.sleep(AGAIN_S)

    def listen(self):
        with socket.create_connection(("127.0.0.1", self.port), 5) as sock, \
                sock.makefile("rb") as file:
            sock.settimeout(None)
            self.sock = sock
            name = self.channel.encode()
            sock.sendall(b"*2\r\n$9\r\nSUBSCRIBE\r\n$%d\r\n%s\r\n"
                         % (len(name), name))
            while self.wanted:
                words = self.read(file)
                if words[:1] == [b"message"]:
                    frame = wsframes.frame(wsframes.TEXT, words[2])
                    for client in list(self.clients):
                        client.send(frame)

    def read(self, file):
        """One reply of Redis: texts, numbers and lists of them."""
        line = file.readline()
        if not line.endswith(b"\r\n"):
            raise ValueError("redis hung up")
        kind, rest = line[:1], line[1:-2]
        if kind == b"*":
            return [self.read(file) for _ in range(int(rest))]
        return file.read(int(rest) + 2)[:-2] if kind == b"$" else rest


def serve(port, redis_port, channel):
    clients = set()
    subscription = Subscription(redis_port, channel, clients)
    signal.signal(signal.SIGUSR1, lambda *_: subscription.want(False))
    signal.signal(signal.SIGUSR2, lambda *_: subscription.want(True))
    threading.Thread(target=subscription.follow, daemon=True).start()
    with socket.create_server(("127.0.0.1", port), backlog=64) as server:
        while True:
            sock, _ = server.accept()
            client = Client(sock, clients)
            threading.Thread(target=client.serve, daemon=True).start()


class Gateway:
    """The same as a process, on a port that stays the same."""

    def __init__(self, redis_port, channel="events", port=None):
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            self.port = port or sock.getsockname()[1]
        self.redis_port, self.channel = redis_port, channel
        self.process = None

    @property
    def url(self):
        return "ws://127.0.0.1:%d/" % self.port

    def start(self, limit=20.0):
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", os.path.abspath(__file__),
             str(self.port), str(self.redis_port), self.channel],
            stdin=subprocess.DEVNULL)
        end = time.monotonic() + limit
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 5).close()
                return self
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("the gateway does not listen")
            time.sleep(0.02)

    def lose_subscription(self):
        self.process.send_signal(signal.SIGUSR1)

    def subscribe_again(self):
        self.process.send_signal(signal.SIGUSR2)

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__.split("\n\n")[1].strip())
    with contextlib.suppress(KeyboardInterrupt):
        serve(int(sys.argv[1]), int(sys.argv[2]),
              sys.argv[3] if len(sys.argv) == 4 else "events")
