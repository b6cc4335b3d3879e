#!/usr/bin/python3
"""What the dns plugin observes, and the faults that it names: a real server
(nsd) with a zone of each type of record; and a scripted one for what no real
one does: answers that belong to nobody, are cut short, lead in circles.

    dns_checks.py [NAME...]     only the cases whose name contains one of these
"""
import os
import random
import re
import socket
import struct
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import cases  # noqa: E402
import nsd  # noqa: E402
import peer  # noqa: E402
from cases import must, must_see, seen  # noqa: E402
from probe import Probe  # noqa: E402

ZONE = """$TTL 300
@ IN SOA ns1 hostmaster 2024112901 7200 3600 1209600 60
@ IN NS ns1
@ IN NS ns2.example.test.
ns1 IN A 127.0.0.1
ns2 IN A 127.0.0.2
www 60 IN A 192.0.2.10
www 120 IN A 192.0.2.1
www IN AAAA 2001:db8::1
alias IN CNAME step
step IN CNAME www
out IN CNAME elsewhere.invalid.
@ IN MX 20 backup
@ IN MX 10 mail
none IN MX 0 .
txt IN TXT "v=spf1 -all" "; more"
odd IN TXT "a\\"b\\\\c\\007d"
_sip._tcp IN SRV 5 10 5060 sip
@ IN CAA 0 issue "letsencrypt.org"
large IN TXT "%s" "%s" "%s" "%s" "%s" "%s"
""" % tuple(c * 250 for c in "abcdef")
REVERSE = """$TTL 300
@ IN SOA ns1.example.test. hostmaster.example.test. 7 7200 3600 1209600 60
@ IN NS ns1.example.test.
1 IN PTR www.example.test.
"""
REVERSE6 = """$TTL 300
@ IN SOA ns1.example.test. hostmaster.example.test. 7 7200 3600 1209600 60
@ IN NS ns1.example.test.
1.%s IN PTR www.example.test.
""" % ".".join("0" * 23)

probe = None
folder = None
server = None


def ask(name, kind="A", timeout="5s", port=None, expect=None, **options):
    options = dict({"name": name, "type": kind,
                    "server": "127.0.0.1:%d" % (port or server.port)},
                   **options)
    return probe.check(options, timeout, **({"expect": expect} if expect
                                            else {}))


# ------------------------------------------------------------ a real server ---

def case_every_type():
    for name, kind, answers in (
            ("www.example.test", "A", "192.0.2.1, 192.0.2.10"),
            ("www.example.test", "AAAA", "2001:db8::1"),
            ("alias.example.test", "CNAME", "step.example.test"),
            ("example.test", "MX",
             "10 mail.example.test, 20 backup.example.test"),
            ("none.example.test", "MX", "0 ."),
            ("example.test", "NS", "ns1.example.test, ns2.example.test"),
            ("example.test", "SOA", "ns1.example.test hostmaster.example.test "
             "2024112901 7200 3600 1209600 60"),
            ("txt.example.test", "TXT", "v=spf1 -all; more"),
            ("odd.example.test", "TXT", 'a\\"b\\\\c\\007d'),
            ("_sip._tcp.example.test", "SRV", "5 10 5060 sip.example.test"),
            ("1.2.0.192.in-addr.arpa", "PTR", "www.example.test"),
            ("192.0.2.1", "PTR", "www.example.test"),
            ("2001:db8::1", "PTR", "www.example.test"),
            ("example.test", "CAA", '0 issue "letsencrypt.org"')):
        result = ask(name, kind)
        must(result, outcome="ok")
        must_see(result, answers=answers, rcode="NOERROR", authoritative=True,
                 count=answers.count(", ") + 1, retries=0,
                 server="127.0.0.1 port %d" % server.port,
                 serial=2024112901 if kind == "SOA" else None)
        assert 0 < seen(result, "latency") < 5000, result
        assert "wait_ms" in result["phases"], result


def case_age_of_each():
    result = ask("www.example.test", expect=[
        "answers contains '192.0.2.1'", "exists answer('192.0.2.10')",
        "answer('192.0.2.1') == 120s", "answer('192.0.2.10') == 60s",
        "not exists answer('192.0.2.11')", "ttl == 60s", "latency < 5s"])
    must(result, outcome="ok")
    must(ask("www.example.test", expect=["answers == '192.0.2.1'"]),
         fault="mismatch")


def case_alias():
    result = ask("alias.example.test")
    must(result, outcome="ok")
    must_see(result, alias="www.example.test", count=2)
    result = ask("out.example.test")
    must(result, outcome="fail", fault="error_response", code="NODATA")
    must_see(result, alias="elsewhere.invalid")


