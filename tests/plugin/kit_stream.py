#!/usr/bin/python3
"""The stream of plugins/kit, by way of a plugin that says a text over it and
waits for another (tests/lib/plugins/talk.c): against a real redis-server,
plain, with TLS, with client certificates, on a unix socket; through a real
HTTP proxy and a scripted SOCKS one; and against peers that fail in every way.

    kit_stream.py [NAME...]     only the cases whose name contains one of these
"""
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import certs  # noqa: E402
import peer  # noqa: E402
import proxies  # noqa: E402
import redis_server  # noqa: E402
from cases import must, must_see, run  # noqa: E402
from hosts import own_mounts, with_hosts  # noqa: E402
from peer import BlackHole, Peer  # noqa: E402
from probe import Probe, literal  # noqa: E402
from proxies import Socks, Tinyproxy, pass_on  # noqa: E402
from redis_server import Redis  # noqa: E402
from watch import Watch, until  # noqa: E402

PLUGINS = os.path.join(os.environ["RELEVO_BUILD"], "tests", "plugins")
PING = {"say": "PING\r\n", "until": "+PONG\r\n"}

folder = None
probe = None
files = None  # certificates


class Files:
    def __init__(self, where):
        ca = certs.Authority(where)
        self.ca = ca.cert
        self.good = ca.issue("good", end_days=40)
        self.expired = ca.issue("expired", start_days=-20, end_days=-10)
        self.named = ca.issue("named", san="DNS:named.example.com")
        self.client = ca.issue("client")
        self.foreign = certs.Authority(where, "Foreign CA").issue("foreign")
        self.both = os.path.join(where, "both.pem")
        with open(self.both, "w") as out:
            for path in self.client:
                with open(path) as f:
                    out.write(f.read())
        self.locked = os.path.join(where, "locked.key")
        certs.run("openssl", "pkey", "-in", self.client[1], "-aes128",
                  "-passout", "pass:secret", "-out", self.locked)

    def server(self, clients="no"):
        return ["tls-port @port@", "tls-cert-file " + self.good[0],
                "tls-key-file " + self.good[1], "tls-ca-cert-file " + self.ca,
                "tls-auth-clients " + clients]


def check(settings, timeout="5s"):
    """One probe; another one where the machine gave us no time for it."""
    for _ in range(5):
        result = probe.check(settings, timeout)
        if result["fault"] != "cancelled":
            break
    return result


def ask(port, timeout="5s", words=PING, host="127.0.0.1", **options):
    return check(dict(words, host=host, port=port, **options), timeout)


def ask_tls(port, timeout="5s", words=PING, host="127.0.0.1", **tls):
    tls.setdefault("ca_file", files.ca)
    return ask(port, timeout, words, host, secure=True, tls=tls)


def echo(c):
    c.sock.settimeout(10)
    while True:
        data = c.sock.recv(65536)
        if not data:
            return
        c.send(data)


def against(script, timeout="5s", cert=None, **options):
    with Peer(script, *(cert or ())) as other:
        options.setdefault("words", {"say": "hello", "until": "hello"})
        return (ask_tls if cert else ask)(other.port, timeout, **options)


class UnixPeer(Peer):
    def __init__(self, script):
        super().__init__(script)
        self.sock.close()
        self.path = os.path.join(tempfile.mkdtemp(dir=folder), "s")
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(self.path)
        self.sock.listen(5)
        self.sock.settimeout(0.1)
        self.threads.append(threading.Thread(target=self._accept, daemon=True))
        self.threads[-1].start()


# ----------------------------------------------------------- real servers ---

def case_redis_plain():
    with Redis(folder) as redis:
        result = ask(redis.port)
    must(result, outcome="ok")
    must_see(result, got="+PONG\r\n", size=7, ip="127.0.0.1", addresses=1,
             peer="127.0.0.1 port %d" % redis.port, tls_version=None)
    assert result["phases"].keys() == {"connect_ms"}, result


