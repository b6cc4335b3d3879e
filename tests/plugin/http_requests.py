#!/usr/bin/python3
"""What the http plugin asks for, and as whom: bodies, files, forms, cookies,
digest authentication, OAuth 2.0 tokens, Retry-After; against nginx, and
scripted peers for what nginx will not do.

    http_requests.py [NAME...]     only the cases whose name contains one of these
"""
import base64
import email
import email.utils
import gzip
import hashlib
import json
import os
import re
import sys
import tempfile
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import cases  # noqa: E402
import nginx  # noqa: E402
import peer  # noqa: E402
from cases import must, must_see, seen  # noqa: E402
from peer import Peer  # noqa: E402
from probe import Probe, literal  # noqa: E402
from watch import Watch, until  # noqa: E402

probe = None
folder = None
web = None  # nginx

SERVERS = """
    server {
        listen 127.0.0.1:@http@;
        location /enter { add_header Set-Cookie "s=one; Path=/; HttpOnly";
                          add_header Set-Cookie "t=two; Path=/enter";
                          return 302 /inside; }
        location /inside { if ($http_cookie != "s=one") { return 403; }
                           return 200; }
        location /away { add_header Set-Cookie "s=one; Path=/";
                         return 302 http://localhost:@http@/echo; }
        location /echo { return 200 "[$http_cookie]"; }
        location /busy { add_header Retry-After 30 always; return 429; }
    }
"""


def url(port, path="/", host="127.0.0.1"):
    return "http://%s:%d%s" % (host, port, path)


def ask(path, expect=None, **options):
    common = {"expect": expect} if expect else {}
    return probe.check(dict({"url": url(web.ports["http"], path)}, **options),
                       **common)


def read_all(c):
    """The whole request: head, body."""
    head, _, body = c.read_request().partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    while length and len(body) < int(length.group(1)):
        body += c.sock.recv(65536)
    c.request = b""
    return head.decode(), body


def sent(**options):
    """What the server gets, for these options."""
    got = []

    def script(c):
        got.append(read_all(c))
        c.reply("200 OK")
    with Peer(script) as other:
        must(probe.check(dict({"url": url(other.port)}, **options)),
             outcome="ok")
    return got[0]


def refused(text, **options):
    """As a whole, with a message that has this text."""
    try:
        result = probe.check(dict({"url": "http://a/"}, **options))
    except AssertionError as error:
        assert "exit 2" in str(error) and text in str(error), error
    else:
        raise AssertionError("%r gave %r" % (options, result))


def file_of(text, name="file"):
    path = os.path.join(tempfile.mkdtemp(dir=folder), name)
    with open(path, "wb") as f:
        f.write(text)
    return path


# ----------------------------------------------------------------- bodies ---

def case_form():
    head, body = sent(method="POST", form={"user": "a b&c", "pass": "ü=1"})
    assert "Content-Type: application/x-www-form-urlencoded" in head, head
    assert urllib.parse.parse_qsl(body.decode()) == [("user", "a b&c"),
                                                     ("pass", "ü=1")], body


def case_body_file():
    head, body = sent(method="PUT", body_file=file_of(b'{"a": 1}'))
    assert "Content-Type: application/json" in head and body == b'{"a": 1}'
    bytes_ = bytes(range(256)) * 300
    head, body = sent(method="POST", body_file=file_of(bytes_))
    assert "Content-Type: application/octet-stream" in head, head
    assert body == bytes_
    head, body = sent(method="POST", body_file=file_of(b""),
                      headers={"Content-Type": "text/own"})
    assert "Content-Type: text/own" in head and body == b"", head


def case_multipart():
    path = file_of(b"\0\1binary", "photo.png")
    head, body = sent(method="POST", multipart=[
        {"name": "note", "value": "ü"},
        {"name": "photo", "file": path, "type": "image/png"},
        {"name": "doc", "file": path, "filename": "other.txt"}])
    kind = re.search(r"Content-Type: (multipart/form-data.*)", head).group(1)
    parts = email.message_from_bytes(
        b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body).get_payload()
    assert [p.get_param("name", header="content-disposition") for p in parts
            ] == ["note", "photo", "doc"], body
    assert [p.get_filename() for p in parts] == [None, "photo.png",
                                                 "other.txt"], body
    assert parts[1].get_content_type() == "image/png", body
    assert parts[0].get_payload(decode=True) == "ü".encode(), body
    assert parts[1].get_payload(decode=True) == b"\0\1binary", body


def case_body_after_redirect():
    """307 keeps the body, also one that is made anew; 303 drops it."""
    for status, wanted in (("307 Temporary Redirect", b"a=1"),
                           ("303 See Other", b"")):
        got = []

        def script(c):
            got.append(read_all(c)[1])
            if len(got) == 1:
                c.reply(status, b"", "Location: /next")
            else:
                c.reply()
        with Peer(script) as other:
            must(probe.check({"url": url(other.port), "method": "POST",
                              "form": {"a": "1"}}), outcome="ok")
        assert got == [b"a=1", wanted], got


