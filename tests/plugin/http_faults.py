#!/usr/bin/python3
"""The http plugin against peers that fail in every way, and against nginx.

Each case is one probe (or a few) by `relevo check`; what it must come to is
stated as fault, code, outcome, observations. A case is a function whose name
begins with case_; all run, several at a time, each with peers of its own.

    http_faults.py [NAME...]     only the cases whose name contains one of these
"""
import hashlib
import json
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
from cases import must, must_see, seen  # noqa: E402
from peer import BlackHole, Peer  # noqa: E402
from probe import Probe  # noqa: E402
from watch import Watch, until  # noqa: E402

probe = None
files = None  # certificates
web = None    # nginx


class Files:
    def __init__(self, folder):
        ca = certs.Authority(folder)
        self.ca = ca.cert
        self.good = ca.issue("good", end_days=40)
        self.never = ca.issue("never", end_days=365 * 7000)
        self.soon = ca.issue("soon", end_days=3)
        self.expired = ca.issue("expired", start_days=-20, end_days=-10)
        self.future = ca.issue("future", start_days=10, end_days=20)
        self.other = ca.issue("other", san="DNS:other.example.com")
        self.named = ca.issue("named", san="DNS:named.example.com")
        self.foreign = certs.Authority(folder, "Foreign CA").issue("foreign")
        self.lonely = certs.self_signed(folder, "lonely",
                                        "DNS:localhost,IP:127.0.0.1")


def url(port, path="/", scheme="http", host="127.0.0.1"):
    return "%s://%s:%d%s" % (scheme, host, port, path)


def against(script, options=None, timeout="5s", cert=None, host="127.0.0.1",
            **common):
    with Peer(script, *(cert or ())) as other:
        settings = {"url": url(other.port, scheme="https" if cert else "http",
                               host=host)}
        if cert:
            settings["tls"] = {"ca_file": files.ca}
        settings.update(options or {})
        return probe.check(settings, timeout, **common)


# ------------------------------------------------------------- connection ---

def case_refused():
    result = probe.check({"url": url(peer.closed_port())})
    must(result, fault="refused", code="ECONNREFUSED", errno=111,
         outcome="fail", message_has="Connection refused")


def case_reset():
    must(against(peer.reset_after_request), fault="reset", code="ECONNRESET",
         errno=104)


def case_reset_in_body():
    must(against(peer.reset_in_body), fault="reset", errno=104)


def case_closed_at_once():
    result = against(peer.close_at_once)
    if result["fault"] not in ("closed", "reset"):
        raise AssertionError("fault is %r" % result)


def case_empty_reply():
    must(against(peer.empty_reply), fault="closed", outcome="fail")


def case_unknown_name():
    must(probe.check({"url": "http://no-such-host.invalid/"}), fault="dns")


# --------------------------------------------------------------- deadline ---

def case_connect_timeout():
    with BlackHole() as hole:
        must(probe.check({"url": url(hole.port)}, "2s"),
             fault="connect_timeout", code="ETIMEDOUT", outcome="fail")


def case_listener_never_accepts():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(8)
        must(probe.check({"url": url(sock.getsockname()[1])}, "2s"),
             fault="timeout", code="wait")


def case_silent_tls():
    with Peer(peer.silent) as other:
        must(probe.check({"url": url(other.port, scheme="https"),
                          "tls": {"ca_file": files.ca}}, "2s"),
             fault="tls", code="timeout", message_has="handshake")


def case_silent_after_request():
    result = against(peer.silent_after_request, timeout="2s")
    must(result, fault="timeout", code="wait", message_has="no answer")


def case_silent_after_tls():
    result = against(peer.silent_after_request, timeout="2s", cert=files.good)
    must(result, fault="timeout", code="wait")


def case_drip_status_line():
    must(against(peer.drip_status_line, timeout="2s"), fault="timeout",
         code="receive")


def case_drip_headers():
    must(against(peer.drip_headers, timeout="2s"), fault="timeout",
         code="receive")


def case_drip_body():
    result = against(peer.drip_body, timeout="2s")
    must(result, fault="timeout", code="receive", message_has="200")
    if not 1900 < result["duration_ms"] < 20000:
        raise AssertionError("duration_ms is %r" % result["duration_ms"])