def case_redis_by_name():
    with Redis(folder) as redis:
        result = ask(redis.port, host="localhost")
    must(result, outcome="ok")
    must_see(result, peer="localhost (127.0.0.1) port %d" % redis.port)
    assert result["phases"].keys() == {"dns_ms", "connect_ms"}, result


def case_redis_unix():
    with Redis(folder, socket_only=True) as redis:
        result = check(dict(PING, unix=redis.socket))
        must(result, outcome="ok")
        must_see(result, peer="unix " + redis.socket, ip="")


def case_redis_tls():
    with Redis(folder, *files.server(), plain=False) as redis:
        for host in "127.0.0.1", "localhost":
            result = ask_tls(redis.port, host=host)
            must(result, outcome="ok")
            must_see(result, got="+PONG\r\n", tls_version="TLSv1.3")
            assert {"connect_ms", "tls_ms"} <= result["phases"].keys(), result


def case_redis_client_certificate():
    cert, key = files.client
    with Redis(folder, *files.server("yes"), plain=False) as redis:
        port = redis.port
        must(ask_tls(port, cert_file=cert, key_file=key), outcome="ok")
        must(ask_tls(port, cert_file=files.both), outcome="ok")
        must(ask_tls(port), fault="tls", code="ALERT_CERTIFICATE_REQUIRED")
        must(ask_tls(port, cert_file=files.foreign[0],
                     key_file=files.foreign[1]), fault="tls",
             code="ALERT_UNKNOWN_CA")
        must(ask_tls(port, cert_file=cert, key_file=files.locked,
                     key_passphrase="secret"), outcome="ok")
        # Ours to mend; and nobody is asked for a pass phrase.
        result = ask_tls(port, cert_file=cert, key_file=files.locked,
                         key_passphrase="wr0ng")
        must(result, fault="config", code="tls.cert_file")
        assert "wr0ng" not in str(result), result
        must(ask_tls(port, cert_file=cert, key_file=files.locked),
             outcome="unknown", fault="config", code="tls.cert_file")
        must(ask_tls(port, cert_file="/nowhere", key_file=key),
             outcome="unknown", fault="config", code="tls.cert_file")


# -------------------------------------------------------------------- TLS ---

def case_tls_certificates():
    must(against(echo, cert=files.expired), fault="certificate",
         code="CERT_HAS_EXPIRED", message_has="certificate of 127.0.0.1: ")
    must(against(echo, cert=files.foreign), fault="certificate",
         code="UNABLE_TO_GET_LOCAL_ISSUER")
    must(against(echo, cert=files.named), fault="certificate",
         code="IP_ADDRESS_MISMATCH", message_has="it names named.example.com")
    must(against(echo, cert=files.named, host="localhost"),
         fault="certificate", code="HOSTNAME_MISMATCH")
    must(against(echo, cert=files.named, server_name="named.example.com"),
         outcome="ok")
    must(against(echo, cert=files.expired, verify=False), outcome="ok")
    must(against(echo, cert=files.good, ca_file="/nowhere"), fault="config",
         code="tls.ca_file")


def case_tls_name_is_asked_for():
    asked = []

    def note(sock, name, context):
        asked.append(name)

    with Peer(echo, *files.named) as other:
        other.tls.sni_callback = note
        must(ask_tls(other.port, words={"until": ""},
                     server_name="named.example.com"), outcome="ok")
    assert asked == ["named.example.com"], asked


def case_tls_versions():
    with Peer(echo, *files.good) as other:
        other.tls.maximum_version = ssl.TLSVersion.TLSv1_2
        must_see(ask_tls(other.port, words={"until": ""}),
                 tls_version="TLSv1.2")
        must(ask_tls(other.port, min_version="1.3"), fault="tls",
             code="ALERT_PROTOCOL_VERSION")
        other.tls.set_ciphers("DEFAULT@SECLEVEL=0")
        other.tls.minimum_version = ssl.TLSVersion.TLSv1
        other.tls.maximum_version = ssl.TLSVersion.TLSv1
        must(ask_tls(other.port), fault="tls")
        must_see(ask_tls(other.port, words={"until": ""}, min_version="1.0"),
                 tls_version="TLSv1")