def case_files_that_are_none():
    pipe = os.path.join(folder, "pipe")
    os.mkfifo(pipe)
    large = file_of(b"")
    os.truncate(large, (16 << 20) + 1)
    for path, text in (("/nowhere", "No such file"), (folder, "regular file"),
                       (pipe, "regular file"), (large, "16 MiB")):
        for options in ({"body_file": path},
                        {"multipart": [{"name": "a", "file": path}]}):
            must(ask("/echo", method="POST", **options), fault="config",
                 code="request", outcome="unknown", message_has=text)


def case_body_options():
    refused("only one of body", method="POST", body="x", form={"a": "b"})
    refused("a form is sent by POST", form={"a": "b"})
    refused("not \"fil\"", method="POST",
            multipart=[{"name": "a", "fil": "x"}])
    for part in {"name": "a"}, {"value": "a"}, {"name": "a", "value": "b",
                                                "file": "c"}:
        refused("either value or file", method="POST", multipart=[part])


# ---------------------------------------------------------------- cookies ---

def case_cookies_from_hop_to_hop():
    must(ask("/enter"), outcome="ok")
    # And from probe to probe none.
    must(ask("/inside"), fault="forbidden")
    # Another host does not get them.
    must(ask("/away", ["body == '[]'"]), outcome="ok")


def case_cookies_of_ones_own():
    must(ask("/echo", ["body == '[a=1; b=2]'"], cookies={"a": "1", "b": "2"}),
         outcome="ok")
    must(ask("/echo", ["body == '[z=0; a=1]'"], cookies={"a": "1"},
             headers={"Cookie": "z=0"}), outcome="ok")
    must(ask("/away", ["body == '[]'"], cookies={"a": "1"}), outcome="ok")
    refused("is no cookie", cookies={"a": "1; b=2"})


# ----------------------------------------------------------------- digest ---

def digest_server(password, seen_requests, algorithm="MD5"):
    hash_ = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[algorithm]

    def h(*parts):
        return hash_(":".join(parts).encode()).hexdigest()

    def good(head):
        found = re.search(r"(?i)authorization: digest (.*)", head)
        if not found:
            return False
        f = dict(re.findall(r'(\w+)="?([^",\r]*)"?', found.group(1)))
        method, path = head.split()[:2]
        return f["username"] == "me" and f["response"] == h(
            h("me", "there", password), f["nonce"], f["nc"], f["cnonce"],
            "auth", h(method, path))

    def script(c):
        while True:
            head, body = read_all(c)
            seen_requests.append((head, body))
            ok = good(head)
            c.send(b"HTTP/1.1 %s\r\nContent-Length: 2\r\nWWW-Authenticate: "
                   b"Digest realm=\"there\", nonce=\"n1\", qop=\"auth\", "
                   b"algorithm=%s\r\n\r\nin" % (
                       b"200 OK" if ok else b"401 Unauthorized",
                       algorithm.encode()))
    return script


def case_digest():
    for algorithm in "MD5", "SHA-256":
        got = []
        with Peer(digest_server("s3cret", got, algorithm)) as other:
            here = {"url": url(other.port, "/private"), "auth": "digest",
                    "username": "me"}
            must(probe.check(dict(here, password="s3cret")), outcome="ok")
            assert len(got) == 2 and other.connections == 1, got
            must(probe.check(dict(here, password="s3cret", method="POST",
                                  body="x=1")), outcome="ok")
            assert got[-1][1] == b"x=1", got
            result = probe.check(dict(here, password="wr0ng"))
            must(result, fault="auth", code="401")
            must_see(result, status=401)
        assert not any("s3cret" in head for head, _ in got), got
    refused("not with a token", auth="digest", bearer="x")


def case_digest_that_is_not_offered():
    must(ask("/inside", auth="digest", username="me", password="x"),
         fault="forbidden")


# ------------------------------------------------------------------ token ---

class Endpoint(Peer):
    """A token endpoint: answers as told, and notes what it was asked."""

    def __init__(self, status="200 OK", answer=None, headers=()):
        self.status, self.headers = status, headers
        self.answer = {"access_token": "T0KEN-%d", "token_type": "Bearer",
                       "expires_in": 3600} if answer is None else answer
        self.asked = []
        super().__init__(self._talk)

    def _talk(self, c):
        self.asked.append(read_all(c))
        text = self.answer if isinstance(self.answer, str) else json.dumps(
            self.answer).replace("%d", str(len(self.asked)))
        c.reply(self.status, text.encode(), *self.headers)

    def oauth2(self, **more):
        return {"token_url": url(self.port, "/token", "localhost"),
                "client_id": "relevo:1", "client_secret": "s3cr&t", **more}


