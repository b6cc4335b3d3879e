#!/usr/bin/python3
"""The ways by which the http plugin reaches a server: client certificates,
versions of TLS, proxies, connect_to, unix sockets, each address of a name;
against nginx and tinyproxy, and scripted peers for what those will not do.

    http_ways.py [NAME...]     only the cases whose name contains one of these
"""
import os
import socket
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import cases  # noqa: E402
import certs  # noqa: E402
import nginx  # noqa: E402
import peer  # noqa: E402
import proxies  # noqa: E402
from cases import must, must_see, seen  # noqa: E402
from hosts import own_mounts, with_hosts  # noqa: E402
from peer import Peer  # noqa: E402
from probe import Probe  # noqa: E402
from proxies import Socks, Socks4a, Tinyproxy, pass_on  # noqa: E402

probe = None
folder = None
files = None  # certificates
web = None    # nginx

SERVERS = """
    server {
        listen 127.0.0.1:@http@;
        listen 127.0.0.1:@other@;
        listen unix:FOLDER/web.sock;
        location / { return 200 "$http_host $remote_addr\\n"; }
        location /moved { return 302 http://127.0.0.1:@http@/; }
        location /down { return 503; }
    }
    server {
        listen 127.0.0.1:@https@ ssl;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_certificate GOOD.pem;
        ssl_certificate_key GOOD.key;
        location / { return 200 "tls $http_host\\n"; }
    }
    server {
        listen 127.0.0.1:@mutual@ ssl;
        ssl_certificate GOOD.pem;
        ssl_certificate_key GOOD.key;
        ssl_client_certificate CA;
        ssl_verify_client on;
        location / { return 200 "$ssl_client_s_dn\\n"; }
    }
    server {
        listen 127.0.0.1:@older@ ssl;
        ssl_protocols TLSv1.2;
        ssl_certificate GOOD.pem;
        ssl_certificate_key GOOD.key;
        location / { return 200 "older\\n"; }
    }
"""


class Files:
    def __init__(self, where):
        ca = certs.Authority(where)
        self.ca = ca.cert
        self.good = ca.issue("good", end_days=40)
        self.expired = ca.issue("expired", start_days=-20, end_days=-10)
        self.client = ca.issue("client")
        self.foreign = certs.Authority(where, "Foreign CA").issue("foreign")
        self.locked = os.path.join(where, "locked.key")
        certs.run("openssl", "pkey", "-in", self.client[1], "-aes128",
                  "-passout", "pass:s3cret", "-out", self.locked)

    def servers(self, where):
        text = SERVERS
        for word, value in (("GOOD.pem", self.good[0]), ("FOLDER", where),
                            ("GOOD.key", self.good[1]), ("CA;", self.ca + ";")):
            text = text.replace(word, value)
        return text


def url(port, path="/", scheme="http", host="127.0.0.1"):
    return "%s://%s:%d%s" % (scheme, host, port, path)


def ask(port, path="/", timeout="5s", host="127.0.0.1", expect=None,
        **options):
    common = {"expect": expect} if expect else {}
    return probe.check(dict({"url": url(port, path, host=host)}, **options),
                       timeout, **common)


def ask_tls(port, host="localhost", timeout="5s", expect=None, **options):
    tls = dict({"ca_file": files.ca}, **options.pop("tls", {}))
    common = {"expect": expect} if expect else {}
    return probe.check(dict({"url": url(port, scheme="https", host=host),
                             "tls": tls}, **options), timeout, **common)


def refused(text, **options):
    """As a whole, with a message that has this text."""
    try:
        result = probe.check(dict({"url": "http://a/"}, **options))
    except AssertionError as error:
        assert "exit 2" in str(error) and text in str(error), error
    else:
        raise AssertionError("%r gave %r" % (options, result))


# -------------------------------------------------------------------- TLS ---

def case_client_certificate():
    cert, key = files.client
    port = web.ports["mutual"]
    must(ask_tls(port, tls={"cert_file": cert, "key_file": key},
                 expect=["body contains 'client'", "status == 200"]),
         outcome="ok")
    result = ask_tls(port, tls={"cert_file": cert, "key_file": files.locked,
                                "key_passphrase": "s3cret"})
    must(result, outcome="ok")
    # nginx says so in an answer of its own.
    must(ask_tls(port), fault="error_response", code="400")
    must(ask_tls(port, tls={"cert_file": files.foreign[0],
                            "key_file": files.foreign[1]}),
         fault="error_response", code="400")


