#!/usr/bin/env python3
"""runbooks/websocket/diagnose against real gateways, real proxies before them,
and a scripted peer for what neither will do: which cause does it name, and
does anything of a server or a secret get further than it should?

Each case is a run or two; all run, several at a time, with servers of their
own.

    runbook_websocket_diagnose.py [NAME...]   only cases whose name has one
"""
import contextlib
import functools
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

LIB = str(pathlib.Path(__file__).resolve().parents[1] / "lib")
sys.path.insert(0, LIB)
import cases  # noqa: E402
import certs  # noqa: E402
import peer  # noqa: E402
import runbook_env as env  # noqa: E402
import wsframes  # noqa: E402
from gateway import Gateway  # noqa: E402
from peer import BlackHole, Peer  # noqa: E402
from proxies import SlowPath  # noqa: E402
from runbook_env import must, must_be_clean  # noqa: E402

SCRIPT = "websocket/diagnose"
TOKEN = "correct-horse-battery"
EVIL = "https://evil.example.com"
folder = None
well = None  # a gateway for all who leave it as it is

document = functools.partial(env.failing, "websocket")

PROXY = ("location / {{ proxy_pass http://127.0.0.1:{port}; "
         "proxy_read_timeout {idle}; {upgrade} }}")
PASSES_ON = ('proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; '
             'proxy_set_header Connection "upgrade";')


def look(server, code="", settings=None, scheme="ws", fault="timeout", **more):
    there = "%s://127.0.0.1:%d/live" % (scheme, server.port)
    return env.run(SCRIPT, document(there, code, fault, settings=settings),
                   **more)


def gateway():
    """A real one; it needs no Redis to open and to answer."""
    return Gateway(peer.closed_port())


def proxy(port, upgrade=PASSES_ON, idle="60s"):
    return env.Nginx(PROXY.format(port=port, upgrade=upgrade, idle=idle))


@contextlib.contextmanager
def websockets_server(*tls):
    """python3-websockets, which refuses the origin EVIL."""
    argv = ["/usr/bin/python3", os.path.join(LIB, "ws_server.py"), *tls]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    try:
        yield type("Server", (), {"port": int(process.stdout.readline())})
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(20)


def opened(then):
    """A peer that upgrades, and goes on as `then` has it."""
    def script(conn):
        conn.read_request()
        conn.send(wsframes.upgrade(conn.request))
        then(conn)
    return Peer(script)


def behave(conn):
    """Answers the ping and the close of a connection that is open."""
    conn.sock.settimeout(20)
    ping = conn.sock.recv(12)
    if ping[:1] == b"\x89":
        conn.send(wsframes.frame(wsframes.PONG, ping[6:]))
        conn.sock.recv(100)
        conn.send(wsframes.close(1000))


def answering(status, *headers, body=b"no"):
    def script(conn):
        conn.read_request()
        conn.reply(status, body, *headers)
    return Peer(script)


# ------------------------------------------------------------------- reach ---

def case_refused():
    port = peer.closed_port()
    ran = env.run(SCRIPT, document("ws://127.0.0.1:%d/live" % port))
    must(ran, "not_listening", "websocket.refused", "127.0.0.1:%d" % port)
    assert ran.lines[0]["code"] == "websocket.seen", ran


def case_no_answer_to_the_connection():
    with BlackHole() as hole:
        must(look(hole), "host_or_path", "websocket.connect_timeout")


def case_unknown_name():
    ran = env.run(SCRIPT, document("ws://no-such-host.invalid/"))
    assert ran.verdict().startswith("dns:"), ran


def case_stopped_gateway_hangs():
    with gateway() as server:
        server.process.send_signal(signal.SIGSTOP)
        must(look(server), "hung", "websocket.hung")


def case_well_is_moot():
    ran = look(well)
    must(ran, None, "websocket.well_now", "ping was answered", status=11)
    assert ran.of("metric")[0]["name"] == "websocket.ping_ms", ran


def case_well_behind_a_proxy_is_moot():
    with proxy(well.port) as nginx:
        must(look(nginx), None, "websocket.well_now", status=11)


def case_ping_takes_as_long_as_the_path():
    with SlowPath(well.port, 0.3) as path:
        ran = look(path)
        must(ran, None, "websocket.well_now", status=11)
        took = ran.of("metric")[0]["value"]
        assert 300 <= took < 3000, ran


def case_python3_websockets():
    if not have_websockets():
        return
    with websockets_server() as server:
        must(look(server), None, "websocket.well_now", status=11)


