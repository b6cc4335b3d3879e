#!/usr/bin/python3
"""The websocket plugin against peers that fail in every way.

Each case is one probe by `relevo check`; what it must come to is stated as
fault, code, outcome, observations.

    websocket_faults.py [NAME…]     only cases whose name contains one of these
"""
import os
import socket
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import certs  # noqa: E402
import peer  # noqa: E402
import wsframes as ws  # noqa: E402
from cases import must, must_see, run, seen  # noqa: E402
from hosts import own_mounts, with_hosts  # noqa: E402
from peer import BlackHole, Peer  # noqa: E402
from probe import Probe  # noqa: E402

probe = None
authority = None


def url(port, path="/", scheme="ws", host="127.0.0.1"):
    return "%s://%s:%d%s" % (scheme, host, port, path)


def against(script, options=None, timeout="5s", **common):
    with Peer(script) as other:
        return probe.check(dict({"url": url(other.port)}, **(options or {})),
                           timeout, **common)


def after_upgrade(data, then=lambda c: c.silence()):
    """A peer that lets in, sends these bytes, and then does that."""
    def script(conn):
        conn.send(ws.upgrade(conn.read_request()) + data)
        then(conn)
    return script


def says(data, steps=({"receive_any": True},), options=None, **common):
    return against(after_upgrade(data),
                   dict({"steps": list(steps)}, **(options or {})), **common)


# ------------------------------------------------------------- connection ---

def case_refused():
    must(probe.check({"url": url(peer.closed_port())}), fault="refused",
         code="ECONNREFUSED", errno=111)


def case_unknown_name():
    must(probe.check({"url": "ws://no-such-host.invalid/"}), fault="dns")


def case_black_hole():
    with BlackHole() as hole:
        must(probe.check({"url": url(hole.port)}, "1s"),
             fault="connect_timeout")


def case_closed_without_an_answer():
    must(against(lambda c: c.read_request()), fault="closed")


def case_reset_in_place_of_an_answer():
    def script(conn):
        conn.read_request()
        conn.reset()
    must(against(script), fault="reset")


def case_silent():
    def script(conn):
        conn.read_request()
        conn.silence()
    result = against(script, timeout="1s")
    must(result, fault="timeout", code="upgrade",
         message_has="no answer to the upgrade request")


def case_half_an_answer():
    def script(conn):
        conn.read_request()
        conn.send(b"HTTP/1.1 101 Switching")
    must(against(script), fault="protocol", code="incomplete")