def guarded(token, echo=False):
    def script(c):
        head, _ = read_all(c)
        good = "Authorization: Bearer " + token in head
        c.reply("200 OK" if good else "401 Unauthorized",
                b"you are " + head.split("Bearer ")[1].split()[0].encode()
                if echo else b"")
    return script


def by_token(endpoint, script, timeout="5s", **options):
    with Peer(script) as other:
        return probe.check(dict({"url": url(other.port),
                                 "oauth2": endpoint.oauth2()}, **options),
                           timeout)


def case_token():
    with Endpoint() as endpoint:
        result = by_token(endpoint, guarded("T0KEN-1"))
        must(result, outcome="ok")
        assert "auth_ms" in result["phases"], result
        assert seen(result, "latency") < result["duration_ms"], result
    head, body = endpoint.asked[0]
    assert head.startswith("POST /token HTTP/1.1"), head
    assert body == b"grant_type=client_credentials", body
    basic = base64.b64encode(b"relevo%3A1:s3cr%26t").decode()
    assert "Authorization: Basic " + basic in head, head
    with Endpoint() as endpoint:
        must(by_token(endpoint, guarded("T0KEN-1"), oauth2=endpoint.oauth2(
            scopes=["read", "write"], audience="https://api", params={
                "resource": "r"}, auth_method="client_secret_post")),
             outcome="ok")
    head, body = endpoint.asked[0]
    assert "Authorization" not in head, head
    assert dict(urllib.parse.parse_qsl(body.decode())) == {
        "grant_type": "client_credentials", "scope": "read write",
        "audience": "https://api", "resource": "r", "client_id": "relevo:1",
        "client_secret": "s3cr&t"}, body


def case_token_is_shown_nowhere():
    """Whatever anybody echoes."""
    with Endpoint() as endpoint:
        result = by_token(endpoint, guarded("T0KEN-1", echo=True),
                          method="POST", body="x", expect=["status == 500"])
        must(result, outcome="fail")
        assert "T0KEN" not in str(result) and "s3cr" not in str(result), result
        assert "you are ****" in str(result["evidence"]), result
    with Endpoint("401 Unauthorized", {
            "error": "invalid_client",
            "error_description": "no client with s3cr&t"}) as endpoint:
        result = by_token(endpoint, peer.ok)
        must(result, fault="auth", code="invalid_client", outcome="fail",
             message_has="token endpoint localhost (127.0.0.1) port %d" %
             endpoint.port)
        assert "s3cr" not in str(result), result


def case_token_stays_at_origin():
    got = []

    def note(c):
        got.append(read_all(c)[0])
        c.reply()
    with Endpoint() as endpoint, Peer(note) as far:
        def away(c):
            c.read_request()
            c.reply("302 Found", b"", "Location: " + url(far.port))
        must(by_token(endpoint, away), outcome="ok")
    assert "T0KEN" not in got[0], got


def case_token_endpoint_that_fails():
    for status, answer, fault, code in (
            ("400 Bad Request", {"error": "invalid_scope"}, "auth",
             "invalid_scope"),
            ("403 Forbidden", "", "forbidden", "403"),
            ("429 Too Many Requests", {"error": "slow_down"}, "overloaded",
             "429"),
            ("503 Service Unavailable", "<html>", "error_response", "503"),
            ("302 Found", "", "protocol", "302"),
            ("200 OK", "", "protocol", "token"),
            ("200 OK", "[1]", "protocol", "token"),
            ("200 OK", {"access_token": 7}, "protocol", "token"),
            ("200 OK", {"access_token": "a\r\nX: y"}, "protocol", "token"),
            ("200 OK", {"access_token": "x" * 20000}, "protocol", "token"),
            ("200 OK", {"access_token": "a", "token_type": "mac"}, "protocol",
             "token"),
            ("200 OK", "[" * 30000, "protocol", "token"),
            ("200 OK", '{"access_token": "' + "x" * 200000, "protocol",
             "token")):
        with Endpoint(status, answer) as endpoint:
            result = by_token(endpoint, peer.ok)
        must(result, fault=fault, code=code, message_has="token endpoint")
        assert "status" not in result["observations"], result


def case_token_endpoint_that_is_not_there():
    def where(port, host="127.0.0.1", timeout="5s"):
        return probe.check({"url": url(1), "oauth2": {
            "token_url": url(port, "/", host), "client_id": "a",
            "client_secret": "b"}}, timeout)
    must(where(peer.closed_port()), fault="refused", code="ECONNREFUSED",
         message_has="connect to token endpoint 127.0.0.1 port")
    must(where(80, "no-such-host.invalid"), fault="dns",
         message_has="token endpoint no-such-host.invalid")
    # Its time is the probe's.
    with Peer(peer.silent_after_request) as hung:
        result = where(hung.port, timeout="500ms")
        must(result, fault="timeout", code="wait",
             message_has="token endpoint 127.0.0.1")
        assert result["phases"].keys() == {"auth_ms"}, result
    with Peer(peer.reset_after_request) as gone:
        must(where(gone.port), fault="reset", message_has="token endpoint")