def case_tls_and_plain_mixed_up():
    must(against(peer.answer_anything, secure=True,
                 tls={"ca_file": files.ca}), fault="tls",
         code="WRONG_VERSION_NUMBER")
    with Peer(echo, *files.good) as other:
        assert ask(other.port)["fault"] in ("closed", "reset", "timeout")


def case_tls_speaks_first():
    """What OpenSSL has taken off the wire wakes no watch."""
    def banner(c):
        c.send(b"x" * 40000 + b"\r\nready")
        c.silence()
    result = against(banner, cert=files.good, words={"until": "ready"})
    must(result, outcome="ok")
    must_see(result, size=40007)


def case_tls_ends_without_farewell():
    def cut(c):
        c.sock.recv(100)
        os.close(c.sock.detach())
    must(against(cut, cert=files.good), fault="closed")


# ------------------------------------------------------------------ peers ---

def case_refused():
    must(ask(peer.closed_port()), fault="refused", code="ECONNREFUSED",
         errno=111, message_has="connect to 127.0.0.1 port ")


def case_no_such_name():
    must(ask(1, host="no-such-host.invalid"), fault="dns", code="EAI_NONAME",
         message_has="resolve no-such-host.invalid: ")


def case_not_a_name():
    for host in "a/b", "user@host", "a b", "", "x" * 300, "[::1]", "1:2":
        must(ask(1, host=host), outcome="unknown", fault="config", code="host")


def case_silent_in_every_stage():
    must(against(peer.silent, "500ms"), fault="timeout", code="words",
         message_has="what was waited for did not come in 0.5")
    late = against(peer.silent, "900ms", secure=True,
                   tls={"ca_file": files.ca})
    must(late, fault="tls", code="timeout")
    assert late["phases"]["tls_ms"] > 300, late
    with BlackHole() as hole:
        late = ask(hole.port, "500ms")
        must(late, fault="connect_timeout", code="ETIMEDOUT")
        assert late["phases"]["connect_ms"] > 300, late


def case_closed_at_once():
    must(against(peer.close_at_once, words={"until": "hello"}), fault="closed",
         message_has="closed the connection without what was waited for")


def case_reset():
    def reset(c):
        c.sock.recv(1)
        c.reset()
    must(against(reset), fault="reset", code="ECONNRESET", errno=104)


def case_last_words_before_a_reset():
    """They are heard, although what is sent meets a closed connection."""
    def refuse(c):
        c.send(b"-ERR max number of clients reached\r\n")
    for _ in range(5):
        must(against(refuse, words={"say": "PING\r\n" * 1000,
                                    "until": "reached\r\n"}), outcome="ok")


def case_unix_sockets():
    where = tempfile.mkdtemp(dir=folder)
    path = os.path.join(where, "s")
    words = {"say": "x", "until": "x"}
    must(check(dict(words, unix=path)), fault="refused", code="ENOENT",
         message_has="connect to unix " + path)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(path)
        must(check(dict(words, unix=path)), fault="refused",
             code="ECONNREFUSED")
        sock.listen(16)
        must(check(dict(words, unix=path), "500ms"), fault="timeout")
    must(check(dict(words, unix="/" + "x" * 150)), fault="config")
    abstract = "@relevo-kit-%d" % os.getpid()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind("\0" + abstract[1:])
        sock.listen(1)
        must(check({"until": "", "unix": abstract}), outcome="ok")


def case_addresses():
    with Peer(echo, family=socket.AF_INET6) as other:
        words = {"say": "hello", "until": "hello"}
        must_see(ask(other.port, words=words, host="::1"), ip="::1",
                 peer="::1 port %d" % other.port)
        must(ask(other.port, words=words, host="::1", ip_family="4"),
             fault="config", message_has="ip_family")
        must(ask(other.port, words=words, ip_family="6"), fault="config")


