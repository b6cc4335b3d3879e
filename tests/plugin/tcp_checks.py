#!/usr/bin/python3
"""What the tcp plugin observes, and the faults that it names: a real
redis-server, mail server and PostgreSQL; and peers that say what no server
would.

    tcp_checks.py [NAME...]     only the cases whose name contains one of these
"""
import base64
import hashlib
import os
import re
import ssl
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import cases  # noqa: E402
import certs  # noqa: E402
import peer  # noqa: E402
import pg  # noqa: E402
import smtp  # noqa: E402
from cases import must, must_see, seen  # noqa: E402
from peer import Peer  # noqa: E402
from probe import Probe  # noqa: E402
from proxies import Tinyproxy  # noqa: E402
from redis_server import Redis, find as find_redis  # noqa: E402

probe = None
folder = None
ca = None
good = None


def check(url, *steps, timeout="5s", expect=None, tls=None, **options):
    settings = dict(options, url=url)
    if steps:
        settings["steps"] = list(steps)
    if tls is not None:
        settings["tls"] = dict({"ca_file": ca.cert}, **tls)
    common = {"expect": expect} if expect else {}
    return probe.check(settings, timeout, **common)


def against(script, *steps, cert=None, **options):
    with Peer(script, *(cert or ())) as other:
        scheme = "tls" if cert else "tcp"
        if cert:
            options.setdefault("tls", {})
        return check("%s://127.0.0.1:%d" % (scheme, other.port), *steps,
                     **options)


def says(*pieces, then=None):
    """A peer that says these, a while apart, and then reads."""
    def script(c):
        for piece in pieces:
            c.send(piece)
            c.sleep(0.03)
        (then or (lambda c: c.silence()))(c)
    return script


def talks(greeting, *answers, tls=None):
    """A peer that answers line by line; "TLS" begins a handshake."""
    def script(c):
        c.send(greeting)
        c.sock.settimeout(10)
        for answer in answers:
            if answer == "TLS":
                c.sock = tls.wrap_socket(c.sock, server_side=True)
                continue
            if not c.sock.recv(4096):
                return
            c.send(answer)
        c.sock.recv(4096)
    return script


def context():
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*good)
    return made


# ------------------------------------------------------------ connections ---

def case_connects():
    with Redis(folder) as redis:
        result = check("tcp://127.0.0.1:%d" % redis.port)
        must(result, outcome="ok")
        must_see(result, ip="127.0.0.1", bytes=0, tls_version=None,
                 cert_expiry=None, banner=None)
        assert 0 < seen(result, "latency") < 5000, result
        result = check("TCP://localhost:%d/" % redis.port)
        must(result, outcome="ok")
        assert {"dns_ms", "connect_ms"} <= result["phases"].keys(), result


def case_unix_socket():
    with Redis(folder, socket_only=True) as redis:
        result = check("unix://" + redis.socket, {"send": "PING\r\n"},
                       {"receive": "PONG"})
        must(result, outcome="ok")
        must_see(result, ip=None, bytes=7)
    must(check("unix://" + redis.socket), fault="refused")


def case_without_configuration():
    """The scheme names the plugin."""
    with Redis(folder) as redis, Peer(peer.silent, *good) as secure:
        url = "tcp://127.0.0.1:%d" % redis.port
        code, out, err = probe.run("check", url, "--expect", "latency < 5s")
        assert code == 0 and "ok" in out, (code, out, err)
        assert 'url = "%s"' % url in out, out
        code, out, err = probe.run("check",
                                   "tls://127.0.0.1:%d" % secure.port)
        assert code == 1 and "certificate" in out, (code, out, err)
        path = os.path.join(tempfile.mkdtemp(dir=folder), "relevo.cfg")
        code, out, err = probe.run("-c", path, "init", url)
        assert code == 0, (out, err)
        code, out, err = probe.run("-c", path, "config", "check")
        assert code == 0 and not err, (out, err)