def case_hangs_up():
    with Peer(lambda conn: conn.read_request()) as rude:
        must(look(rude), "crashing", "websocket.closed")


# ----------------------------------------------------- the upgrade is refused ---

def case_a_proxy_that_strips_upgrade():
    """The server says 400, because nginx asked it without Upgrade."""
    if not have_websockets():
        return
    with websockets_server() as server, proxy(server.port, "") as nginx:
        must(look(nginx), "upgrade_stripped", "websocket.upgrade_stripped",
             "answers 400", "a proxy before it removes Upgrade",
             "proxy_set_header Upgrade")
        must(look(server), None, "websocket.well_now", status=11)


def case_426_behind_a_proxy_that_strips_upgrade():
    """What is asked without Upgrade, but in HTTP/1.1."""
    if not have_websockets():
        return
    with websockets_server() as server, \
            proxy(server.port, "proxy_http_version 1.1;") as nginx:
        must(look(nginx, "426", fault="error_response"), "upgrade_stripped",
             "websocket.upgrade_stripped", "answers 426",
             "a proxy before it removes Upgrade")


def case_400_of_a_stripping_proxy():
    with answering("400 Bad Request", body=b"no upgrade") as server, \
            proxy(server.port, upgrade="") as nginx:
        must(look(nginx), "upgrade_stripped", "websocket.upgrade_stripped",
             "answers 400")


def case_a_page_answers_200():
    with env.Nginx("location / { return 200 'hello'; }") as nginx:
        must(look(nginx), "upgrade_stripped", "websocket.upgrade_stripped",
             "no WebSocket's path")


def case_origin_is_refused():
    if not have_websockets():
        return
    with websockets_server() as server:
        must(look(server, "403", {"origin": EVIL}), "origin",
             "websocket.origin", "no origin")


def case_forbidden():
    with env.Nginx("location / { return 403; }") as nginx:
        must(look(nginx), "forbidden", "websocket.forbidden", "nginx")


def case_other_statuses():
    for status, verdict, code, *lines in (
            ("401 No", "credentials", "auth", "WWW-Authenticate: Bearer"),
            ("404 No", "not_found", "not_found"),
            ("429 No", "overloaded", "overloaded", "Retry-After: 30"),
            ("302 No", "redirect", "redirect", "Location: https://a.example/"),
            ("426 No", "version", "version", "Sec-WebSocket-Version: 8")):
        with answering(status, *lines) as server:
            found = must(look(server), verdict, "websocket." + code)
            for line in lines:
                assert line.split(": ")[1] in json.dumps(found), found


def case_the_server_behind_the_proxy_is_down():
    with proxy(peer.closed_port()) as nginx:
        must(look(nginx), "backend:502", "websocket.backend", "down")


def case_the_server_behind_the_proxy_is_silent():
    with gateway() as server, proxy(server.port, idle="1s") as nginx:
        server.process.send_signal(signal.SIGSTOP)
        must(look(nginx), "backend:504", "websocket.backend", "silent")


def case_503_and_500():
    with env.Nginx("location / { return 503; }") as nginx:
        must(look(nginx), "backend:503", "websocket.backend", "overloaded")
    with answering("500 Oops") as server:
        must(look(server), "application:5xx", "websocket.status", "500")


# ------------------------------------------------------------ the handshake ---

def case_wrong_accept():
    def script(conn):
        conn.read_request()
        conn.send(wsframes.upgrade(b"Sec-WebSocket-Key: another\r\n"))
        conn.sleep(20)

    with Peer(script) as server:
        must(look(server), "handshake", "websocket.accept", "a wrong")


def case_101_without_its_headers():
    for lines, code in (
            (["Sec-WebSocket-Accept: {accept}"], "handshake"),
            (["Upgrade: websocket", "Connection: Upgrade"], "accept"),
            (["Upgrade: websocket", "Connection: keep-alive, Upgrade",
              "Sec-WebSocket-Accept: {accept}",
              "Sec-WebSocket-Extensions: permessage-deflate"], "extensions")):
        def script(conn, lines=tuple(lines)):
            conn.read_request()
            head = "\r\n".join(["HTTP/1.1 101 x", *lines, "", ""])
            conn.send(head.format(
                accept=wsframes.accept(conn.request).decode()).encode())
            conn.sleep(20)

        with Peer(script) as server:
            must(look(server), "handshake", "websocket." + code)


# --------------------------------------------------------------- once open ---