# -------------------------------------------------------------- redirects ---

def redirect_to(location, status="302 Found"):
    def script(c):
        c.read_request()
        c.reply(status, b"", "Location: " + location)
    return script


def case_redirect_loop():
    result = against(redirect_to("/again"))
    must(result, fault="protocol", code="redirects", outcome="fail",
         message_has="more than 5 redirects")


def case_redirect_limit_is_exact():
    def count_down(c):
        path = c.read_request().split()[1].decode()
        left = int(path.strip("/") or 3)
        if left == 0:
            c.reply("200 OK", b"arrived")
        else:
            c.reply("302 Found", b"", "Location: /%d" % (left - 1))
    must(against(count_down, {"max_redirects": 3}), outcome="ok")
    must(against(count_down, {"max_redirects": 2}), fault="protocol",
         code="redirects")


def case_redirect_downgrade():
    with Peer(peer.ok) as plain:
        script = redirect_to(url(plain.port))
        must(against(script, cert=files.good), fault="protocol",
             code="downgrade")
        assert plain.connections == 0, "the plain server was asked"
        must(against(script, {"allow_downgrade": True}, cert=files.good),
             outcome="ok")


def case_redirect_not_followed():
    result = against(redirect_to("/x", "301 Moved Permanently"),
                     {"follow_redirects": False})
    must(result, fault="mismatch", outcome="fail")
    must_see(result, status=301)


def case_redirect_nonsense():
    must(against(redirect_to("ftp://127.0.0.1/x")), fault="protocol",
         code="location")


def case_redirect_changes_method():
    seen_requests = []

    def script(c):
        request = c.read_request()
        seen_requests.append(request.split(b" ")[0])
        if b" /end " in request:
            c.reply("200 OK")
        else:
            c.reply("303 See Other", b"", "Location: /end")
    must(against(script, {"method": "POST", "body": "x"}), outcome="ok")
    assert seen_requests == [b"POST", b"GET"], seen_requests


def case_credentials_stay_at_origin():
    heads = {}

    def note(name):
        def script(c):
            heads[name] = c.read_request().decode()
            c.reply("200 OK")
        return script
    with Peer(note("other")) as other:
        def script(c):
            heads["origin"] = c.read_request().decode()
            c.reply("302 Found", b"", "Location: " + url(other.port))
        must(against(script, {"username": "me", "password": "pw",
                              "headers": {"Cookie": "a=b", "X-Own": "1"}}),
             outcome="ok")
    origin, second = heads["origin"], heads["other"]
    assert "Authorization: Basic bWU6cHc=" in origin, origin
    assert "Cookie: a=b" in origin, origin
    assert "Authorization" not in second, second
    assert "Cookie" not in second, second
    assert "X-Own: 1" in second, second


# ---------------------------------------------------------------- request ---

def request_of(options):
    """What the server reads, for these options."""
    requests = []

    def script(c):
        c.read_request()
        c.sleep(0.1)
        c.sock.settimeout(0.2)
        try:
            c.request += c.sock.recv(65536)
        except OSError:
            pass
        requests.append(c.request.decode())
        c.reply("200 OK")
    must(against(script, options), outcome="ok")
    return requests[0]


def has(text, *parts):
    for part in parts:
        if part not in text:
            raise AssertionError("no %r in %r" % (part, text))


def case_request_plain():
    request = request_of({})
    has(request, "GET / HTTP/1.1\r\n", "Host: 127.0.0.1:",
        "User-Agent: relevo/", "Accept-Encoding: ")
    assert "Authorization" not in request, request


def case_request_in_full():
    request = request_of({"method": "PUT", "body": '{"a":1}',
                          "bearer": "t0ken", "host_header": "own.example.com",
                          "user_agent": "me/1", "compression": False,
                          "headers": {"X-One": "1", "X-Empty": ""}})
    has(request, "PUT / HTTP/1.1\r\n", "Host: own.example.com\r\n",
        "Authorization: Bearer t0ken\r\n", "User-Agent: me/1\r\n",
        "X-One: 1\r\n", "X-Empty:\r\n", "Content-Length: 7\r\n",
        "Content-Type: application/json\r\n", '\r\n\r\n{"a":1}')
    assert "Accept-Encoding" not in request, request