def case_refused():
    result = check("tcp://127.0.0.1:%d" % peer.closed_port())
    must(result, fault="refused", code="ECONNREFUSED", errno=111,
         message_has="connect to 127.0.0.1 port ")


def case_proxy():
    with Tinyproxy(folder) as proxy, Peer(says(b"hello\n")) as other:
        result = check("tcp://127.0.0.1:%d" % other.port, {"receive": "hello"},
                       proxy="http://127.0.0.1:%d" % proxy.port)
        must(result, outcome="ok")


# ------------------------------------------------------------------- steps ---

def case_script_on_redis():
    with Redis(folder) as redis:
        result = check("tcp://127.0.0.1:%d" % redis.port,
                       {"send": "SET it 42\r\n"}, {"receive": "+OK"},
                       {"send_hex": "47 45 54 20 69 74 0d 0a"},
                       {"receive_regex": "\\$2\r\n(\\d+)\r\n",
                        "capture": "it"},
                       {"send": "ECHO got{{it}}\r\n"},
                       {"receive": "got{{it}}"},
                       {"send": "QUIT\r\n"}, {"expect_close": "true"},
                       expect=["value('it') == '42'",
                               "received contains 'got42'",
                               "bytes > 10B"])
        must(result, outcome="ok")
        must_see(result, bytes=len("+OK\r\n$2\r\n42\r\n$5\r\ngot42\r\n+OK\r\n"),
                 value={"it": "42"})
        assert 0 < seen(result, "latency") < 5000, result


def case_pieces():
    result = against(says(b"first li", b"ne\r\nsec", b"ond\0\xff third\n"),
                     {"receive": "line"}, {"receive_regex": "^sec(o)nd",
                                           "capture": "o"},
                     {"receive_hex": "00ff"}, {"receive": "third"})
    # A line begins where the stream does, not where a step does.
    must(result, fault="timeout", code="receive_regex",
         message_has="step 2 waits for")
    result = against(says(b"first li", b"ne\r\nsec", b"ond\0\xff third\n"),
                     {"receive": "line"},
                     {"receive_regex": "(?m)^sec(o)nd", "capture": "o"},
                     {"receive_hex": "00ff"}, {"receive": "third"})
    must(result, outcome="ok")
    must_see(result, banner="first line", value={"o": "o"})


def case_nothing_is_received_twice():
    result = against(says(b"ready\n"), {"receive": "ready"},
                     {"receive": "ready", "within": "600ms"})
    must(result, fault="timeout", code="receive",
         message_has='what step 2 waits for (receive "ready") did not come in '
         "0.6")


def case_step_late():
    result = against(says(b"busy\n"), {"receive": "ready", "within": "800ms"})
    must(result, fault="timeout", code="receive",
         message_has='what came was "busy')
    result = against(peer.silent, {"receive": "ready"}, timeout="900ms")
    must(result, fault="timeout", code="receive", message_has="nothing came")


def case_answers_and_closes():
    """A peer that answers and closes has answered."""
    for _ in range(5):
        must(against(lambda c: c.send(b"bye\n"), {"receive": "bye"}),
             outcome="ok")
    must(against(lambda c: c.send(b"bye\n"), {"receive": "hello"}),
         fault="closed", message_has='without what step 1 waits for (receive '
         '"hello")')
    must(against(lambda c: c.send(b"bye\n"), {"expect_close": "true"}),
         outcome="ok")
    # One that says no farewell within TLS, too.
    must(against(lambda c: os.close(c.sock.detach()),
                 {"expect_close": "true"}, cert=good), outcome="ok")
    must(against(peer.silent, {"expect_close": "true", "within": "600ms"}),
         fault="timeout", code="expect_close")


def case_reset():
    def reset(c):
        c.sock.recv(1)
        c.reset()
    must(against(reset, {"send": "hello"}, {"receive": "x"}), fault="reset")