# ----------------------------------------------------------------- volume ---

SENT = 5 + (1020 << 10)


def read_slowly(c):
    c.sleep(0.3)
    c.sock.settimeout(10)
    left = SENT
    while left:
        left -= len(c.sock.recv(min(left, 65536)))
        c.sleep(0.001)
    c.send(b"all there")
    c.silence()


def case_sends_more_than_the_kernel_takes():
    words = {"say": "hello", "bulk": "1020KiB", "until": "all there"}
    for cert in None, files.good:
        must(against(read_slowly, "60s", cert, words=words), outcome="ok")
    # A unix socket takes least: here some of it must wait.
    with UnixPeer(read_slowly) as other:
        result = check(dict(words, unix=other.path), "60s")
        must(result, outcome="ok")
        must_see(result, waited=True)


def case_more_than_may_wait():
    must(against(peer.silent, words={"bulk": "3MiB", "until": ""}),
         fault="config", code="bulk")


def case_receives_a_lot():
    def flood(c):
        for _ in range(64):
            c.send(b"y" * 65536)
        c.send(b"the end")
    for cert in None, files.good:
        result = against(flood, "60s", cert=cert, words={"until": "the end"})
        must(result, outcome="ok")
        must_see(result, size=64 * 65536 + 7)


def case_endless():
    """It never stops, and the deadline comes all the same."""
    def endless(c):
        while True:
            c.send(b"z" * 65536)
    must(against(endless, "1s", words={"until": "never"}), fault="timeout")


# ---------------------------------------------------------------- proxies ---

def http_proxy(port, user=""):
    return {"proxy": "http://%s127.0.0.1:%d" % (user, port)}


def case_http_proxy():
    with Tinyproxy(folder) as proxy, Redis(folder) as redis:
        result = ask(redis.port, **http_proxy(proxy.port))
        must(result, outcome="ok")
        must_see(result, ip="", peer="127.0.0.1 port %d by proxy 127.0.0.1 "
                 "port %d" % (redis.port, proxy.port))
        result = ask(peer.closed_port(), **http_proxy(proxy.port))
        must(result, fault="unreachable")
        assert result["code"].startswith("proxy_5"), result


def case_http_proxy_tls():
    with Tinyproxy(folder) as proxy, \
            Redis(folder, *files.server(), plain=False) as redis:
        for name in "127.0.0.1", "localhost":
            result = ask(redis.port, secure=True, host=name,
                         tls={"ca_file": files.ca}, **http_proxy(proxy.port))
            must(result, outcome="ok")
            must_see(result, tls_version="TLSv1.3")
        # The way leads to the host; the name is for TLS alone.
        must(ask(redis.port, secure=True, **http_proxy(proxy.port),
                 tls={"ca_file": files.ca, "server_name": "other.example"}),
             fault="certificate", code="HOSTNAME_MISMATCH")


def case_http_proxy_asks_who():
    with Tinyproxy(folder, "BasicAuth me s3cret") as proxy, \
            Redis(folder) as redis:
        must(ask(redis.port, **http_proxy(proxy.port, "me:s3cret@")),
             outcome="ok")
        for user in "", "me:wr0ng@":
            refused = ask(redis.port, **http_proxy(proxy.port, user))
            must(refused, outcome="unknown", fault="config")
            assert refused["code"] in ("proxy_407", "proxy_401"), refused
            assert "wr0ng" not in str(refused), refused


