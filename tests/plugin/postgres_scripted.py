#!/usr/bin/python3
"""The postgres plugin against servers that do what no real one does: silence,
garbage, floods, two thousand million rounds of SCRAM. None may crash, hang or
fill the worker, or be blamed on the monitor.

    postgres_scripted.py [NAME...]    only the cases whose name contains one of these
"""
import base64
import os
import socket
import ssl
import struct
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import cases  # noqa: E402
import certs  # noqa: E402
from cases import must  # noqa: E402
from peer import Gone, Peer  # noqa: E402
from pg import url  # noqa: E402
from probe import Probe  # noqa: E402
from watch import BUILD, Watch, until  # noqa: E402

probe = None
folder = None
certificate = None


def message(kind, body=b""):
    return kind + struct.pack("!i", len(body) + 4) + body


def request(number, body=b""):
    return message(b"R", struct.pack("!i", number) + body)


def status(name, value):
    return message(b"S", name + b"\0" + value + b"\0")


READY = message(b"Z", b"I")
KEY = message(b"K", struct.pack("!ii", 4711, 815))
LOGIN = (request(0) + status(b"server_version", b"15.99") + KEY + READY)
NOTICE = message(b"N", b"SNOTICE\0C00000\0M" + b"blah " * 20 + b"\0\0")


def startup(c):
    """Reads the startup packet; there is no TLS to be had."""
    c.sock.settimeout(20)
    while True:
        head = c.sock.recv(8, socket.MSG_WAITALL)
        if len(head) < 8:
            raise Gone
        size, code = struct.unpack("!ii", head)
        c.request = c.sock.recv(size - 8, socket.MSG_WAITALL)
        if code == 196608:
            return
        c.send(b"N")


def hear(c):
    """The next message; None at the end."""
    c.sock.settimeout(20)
    head = c.sock.recv(5, socket.MSG_WAITALL)
    if len(head) < 5:
        return None, b""
    kind, size = struct.unpack("!ci", head)
    return kind, c.sock.recv(size - 4, socket.MSG_WAITALL)


def against(script, options=None, timeout="5s"):
    with Peer(script) as server:
        settings = {"url": url(server.port) + "?sslmode=disable"}
        settings.update(options or {})
        return probe.check(settings, timeout)


def logged_in(then):
    """A script that lets everybody in, and answers a query by then(c)."""
    def script(c):
        startup(c)
        c.send(LOGIN)
        hear(c)
        then(c)
        c.silence()
    return script


def saying(data):
    def script(c):
        startup(c)
        c.send(data)
        c.silence()
    return script


def case_silence():
    must(against(lambda c: c.silence(), timeout="1s"), fault="timeout",
         code="startup")
    must(against(saying(request(0)), timeout="1s"), fault="timeout",
         code="auth")
    must(against(logged_in(lambda c: None), timeout="1s"), fault="timeout",
         code="query", message_has="SELECT 1")


def case_closed_and_reset():
    must(against(lambda c: c.sock.recv(4000)), fault="closed", code="closed")
    must(against(lambda c: startup(c)), fault="closed", code="closed")

    def reset(c):
        startup(c)
        c.reset()
    must(against(reset), fault="reset", code="ECONNRESET")

    def closed(c):
        startup(c)
        c.send(LOGIN)
        hear(c)
    must(against(closed), fault="closed", code="closed",
         message_has="SELECT 1")


def case_garbage():
    for data in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * 100,
                 b"+PONG\r\n", bytes(range(255, -1, -1)),
                 b"R\0\0\0\1", b"R\x7f\xff\xff\xff"):
        must(against(saying(data), timeout="2s"), fault="protocol")
    must(against(lambda c: c.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
                 {"sslmode": "prefer"}), fault="protocol")
    for data in (b"\0" * 50, b"T\0\0\0\4", b"D\x7f\xff\xff\xff",
                 message(b"D", b"\xff\xff")):
        result = against(logged_in(lambda c: c.send(data)), timeout="2s")
        must(result, outcome="fail")
        assert result["fault"] in ("protocol", "timeout", "closed"), result


def case_cannot_fork():
    must(against(saying(b"Ecould not fork new process for connection: "
                        b"Resource temporarily unavailable\n\0")),
         fault="overloaded", code="fork")


def case_large_error():
    text = message(b"E", b"SFATAL\0VFATAL\0C28000\0M" + b"x" * (1 << 20) +
                   b"\0\0")
    result = against(saying(text))
    must(result, fault="protocol")
    assert result["code"] in ("startup", "flood"), result
    result = against(logged_in(lambda c: c.send(text)), timeout="20s")
    must(result, outcome="fail", fault="auth", code="28000")
    assert len(result["message"]) < 1000, len(result["message"])
    must(against(logged_in(lambda c: c.send(text * 4)), timeout="20s"),
         outcome="fail")


def endless(c, data):
    while True:
        c.send(data * 100)