def case_client_certificate_is_ours_to_mend():
    cert, _ = files.client
    port = web.ports["mutual"]
    for tls in ({"cert_file": cert, "key_file": files.locked},
                {"cert_file": cert, "key_file": files.locked,
                 "key_passphrase": "wr0ng-pass"},
                {"cert_file": "/nowhere.pem"},
                {"cert_file": cert, "key_file": files.foreign[1]}):
        result = ask_tls(port, tls=tls)
        must(result, outcome="unknown", fault="config", code="tls.cert_file")
        assert "wr0ng" not in str(result), result
    refused("tls.key_file without tls.cert_file", tls={"key_file": "/x"})


def case_client_certificate_stays_at_origin():
    """Where a redirect leads elsewhere, ours is not shown."""
    def elsewhere(c):
        c.read_request()
        c.reply("302 Found", b"", "Location: https://localhost:%d/" %
                web.ports["mutual"])
    with Peer(elsewhere, *files.good) as other:
        must(ask_tls(other.port, tls={"cert_file": files.client[0],
                                      "key_file": files.client[1]}),
             fault="error_response", code="400")


def case_min_version():
    must_see(ask_tls(web.ports["older"]), tls_version="TLSv1.2")
    must(ask_tls(web.ports["older"], tls={"min_version": "1.3"}), fault="tls",
         code="ALERT_PROTOCOL_VERSION")
    must_see(ask_tls(web.ports["https"], tls={"min_version": "1.3"}),
             tls_version="TLSv1.3")
    refused('"1.4" is not', tls={"min_version": "1.4"})


# ------------------------------------------------------------------ proxy ---

def by_http(port, user=""):
    return "http://%s127.0.0.1:%d" % (user, port)


def case_proxy():
    with Tinyproxy(folder) as proxy:
        here = by_http(proxy.port)
        result = ask(web.ports["http"], proxy=here)
        must(result, outcome="ok")
        must_see(result, status=200, ip=None)
        result = ask_tls(web.ports["https"], proxy=here,
                         expect=["body contains 'tls localhost'"])
        must(result, outcome="ok")
        assert {"connect_ms", "tls_ms"} <= result["phases"].keys(), result
        must(ask(web.ports["http"], "/moved", proxy=here), outcome="ok")
        # TLS is not the proxy's: what is wrong with it is the server's.
        with Peer(peer.ok, *files.expired) as other:
            must(ask_tls(other.port, proxy=here), fault="certificate",
                 code="CERT_HAS_EXPIRED")
        # A request that it forwards gets its own answer; a way that it is
        # asked for, a fault.
        must(ask(peer.closed_port(), proxy=here), fault="error_response")
        result = ask_tls(peer.closed_port(), proxy=here)
        must(result, fault="unreachable",
             message_has="by proxy 127.0.0.1 port %d" % proxy.port)
        assert result["code"].startswith("proxy_5"), result


def case_proxy_asks_who():
    with Tinyproxy(folder, "BasicAuth me s3cret") as proxy:
        for asking, port in ((ask, web.ports["http"]),
                             (ask_tls, web.ports["https"])):
            must(asking(port, proxy=by_http(proxy.port, "me:s3cret@")),
                 outcome="ok")
            for user in "", "me:wr0ng-pass@":
                result = asking(port, proxy=by_http(proxy.port, user))
                assert "wr0ng" not in str(result), result
                # Tinyproxy 1.11 calls wrong credentials 401.
                if not user or asking == ask_tls:
                    must(result, fault="config", outcome="unknown")


def case_proxy_is_away():
    here = by_http(peer.closed_port())
    for asking in ask, ask_tls:
        must(asking(1, proxy=here), fault="unreachable", code="ECONNREFUSED",
             message_has="by proxy 127.0.0.1 port")
    with Peer(peer.silent) as hung:
        must(ask_tls(1, timeout="500ms", proxy=by_http(hung.port)),
             fault="unreachable", code="ETIMEDOUT")
    with Peer(peer.empty_reply) as gone:
        must(ask_tls(1, proxy=by_http(gone.port)), fault="unreachable",
             code="proxy")
    must(ask(1, proxy="http://no-such-host.invalid:3128"), fault="dns",
         message_has="no-such-host.invalid")