def watched(endpoint, script, probes):
    """So many results of a check that goes on."""
    where = tempfile.mkdtemp(dir=folder)
    with Peer(script) as other:
        check = {"url": url(other.port), "interval": "100ms", "timeout": "5s",
                 "oauth2": endpoint.oauth2()}
        with Watch(where, "checks = { it = %s; };\n" % literal(check)) as watch:
            until("the results", lambda: len(watch.json(
                "history", "it")) >= probes)
            return watch.json("history", "it")


def case_token_is_kept():
    with Endpoint() as endpoint:
        results = watched(endpoint, guarded("T0KEN-1"), 5)
        assert {r["outcome"] for r in results} == {"ok"}, results
    assert len(endpoint.asked) == 1, endpoint.asked


def case_token_expires():
    with Endpoint(answer={"access_token": "T0KEN-%d",
                          "expires_in": "0"}) as endpoint:
        results = watched(endpoint, guarded("T0KEN-"), 4)
        assert {r["outcome"] for r in results} == {"ok"}, results
    assert len(endpoint.asked) >= 4, endpoint.asked


def case_token_that_is_refused_is_asked_for_anew():
    with Endpoint() as endpoint:
        results = watched(endpoint, guarded("T0KEN-2"), 4)
        outcomes = [r["outcome"] for r in reversed(results)]
        assert outcomes[0] == "fail" and set(outcomes[1:]) == {"ok"}, outcomes
    assert len(endpoint.asked) == 2, endpoint.asked


def case_token_options():
    full = {"token_url": "http://a/", "client_id": "b", "client_secret": "c"}
    for missing in full:
        refused(missing, oauth2={k: v for k, v in full.items()
                                 if k != missing})
    refused("http:// or https://", oauth2=dict(full, token_url="a"))
    refused("oauth2 and bearer exclude", oauth2=full, bearer="x")
    refused("oauth2 and username exclude", oauth2=full, username="x")


# ------------------------------------------------------------------- time ---

def case_retry_after():
    result = ask("/busy", record={"wait": "retry_after"})
    must(result, fault="overloaded", code="429")
    must_see(result, retry_after=30000)
    for value, least, most in (
            ("0", 0, 0), ("9" * 40, 3e12, 4e12), ("soon", None, None),
            ("-5", None, None), ("1e3", None, None), ("", None, None),
            (email.utils.formatdate(time.time() + 100, usegmt=True), 90e3,
             101e3),
            (email.utils.formatdate(time.time() - 100, usegmt=True), 0, 0),
            ("Foo, 99 Bar 20xx 25:61:61 GMT", None, None)):
        def busy(c):
            c.read_request()
            c.reply("503 Service Unavailable", b"", "Retry-After: " + value)
        with Peer(busy) as other:
            result = probe.check({"url": url(other.port)})
        must(result, fault="error_response", code="503")
        found = seen(result, "retry_after")
        if least is None:
            assert found is None, (value, found)
        else:
            assert least <= found <= most, (value, found)


# ------------------------------------------------------------------ bombs ---

def case_bombs_are_bounded():
    """Compressed again and again: each layer of a gigabyte of zeros. Only
    max_body of it is ever unpacked, and the rest is not read."""
    layers = b"".join(gzip.compress(bytes(1 << 20)) for _ in range(64))
    twice = gzip.compress(layers)

    def bomb(c):
        c.read_request()
        c.reply("200 OK", twice, "Content-Encoding: gzip, gzip")
    with Peer(bomb) as other:
        result = probe.check({"url": url(other.port), "max_body": "64KiB"},
                             expect=["len(body) <= 65536", "truncated"])
    must(result, outcome="ok")
    must_see(result, size=65536)
    with Peer(lambda c: (c.read_request(), c.reply(
            "200 OK", b"x", "Content-Encoding: " + ", ".join(["gzip"] * 9)))
              ) as other:
        must(probe.check({"url": url(other.port)}), fault="protocol",
             code="content_encoding")


# -------------------------------------------------------------------- run ---

def main():
    global probe, folder, web
    if cases.lacks("http") or not nginx.find():
        return 77
    with tempfile.TemporaryDirectory(prefix="relevo-http-") as temporary:
        os.chmod(temporary, 0o755)
        folder = temporary
        probe = Probe(folder, "http")
        with nginx.Nginx(folder, SERVERS) as web:
            return cases.run(globals(), sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