def case_http_proxy_is_away():
    must(ask(1, **http_proxy(peer.closed_port())), fault="unreachable",
         code="ECONNREFUSED", message_has="by proxy 127.0.0.1 port")
    with Peer(peer.silent) as hung:
        must(ask(1, "500ms", **http_proxy(hung.port)), fault="unreachable",
             code="ETIMEDOUT", message_has="no way in 0.5")
    with Peer(peer.close_at_once) as gone:
        must(ask(1, **http_proxy(gone.port)), fault="unreachable",
             code="proxy")
    must(ask(1, proxy="http://no-such-host.invalid:3128"), fault="dns",
         message_has="resolve no-such-host.invalid")


def case_https_proxy():
    """Tinyproxy behind a TLS front: the handshake with the proxy is its own."""
    with Tinyproxy(folder) as proxy, \
            Redis(folder, *files.server(), plain=False) as redis:
        def front(c):
            pass_on(c, proxy.port)

        def through(other, **tls):
            return ask(redis.port, secure=True, host="localhost",
                       proxy="https://127.0.0.1:%d" % other.port,
                       tls=dict({"ca_file": files.ca}, **tls))
        with Peer(front, *files.good) as other:
            result = through(other)
            must(result, outcome="ok")
            must_see(result, tls_version="TLSv1.3")
            assert {"connect_ms", "tls_ms"} <= result["phases"].keys(), result
        with Peer(front, *files.expired) as other:
            must(through(other), fault="unreachable", code="proxy_tls",
                 message_has="by proxy 127.0.0.1 port %d" % other.port)
            must(through(other, verify=False), outcome="ok")
    with Peer(peer.close_at_once) as other:
        must(through(other), fault="unreachable", code="proxy_tls")


def case_http_proxy_nonsense():
    for answer in (b"\x00\x01\x02" * 100, b"HTTP/1.1 200\r\n",
                   b"HTTP/1.1 999 ?\r\n\r\n", b"+PONG\r\n" * 50):
        def talk(c, answer=answer):
            c.read_request()
            c.send(answer)
        with Peer(talk) as proxy:
            result = ask(1, "2s", **http_proxy(proxy.port))
        must(result, fault="unreachable")


def case_socks_proxy():
    with Redis(folder) as redis, Socks() as proxy:
        must(ask(redis.port, host="only.the.proxy.knows",
                 proxy="socks5h://127.0.0.1:%d" % proxy.port), outcome="ok")
        assert proxy.asked == [("only.the.proxy.knows", redis.port)], \
            proxy.asked
    with Redis(folder) as redis, Socks(user=("me", "s3cret")) as proxy:
        url = "socks5h://%%s127.0.0.1:%d" % proxy.port
        must(ask(redis.port, proxy=url % "me:s3cret@"), outcome="ok")
        must(ask(redis.port, proxy=url % "me:wr0ng@"), fault="config",
             code="socks")
        must(ask(redis.port, proxy=url % ""), fault="config", code="socks")


def case_socks_refusals():
    for reply, fault, code in ((5, "refused", "ECONNREFUSED"),
                               (4, "unreachable", "socks"),
                               (1, "unreachable", "socks")):
        with Socks(reply=reply) as proxy:
            must(ask(1, proxy="socks5h://127.0.0.1:%d" % proxy.port),
                 fault=fault, code=code)


# -------------------------------------------------------------- addresses ---

class Hosts:
    """The program with an /etc/hosts of its own."""

    def __init__(self, text):
        self.probe = Probe(folder, "talk", plugin_dir=PLUGINS)
        self.probe.program = with_hosts(folder, probe.program, text)

    def ask(self, port, timeout="5s", **options):
        return self.probe.check(dict(PING, host="many.example", port=port,
                                     **options), timeout)