def case_https_proxy():
    with Tinyproxy(folder) as proxy:
        def front(c):
            pass_on(c, proxy.port)
        with Peer(front, *files.good) as other:
            there = "https://localhost:%d" % other.port
            result = ask_tls(web.ports["https"], proxy=there)
            must(result, outcome="ok")
            must(ask(web.ports["http"], proxy=there,
                     tls={"ca_file": files.ca}), outcome="ok")
            must(ask_tls(web.ports["https"], proxy=there,
                         tls={"ca_file": files.foreign[0]}),
                 fault="unreachable", code="proxy_tls")


def case_socks():
    with Socks(user=("me", "s3cret")) as proxy:
        there = "socks5h://%%s127.0.0.1:%d" % proxy.port
        must(ask(web.ports["http"], host="only.the.proxy.knows",
                 proxy=there % "me:s3cret@"), outcome="ok")
        assert proxy.asked[-1] == ("only.the.proxy.knows",
                                   web.ports["http"]), proxy.asked
        must(ask_tls(web.ports["https"], proxy=there % "me:s3cret@"),
             outcome="ok")
        must(ask(1, proxy=there % "me:wr0ng@"), fault="config", code="socks")
    with Socks4a() as proxy:
        must(ask(web.ports["http"], proxy="socks4a://127.0.0.1:%d" %
                 proxy.port), outcome="ok")
    with Socks(reply=5) as proxy:
        must(ask(1, proxy="socks5h://127.0.0.1:%d" % proxy.port),
             fault="refused", errno=111)


def case_proxy_options():
    refused("names its port", proxy="http://a")
    refused("socks5h: the proxy resolves the name", proxy="socks5://a:1")
    refused("exclude each other", proxy="http://a:1", all_addresses=True)


# -------------------------------------------------------------- elsewhere ---

def case_connect_to():
    port = web.ports["http"]
    for line in ("away.example:80:127.0.0.1:%d", ":80:127.0.0.1:%d",
                 "away.example::localhost:%d", "::127.0.0.1:%d"):
        result = probe.check({"url": "http://away.example/",
                              "connect_to": ["no.example:1:a:1", line % port]},
                             expect=["body contains 'away.example 127'"])
        must(result, outcome="ok")
    must_see(result, ip="127.0.0.1")
    # The port stays, or the host.
    must(ask(port, host="away.example", connect_to=["away.example::127.0.0.1:"]),
         outcome="ok")
    must(ask(peer.closed_port(), connect_to=[":::%d" % port]), outcome="ok")
    # What it does not name is not led anywhere.
    must(ask(peer.closed_port(), connect_to=["127.0.0.1:80::%d" % port]),
         fault="refused")


def case_connect_to_with_tls():
    """The certificate must be for the host of the url."""
    tls = {"ca_file": files.ca}
    way = [":443:127.0.0.1:%d" % web.ports["https"]]
    must(probe.check({"url": "https://localhost/", "tls": tls,
                      "connect_to": way}), outcome="ok")
    must(probe.check({"url": "https://other.example/", "tls": tls,
                      "connect_to": way}), fault="certificate",
         code="HOSTNAME_MISMATCH", message_has="other.example")
    tls["server_name"] = "localhost"
    must(probe.check({"url": "https://other.example/", "tls": tls,
                      "connect_to": way}), outcome="ok")


def case_connect_to_by_proxy():
    with Socks() as proxy:
        must(ask(web.ports["http"], host="away.example",
                 connect_to=["away.example::inside.example:"],
                 proxy="socks5h://127.0.0.1:%d" % proxy.port), outcome="ok")
        assert proxy.asked == [("inside.example", web.ports["http"])]


def case_connect_to_failing():
    closed = peer.closed_port()
    must(probe.check({"url": "http://away.example/",
                      "connect_to": ["::127.0.0.1:%d" % closed]}),
         fault="refused", message_has="away.example (127.0.0.1) port")
    must(probe.check({"url": "http://away.example/",
                      "connect_to": ["::no-such-host.invalid:1"]}),
         fault="dns", message_has="no-such-host.invalid")
    for line in "a:1", "a:1:b:99999", "a:b:c:d", "[::1:1:b:2", ":::":
        refused("host:port:host:port", connect_to=[line])


def unix(options, **common):
    return probe.check(dict({"url": "http://inside/"}, **options), **common)


def case_unix_socket():
    path = os.path.join(folder, "web.sock")
    result = unix({"unix_socket": path}, expect=["body contains 'inside unix'"])
    must(result, outcome="ok")
    must_see(result, ip=None)
    # A redirect that leads elsewhere goes there.
    must(unix({"url": "http://inside/moved", "unix_socket": path},
              expect=["body contains ' 127.0.0.1'"]), outcome="ok")
    must(unix({"url": "http://inside/down", "unix_socket": path}),
         fault="error_response", code="503")