def case_endless():
    many = b"".join(status(b"x%d" % i, b"y") for i in range(10000))
    for flood in (NOTICE, status(b"a", b"b"), many):
        def before(c):
            startup(c)
            c.send(request(0))
            endless(c, flood)
        must(against(before, timeout="20s"), fault="protocol", code="flood")
        result = against(logged_in(lambda c: endless(c, flood)), None, "20s")
        must(result, fault="protocol")
        assert result["code"] in ("size", "flood"), result
    must(against(logged_in(lambda c: endless(c, message(
        b"A", b"\0\0\0\1channel\0payload\0"))), timeout="20s"),
        fault="protocol", code="size")
    must(against(logged_in(lambda c: endless(c, message(b"G", b"\0\0\0"))),
                 timeout="20s"), fault="protocol", code="copy")


def scram(c, rounds, early=0):
    """To the message with the number of rounds, of which so many bytes come
    too early, together with the message before it."""
    startup(c)
    first = request(10, b"SCRAM-SHA-256\0\0")
    tail = b"later,s=" + base64.b64encode(b"0123456789abcdef") + b",i=" + rounds
    size = 9 + 2 + 24 + len(tail)  # the nonce of libpq is 24 characters
    head = b"R" + struct.pack("!ii", size - 1, 11) + b"r="
    c.send(first + head[:early])
    kind, body = hear(c)
    nonce = body.split(b"r=")[1]
    c.send((head + nonce + tail)[early:])
    c.silence()


def case_rounds_of_scram_cannot_hang_the_worker():
    for rounds in (b"2147483647", b"262145", b" 2147483647", b"+2147483647"):
        must(against(lambda c: scram(c, rounds), {"password": "x"}),
             fault="protocol", code="scram_iterations")
    for early in (1, 5, 9, 11):
        must(against(lambda c: scram(c, b"2147483647", early),
                     {"password": "x"}), fault="protocol")


def case_rounds_at_the_limit_are_not_computed_on_the_loop():
    """Two at a time take longer than a callback may, and than they have."""
    check = """busy%d = { url = "%s?sslmode=disable"; password = "x";
                          timeout = "1s"; interval = "2s"; };"""
    with Peer(lambda c: scram(c, b"262144")) as server, \
            Watch(tempfile.mkdtemp(dir=folder), """workers = 1;
                  plugin_dir = "%s/plugins"; checks = { %s };""" % (
                      os.path.abspath(BUILD), "".join(
                          check % (i, url(server.port)) for i in (0, 1)))) \
            as watch:
        def results():
            both = [watch.json("history", "busy%d" % i) for i in (0, 1)]
            return sum(both, []) if min(map(len, both)) >= 2 else None
        kinds = {(r["fault"], r["code"])
                 for r in until("two results each", results, limit=120)}
    assert ("resource", "scram_iterations") in kinds, kinds
    assert not {fault for fault, _ in kinds} & {"plugin", "cancelled"}, kinds


def case_rounds_of_scram_within_tls():
    def script(c):
        c.sock.recv(8, socket.MSG_WAITALL)
        c.send(b"S")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        c.sock = context.wrap_socket(c.sock, server_side=True)
        plain = c.sock.recv

        def whole(n, flags=0):  # MSG_WAITALL
            out = b""
            while len(out) < n:
                out += plain(n - len(out)) or b"\0" * n
            return out
        c.sock.recv = whole
        scram(c, b"2147483647")
    must(against(script, {"password": "x", "sslmode": "require"}),
         fault="protocol", code="scram_iterations")


def case_gss_is_not_offered():
    for number in (7, 9):
        must(against(saying(request(number))), fault="auth", code="gss")


def case_what_nobody_waits_for_is_cancelled():
    cancelled = threading.Event()

    def script(c):
        c.sock.settimeout(20)
        size, code = struct.unpack("!ii", c.sock.recv(8, socket.MSG_WAITALL))
        rest = c.sock.recv(size - 8, socket.MSG_WAITALL)
        if code == 80877102 and rest == struct.pack("!ii", 4711, 815):
            cancelled.set()
            return
        c.send(LOGIN)
        c.silence()
    with Peer(script) as server, \
            Watch(tempfile.mkdtemp(dir=folder), """workers = 1; plugin_dir = "%s/plugins";
                  checks = { it = { url = "%s?sslmode=disable";
                                    timeout = "500ms"; interval = "1s"; }; };
                  """ % (os.path.abspath(BUILD), url(server.port))):
        assert cancelled.wait(60), "no cancel request came"


def main():
    global probe, folder, certificate
    if cases.lacks("postgres"):
        return 77
    with tempfile.TemporaryDirectory(prefix="rlv-pg-") as folder:
        probe = Probe(folder, "postgres")
        certificate = certs.self_signed(folder, "mine", "IP:127.0.0.1")
        return cases.run(globals(), sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
