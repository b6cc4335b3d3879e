#!/usr/bin/python3
"""Checks that must fail (`expect_fault`): a closed port, a firewall that drops,
a server that turns away. For http, redis and postgres alike.

    must_fail.py [NAME...]     only the cases whose name contains one of these
"""
import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import cases  # noqa: E402
import peer  # noqa: E402
from cases import must  # noqa: E402
from peer import BlackHole, Peer, closed_port  # noqa: E402
from probe import Probe  # noqa: E402

folder = None


def pong(c):
    """Whatever it is asked, a Redis that is well."""
    c.sock.settimeout(10)
    while True:
        asked = c.sock.recv(65536)
        if not asked:
            return
        c.send(b"+PONG\r\n" * len(re.findall(rb"\*\d+\r\n", asked)))


def no_room(c):
    """A PostgreSQL that has no connection left."""
    c.sock.settimeout(10)
    c.sock.recv(65536)
    text = b"SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0"
    c.send(b"E" + (len(text) + 4).to_bytes(4, "big") + text)


PLUGINS = {
    "http": ("http://127.0.0.1:%d/", peer.ok, {}),
    "redis": ("redis://127.0.0.1:%d", pong, {}),
    "postgres": ("postgres://me@127.0.0.1:%d/", no_room,
                 {"sslmode": "disable"}),
}


def look(plugin, port, faults, timeout="5s"):
    url, _, options = PLUGINS[plugin]
    return Probe(folder, plugin).check(
        dict(options, url=url % port, expect_fault=faults), timeout)


def here():
    return [plugin for plugin in PLUGINS if not cases.lacks(plugin)]


def case_refused():
    for plugin in here():
        result = look(plugin, closed_port(), ["refused"])
        must(result, outcome="ok", fault="none", code="", errno=0, exit=0,
             message_has="refused, as expected: ")


def case_dropped():
    with BlackHole() as hole:
        for plugin in here():
            result = look(plugin, hole.port, ["refused", "connect_timeout"],
                          timeout="500ms")
            must(result, outcome="ok", message_has="connect_timeout, as exp")


def case_another_fault():
    for plugin in here():
        result = look(plugin, closed_port(), ["connect_timeout"])
        must(result, outcome="fail", fault="refused", code="ECONNREFUSED",
             exit=1, message_has="expected connect_timeout, not refused: ")


def case_answered():
    for plugin in here():
        with Peer(PLUGINS[plugin][1]) as other:
            result = look(plugin, other.port, ["refused"])
        # (of the three, postgres is the one that turns everybody away)
        if plugin == "postgres":
            must(result, outcome="fail", fault="overloaded", code="53300",
                 message_has="expected refused, not overloaded: ")
        else:
            must(result, outcome="fail", fault="mismatch", exit=1,
                 message="expected refused, but the target answered")


def case_turned_away():
    with Peer(no_room) as other:
        must(look("postgres", other.port, ["overloaded"]), outcome="ok")

    def locked(c):
        c.read_request()
        c.reply("401 Unauthorized")
    with Peer(locked) as other:
        must(look("http", other.port, ["auth", "forbidden"]), outcome="ok",
             message_has="auth, as expected: 401")
        must(look("http", other.port, ["refused"]), fault="auth", code="401",
             message_has="expected refused, but the target answered: 401")


def case_our_own_fault_is_unknown():
    result = Probe(folder, "http").check({
        "url": "https://127.0.0.1:1/", "expect_fault": ["refused"],
        "tls": {"ca_file": "/nonexistent/ca.pem"}})
    must(result, outcome="unknown", fault="config")


def case_all_addresses():
    """The first address answers: that nobody listens at the second is no
    excuse."""
    with Peer(peer.ok) as other:
        name = "several.example.com"
        result = Probe(folder, "http").check({
            "url": "http://%s:%d/" % (name, other.port),
            "all_addresses": True, "expect_fault": ["refused"],
            "resolve": ["%s:%d:127.0.0.1,127.0.0.2" % (name, other.port)]})
    must(result, outcome="fail", fault="mismatch",
         message="expected refused, but the target answered")


def case_no_lines():
    path = os.path.join(folder, "lines.cfg")
    with open(path, "w") as f:
        f.write('checks = { it = { url = "http://127.0.0.1:1/";'
                ' expect_fault = "refused"; }; };')
    probe = Probe(folder, "http")
    code, out, _ = probe.run("-c", path, "config", "show")
    assert code == 0 and 'expect_fault = ["refused"];' in out, out
    assert "status in" not in out, out
    code, _, err = probe.run("-c", path, "check", "it", "--expect",
                             "status == 200")
    assert code == 2 and "must fail" in err, err
    code, out, _ = probe.run("-c", path, "test")
    assert code == 0 and "1 of 1" in out, out


def main():
    global folder
    if cases.lacks("http"):
        return 77
    with tempfile.TemporaryDirectory() as folder:
        return cases.run(globals(), sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