def case_request_post_without_body():
    has(request_of({"method": "POST"}), "POST / ", "Content-Length: 0\r\n")


def case_request_delete():
    request = request_of({"method": "DELETE"})
    has(request, "DELETE / ")
    assert "Content-Length" not in request, request


def case_ipv6():
    try:
        other = Peer(peer.ok, family=socket.AF_INET6)
    except OSError:
        return  # this machine has no IPv6 at all
    with other:
        must(probe.check({"url": url(other.port, host="[::1]")}),
             outcome="ok")
        must(probe.check({"url": url(other.port, host="[::1]"),
                          "ip_family": "4"}), fault="config",
             code="ip_family")


def case_second_address_answers():
    """localhost is ::1 and 127.0.0.1 in most places; only one listens."""
    must(against(peer.ok, host="localhost"), outcome="ok")
    with Peer(peer.ok) as other:
        name = "two.example.com"
        result = probe.check(
            {"url": url(other.port, host=name),
             "resolve": ["%s:%d:127.0.0.2,127.0.0.1" % (name, other.port)]})
    must(result, outcome="ok")


# ------------------------------------------------------------ certificates ---

def case_tls_good():
    result = against(peer.ok, cert=files.good)
    must(result, outcome="ok")
    must_see(result, status=200, tls_version="TLSv1.3")
    days = seen(result, "cert_expiry") / 86400e3
    assert 39 < days <= 40, days


def case_tls_never_expires():
    result = against(peer.ok, cert=files.never)
    must(result, outcome="ok")
    years = seen(result, "cert_expiry") / 86400e3 / 365.25
    assert 290 < years < 293, years  # the longest duration that there is


def case_tls_expires_soon():
    must(against(peer.ok, cert=files.soon), outcome="warn")


def case_tls_expired():
    result = against(peer.ok, cert=files.expired)
    must(result, fault="certificate", code="CERT_HAS_EXPIRED", outcome="fail",
         message_has="has expired on 20")
    assert seen(result, "cert_expiry") < 0, result


def case_tls_not_yet_valid():
    must(against(peer.ok, cert=files.future), fault="certificate",
         code="CERT_NOT_YET_VALID")


def case_tls_wrong_host():
    result = against(peer.ok, cert=files.other)
    must(result, fault="certificate", code="IP_ADDRESS_MISMATCH",
         message_has="other.example.com")
    result = against(peer.ok, cert=files.other, host="localhost")
    must(result, fault="certificate", code="HOSTNAME_MISMATCH",
         message_has="localhost")


def case_tls_self_signed():
    must(against(peer.ok, cert=files.lonely), fault="certificate",
         code="DEPTH_ZERO_SELF_SIGNED_CERT", message_has="self-signed")


def case_tls_unknown_root():
    must(against(peer.ok, cert=files.foreign), fault="certificate",
         code="UNABLE_TO_GET_LOCAL_ISSUER")


def case_tls_unverified():
    result = against(peer.ok, {"tls": {"verify": False}}, cert=files.foreign)
    must(result, outcome="ok")
    assert seen(result, "cert_expiry") > 0, result


def case_tls_to_plain_port():
    with Peer(peer.answer_anything) as other:
        must(probe.check({"url": url(other.port, scheme="https"),
                          "tls": {"ca_file": files.ca}}),
             fault="tls", code="WRONG_VERSION_NUMBER")


def case_plain_to_tls_port():
    with Peer(peer.ok, *files.good) as other:
        result = probe.check({"url": url(other.port)})
    assert result["fault"] in ("closed", "reset", "protocol"), result


def case_tls_closed_in_handshake():
    with Peer(peer.close_at_once) as other:
        result = probe.check({"url": url(other.port, scheme="https"),
                              "tls": {"ca_file": files.ca}})
    assert result["fault"] in ("tls", "reset"), result