def case_closed_with_a_code():
    for code, verdict in ((1000, "closed:1000"), (1008, "forbidden"),
                          (1011, "application:1011"), (1012, "starting"),
                          (1013, "overloaded"), (4401, "credentials"),
                          (4999, "closed:4999")):
        with opened(lambda conn, c=code: conn.send(
                wsframes.close(c, "because"))) as server:
            must(look(server), verdict, "websocket.close", str(code),
                 "because")


def case_dropped_without_a_close():
    with opened(lambda conn: conn.sleep(0.3)) as server:
        must(look(server), "dropped", "websocket.dropped", "1006")


def case_a_proxy_with_a_short_idle_timeout():
    with proxy(well.port, idle="1s") as nginx:
        must(look(nginx), "dropped", "websocket.dropped", "proxy_read_timeout")


def case_idle_timeout_that_the_check_saw():
    must(look(well, "1006"), "dropped", "websocket.idle",
         "the check's own words")


def case_no_pong():
    with opened(lambda conn: conn.sleep(20)) as server:
        must(look(server), "hung", "websocket.no_pong")


def case_messages_meanwhile_do_no_harm():
    """Also long ones, and bytes of every value."""
    def script(conn):
        conn.send(wsframes.frame(wsframes.BINARY, bytes(range(256)) * 200))
        conn.send(wsframes.text("hello"))
        behave(conn)

    with opened(script) as server:
        must(look(server), None, "websocket.well_now", status=11)


def case_messages_without_end():
    def script(conn):
        while True:
            conn.send(wsframes.frame(wsframes.BINARY, b"x" * 60000))

    with opened(script) as server:
        ran = look(server)
        assert ran.status in (0, 11) and ran.seconds < 60, ran


# --------------------------------------------------------------- a journey ---

JOURNEY = {"trigger": "publish"}
MAP = {"recommend": "redis=redis-diagnose gateway=gateway-diagnose"}


def journey(server, fault, code, **more):
    made = document("ws://127.0.0.1:%d/live" % server.port, code, fault,
                    settings=JOURNEY,
                    phases={"subscribe_ms": 1.2, "publish_ms": 0.4,
                            "deliver_ms": 2000},
                    **more)
    return env.run(SCRIPT, made, params=MAP)


def case_the_gateway_lost_its_subscription():
    ran = journey(well, "timeout", "deliver")
    must(ran, "gateway:subscription", "websocket.deliver",
         "restart the gateway, not Redis", "deliver 2000 ms")
    assert ran.of("recommend")[0]["runbook"] == "gateway-diagnose", ran
    # The gateway itself is well: that is seen from here, too.
    assert "passing failure" not in str(ran.finding("websocket.well_now")), ran


def case_what_publishes_is_down_or_hangs():
    for fault, word in (("refused", "is down"), ("timeout", "hangs")):
        ran = journey(well, fault, "publish", evidence=[
            {"label": "trigger", "text": "publish: fail 127.0.0.1:6379"}])
        must(ran, "publisher:" + fault, "websocket.publish", word,
             "127.0.0.1:6379")
        assert ran.of("recommend")[0]["runbook"] == "redis-diagnose", ran


def case_the_subscription_is_not_confirmed():
    ran = journey(well, "timeout", "receive_contains")
    must(ran, "gateway:subscribe", "websocket.subscribe")


# --------------------------------------------------------------------- TLS ---

def case_tls():
    ca = certs.Authority(tempfile.mkdtemp(dir=folder))
    cert = ca.issue("good")

    def script(conn):
        conn.read_request()
        conn.send(wsframes.upgrade(conn.request))
        behave(conn)

    with Peer(script, *cert) as server:
        ran = look(server, scheme="wss", settings={"tls.ca_file": ca.cert})
        must(ran, None, "websocket.well_now", "ping was answered", status=11)
        must(look(server, scheme="wss"), "certificate",
             "websocket.certificate")
    must(look(well, scheme="wss"), "tls", "websocket.tls", "ws://")


# ----------------------------------------------------------------- secrets ---

def asks_for_token(conn):
    conn.read_request()
    if b"Bearer " + TOKEN.encode() in conn.request \
            or b"token=" + TOKEN.encode() in conn.request:
        conn.send(wsframes.upgrade(conn.request))
        behave(conn)
    else:
        conn.reply("401 No")


