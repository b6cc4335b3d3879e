#!/usr/bin/python3
"""What plugins observe of TLS: the same names and the same values, whichever
plugin spoke it.

A peer of each kind shows one certificate; each plugin must report its end, the
end of its chain, its issuer, its names, version and cipher. Then: which
certificate is reported where an http check is redirected.

    tls_facts.py [NAME...]     only the cases whose name contains one of these
"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import cases  # noqa: E402
import certs  # noqa: E402
import peer  # noqa: E402
from cases import must, must_see, seen  # noqa: E402
from peer import Gone, Peer  # noqa: E402
from probe import Probe  # noqa: E402

folder = None
old = None    # an authority that ends in 20 days
long_ = None  # one that lives on
DAY_MS = 86400e3


def no_redis(c):
    """Shakes hands, and answers what no Redis would."""
    c.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def postgres(cert):
    """Takes the request for TLS, and ends the connection after it."""
    tls = peer.server_context(*cert)

    def script(c):
        c.sock.settimeout(10)
        c.sock.recv(8)
        c.send(b"S")
        c.sock = tls.wrap_socket(c.sock, server_side=True)
        try:
            c.sock.recv(1)
        finally:
            c.sock.close()
        raise Gone
    return script


def look(plugin, scheme, script, cert, **options):
    if cases.lacks(plugin):
        return None
    with Peer(script, *(cert or ())) as other:
        options["url"] = "%s://127.0.0.1:%d/" % (scheme, other.port)
        return Probe(folder, plugin).check(options)


def every_plugin(name, ca, san):
    cert = ca.issue(name, san=san, end_days=40)
    tls = {"ca_file": ca.cert}
    return {
        "http": look("http", "https", peer.ok, cert, tls=tls),
        "redis": look("redis", "rediss", no_redis, cert, tls=tls),
        "websocket": look("websocket", "wss", peer.ok, cert, tls=tls),
        "postgres": look("postgres", "postgres", postgres(cert), None,
                         user="me", sslmode="verify-full", tls=tls),
    }


def case_same_names_and_values():
    san = "DNS:localhost,IP:127.0.0.1,DNS:*.apps.example.com,IP:2001:db8::7"
    for plugin, result in every_plugin("facts", old, san).items():
        if result is None:
            continue
        must_see(result, tls_version="TLSv1.3", cert_issuer="CN=Old CA",
                 cert_san="localhost, 127.0.0.1, *.apps.example.com, "
                          "2001:db8::7")
        assert seen(result, "tls_cipher").startswith("TLS_"), result
        days = seen(result, "cert_expiry") / DAY_MS
        assert 39 < days <= 40, (plugin, days)
        days = seen(result, "chain_expiry") / DAY_MS
        assert 19 < days <= 20, (plugin, days)


def case_as_expectations():
    cert = long_.issue("expect", end_days=40)
    options = {"tls": {"ca_file": long_.cert}, "warn_unless": [
        "cert_expiry > 30d", "chain_expiry > 30d"], "expect": [
        "cert_issuer contains 'Long'", "cert_san contains 'localhost'",
        "tls_version == 'TLSv1.3'", "tls_cipher ~ /_SHA(256|384)$/"]}
    must(look("http", "https", peer.ok, cert, **options), outcome="ok")
    options["warn_unless"][1] = "chain_expiry > 60d"
    must(look("http", "https", peer.ok, cert, **options), outcome="warn")
    options["expect"][1] = "cert_san contains 'example.com'"
    must(look("http", "https", peer.ok, cert, **options), outcome="fail",
         fault="mismatch", message_has="localhost")


def case_unverified():
    """The chain that was shown is all that there is."""
    cert = old.issue("unverified", end_days=40)
    result = look("http", "https", peer.ok, cert, tls={"verify": False})
    must(result, outcome="ok")
    days = seen(result, "chain_expiry") / DAY_MS
    assert 39 < days <= 40, result


def redirected(first, second, **options):
    """https, sent on to another host with another certificate."""
    with Peer(peer.ok, *second) as other:
        options = {name: [line.replace("FAR", "127.0.0.1:%d" % other.port)
                          for line in lines]
                   for name, lines in options.items()}

        def away(c):
            c.read_request()
            c.reply("302 Found", b"",
                    "Location: https://127.0.0.1:%d/" % other.port)
        return look("http", "https" if first else "http", away, first,
                    tls={"ca_file": long_.cert}, **options)


def case_each_hop_has_its_own():
    near = long_.issue("hop1", end_days=40)
    far = long_.issue("hop2", end_days=3)
    lines = ["cert_expiry > 39d", "cert_expiry_of('FAR') > 2d"]
    must(redirected(near, far, expect=lines), outcome="ok")
    result = redirected(near, far, expect=["cert_expiry_of('FAR') > 5d"])
    must(result, outcome="fail", message_has="cert_expiry_of")
    seen_in = [e["text"] for e in result["evidence"]
               if e["label"] == "redirect"]
    assert len(seen_in) == 1 and seen_in[0].startswith("302 https://") and \
        seen_in[0].endswith(", certificate ends in 39 days"), result["evidence"]


def case_redirect_keeps_the_first():
    near = long_.issue("near", san="IP:127.0.0.1,DNS:near", end_days=40)
    far = long_.issue("far", san="IP:127.0.0.1,DNS:far", end_days=3)
    result = redirected(near, far)
    must(result, outcome="ok")
    must_see(result, redirects=1, cert_san="127.0.0.1, near")
    # Where the host asked spoke no TLS, the next one's is the first.
    result = redirected(None, far)
    must(result, outcome="warn")
    must_see(result, cert_san="127.0.0.1, far")


def case_redirect_to_a_bad_certificate():
    near = long_.issue("near2", san="IP:127.0.0.1,DNS:near", end_days=40)
    bad = old.issue("bad", san="IP:127.0.0.1,DNS:bad")
    result = redirected(near, bad)
    must(result, fault="certificate", outcome="fail")
    must_see(result, cert_san="127.0.0.1, near")


def main():
    global folder, old, long_
    if cases.lacks("http"):
        return 77
    with tempfile.TemporaryDirectory() as folder:
        old = certs.Authority(folder, "Old CA", days=20)
        long_ = certs.Authority(folder, "Long CA")
        return cases.run(globals(), sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