def case_tls_server_name():
    options = {"tls": {"ca_file": files.ca,
                       "server_name": "named.example.com"}}
    must(against(peer.ok, options, cert=files.named), outcome="ok")
    options["tls"]["server_name"] = "wrong.example.com"
    must(against(peer.ok, options, cert=files.named), fault="certificate",
         code="HOSTNAME_MISMATCH")


def case_tls_missing_ca_file():
    result = against(peer.ok, {"tls": {"ca_file": "/nonexistent/ca.pem"}},
                     cert=files.good)
    must(result, fault="config", outcome="unknown",
         message_has="/nonexistent/ca.pem")


# ----------------------------------------------------------------- answer ---

def case_bad_status_line():
    must(against(peer.bad_status_line), fault="protocol", code="status_line")


def case_bad_status_code():
    must(against(peer.bad_status_code), fault="protocol")


def case_first_header_continues_none():
    """A line that continues the one before, where there is none; on the second
    hop, since libcurl remembers the headers of the first."""
    def script(c):
        if b" /end " in c.read_request():
            c.send(b"HTTP/1.1 200 OK\r\n more: yes\r\n"
                   b"Content-Length: 0\r\n\r\n")
        else:
            c.reply("302 Found", b"", "Location: /end")
    result = against(script)
    must(result, fault="protocol", code="header")
    assert result["observations"]["status"] == 200, result


def case_more_after_the_compressed_end():
    must(against(peer.more_after_gzip), fault="protocol",
         code="content_encoding")


def case_short_body():
    must(against(peer.short_body), fault="protocol", code="incomplete")


def case_bad_chunk():
    must(against(peer.bad_chunk), fault="protocol")


def case_bad_gzip():
    must(against(peer.bad_gzip), fault="protocol", code="content_encoding")


def case_large_body():
    result = against(peer.large_body)
    must(result, outcome="ok")
    must_see(result, size=1 << 20, truncated=True)


def case_body_of_exactly_the_limit():
    def script(c):
        c.read_request()
        c.reply("200 OK", b"x" * 1024)
    result = against(script, {"max_body": "1KiB"})
    must_see(result, size=1024, truncated=False)


def case_endless_body():
    must_see(against(peer.endless_body), size=1 << 20, truncated=True)


def case_gzip_bomb():
    result = against(peer.gzip_bomb, expect=["len(body) <= 1048576"])
    must(result, outcome="ok")
    must_see(result, size=1 << 20, truncated=True)


def case_large_header():
    must(against(peer.large_header), fault="protocol", code="header_size")


def case_many_headers():
    must(against(peer.many_headers), fault="protocol", code="header_size")


def status_of(status):
    def script(c):
        c.read_request()
        c.reply(status, b'{"db":"refused"}')
    return script


def case_hints():
    for status, fault in (("401 Unauthorized", "auth"),
                          ("403 Forbidden", "forbidden"),
                          ("404 Not Found", "error_response"),
                          ("429 Too Many Requests", "overloaded"),
                          ("503 Service Unavailable", "error_response")):
        result = against(status_of(status))
        must(result, fault=fault, code=status[:3], outcome="fail")
        must_see(result, status=int(status[:3]))


def case_expected_404_is_good():
    must(against(status_of("404 Not Found"), expect=["status == 404"]),
         outcome="ok")


SPRING = (b'{"status":"DOWN","components":{"db":{"status":"DOWN","details":'
          b'{"error":"Connection refused"}},"ping":{"status":"UP"}}}')


def page(status, body):
    def script(c):
        c.read_request()
        c.reply(status, body, "Content-Type: application/json")
    return script


def case_health_page():
    result = against(page("503 Service Unavailable", SPRING),
                     {"health": True})
    must(result, outcome="fail", fault="error_response", code="503",
         message_has="503 Service Unavailable, db is fail: Connection refused")
    must_see(result, health="fail", component={"db": "fail", "ping": "ok"},
             component_error={"db": "Connection refused"})
    lines = ["health == 'ok'", "component('db') == 'ok'"]
    result = against(page("200 OK", SPRING), {"health": True}, expect=lines)
    must(result, outcome="fail", fault="error_response", code="fail",
         message_has="db is fail: Connection refused")
    well = SPRING.replace(b"DOWN", b"UP")
    must(against(page("200 OK", well), {"health": True}, expect=lines),
         outcome="ok")
    # Without being asked for, nothing is read.
    result = against(page("200 OK", SPRING))
    must(result, outcome="ok")
    must_see(result, health=None, component=None)