def case_token_is_sent_and_in_no_argument():
    programs = env.Programs(folder)
    with Peer(asks_for_token) as server:
        there = "ws://127.0.0.1:%d/live" % server.port
        must(look(server), "credentials", "websocket.auth", "headers")
        for secrets in ({"headers": "Authorization: Bearer " + TOKEN},
                        {"url": there + "?token=" + TOKEN}):
            ran = look(server, secrets=secrets, environ={"PATH": programs.path})
            must(ran, None, "websocket.well_now", status=11)
            assert TOKEN not in str(ran), ran
    assert "curl " in programs.arguments()
    assert TOKEN not in programs.arguments()


def case_secret_that_a_server_echoes():
    with answering("500 No", body=b"who sent %s" % TOKEN.encode()) as server:
        ran = look(server, secrets={"headers": "Cookie: session=" + TOKEN})
    assert TOKEN not in str(ran), ran
    assert "who sent" in "".join(ran.raw), ran


# ---------------------------------------------------------------- contract ---

def case_without_openssl():
    bare = env.Programs(folder, without=["openssl"])
    ran = look(well, environ={"PATH": bare.path})
    must(ran, None, "websocket.no_openssl", "apt-get install openssl",
         status=11)


def case_not_a_websocket_check():
    assert env.run(SCRIPT, env.context()).status == 10


def case_without_anything_to_look_at():
    assert env.run(SCRIPT, {"check": {}}).status == 78
    for bad in (b"", b"{", b"[]", b"null", b"\xff\xfe"):
        assert env.run(SCRIPT, bad).status == 78, bad


def case_deadline_in_the_past_ends_at_once():
    with gateway() as server:
        server.process.send_signal(signal.SIGSTOP)
        ran = look(server, environ={"RELEVO_DEADLINE": "1000"})
    assert ran.status == 0 and ran.seconds < 30, ran


# ----------------------------------------------------------------- hostile ---

def case_naughty_answers_stay_text():
    """As the status line, a header and the body, three to an answer."""
    with tempfile.TemporaryDirectory(dir=folder) as where:
        mark = pathlib.Path(where, "mark")
        traps = [text.replace("\n", " ").encode("utf-8", "surrogatepass")
                 for text in env.shell_traps(mark) + ["\x1b]0;x\x07"]]
        for i in range(0, len(traps), 3):
            status, server, body = (traps * 2)[i:i + 3]

            def script(conn, head=b"HTTP/1.1 500 %s\r\nServer: %s\r\n" % (
                    status, server), body=body):
                conn.read_request()
                conn.send(head + b"Content-Length: %d\r\n\r\n" % len(body)
                          + body)

            with Peer(script) as rude:
                ran = look(rude)
            assert ran.status == 0, ran
            assert not mark.exists(), traps[i:i + 3]
            must_be_clean(ran)


def case_naughty_close_reason_stays_text():
    with opened(lambda conn: conn.send(wsframes.close(
            1011, "\x1b[31m\u202e$(id)"))) as server:
        ran = look(server)
        must(ran, "application:1011", "websocket.close", "$(id)")
        must_be_clean(ran)


def case_naughty_contexts_stay_text():
    """Each trap in a target, two in each; of the naughty strings many to a
    context."""
    with tempfile.TemporaryDirectory(dir=folder) as where:
        mark = pathlib.Path(where, "mark")
        traps, strings = env.shell_traps(mark), env.hostile_strings(mark)
        shapes = ["ws://{}/{}", "{}{}", "ws://127.0.0.1:{}/{}",
                  "ws://{}@127.0.0.1:1/{}"]
        for i in range(0, len(traps), 2):
            one, two = (traps + traps)[i:i + 2]
            some = strings[i // 2::(len(traps) + 1) // 2]
            made = document(shapes[i // 2 % len(shapes)].format(one, two),
                            ("deliver", "publish", one)[i // 2 % 3],
                            settings={"origin": one, "trigger": two},
                            message=some[-1], phases=dict.fromkeys(some, 1),
                            evidence=[{"label": "trigger", "text": text}
                                      for text in some])
            ran = env.run(SCRIPT, made)
            assert ran.status in (0, 10, 78), ran
            assert not mark.exists(), some
            must_be_clean(ran)


def have_websockets():
    return subprocess.call(["/usr/bin/python3", "-c", "import websockets"],
                           stderr=subprocess.DEVNULL) == 0


def main():
    global folder, well
    env.need("jq", "curl", "nginx", "openssl", "getent")
    if not have_websockets():
        print("left out: python3-websockets is not installed")
    with tempfile.TemporaryDirectory() as folder, gateway() as well:
        os.chmod(folder, 0o755)
        return cases.run(globals(), sys.argv[1:], at_once=4)


if __name__ == "__main__":
    sys.exit(main())