def case_no_such_name():
    result = ask("nothing.example.test")
    must(result, outcome="fail", fault="error_response", code="NXDOMAIN",
         message_has="answered NXDOMAIN to A nothing.example.test")
    must_see(result, rcode="NXDOMAIN", count=None, answers=None)
    must(ask("nothing.example.test", expect=["rcode == 'NXDOMAIN'"]),
         outcome="ok")
    must(ask("www.example.test", expect=["rcode == 'NXDOMAIN'"]),
         outcome="fail", fault="mismatch")


def case_no_such_record():
    result = ask("www.example.test", "MX")
    must(result, outcome="fail", fault="error_response", code="NODATA",
         message_has="knows www.example.test, and no MX record of it")
    must(ask("www.example.test", "MX", expect=["count == 0"]), outcome="ok")


def case_refused_and_failed():
    result = ask("elsewhere.invalid")
    must(result, outcome="fail", fault="forbidden", code="REFUSED")
    must(ask("elsewhere.invalid", expect=["rcode == 'REFUSED'"]), outcome="ok")
    must(ask("broken.test"), outcome="fail", fault="error_response",
         code="SERVFAIL")


def case_by_tcp():
    must_see(ask("www.example.test", protocol="tcp"), count=2)
    # Too long for a datagram: cut short, and asked for again.
    must_see(ask("large.example.test", "TXT"),
             answers="".join(c * 250 for c in "abcdef"), count=1)


def case_whom_it_asks():
    result = ask("www.example.test", server="localhost:%d" % server.port)
    must_see(result, count=2, server="localhost (127.0.0.1) port %d" %
             server.port)
    assert "dns_ms" in result["phases"], result
    must_see(ask("www.example.test", server="[::1]:%d" % server.port),
             server="::1 port %d" % server.port)
    must(ask("x.test", server="no-such-host.invalid"), fault="dns",
         code="EAI_NONAME")


def case_without_configuration():
    """The scheme names the plugin."""
    url = "dns://127.0.0.1:%d/www.example.test" % server.port
    code, out, err = probe.run("check", url)
    assert code == 0 and "192.0.2.10" in out and url in out, (code, out, err)
    code, out, err = probe.run("check", url + "?type=mx", "--expect",
                               "count == 0")
    assert code == 0, (code, out, err)
    path = os.path.join(tempfile.mkdtemp(dir=folder), "relevo.cfg")
    code, out, err = probe.run("-c", path, "init", url, "dns:///example.com")
    assert code == 0, (out, err)
    code, out, err = probe.run("-c", path, "config", "check")
    assert code == 0 and not err, (out, err)


# -------------------------------------------------------------- strange ones ---