def case_tls_to_a_plain_port():
    with Peer(lambda c: c.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as other:
        must(probe.check({"url": url(other.port, scheme="wss")}, "3s"),
             fault="tls")


def case_proxies_that_let_nobody_through():
    for status, fault in (("403 Forbidden", "unreachable"),
                          ("502 Bad Gateway", "unreachable"),
                          ("407 Proxy Authentication Required", "config")):
        def script(conn, status=status):
            conn.read_request()
            conn.reply(status)
        with Peer(script) as proxy:
            must(probe.check({"url": "ws://127.0.0.1:1/", "proxy":
                              "http://127.0.0.1:%d" % proxy.port}),
                 fault=fault, code="proxy_" + status[:3],
                 message_has="by proxy 127.0.0.1 port %d" % proxy.port)


def case_untrusted_certificate():
    cert, key = authority.issue("wrong", san="DNS:elsewhere.example.com")
    with Peer(after_upgrade(b""), cert, key) as other:
        must(probe.check({"url": url(other.port, scheme="wss"),
                          "tls": {"ca_file": authority.cert}}),
             fault="certificate", message_has="elsewhere.example.com")


def answers_pings(conn):
    """As well as a server must; the bytes of one client's frames."""
    conn.send(ws.upgrade(conn.read_request()))
    conn.sock.settimeout(10)
    while True:
        head = conn.sock.recv(2, socket.MSG_WAITALL)
        if len(head) < 2:
            return
        mask = conn.sock.recv(4, socket.MSG_WAITALL)
        data = conn.sock.recv(head[1] & 127, socket.MSG_WAITALL)
        data = bytes(b ^ mask[i % 4] for i, b in enumerate(data))
        reply = {ws.PING: ws.PONG}.get(head[0] & 15, head[0] & 15)
        conn.send(ws.frame(reply, data))


def case_all_addresses():
    if not own_mounts():
        print("skip all_addresses: no mounts of our own here")
        return
    many = Probe(probe.folder, "websocket")
    many.program = with_hosts(probe.folder, probe.program,
                              "127.0.0.1 many.example\n::1 many.example\n")
    with Peer(answers_pings) as four:
        where = {"url": url(four.port, host="many.example")}
        must(many.check(where), outcome="ok")
        must(many.check(dict(where, all_addresses=True)), fault="refused",
             message_has="many.example (::1) port %d" % four.port)
        with Peer(answers_pings, family=socket.AF_INET6,
                  port=four.port) as six:
            before = four.connections
            must(many.check(dict(where, all_addresses=True)), outcome="ok")
            if (four.connections - before, six.connections) != (1, 1):
                raise AssertionError("not both were asked")


# -------------------------------------------------------------- handshake ---

def refusal(status, body=b"", *headers):
    return against(lambda c: (c.read_request(),
                              c.reply(status, body, *headers)))


def case_403_is_forbidden_and_its_body_is_kept():
    result = refusal("403 Forbidden", b"origin not allowed",
                     "Set-Cookie: session=secret")
    must(result, outcome="fail", fault="forbidden", code="403")
    must_see(result, status=403)
    kept = {e["label"]: e["text"] for e in result["evidence"]}
    if kept["body"] != "origin not allowed" or "secret" in kept["response"]:
        raise AssertionError(kept)


def case_other_statuses():
    for status, fault in (("400 Bad Request", "error_response"),
                          ("401 Unauthorized", "auth"),
                          ("429 Too Many Requests", "overloaded"),
                          ("404 Not Found", "error_response"),
                          ("426 Upgrade Required", "error_response"),
                          ("502 Bad Gateway", "error_response"),
                          ("503 Service Unavailable", "error_response")):
        must(refusal(status), fault=fault, code=status[:3])


def case_302_is_not_followed():
    must(refusal("302 Found", b"", "Location: /elsewhere"), fault="protocol",
         code="302")


def case_200_is_no_upgrade():
    must(refusal("200 OK", b"<html>"), fault="protocol", code="200",
         message_has="200 OK")


def case_a_refusal_can_be_what_is_wanted():
    def script(conn):
        conn.read_request()
        conn.reply("403 Forbidden", b"no")
    must(against(script, {"expect": ["status == 403"]}), outcome="ok")


def case_a_refusal_of_endless_body():
    def script(conn):
        conn.read_request()
        conn.send(b"HTTP/1.1 500 Oops\r\n\r\n")
        while True:
            conn.send(b"x" * 65536)
    must(against(script), fault="error_response", code="500")


def bad_answer(make):
    return against(lambda c: (c.send(make(c.read_request())), c.silence()))


def case_wrong_accept():
    must(bad_answer(lambda r: ws.upgrade(r).replace(
        ws.accept(r), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")), fault="protocol",
         code="accept")


def case_no_accept():
    must(bad_answer(lambda r: b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\n"
                    b"Connection: Upgrade\r\n\r\n"), fault="protocol",
         code="accept")


def case_accept_twice():
    must(bad_answer(lambda r: ws.upgrade(
        r, b"Sec-WebSocket-Accept: " + ws.accept(r))), fault="protocol",
         code="accept")


def case_no_upgrade_header():
    must(bad_answer(lambda r: ws.upgrade(r).replace(
        b"Upgrade: websocket\r\n", b"")), fault="protocol", code="upgrade")


def case_upgrade_to_something_else():
    must(bad_answer(lambda r: ws.upgrade(r).replace(
        b"Upgrade: websocket", b"Upgrade: h2c")), fault="protocol",
         code="upgrade")


def case_no_connection_header():
    must(bad_answer(lambda r: ws.upgrade(r).replace(
        b"Connection: Upgrade\r\n", b"Connection: close\r\n")),
         fault="protocol", code="connection")


def case_unrequested_extension():
    must(bad_answer(lambda r: ws.upgrade(
        r, b"Sec-WebSocket-Extensions: permessage-deflate")),
         fault="protocol", code="extensions")


def case_unrequested_subprotocol():
    must(bad_answer(lambda r: ws.upgrade(
        r, b"Sec-WebSocket-Protocol: chat")), fault="protocol",
         code="subprotocol")


def case_http_1_0():
    must(bad_answer(lambda r: ws.upgrade(r).replace(b"HTTP/1.1", b"HTTP/1.0")),
         fault="protocol", code="status_line")


def case_no_http_at_all():
    must(bad_answer(lambda r: b"-ERR unknown command 'GET'\r\n"),
         fault="protocol", code="status_line")


def case_endless_head():
    def script(conn):
        conn.read_request()
        conn.send(b"HTTP/1.1 101 x\r\n")
        while True:
            conn.send(b"X: " + b"y" * 1000 + b"\r\n")
    must(against(script), fault="protocol", code="header_size")


def case_tokens_in_any_case_and_order():
    result = bad_answer(lambda r: ws.upgrade(r).replace(
        b"Upgrade: websocket", b"uPGRADE: WebSocket").replace(
            b"Connection: Upgrade", b"CONNECTION: keep-alive, upGRADE") +
        ws.frame(ws.PONG, b"unasked"))
    must(result, fault="timeout", code="ping")


# ----------------------------------------------------------------- frames ---

def case_masked_frames():
    must(says(ws.frame(ws.TEXT, b"hello", mask=b"abcd")), fault="protocol",
         code="1002")


def case_length_of_2_to_the_63():
    must(says(b"\x82\x7f\x80" + b"\0" * 7), fault="protocol", code="1002")


def case_length_just_below():
    must(says(b"\x82\x7f\x7f" + b"\xff" * 7 + b"x"), fault="protocol", code="1009",
         message_has="max_message")


def case_message_longer_than_max_message():
    must(says(ws.text("x" * 101), options={"max_message": "100B"}),
         fault="protocol", code="1009")


def case_fragments_longer_than_max_message():
    parts = [ws.frame(ws.TEXT, b"x" * 60, fin=0),
             ws.frame(0, b"x" * 60, fin=1)]
    must(says(b"".join(parts), options={"max_message": "100B"}),
         fault="protocol", code="1009")


def endless(piece, first=b""):
    def script(conn):
        conn.send(ws.upgrade(conn.read_request()) + first)
        while True:
            conn.send(piece * 4096)
    return against(script, {"steps": [{"receive_any": True}]},
                   timeout="20s")


def case_endless_fragments():
    must(endless(ws.frame(0, b"x", fin=0), ws.frame(ws.TEXT, b"x", fin=0)),
         fault="protocol", code="1009")


def case_endless_empty_fragments():
    must(endless(ws.frame(0, b"", fin=0), ws.frame(ws.TEXT, b"", fin=0)),
         fault="protocol", code="1009")


def case_flood_of_pings():
    must(endless(ws.frame(ws.PING, b"")), fault="protocol", code="1008",
         message_has="flood")


def case_endless_messages():
    must(against(lambda c: (c.send(ws.upgrade(c.read_request())),
                            [c.send(ws.text("y") * 1000) for _ in iter(int, 1)]),
                 {"steps": [{"receive": "x"}]}, timeout="1s"),
         fault="timeout", code="receive")


def case_text_that_is_not_utf_8():
    must(says(ws.frame(ws.TEXT, b"\xff\xfe")), fault="protocol", code="1007")


def case_our_frames_are_masked():
    def script(conn):
        conn.send(ws.upgrade(conn.read_request()))
        conn.sock.settimeout(5)
        head = conn.sock.recv(2)
        conn.send(ws.text("masked" if head[1] & 128 else "plain"))
        conn.silence()
    must(against(script, {"steps": [{"send": "x"},
                                          {"receive": "masked"}]}),
         outcome="ok")


# ---------------------------------------------------------------- closing ---

def case_drop_after_101():
    must(against(after_upgrade(b"", lambda c: None)), fault="closed",
         code="1006")


def case_silent_after_101():
    result = against(after_upgrade(b""), timeout="1s")
    must(result, fault="timeout", code="ping", message_has="ping")


def case_close_codes():
    for code, fault in ((1000, "closed"), (1001, "closed"),
                        (1002, "protocol"), (1008, "forbidden"),
                        (1011, "error_response"), (1012, "starting"),
                        (1013, "overloaded"), (4401, "auth"),
                        (4000, "error_response")):
        result = says(ws.close(code, "because"))
        must(result, fault=fault, code=str(code), message_has="because")
        must_see(result, close_code=code, close_reason="because")


def case_close_without_a_code():
    must(says(ws.frame(ws.CLOSE, b"")), fault="closed", code="1005")


def case_dropped_while_held():
    result = against(after_upgrade(b"", lambda c: c.sleep(0.3)),
                     {"hold": "5s", "steps": [{"wait": "10ms"}]},
                     timeout="10s")
    must(result, fault="closed", code="1006", message_has="held for")


def case_hold_beyond_the_time_limit():
    must(against(after_upgrade(b""),
                 {"hold": "5s", "steps": [{"wait": "10ms"}]},
                 timeout="1s"),
         fault="config", code="hold", outcome="unknown")


def case_hold_that_begins_too_late():
    must(against(after_upgrade(b""),
                 {"hold": "1500ms", "steps": [{"wait": "1s"}]}, timeout="2s"),
         fault="timeout", code="hold", message_has="took so long")


def case_close_is_not_answered():
    result = against(after_upgrade(b""),
                     {"steps": [{"wait": "10ms"}]})
    must(result, outcome="ok")
    must_see(result, clean=False)


def case_expected_close():
    must(says(ws.close(4000), [{"expect_close": "1000, 4000"}]), outcome="ok")
    must(says(ws.close(1011), [{"expect_close": 1000}]),
         fault="error_response", code="1011")
    must(against(after_upgrade(b"", lambda c: c.sleep(0.1)),
                 {"steps": [{"expect_close": 1006}]}), outcome="ok")


def case_close_that_is_awaited_in_vain():
    must(says(b"", [{"close": True, "within": "1s"}]), fault="timeout",
         code="close")


# ------------------------------------------------------------------ steps ---

def case_nothing_that_matches():
    result = says(ws.text("almost"), [{"receive": "exactly",
                                       "within": "1s"}])
    must(result, fault="timeout", code="receive", message_has="almost")
    must_see(result, messages=1)


def case_others_are_not_ignored():
    result = says(ws.text("noise") + ws.text("signal"),
                  [{"receive": "signal", "ignore_others": False}])
    must(result, fault="protocol", code="unexpected", message_has="noise")
    must(says(ws.text("noise") + ws.text("signal"), [{"receive": "signal"}]),
         outcome="ok")


def case_a_step_for_a_connection_that_is_closed():
    result = against(after_upgrade(ws.close(1000)), {
        "connections": 2, "steps": [{"expect_close": True, "on": "first"},
                                    {"receive_any": True, "on": "first"}]})
    if result["fault"] not in ("config", "closed"):  # the other one, if first
        raise AssertionError(result)


def case_nothing_may_come():
    must(says(ws.text("a") + ws.text("a"), [{"receive": "a"},
                                            {"receive_none": "200ms"}]),
         fault="protocol", code="unexpected")
    must(says(ws.text("a"), [{"receive": "a"}, {"receive_none": "200ms"}]),
         outcome="ok")


def case_patterns():
    for message, step in (
            ("a1b22", {"receive_regex": "b([0-9]+)", "capture": "v"}),
            ('{"a":[{"b c":22}]}', {"receive_json": '.a[0]["b c"]',
                                    "capture": "v"}),
            ("22", {"receive_contains": "2", "capture": "v"})):
        result = says(ws.text(message), [step], {"expect":
                                                 ["value('v') == '22'"]})
        must(result, outcome="ok")
    must(says(ws.text('{"type":"error"}'),
              [{"receive_json": ".type", "equals": "ok",
                "within": "1s"}]), fault="timeout", code="receive_json")


def case_a_message_is_looked_into():
    must(says(ws.text('{"role":"primary"}'),
              options={"expect": ["json('.role') == 'primary'"]}),
         outcome="ok")


def case_a_hostile_regex_subject():
    must(says(ws.text("a" * 100000),
              [{"receive_regex": "(a+)+$x", "within": "1s"}]),
         fault="timeout")


def case_sequence_and_age():
    parts = [b'{"n":1,"at":"2020-01-01T00:00:00Z"}', b'{"n":2,"at":1577836800}',
             b'{"n":5,"at":0}', b'{"n":5}', b'{"n":"x"}', b"no json"]
    result = says(b"".join(ws.frame(ws.TEXT, p) for p in parts),
                  [{"receive": "no json"}],
                  {"sequence": ".n", "timestamp": ".at"})
    must(result, outcome="ok")
    must_see(result, missing=2, disordered=1, messages=6)
    if seen(result, "message_age") < 5 * 365 * 86400e3:
        raise AssertionError(result["observations"])


def case_gap():
    def later(conn):
        conn.sleep(0.6)
        conn.send(ws.text("late"))
        conn.silence()
    result = against(after_upgrade(b"", later),
                     {"steps": [{"receive": "late"}]})
    must(result, outcome="ok")
    if seen(result, "gap") < 350:
        raise AssertionError(result["observations"])


# --------------------------------------------------------------- settings ---

def refused_config(options, *words):
    """The configuration is not accepted, and the error says these words."""
    where = tempfile.mkdtemp(dir=probe.folder)
    path = os.path.join(where, "relevo.cfg")
    with open(path, "w") as f:
        if "url" not in options:
            options += 'url = "ws://127.0.0.1:1/";'
        f.write('checks = { it = { plugin = "websocket"; %s }; };\n' % options)
    code, out, err = probe.run("-c", path, "config", "check")
    if code != 2 or not all(word in out + err for word in words):
        raise AssertionError("exit %d, %r" % (code, out + err))


def case_steps_that_make_no_sense():
    for steps, *words in (
            ('{ recieve = "x"; }', "step 1", "receive"),
            ('{ send = "x"; }, { send = "x"; receive = "y"; }', "step 2",
             "exclude"),
            ('{ send = "x"; within = "1s"; }', "step 1", "within"),
            ('{ receive = "x"; within = "soon"; }', "step 1", "duration"),
            ('{ receive_regex = "("; }', "step 1", "receive_regex"),
            ('{ receive_json = "a..b"; }', "step 1", "path"),
            ('{ send_json = "{"; }', "step 1", "JSON"),
            ('{ send_hex = "abc"; }', "step 1", "hex"),
            ('{ send = "{{who}}"; }', "step 1", "who", "nonce"),
            ('{ close = 99; }', "step 1", "close code"),
            ('{ ping = true; on = "others"; }', "step 1", "connections"),
            ('{ close = true; }, { send = "x"; }', "step 1", "closed")):
        refused_config("steps = (%s);" % steps, *words)


def case_options_that_make_no_sense():
    refused_config('headers = { Upgrade = "h2c"; };', "Upgrade")
    refused_config('subprotocols = ["a b"];', "subprotocol")
    refused_config('bearer = "x"; username = "y";', "exclude")
    refused_config('sequence = "seq";', "path")
    refused_config('url = "http://127.0.0.1/";', "ws://")
    refused_config('url = "ws://127.0.0.1/#part";', "fragment")


def main():
    global probe, authority
    with tempfile.TemporaryDirectory() as folder:
        probe = Probe(folder, "websocket")
        authority = certs.Authority(folder)
        return run(globals(), sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