def case_flood():
    def flood(c):
        while True:
            c.send(b"z" * 65536)
    must(against(flood, {"receive": "never"}), fault="protocol", code="flood",
         message_has="more than max_received (65536 bytes)")
    result = against(flood, {"receive": "zz"}, max_received="1KiB")
    must(result, outcome="ok")


def case_banner():
    """Waited for where a line asks for it, and else not."""
    hello = says(b"SSH-2.0-Open", b"SSH_9.2\r\nmore")
    must_see(against(hello, expect=["banner ~ /^SSH-2/"]),
             banner="SSH-2.0-OpenSSH_9.2")
    must(against(peer.silent, expect=["banner ~ /SSH/"], timeout="900ms"),
         fault="timeout", code="banner")
    must(against(peer.silent, timeout="2s"), outcome="ok")
    must(against(says(b"HTTP\n"), expect=["banner ~ /SSH/"]),
         fault="mismatch")


def case_many_probes_of_a_name():
    """Each address of it hears the whole script."""
    heard = []

    def count(c):
        heard.append(c.sock.recv(10))
        c.send(b"ok")
        c.sock.recv(10)
    with Peer(count) as other:
        must(check("tcp://127.0.0.1:%d" % other.port, {"send": "x"},
                   {"receive": "ok"}, all_addresses=True), outcome="ok")
    assert heard == [b"x"], heard


# --------------------------------------------------------------------- TLS ---

def pin_of(cert):
    key = subprocess.run(["openssl", "x509", "-in", cert, "-noout", "-pubkey"],
                         stdout=subprocess.PIPE, check=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"],
                         input=key, stdout=subprocess.PIPE, check=True).stdout
    return hashlib.sha256(der).digest()


def case_tls():
    result = against(says(b"hello\n"), {"receive": "hello"}, cert=good)
    must(result, outcome="ok")
    must_see(result, tls_version="TLSv1.3",
             cert_pin=base64.b64encode(pin_of(good[0])).decode())
    days = seen(result, "cert_expiry") / 86400000
    assert 39 < days < 40, result
    with Peer(lambda c: c.sock.recv(10), *good) as old:
        old.tls.maximum_version = ssl.TLSVersion.TLSv1_2
        result = check("tls://127.0.0.1:%d" % old.port, tls={})
        must_see(result, tls_version="TLSv1.2")
        assert seen(result, "tls_cipher").startswith("ECDHE-"), result
    soon = ca.issue("soon", end_days=5)
    must(against(peer.silent, cert=soon), outcome="warn")


def case_pins():
    pin = pin_of(good[0])
    text = base64.b64encode(pin).decode()
    other = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    for pins in [text], [other, "sha256//" + text], [pin.hex()]:
        must(against(peer.silent, cert=good, tls={"pin_sha256": pins}),
             outcome="ok")
    heard = []

    def listen(c):
        heard.append(c.sock.recv(10))
    must(against(listen, {"send": "secret"}, cert=good,
                 tls={"pin_sha256": [other]}), fault="certificate",
         code="PIN_MISMATCH", message_has="its key is none of tls.pin_sha256")
    must(against(listen, {"send": "secret"}, cert=good,
                 tls={"pin_sha256": [other], "verify": False}),
         fault="certificate", code="PIN_MISMATCH")
    assert b"secret" not in heard, heard
    own = certs.self_signed(folder, "pinned", "DNS:else.example")
    pinned = [base64.b64encode(pin_of(own[0])).decode()]
    must(against(peer.silent, cert=own, tls={"pin_sha256": pinned,
                                             "verify": False}), outcome="ok")


# ---------------------------------------------------------------- starttls ---