class Udp:
    """Answers each datagram with what script makes of it: a list."""

    def __init__(self, script, port=0):
        self.script = script
        self.asked = []
        self.sock = socket.socket(type=socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", port))
        self.sock.settimeout(0.1)
        self.port = self.sock.getsockname()[1]
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while not self.stop.is_set():
            try:
                query, whom = self.sock.recvfrom(4096)
            except socket.timeout:
                continue
            self.asked.append(query)
            for answer in self.script(query):
                self.sock.sendto(answer, whom)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(5)
        self.sock.close()


def question(query):
    end = query.index(b"\0", 12) + 5
    return query[12:end]


def reply(query, records=b"", count=0, flags=0x8180, ident=None):
    asked = question(query)
    return (query[:2] if ident is None else ident) + struct.pack(
        ">HHHHH", flags, 1, count, 0, 0) + asked + records


def record(data, name=b"\xc0\x0c", kind=1, ttl=60, size=None):
    return name + struct.pack(">HHIH", kind, 1, ttl,
                              len(data) if size is None else size) + data


def against(script, kind="A", timeout="2s", **options):
    with Udp(script) as other:
        return ask("x.test", kind, timeout, other.port, **options)


GOOD = record(b"\xc0\0\2\1")


def case_lost_datagram():
    lost = []

    def script(query):
        lost.append(query)
        return [] if len(lost) == 1 else [reply(query, GOOD, 1)]
    result = against(script, timeout="4s")
    must(result, outcome="ok")
    must_see(result, retries=1, answers="192.0.2.1")


def case_answers_of_others_are_not_heard():
    """A wrong number, another question, a question: then the right one."""
    def script(query):
        wrong = struct.pack(">H", struct.unpack(">H", query[:2])[0] ^ 1)
        other = query[:12] + query[12:].replace(b"\1x", b"\1y")
        return [reply(query, record(b"\6\6\6\6"), 1, ident=wrong),
                reply(other, record(b"\6\6\6\6"), 1), b"", b"x",
                reply(query, GOOD, 1)]
    must_see(against(script), answers="192.0.2.1")
    result = against(lambda query: [reply(query, GOOD, 1, ident=b"\0\0")
                                    if query[:2] != b"\0\0" else b""],
                     timeout="600ms")
    must(result, fault="timeout", code="A",
         message_has="did not answer to A x.test in 0.6")


def case_silence():
    with Udp(lambda query: []) as mute:
        late = ask("x.test", timeout="600ms", port=mute.port)
        must(late, fault="timeout", code="A")
        assert len(mute.asked) >= 2, mute.asked
        assert late["phases"]["wait_ms"] > 300, late
    with peer.Peer(peer.silent) as mute:
        must(ask("x.test", timeout="600ms", port=mute.port, protocol="tcp"),
             fault="timeout")
    with peer.Peer(lambda c: c.sock.recv(100)) as gone:
        must(ask("x.test", timeout="2s", port=gone.port, protocol="tcp"),
             fault="closed")


def case_nobody_there():
    for protocol in "udp", "tcp":
        must(ask("x.test", port=nsd.free_port(), protocol=protocol),
             fault="refused", code="ECONNREFUSED", errno=111)


def case_cut_short():
    """And nobody there by TCP, where the rest would be."""
    must(against(lambda query: [reply(query, flags=0x8380)]),
         fault="refused")


def case_malformed():
    """Others: tests/unit/test_dns_message.c."""
    for records, count in ((b"", 1),                   # a record is missing
                           (b"\xc0\x18" + GOOD[2:], 1)):  # a name in a circle
        result = against(lambda query: [reply(query, records, count)])
        must(result, fault="protocol", code="answer",
             message_has="is malformed")


def case_many_records():
    def script(query):
        return [reply(query, b"".join(record(struct.pack(">I", i))
                                      for i in range(60)), 60)]
    must_see(against(script), count=60)


def case_unknown_words_and_ages():
    must_see(against(lambda query: [reply(query, flags=0x8184)],
                     expect=["rcode == 'NOTIMP'"]), rcode="NOTIMP")
    must_see(against(lambda query: [reply(query, flags=0x818b)],
                     expect=["rcode == 'RCODE11'"]), rcode="RCODE11")
    must_see(against(lambda query: [reply(query, record(
        b"\xc0\0\2\1", ttl=0xffffffff), 1)]), ttl=0)


def case_nonsense():
    """Bytes of an answer changed at random: any outcome but the monitor's own
    fault, and by the deadline."""
    seed = os.environ.get("RELEVO_SEED") or str(random.randrange(1 << 32))
    print("RELEVO_SEED=" + seed, flush=True)
    luck = random.Random(seed)
    kinds = ("A", "AAAA", "CNAME", "MX", "NS", "SOA", "TXT", "SRV", "CAA")
    rounds = 300 if os.environ.get("RELEVO_LONG") == "1" else 5
    for _ in range(rounds):
        kind = luck.choice(kinds)

        def script(query):
            with socket.socket(type=socket.SOCK_DGRAM) as sock:
                sock.settimeout(5)
                sock.connect(("127.0.0.1", server.port))
                sock.send(query[:12] + b"\7example\4test" +
                          query[12 + len(b"\1x\4test"):])
                answer = bytearray(sock.recv(4096))
            start = answer.index(b"\7example")
            answer[start:start + 8] = b"\1x"
            for _ in range(luck.randrange(1, 6)):
                answer[luck.randrange(12, len(answer))] = luck.randrange(256)
            return [bytes(answer[:luck.randrange(12, len(answer) + 1)]
                          if luck.random() < 0.3 else answer)]
        result = against(script, kind, timeout="300ms")
        assert result["fault"] not in ("plugin", "config", "resource"), (
            seed, result)


# ----------------------------------------------------------- configuration ---

def case_mistakes():
    probe.must_refuse((
        ({}, "neither url nor name is given"),
        ({"url": "dns://h/x", "name": "y"}, "exclude each other"),
        ({"url": "dns://h"}, "names nothing to ask for"),
        ({"url": "dns://h/"}, "no name to ask for"),
        ({"url": "dns://h/x?type=AXFR"}, "with one of A AAAA CNAME"),
        ({"url": "dns://h/x?class=IN"}, "with one of A AAAA CNAME"),
        ({"url": "http://h/x"}, "a URL is dns://server/name"),
        ({"url": "dns://h:0/x"}, "1 to 65535"),
        ({"url": "dns://h:99999/x"}, "1 to 65535"),
        ({"name": "x", "server": "h:port"}, "a name or an address"),
        ({"name": "x", "server": "a b"}, "not a name or an address"),
        ({"name": "a b"}, "no name"),
        ({"name": "x" * 300}, "no name")))
    must(ask("a..b"), outcome="unknown", fault="config", code="name")


def main():
    global probe, folder, server
    if cases.lacks("dns"):
        return 77
    if not nsd.PROGRAM:
        print("no nsd: skipped")
        return 77
    with tempfile.TemporaryDirectory(prefix="relevo-dns-") as where:
        os.chmod(where, 0o755)
        folder = where
        probe = Probe(where, "dns")
        with nsd.Nsd(where, {"example.test": ZONE, "broken.test": None,
                             "2.0.192.in-addr.arpa": REVERSE,
                             "8.b.d.0.1.0.0.2.ip6.arpa": REVERSE6}) as server:
            return cases.run(globals(), sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