def case_unix_socket_failing():
    nowhere = os.path.join(folder, "nobody.sock")
    must(unix({"unix_socket": nowhere}), fault="refused", code="ENOENT",
         message_has="unix " + nowhere)
    stale = os.path.join(folder, "stale.sock")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(stale)
    must(unix({"unix_socket": stale}), fault="refused", code="ECONNREFUSED")
    full = os.path.join(folder, "full.sock")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(full)
        sock.listen(0)
        waiting = peer.fill_queue(full)
        must(probe.check({"url": "http://inside/", "unix_socket": full},
                         "500ms"), fault="connect_timeout", code="EAGAIN")
        for one in waiting:
            one.close()
    refused("begins with /", unix_socket="relative")
    refused("at most 107 bytes", unix_socket="/" + "x" * 120)
    refused("unix_socket and proxy exclude", unix_socket="/x",
            proxy="http://a:1")


# -------------------------------------------------------------- addresses ---

class ByAddress:
    """nginx on three addresses, each with an answer of its own; and names for
    them, in an /etc/hosts of its own."""

    def __init__(self, answers):
        where = tempfile.mkdtemp(dir=folder)
        os.chmod(where, 0o755)
        self.web = nginx.Nginx(where, "".join(
            "server { listen 127.0.0.%d:@http@; location / { %s } }" %
            (i, answer) for i, answer in answers.items()))
        self.probe = Probe(where, "http")
        self.probe.program = with_hosts(
            where, self.probe.program,
            "".join("127.0.0.%d many.example\n" % i for i in (3, 1, 2)))

    def __enter__(self):
        self.port = self.web.__enter__().ports["http"]
        return self

    def __exit__(self, *_):
        self.web.__exit__()

    def ask(self, expect=None, **options):
        common = {"expect": expect} if expect else {}
        return self.probe.check(
            dict({"url": url(self.port, host="many.example"),
                  "all_addresses": True}, **options), **common)


def case_all_addresses():
    if not own_mounts():
        print("skip all_addresses: no mounts of our own here")
        return
    well = 'return 200 "{\\"status\\":\\"ok\\"}";'
    ill = 'return 200 "{\\"status\\":\\"degraded\\"}";'
    with ByAddress({1: well, 2: well, 3: well}) as many:
        result = many.ask()
        must(result, outcome="ok")
        must_see(result, ip="127.0.0.3", status=200)
    with ByAddress({1: well, 2: "return 503;", 3: well}) as many:
        result = many.ask()
        must(result, fault="error_response", code="503")
        must_see(result, ip="127.0.0.2")
        must(many.ask(["status in [200, 503]"]), outcome="ok")
    # It is the expectations that tell a good answer, not the status.
    with ByAddress({1: well, 2: ill, 3: well}) as many:
        result = many.ask(["json('.status') == 'ok'"])
        must(result, fault="mismatch")
        must_see(result, ip="127.0.0.2")
    with ByAddress({1: well, 3: well}) as many:
        must(many.ask(), fault="refused",
             message_has="many.example (127.0.0.2) port %d" % many.port)
        must(many.ask(all_addresses=False), outcome="ok")


def case_all_addresses_that_are_given():
    def by(*addresses, **options):
        port = web.ports["http"]
        return ask(port, host="many.example", all_addresses=True,
                   resolve=["many.example:%d:%s" % (port,
                                                    ",".join(addresses))],
                   **options)
    must(by("127.0.0.1"), outcome="ok")
    must(by("127.0.0.1", "127.0.0.1"), outcome="ok")
    must(by("127.0.0.1", "127.0.0.9", "127.0.0.1"), fault="refused",
         message_has="(127.0.0.9)")
    refused("keep_alive and all_addresses exclude", all_addresses=True,
            keep_alive=True)


# -------------------------------------------------------------------- run ---

def main():
    global probe, folder, files, web
    if cases.lacks("http") or not nginx.find():
        return 77
    with tempfile.TemporaryDirectory(prefix="relevo-http-") as temporary:
        os.chmod(temporary, 0o755)
        folder = temporary
        probe = Probe(folder, "http")
        files = Files(folder)
        with nginx.Nginx(folder, files.servers(folder)) as web:
            return cases.run(globals(), sys.argv[1:], lambda name:
                             not proxies.find() and
                             name.startswith(("proxy", "https_proxy")))


if __name__ == "__main__":
    sys.exit(main())