def case_all_addresses():
    if not own_mounts():
        print("skip all_addresses: no mounts of our own here")
        return
    hosts = Hosts("".join("127.0.0.%d many.example\n" % i for i in (3, 1, 2)))
    with Redis(folder, "bind 127.0.0.1 127.0.0.2 127.0.0.3") as redis:
        result = hosts.ask(redis.port, all_addresses=True)
        must(result, outcome="ok")
        must_see(result, dialled=3, addresses=3, ip="127.0.0.3")
        must_see(hosts.ask(redis.port), dialled=1, addresses=3)
    with Redis(folder, "bind 127.0.0.1 127.0.0.3") as redis:
        must(hosts.ask(redis.port, all_addresses=True), fault="refused",
             message_has="many.example (127.0.0.2) port %d" % redis.port)
        # One that answers is enough where not all are asked for.
        must(hosts.ask(redis.port), outcome="ok")
    with Redis(folder) as redis:
        hosts = Hosts("::1 many.example\n127.0.0.1 many.example\n")
        must(hosts.ask(redis.port), outcome="ok")
        must(hosts.ask(redis.port, ip_family="6"), fault="refused",
             message_has="(::1)")
        must_see(hosts.ask(redis.port, ip_family="4"), addresses=1)


# ---------------------------------------------------------------- options ---

def case_options():
    def refused(text, **options):
        where = tempfile.mkdtemp(dir=folder)
        path = os.path.join(where, "relevo.cfg")
        with open(path, "w") as f:
            f.write("plugin_dir = %s;\nchecks = { it = %s; };\n" % (
                literal(PLUGINS), literal(dict(options, plugin="talk"))))
        code, out, err = probe.run("-c", path, "config", "check")
        assert code == 2 and text in out + err, (code, out, err)
    refused("tls.key_file without tls.cert_file", tls={"key_file": "/x"})
    refused("exclude each other", all_addresses=True, proxy="http://a:1")
    refused("names its port", proxy="http://a")
    refused("socks5h: the proxy resolves the name", proxy="socks5://a:1")
    refused("begins with http://, https://, socks4a:// or socks5h://",
            proxy="ftp://a:1")
    refused("without tls.cert_file", secure=True, tls={"key_passphrase": "x"})
    refused('"5" is not "any", "4" or "6"', ip_family="5")


# ------------------------------------------------------------------- kept ---

def pong(times):
    """Answers so many PINGs and closes the connection."""
    def talk(c):
        c.sock.settimeout(10)
        for _ in range(times):
            if not c.sock.recv(100):
                return
            c.send(b"+PONG\r\n")
    return talk


def kept(times, results, cert=None):
    """Returns how many connections were made for at least so many results,
    which are all good."""
    where = tempfile.mkdtemp(dir=folder)
    settings = dict(PING, plugin="talk", host="127.0.0.1", interval="100ms",
                    timeout="5s", keep=True)
    if cert:
        settings.update(secure=True, tls={"ca_file": files.ca})
    with Peer(pong(times), *(cert or ())) as other:
        settings["port"] = other.port
        with Watch(where, "plugin_dir = %s;\nchecks = { it = %s; };\n" %
                   (literal(PLUGINS), literal(settings))) as watch:
            until("results", lambda: len(watch.history("it")) >= results)
            history = watch.history("it")
            made = other.connections
    assert all(r["fault"] in ("none", "cancelled") for r in history), history
    return made


def case_kept():
    for cert in None, files.good:
        made = kept(1000, 8, cert)
        assert made == 1, made


def case_kept_is_found_dead():
    """The peer has closed it between two probes: the next one connects
    anew."""
    made = kept(3, 12)
    assert made >= 4, made


def case_kept_is_no_more():
    made = kept(1, 12, files.good)
    assert made >= 12, made


def main():
    global folder, probe, files
    with tempfile.TemporaryDirectory(prefix="relevo-kit-") as temporary:
        folder = temporary
        files = Files(folder)
        probe = Probe(folder, "talk", plugin_dir=PLUGINS)
        missing = {"redis": not redis_server.find(),
                   "http_proxy": not proxies.find(),
                   "https_proxy": not proxies.find()}
        return run(globals(), sys.argv[1:],
                   skip=lambda name: any(gone and name.startswith(what)
                                         for what, gone in missing.items()))


if __name__ == "__main__":
    sys.exit(main())