def case_health_page_that_is_none():
    result = against(page("200 OK", b"<html></html>"), {"health": True},
                     expect=["health == 'ok'"])
    must(result, outcome="fail", fault="mismatch", message_has="absent")


def case_hash_of_the_body():
    body = b"a" * 100000
    digest = hashlib.sha256(body).hexdigest()
    must(against(page("200 OK", body),
                 expect=["sha256 == '%s'" % digest, "size == 100000 B",
                         "not changed"]), outcome="ok")
    result = against(page("200 OK", body), {"max_body": "10B"})
    must_see(result, sha256=hashlib.sha256(b"a" * 10).hexdigest(),
             truncated=True)
    must(against(page("200 OK", b""), expect=["sha256 starts_with 'e3b0c442'"]),
         outcome="ok")


def case_changed():
    """One worker, one check, probed again and again: another body is another
    one once."""
    bodies = [b"one", b"one", b"two", b"two", b"one"]
    asked = []

    def script(c):
        c.read_request()
        asked.append(1)
        c.reply("200 OK", bodies[min(len(asked), len(bodies)) - 1])
    with Peer(script) as other:
        config = """checks = { it = { url = "%s"; interval = "300ms";
            retry_interval = "300ms"; expect = ["not changed"];
            record = { other = "changed"; }; }; };""" % url(other.port)
        with Watch(tempfile.mkdtemp(dir=probe.folder), config) as watch:
            until("six results", lambda: len(watch.history("it", 9)) >= 6)
            results = watch.history("it", 100)[::-1][:6]
    said = [(r["outcome"], r["observations"]["other"]) for r in results]
    assert said == [("ok", False), ("ok", False), ("fail", True),
                    ("ok", False), ("fail", True), ("ok", False)], results


def case_cause_in_body():
    result = against(status_of("503 Service Unavailable"),
                     expect=["json('.db') == 'ok'"])
    must(result, fault="error_response", code="503")
    false = {e["line"]: e["values"] for e in result["expectations"]
             if not e["true"]}
    assert "refused" in false["json('.db') == 'ok'"], false


# ------------------------------------------------------------------ nginx ---

SERVERS = """
    server {
        listen 127.0.0.1:@http@;
        location / { return 200 "hello\\n"; }
        location /json { default_type application/json;
                         add_header X-Version 1.2.3;
                         return 200 '{"status":"ok","items":[1,2,3]}'; }
        location /down { return 503 '{"db":"refused"}'; }
        location /old { return 301 /json; }
        location /secure { return 302 https://localhost:@https@/; }
        location /gone { return 444; }
        location /private { auth_basic "x"; auth_basic_user_file FOLDER/users;
                            root FOLDER; try_files /inside =404; }
    }
    server {
        listen 127.0.0.1:@https@ ssl http2;
        server_name localhost;
        ssl_certificate GOOD_CERT;
        ssl_certificate_key GOOD_KEY;
        location / { return 200 "tls\\n"; }
    }
    server {
        listen 127.0.0.1:@https@ ssl http2;
        server_name named.example.com;
        ssl_certificate NAMED_CERT;
        ssl_certificate_key NAMED_KEY;
        location / { return 200 "named\\n"; }
    }
"""


def servers(folder):
    # {PLAIN} is nginx's own word for a password in the clear. "return" would
    # answer before authentication, so /private serves a file.
    with open(os.path.join(folder, "users"), "w") as f:
        f.write("me:{PLAIN}s3cret\n")
    with open(os.path.join(folder, "inside"), "w") as f:
        f.write("in\n")
    text = SERVERS
    for name, value in (("FOLDER", folder), ("GOOD_CERT", files.good[0]),
                        ("GOOD_KEY", files.good[1]),
                        ("NAMED_CERT", files.named[0]),
                        ("NAMED_KEY", files.named[1])):
        text = text.replace(name, value)
    return text


