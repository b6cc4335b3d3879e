"""A peer that misbehaves on purpose: TCP or TLS, scripted, on loopback.

    with Peer(lambda c: c.send(b"HTTP/1.1 200 OK\\r\\n\\r\\n")) as peer:
        ... peer.port ...

A script is called once for each connection, in a thread of its own, with a
Conn; when it returns, the connection is closed in an orderly way. Ports come
from bind(0). Leaving the block ends everything, also scripts that sleep.

As a program, for shell tests:  peer.py SCRIPT [--cert FILE --key FILE]
prints the port on the first line and serves until its stdin ends; SCRIPT is a
name from SCRIPTS below. Python's standard library only.
"""
import argparse
import gzip
import io
import socket
import ssl
import struct
import sys
import threading


class Gone(Exception):
    """The other side, or the test, has ended the connection."""


class Conn:
    def __init__(self, sock, stop):
        self.sock = sock
        self.stop = stop
        self.request = b""

    def read_request(self):
        """Reads up to the empty line; returns the bytes so far."""
        self.sock.settimeout(0.2)
        while b"\r\n\r\n" not in self.request:
            if self.stop.is_set():
                raise Gone
            try:
                piece = self.sock.recv(65536)
            except (socket.timeout, ssl.SSLWantReadError):
                continue
            if not piece:
                raise Gone
            self.request += piece
        return self.request

    def send(self, data):
        self.sock.settimeout(10)
        self.sock.sendall(data)

    def drip(self, data, every_s=0.05):
        for i in range(len(data)):
            self.send(data[i:i + 1])
            self.sleep(every_s)

    def sleep(self, seconds):
        if self.stop.wait(seconds):
            raise Gone

    def silence(self):
        """Says nothing until the test ends."""
        self.stop.wait()
        raise Gone

    def reset(self):
        """Closes with an RST instead of a FIN."""
        raw = self.sock
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                       struct.pack("ii", 1, 0))
        raw.close()

    def reply(self, status="200 OK", body=b"", *headers):
        head = ["HTTP/1.1 " + status, "Content-Length: %d" % len(body),
                "Connection: close", *headers, "", ""]
        self.send("\r\n".join(head).encode() + body)


def server_context(cert, key):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)
    return tls


class Peer:
    def __init__(self, script, cert=None, key=None, family=socket.AF_INET,
                 port=0):
        self.script = script
        self.stop = threading.Event()
        self.connections = 0
        self.tls = server_context(cert, key) if cert else None
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1",
                        port))
        self.sock.listen(128)
        self.sock.settimeout(0.1)
        self.port = self.sock.getsockname()[1]
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()

    def _accept(self):
        while not self.stop.is_set():
            try:
                sock, _ = self.sock.accept()
            except socket.timeout:
                continue
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(sock,),
                                      daemon=True)
            self.threads.append(thread)
            thread.start()

    def _serve(self, sock):
        try:
            if self.tls:
                sock.settimeout(10)
                sock = self.tls.wrap_socket(sock, server_side=True)
            self.script(Conn(sock, self.stop))
        except (Gone, OSError):
            pass
        finally:
            sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.sock.close()
        for thread in self.threads:
            thread.join(2)


class BlackHole:
    """A port whose accept queue is full: further SYNs are dropped, so a
    connect gets no answer at all."""

    def __init__(self):
        self.sock = socket.socket()
        self.sock.bind(("127.0.0.1", 0))
        self.sock.listen(0)
        self.port = self.sock.getsockname()[1]
        self.clients = []
        for _ in range(16):
            client = socket.socket()
            client.settimeout(0.3)
            self.clients.append(client)
            try:
                client.connect(("127.0.0.1", self.port))
            except socket.timeout:
                return  # this one was dropped: full
        raise RuntimeError("the accept queue never filled")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for sock in self.clients + [self.sock]:
            sock.close()


def fill_queue(path):
    """Connects to a unix socket until its queue takes no more, as it does where
    nobody accepts; returns the connections."""
    waiting = []
    while True:
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        waiting.append(sock)
        try:
            sock.connect(path)
        except BlockingIOError:
            return waiting


def closed_port():
    """A port that was free a moment ago: a connect to it is refused."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


# ---------------------------------------------------------------- scripts ---

def ok(c):
    c.read_request()
    c.reply("200 OK", b'{"status":"ok"}', "Content-Type: application/json")


def silent(c):
    """Accepts and never says a word: a hanging TLS handshake, too."""
    c.silence()


def silent_after_request(c):
    c.read_request()
    c.silence()


def reset_after_request(c):
    c.read_request()
    c.reset()


def reset_in_body(c):
    c.read_request()
    c.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
    c.sleep(0.2)
    c.reset()


def close_at_once(c):
    pass


def answer_anything(c):
    """Replies to whatever comes, such as the first bytes of a TLS client."""
    c.sock.settimeout(10)
    c.sock.recv(65536)
    c.reply("400 Bad Request")


def empty_reply(c):
    c.read_request()


def drip_status_line(c):
    c.read_request()
    c.drip(b"HTTP/1.1 200 OK\r\n" * 100, 0.2)


def drip_headers(c):
    c.read_request()
    c.send(b"HTTP/1.1 200 OK\r\n")
    c.drip(b"X-Slow: yes\r\n" * 100, 0.1)


def drip_body(c):
    c.read_request()
    c.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    c.drip(b"x" * 1000, 0.1)


def bad_status_line(c):
    c.read_request()
    c.send(b"HELLO THERE\r\nI am no web server\r\n\r\n")


def bad_status_code(c):
    c.read_request()
    c.send(b"HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n")


def short_body(c):
    c.read_request()
    c.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")


def bad_chunk(c):
    c.read_request()
    c.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhi")


def bad_gzip(c):
    c.read_request()
    c.reply("200 OK", b"this is not gzip at all", "Content-Encoding: gzip")


def more_after_gzip(c):
    c.read_request()
    c.reply("200 OK", gzip.compress(b"hello") + b"and more",
            "Content-Encoding: gzip")


def large_body(c):
    c.read_request()
    c.reply("200 OK", b"x" * (4 << 20))


def endless_body(c):
    c.read_request()
    c.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        c.send(b"x" * 65536)


def gzip_bomb(c):
    """64 MiB of zeros in about 64 KiB."""
    c.read_request()
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=9) as gz:
        for _ in range(64):
            gz.write(bytes(1 << 20))
    c.reply("200 OK", out.getvalue(), "Content-Encoding: gzip")


def large_header(c):
    c.read_request()
    c.send(b"HTTP/1.1 200 OK\r\nX-Large: " + b"a" * (1 << 20) + b"\r\n\r\n")


def many_headers(c):
    c.read_request()
    c.send(b"HTTP/1.1 200 OK\r\n" +
           b"".join(b"X-%d: y\r\n" % i for i in range(100000)) + b"\r\n")


# The functions above: those that take a Conn, called c.
SCRIPTS = {name: f for name, f in list(globals().items())
           if callable(f) and getattr(f, "__code__", None) and
           f.__code__.co_varnames[:1] == ("c",)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("script", choices=sorted(SCRIPTS))
    parser.add_argument("--cert")
    parser.add_argument("--key")
    args = parser.parse_args()
    with Peer(SCRIPTS[args.script], args.cert, args.key) as peer:
        print(peer.port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