def case_starttls_smtp():
    with smtp.Mail(tls=True) as mail:
        url = "tcp://127.0.0.1:%d" % mail.port
        result = check(url, {"send": "EHLO relevo\r\n"},
                       {"receive": "250 HELP"}, {"send": "QUIT\r\n"},
                       {"receive": "221"}, starttls="smtp",
                       tls={"ca_file": mail.ca})
        must(result, outcome="warn")  # it ends in two days
        must_see(result, tls_version="TLSv1.3")
        assert seen(result, "banner").startswith("220 mail.example.test"), \
            result
        must(check(url, starttls="smtp", tls={}), fault="certificate",
             code="DEPTH_ZERO_SELF_SIGNED_CERT")
        must(check(url, starttls="smtp",
                   tls={"ca_file": mail.ca, "server_name": "else.example"}),
             fault="certificate", message_has="certificate is not for "
             "else.example: it names 127.0.0.1")
    with smtp.Mail() as mail:
        result = check("tcp://127.0.0.1:%d" % mail.port, starttls="smtp")
        must(result, fault="tls", code="starttls",
             message_has='does not start TLS: it said "5')


def case_starttls_postgres():
    cert = ca.issue("pg")
    with pg.Postgres(folder, tls=cert) as server:
        result = check("tcp://localhost:%d" % server.port,
                       starttls="postgres", tls={})
        must(result, outcome="ok")
        must_see(result, tls_version="TLSv1.3", bytes=1)
    with pg.Postgres(folder) as server:
        must(check("tcp://localhost:%d" % server.port, starttls="postgres"),
             fault="tls", code="starttls", message_has='it said "N"')


def case_starttls_others():
    for protocol, greeting, answers in (
            ("imap", b"* OK ready\r\n", [b"* CAPABILITY\r\na OK go\r\n"]),
            ("pop3", b"+OK ready\r\n", [b"+OK go\r\n"]),
            ("ftp", b"220-two\r\n  lines\r\n220 ready\r\n", [b"234 go\r\n"]),
            ("smtp", b"220 ready\r\n", [b"250-it\r\n250 STARTTLS\r\n",
                                        b"220 go\r\n"])):
        script = talks(greeting, *answers, "TLS", b"within\r\n",
                       tls=context())
        result = against(script, {"send": "x"}, {"receive": "within"},
                         starttls=protocol, tls={})
        must(result, outcome="ok")
        must_see(result, tls_version="TLSv1.3",
                 banner=greeting.split(b"\r")[0].decode())


def case_starttls_refused():
    for protocol, greeting, answers, fault, code in (
            ("smtp", b"554 no\r\n", [], "error_response", "554"),
            ("smtp", b"220 ok\r\n", [b"502 what\r\n"], "error_response",
             "502"),
            ("smtp", b"220 ok\r\n", [b"250 it\r\n", b"454 later\r\n"], "tls",
             "starttls"),
            ("imap", b"* BYE full\r\n", [], "error_response", "* B"),
            ("imap", b"* OK x\r\n", [b"a BAD what\r\n"], "tls", "starttls"),
            ("pop3", b"+OK x\r\n", [b"-ERR\r\n"], "tls", "starttls"),
            ("ftp", b"220 x\r\n", [b"530 no\r\n"], "tls", "starttls"),
            ("postgres", b"E", [], "tls", "starttls"),
            ("smtp", b"", [], "timeout", "starttls"),
            ("smtp", b"220 ok\r\n", [b"250 it\r\n",
                                     b"220 go\r\n250 injected\r\n"],
             "protocol", "starttls")):
        result = against(talks(greeting, *answers), starttls=protocol,
                         timeout="1s")
        must(result, fault=fault, code=code)


def case_starttls_and_no_handshake():
    must(against(talks(b"+OK\r\n", b"+OK\r\n", b"garbage, not TLS at all\r\n"),
                 starttls="pop3"), fault="tls", code="WRONG_VERSION_NUMBER")
    must(against(talks(b"+OK\r\n", b"+OK\r\n"), starttls="pop3"),
         fault="tls", message_has="TLS handshake with 127.0.0.1 port")
    late = against(lambda c: (c.send(b"+OK\r\n"), c.sock.recv(100),
                              c.send(b"+OK\r\n"), c.silence()),
                   starttls="pop3", timeout="700ms", tls={})
    must(late, fault="tls", code="timeout",
         message_has="TLS handshake not finished in 0.7")