def ask(path, options=None, name="http", **common):
    settings = {"url": url(web.ports[name], path,
                           "https" if name == "https" else "http",
                           "localhost" if name == "https" else "127.0.0.1")}
    if name == "https":
        settings["tls"] = {"ca_file": files.ca}
    settings.update(options or {})
    return probe.check(settings, **common)


def case_nginx_json():
    result = ask("/json", expect=["status == 200", "json('.status') == 'ok'",
                                  "header('x-version') == '1.2.3'",
                                  "len(body) > 10"])
    must(result, outcome="ok")
    must_see(result, status=200, http_version="1.1", redirects=0,
             ip="127.0.0.1")
    for phase in ("connect", "wait"):
        assert any(k.startswith(phase) for k in result["phases"]), result


def case_nginx_down():
    must(ask("/down"), fault="error_response", code="503", message_has="503")


def case_nginx_redirect():
    result = ask("/old")
    must(result, outcome="ok")
    must_see(result, redirects=1,
             url_effective=url(web.ports["http"], "/json"))


def case_nginx_redirect_to_tls():
    result = ask("/secure", {"tls": {"ca_file": files.ca}})
    must(result, outcome="ok")
    must_see(result, redirects=1)
    assert seen(result, "tls_version").startswith("TLSv1."), result


def case_nginx_444():
    must(ask("/gone"), fault="closed")


def case_nginx_basic_auth():
    must(ask("/private"), fault="auth", code="401")
    must(ask("/private", {"username": "me", "password": "wrong"}),
         fault="auth")
    must(ask("/private", {"username": "me", "password": "s3cret"}),
         outcome="ok")
    result = probe.check({"url": "http://me:s3cret@127.0.0.1:%d/private" %
                          web.ports["http"]})
    must(result, outcome="ok")
    assert "s3cret" not in str(result), result


def case_nginx_http2():
    must_see(ask("/", name="https"), http_version="2")
    must_see(ask("/", {"http_version": "1.1"}, name="https"),
             http_version="1.1")


def case_nginx_sni():
    port = web.ports["https"]
    result = probe.check({"url": "https://named.example.com:%d/" % port,
                          "resolve": ["named.example.com:%d:127.0.0.1" % port],
                          "tls": {"ca_file": files.ca}},
                         expect=["body contains 'named'"])
    must(result, outcome="ok")


def case_nginx_keep_alive():
    must(ask("/json", {"keep_alive": True}), outcome="ok")
    must(ask("/", {"keep_alive": True}, name="https"), outcome="ok")


def case_nginx_head():
    must_see(ask("/json", {"method": "HEAD"}), status=200, size=0)


def case_bad_options():
    for options, word in (({"url": "gopher://x/"}, "http"),
                          ({"url": url(1), "resolve": ["x"]}, "resolve"),
                          ({"url": url(1), "method": "FETCH"}, "method"),
                          ({"url": url(1), "password": "x"}, "username"),
                          ({"url": url(1), "headers": {"A B": "x"}},
                           "header")):
        try:
            result = probe.check(options)
        except AssertionError as error:
            # Refused as a whole: the message says why, the exit status is 2.
            assert "exit 2" in str(error), error
            assert word in str(error), error
        else:
            raise AssertionError("%r gave %r" % (options, result))


def case_nginx_url_without_configuration():
    code, out, _ = probe.run("check", url(web.ports["http"], "/down"),
                             "--expect", "status == 503", "--json")
    must(json.loads(out), outcome="ok")
    code, out, _ = probe.run("check", url(peer.closed_port()), "--json")
    must(json.loads(out), outcome="fail", fault="refused", errno=111)
    assert code == 1, code


# ------------------------------------------------------------------- run ---

def main():
    global probe, files, web
    if cases.lacks("http"):
        return 77
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        probe = Probe(folder, "http")
        files = Files(folder)
        if nginx.find():
            web = nginx.Nginx(folder, servers(folder)).__enter__()
        else:
            print("no nginx: its cases are left out")
        try:
            return cases.run(globals(), sys.argv[1:], lambda name:
                             not web and name.startswith("nginx"))
        finally:
            if web:
                web.__exit__()


if __name__ == "__main__":
    sys.exit(main())
