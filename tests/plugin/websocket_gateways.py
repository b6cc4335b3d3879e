#!/usr/bin/python3
"""The websocket plugin against real servers: python3-websockets and ws on
Node.js, each plain and with TLS, and both behind a real nginx; through a real
HTTP proxy; on a unix socket.

Then the whole journey: from a real redis-server through a gateway.

Cases named each_… run on every server that is there; one whose package is
missing is left out, saying so.

    websocket_gateways.py [NAME…]   only cases whose name contains one of these
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import certs  # noqa: E402
import nginx  # noqa: E402
import proxies  # noqa: E402
import redis_server  # noqa: E402
from cases import must, must_see, run, seen  # noqa: E402
from gateway import Gateway  # noqa: E402
from nginx import Nginx  # noqa: E402
from probe import Probe, literal, undisturbed  # noqa: E402
from redis_server import Redis  # noqa: E402

LIB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib")
NGINX = """
map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
server {{
    listen 127.0.0.1:@plain@;
    listen 127.0.0.1:@tls@ ssl;
    ssl_certificate {cert}; ssl_certificate_key {key};
    location / {{
        proxy_pass http://127.0.0.1:{port};
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $connection_upgrade;
    }}
    location /impatient {{
        proxy_pass http://127.0.0.1:{port};
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $connection_upgrade;
        proxy_read_timeout 1s;
    }}
    location /stripped {{ proxy_pass http://127.0.0.1:{port}; }}
    location /down {{
        proxy_pass http://127.0.0.1:1;
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $connection_upgrade;
    }}
}}
"""

probe = None
files = None
folder = None
servers = {}  # name to the url of its root
front = None  # nginx


class Server:
    """One that prints its port, and ends with its stdin."""

    def __init__(self, *argv):
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Files:
    def __init__(self, where):
        ca = certs.Authority(where)
        self.ca = ca.cert
        self.cert, self.key = ca.issue("good", end_days=40)


def check(server, steps, timeout="20s", **options):
    expect = options.pop("expect", None)
    settings = {"url": servers[server] + options.pop("path", "/")}
    if steps:
        settings["steps"] = steps
    if settings["url"].startswith("wss"):
        settings["tls"] = {"ca_file": files.ca}
    settings.update(options)
    return probe.check(settings, timeout,
                       **({"expect": expect} if expect else {}))


# ---------------------------------------------------------- every server ---

def each_ping_alone(server):
    result = check(server, None)
    must(result, outcome="ok")
    must_see(result, status=101, close_code=1000, clean=True)
    if not 0 < seen(result, "ping") == seen(result, "latency"):
        raise AssertionError(result["observations"])
    for phase in ("connect_ms", "wait_ms", "receive_ms"):
        if phase not in result["phases"]:
            raise AssertionError(result["phases"])
    if servers[server].startswith("wss"):
        if seen(result, "tls_version") not in ("TLSv1.2", "TLSv1.3"):
            raise AssertionError(result["observations"])
        if not 39 < seen(result, "cert_expiry") / 86400e3 < 41:
            raise AssertionError(result["observations"])


def each_echo_of_every_sort(server):
    result = check(server, [
        {"send": "hello {{nonce}}"},
        {"receive": "hello {{nonce}}", "within": "10s"},
        {"send_json": '{"op": "subscribe", "id": "{{nonce}}", "n": [1, 2]}'},
        {"receive_json": ".id", "equals": "{{nonce}}", "capture": "id"},
        {"send_json": '{"seen": "{{id}}"}'},
        {"receive_regex": '"seen": "([0-9a-f]+)"', "capture": "again"},
        {"send_hex": "00 ff 80"}, {"receive_hex": "00ff80"},
        {"send": "bytes", "binary": True}, {"receive_hex": "6279746573"},
        {"send": "änder"}, {"receive_contains": "änd"},
        {"receive_none": "50ms"}, {"ping": True, "within": "10s"},
        {"close": True, "expect_close": 1000}],
        expect=["value('id') == value('again')"])
    must(result, outcome="ok")
    must_see(result, messages=6, close_code=1000, clean=True)


def each_close_code_of_the_server(server):
    must(check(server, [{"send": "close 1011 out of order"},
                        {"receive_any": True}]),
         fault="error_response", code="1011", message_has="out of order")
    result = check(server, [{"send": "close 4001 bye"},
                            {"expect_close": 4001}])
    must(result, outcome="ok")
    must_see(result, close_code=4001, close_reason="bye", clean=True)


def each_close_code_of_ours(server):
    result = check(server, [{"close": 4999, "reason": "e" * 123,
                             "expect_close": 4999}])
    must(result, outcome="ok")
    must_see(result, clean=True)


def each_ping_of_the_server_is_answered(server):
    result = check(server, [{"send": "ping"}, {"wait": "200ms"},
                            {"send": "still there"},
                            {"receive": "still there"}])
    must(result, outcome="ok")
    must_see(result, server_pings=1)


def each_subprotocol(server):
    result = check(server, None, subprotocols=["chat.v3", "chat.v2"],
                   expect=["subprotocol == 'chat.v2'"])
    must(result, outcome="ok")


def each_origin(server):
    must(check(server, None, origin="https://good.example.com"), outcome="ok")
    result = check(server, None, origin="https://evil.example.com")
    if result["code"] not in ("401", "403"):
        raise AssertionError(result)
    must(result, outcome="fail")


def each_authorization(server):
    who = [{"send": "who"}, {"receive_any": True, "capture": "who"}]
    for options, wanted in (
            ({"username": "me", "password": "s3cret"}, "Basic bWU6czNjcmV0"),
            ({"bearer": "t0ken"}, "Bearer t0ken"),
            ({"headers": {"Authorization": "Other x"}}, "Other x")):
        must(check(server, [who[0], {"receive": wanted, "within": "10s"}],
                   **options), outcome="ok")


def each_fan_out(server):
    room = servers[server].replace(":", "").replace("/", "")
    result = check(server, [
        {"send": "join"}, {"receive": "join"},
        {"send": "to all %s {{nonce}}" % room, "on": "first"},
        {"receive": "%s {{nonce}}" % room, "within": "10s"}],
        connections=5)
    must(result, outcome="ok")
    if seen(result, "delivery") != max(
            result["observations"]["arrival"].values()):
        raise AssertionError(result["observations"])
    if sorted(result["observations"]["arrival"]) != ["2", "3", "4", "5"]:
        raise AssertionError(result["observations"])


def each_message_that_does_not_fan_out(server):
    result = check(server, [
        {"send": "echo", "on": "first"}, {"receive": "echo", "on": "first"},
        {"receive_contains": "echo", "on": "others", "within": "1s"}],
        connections=2)
    must(result, fault="timeout", code="receive_contains",
         message_has="connection 2")


def each_long_message(server):
    must(check(server, [{"send": "z" * 60000}, {"receive": "z" * 60000}]),
         outcome="ok")


# ---------------------------------------------------------------- python ---

def case_python_ticks_are_counted():
    result = check("python", [{"send": "ticks"}, {"receive_any": True}],
                   hold="500ms", sequence=".seq", timestamp="$.at")
    must(result, outcome="ok")
    must_see(result, missing=0, disordered=0)
    if not seen(result, "messages") > 3 or not (
            0 <= seen(result, "message_age") < 5000):
        raise AssertionError(result["observations"])


def case_python_url_with_credentials():
    url = servers["python"].replace("//", "//me:s%40crt@")
    result = probe.check({"url": url, "steps": [
        {"send": "who"}, {"receive": "Basic bWU6c0BjcnQ="}]})
    must(result, outcome="ok")
    if "crt" in str(result["evidence"]):
        raise AssertionError(result["evidence"])


def case_secrets_are_shown_nowhere():
    os.environ["WS_TOKEN"] = "t0p-s3cret-value"
    result = probe.check({"url": servers["python"], "steps": [
        {"send": "who"}, {"receive": "nobody", "within": "1s"}]},
        bearer=Secret("WS_TOKEN"))
    must(result, fault="timeout")
    if "t0p-s3cret" in str(result):
        raise AssertionError(result)


class Secret(dict):
    def __init__(self, name):
        super().__init__(env=name)


def case_a_name_with_several_addresses():
    port = servers["python"].rsplit(":", 1)[1]
    result = probe.check({"url": "ws://localhost:%s/" % port,
                          "ip_family": "4", "all_addresses": True})
    must(result, outcome="ok")


# ----------------------------------------------------------------- nginx ---

def nginx_check(path, steps=None, **options):
    servers.setdefault("front", "ws://127.0.0.1:%d" % front.ports["plain"])
    return check("front", steps, path=path, **options)


def case_nginx_idle_time_out_is_noticed():
    must(nginx_check("/impatient", [{"send": "x"}, {"receive": "x"}],
                     hold="6s"),
         fault="closed", code="1006", message_has="held")


def case_nginx_that_strips_upgrade():
    result = nginx_check("/stripped")
    must(result, outcome="fail", message_has="no upgrade")
    if result["code"] not in ("400", "426"):
        raise AssertionError(result)


def case_nginx_without_its_server():
    must(nginx_check("/down"), fault="error_response", code="502")


# ------------------------------------------------------------ other ways ---

def case_proxy():
    if not proxies.find():
        print("left out: tinyproxy is not installed")
        return
    with proxies.Tinyproxy(folder) as proxy:
        must(check("python", None, proxy="http://127.0.0.1:%d" % proxy.port),
             outcome="ok")
        must(check("python_tls", None,
                   proxy="http://127.0.0.1:%d" % proxy.port), outcome="ok")


def case_socks_proxies():
    port = int(servers["python"].rsplit(":", 1)[1])
    settings = {"url": "ws://only.the.proxy.knows:%d/" % port}
    for scheme, kind, no in (("socks5h", proxies.Socks, 2),
                             ("socks4a", proxies.Socks4a, 91)):
        with kind() as proxy:
            settings["proxy"] = "%s://127.0.0.1:%d" % (scheme, proxy.port)
            must(probe.check(settings), outcome="ok")
            if proxy.asked != [("only.the.proxy.knows", port)]:
                raise AssertionError(proxy.asked)
        with kind(reply=no) as proxy:
            settings["proxy"] = "%s://127.0.0.1:%d" % (scheme, proxy.port)
            must(probe.check(settings), fault="unreachable", code="socks",
                 message_has="by proxy 127.0.0.1 port %d" % proxy.port)


def case_unix_socket():
    path = os.path.join(folder, "gateway.sock")
    port = int(servers["python"].rsplit(":", 1)[1])
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(1)
        thread = threading.Thread(target=relay, args=(listener, port))
        thread.start()
        must(check("python", None, unix_socket=path), outcome="ok")
        thread.join(10)


def relay(listener, port):
    """One connection of the unix socket goes on to the port."""
    near, _ = listener.accept()
    far = socket.create_connection(("127.0.0.1", port))

    def copy(source, to):
        for piece in iter(lambda: source.recv(65536), b""):
            to.sendall(piece)
        to.shutdown(socket.SHUT_WR)
    back = threading.Thread(target=copy, args=(far, near))
    back.start()
    copy(near, far)
    back.join(10)
    near.close()
    far.close()


# --------------------------------------------------------------- journey ---

SUBSCRIBE = [{"send_json": '{"subscribe": "events"}'},
             {"receive_json": ".subscribed", "equals": "events",
              "within": "10s"}]


def journey(port, redis, timeout="20s", publish=(), **options):
    """A check that subscribes at the gateway and triggers one of Redis."""
    where = tempfile.mkdtemp(dir=folder)
    checks = {"live": {"url": "ws://127.0.0.1:%d/" % port, "timeout": timeout,
                       "trigger": "publish", "steps": SUBSCRIBE, **options},
              "publish": {"url": "redis://127.0.0.1:%d" % redis,
                          "schedule": "manual", "allow_write": True,
                          "operations": ["publish"], "channel": "events",
                          "message": "news {{nonce}}", "timeout": "2s",
                          **dict(publish)}}
    conf = os.path.join(where, "relevo.cfg")
    with open(conf, "w") as f:
        f.write("state_dir = %s; checks = %s;\n" % (
            literal(os.path.join(where, "state")), literal(checks)))
    return undisturbed(lambda: json.loads(
        probe.run("-c", conf, "check", "live", "--json", "--local")[1]))


def between(action, *args, **options):
    """A journey through a gateway to which something was done."""
    with Redis(tempfile.mkdtemp(dir=folder)) as redis, \
            Gateway(redis.port) as gateway:
        wait_subscribed(redis)
        action(redis, gateway)
        return journey(gateway.port, redis.port, *args, **options)


def wait_subscribed(redis):
    for _ in range(400):
        if redis.ask("PUBSUB", "NUMSUB", "events")[1] == 1:
            return
        time.sleep(0.05)
    raise AssertionError("the gateway does not subscribe")


def nothing(redis, gateway):
    del redis, gateway


def case_journey_arrives_everywhere():
    result = between(nothing, connections=3)
    must(result, outcome="ok")
    arrival = result["observations"]["arrival"]
    if sorted(arrival) != ["1", "2", "3"] or not (
            0 < max(arrival.values()) == seen(result, "delivery") ==
            seen(result, "latency")):
        raise AssertionError(result)
    for phase in ("connect", "subscribe", "publish", "deliver"):
        if phase + "_ms" not in result["phases"]:
            raise AssertionError(result["phases"])


def case_journey_to_a_gateway_that_lost_its_subscription():
    result = between(lambda redis, gateway: gateway.lose_subscription(),
                     timeout="3s")
    must(result, outcome="fail", fault="timeout", code="deliver",
         message_has="did not arrive on connection 1")
    if result["phases"]["deliver_ms"] < 1000:
        raise AssertionError(result["phases"])


def case_journey_with_a_redis_that_hangs():
    result = between(
        lambda redis, gateway: redis.process.send_signal(signal.SIGSTOP),
        publish={"timeout": "1s"})
    must(result, outcome="fail", fault="timeout", code="publish")
    if result["phases"]["publish_ms"] < 900 or "deliver_ms" in result["phases"]:
        raise AssertionError(result["phases"])


def case_journey_whose_publishing_check_has_more_time():
    result = between(
        lambda redis, gateway: redis.process.send_signal(signal.SIGSTOP),
        timeout="2s", publish={"timeout": "20s"})
    must(result, outcome="fail", fault="timeout", code="publish")


def case_journey_with_a_redis_that_is_gone():
    def kill(redis, _):
        redis.process.kill()
        redis.process.wait()
    must(between(kill), outcome="fail", fault="refused", code="publish",
         message_has='the check "publish"')


def case_journey_whose_publishing_check_is_not_content():
    must(between(nothing, publish={"expect": ["receivers >= 99"]}),
         outcome="fail", fault="mismatch", code="publish")


def case_journey_that_ends_in_a_circle():
    must_refuse = {"trigger": "live", "url": servers["python"]}
    where = tempfile.mkdtemp(dir=folder)
    conf = os.path.join(where, "relevo.cfg")
    with open(conf, "w") as f:
        f.write("checks = %s;\n" % literal({"live": must_refuse}))
    code, out, err = probe.run("-c", conf, "config", "check")
    if code != 2 or "live" not in out + err:
        raise AssertionError("exit %d, %r" % (code, out + err))


# ------------------------------------------------------------------ main ---

def start_servers():
    started = []
    python = ["/usr/bin/python3", os.path.join(LIB, "ws_server.py")]
    node = ["node", os.path.join(LIB, "ws_server.js")]
    if subprocess.call([python[0], "-c", "import websockets"],
                       stderr=subprocess.DEVNULL) == 0:
        started += [("python", python), ("python_tls", python)]
    else:
        print("left out: python3-websockets is not installed")
    if shutil.which("node") and os.path.isdir("/usr/share/nodejs/ws"):
        started += [("node", node), ("node_tls", node)]
    else:
        print("left out: node-ws is not installed")
    running = {}
    for name, argv in started:
        tls = name.endswith("_tls")
        extra = [files.cert, files.key] if tls else []
        running[name] = Server(*argv, *extra)
        servers[name] = "%s://127.0.0.1:%d" % ("wss" if tls else "ws",
                                               running[name].port)
    return running


def all_cases():
    """Each each_ case on each server; then the others."""
    cases = {}
    for name, function in list(globals().items()):
        if name.startswith("each_"):
            for server in servers:
                cases["case_%s_%s" % (server, name[5:])] = (
                    lambda f=function, s=server: f(s))
        elif name.startswith("case_nginx") and not front:
            continue
        elif name.startswith("case_journey") and not redis_server.find():
            continue
        elif name.startswith("case_"):
            cases[name] = function
    return cases


def main():
    global probe, files, folder, front
    with tempfile.TemporaryDirectory() as folder:
        probe = Probe(folder, "websocket")
        files = Files(folder)
        running = start_servers()
        if "python" not in running:
            return 77
        try:
            if not nginx.find():
                print("left out: nginx is not installed")
                return run(all_cases(), sys.argv[1:])
            with Nginx(folder, NGINX.format(port=running["python"].port,
                                            cert=files.cert,
                                            key=files.key)) as front:
                for name, scheme in (("plain", "ws"), ("tls", "wss")):
                    servers["nginx_" + name] = "%s://127.0.0.1:%d" % (
                        scheme, front.ports[name])
                return run(all_cases(), sys.argv[1:])
        finally:
            for server in running.values():
                server.stop()


if __name__ == "__main__":
    sys.exit(main())