def case_starttls_client_certificate():
    asking = context()
    asking.load_verify_locations(ca.cert)
    asking.verify_mode = ssl.CERT_REQUIRED
    cert, key = ca.issue("client")
    script = talks(b"+OK\r\n", b"+OK\r\n", "TLS", b"in\r\n", tls=asking)
    steps = {"send": "x"}, {"receive": "in"}
    must(against(script, *steps, starttls="pop3",
                 tls={"cert_file": cert, "key_file": key}), outcome="ok")
    must(against(script, *steps, starttls="pop3", tls={}), fault="tls",
         code="ALERT_CERTIFICATE_REQUIRED")
    must(against(script, *steps, starttls="pop3",
                 tls={"cert_file": "/nowhere"}), fault="config",
         code="tls.cert_file")


# ----------------------------------------------------------- configuration ---

def case_mistakes():
    probe.must_refuse((
        ({"url": "tcp://host"}, "names no port"),
        ({"url": "tcp://:5"}, "names no host"),
        ({"url": "tcp://::1:5"}, "stands in brackets"),
        ({"url": "tcp://host:0"}, "1 to 65535"),
        ({"url": "tcp://host:65536"}, "1 to 65535"),
        ({"url": "tcp://host:25/path"}, "and nothing else"),
        ({"url": "tcp://user@host:25"}, "and nothing else"),
        ({"url": "udp://host:25"}, "begins with tcp://"),
        ({"url": "unix://x"}, "unix:///path"),
        ({"url": "tls://h:1", "starttls": "smtp"}, "write tcp://"),
        ({"url": "tcp://h:1", "tls": {"pin_sha256": ["00"]}},
         "without TLS"),
        ({"url": "tls://h:1", "tls": {"pin_sha256": ["00"]}},
         "is no SHA-256"),
        ({"url": "tcp://h:1", "steps": [{"sned": "x"}]},
         "step 1: it says not what to do: one of send,"),
        ({"url": "tcp://h:1", "steps": [{"send": "x", "receive": "y"}]},
         "exclude each other"),
        ({"url": "tcp://h:1", "steps": [{"send": "x", "within": "1s"}]},
         "within has no meaning beside send"),
        ({"url": "tcp://h:1", "steps": [{"receive": "x", "on": "all"}]},
         '"on" is unknown'),
        ({"url": "tcp://h:1", "steps": [{"receive": "x", "within": "1"}]},
         "a duration such as"),
        ({"url": "tcp://h:1", "steps": [{"receive": ""}]},
         "something in it"),
        ({"url": "tcp://h:1", "steps": [{"send_hex": "0"}]},
         "pairs of hex digits"),
        ({"url": "tcp://h:1", "steps": [{"receive_regex": "("}]},
         "receive_regex: "),
        ({"url": "tcp://h:1", "steps": [{"send": "{{name}}"}]},
         "no step before it captures {{name}}"),
        ({"url": "tcp://h:1", "steps": [{"expect_close": "true"},
                                        {"send": "x"}]},
         "nothing can follow"),
        ({"url": "tcp://h:1", "steps": [{"receive_regex": "x",
                                         "capture": "a.b"}]},
         "a name: a letter"),
    ))


def main():
    global probe, folder, ca, good
    if cases.lacks("tcp", "openssl"):
        return 77
    with tempfile.TemporaryDirectory(prefix="relevo-tcp-") as where:
        os.chmod(where, 0o755)
        folder = where
        probe = Probe(where, "tcp")
        ca = certs.Authority(where)
        good = ca.issue("good", end_days=40)

        def skip(name):
            return (smtp.EXIM is None and "smtp" in name or
                    not pg.find() and "postgres" in name or
                    not find_redis() and name in (
                        "connects", "unix_socket", "script_on_redis",
                        "without_configuration"))
        return cases.run(globals(), sys.argv[1:], skip)


if __name__ == "__main__":
    sys.exit(main())
