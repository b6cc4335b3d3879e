#!/usr/bin/python3
"""Broken TLS, everywhere: each way in which a server's TLS can be wrong is the
same fault, with the same code and the same sentence, whichever plugin meets it:
http, redis, websocket, postgres, tcp, and tcp by way of STARTTLS.

One server for each defect speaks to all of them: what a client says first tells
whether it is PostgreSQL's request for TLS or a handshake."""
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import certs  # noqa: E402
from peer import Peer  # noqa: E402
from probe import literal  # noqa: E402

BUILD = os.environ["RELEVO_BUILD"]
PLUGINS = {
    "http": ("http", "https://localhost:%d/", {}),
    "redis": ("redis", "rediss://localhost:%d", {}),
    "websocket": ("websocket", "wss://localhost:%d/", {}),
    "postgres": ("postgres", "postgres://me@localhost:%d/me",
                 {"sslmode": "verify-full"}),
    "tcp": ("tcp", "tls://localhost:%d", {}),
    "starttls": ("tcp", "tcp://localhost:%d", {"starttls": "postgres"}),
}
DATE = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
SHAKE = r"TLS handshake with localhost \(127\.0\.0\.1\) port N failed: "
# defect: fault, code, the whole sentence
TABLE = {
    "expired": ("certificate", "CERT_HAS_EXPIRED",
                "certificate of localhost: certificate has expired on " + DATE),
    "not_yet": ("certificate", "CERT_NOT_YET_VALID",
                "certificate of localhost: certificate is not yet valid "
                "before " + DATE),
    "wrong_host": ("certificate", "HOSTNAME_MISMATCH",
                   "certificate is not for localhost: it names "
                   "named.example.com"),
    "no_san": ("certificate", "HOSTNAME_MISMATCH",
               "certificate is not for localhost: it names no host"),
    "nul": ("certificate", "HOSTNAME_MISMATCH",
            r"certificate is not for localhost: it names "
            r"localhost\\x00\.example\.com"),
    "self_signed": ("certificate", "DEPTH_ZERO_SELF_SIGNED_CERT",
                    "certificate of localhost: self-signed certificate"),
    "unknown_root": ("certificate", "SELF_SIGNED_CERT_IN_CHAIN",
                     "certificate of localhost: self-signed certificate in "
                     'certificate chain \\(issuer "Foreign CA"\\)'),
    "incomplete": ("certificate", "UNABLE_TO_GET_LOCAL_ISSUER",
                   "certificate of localhost: unable to get local issuer "
                   "certificate"),
    "sha1": ("certificate", "CA_MD_TOO_WEAK",
             "certificate of localhost: CA signature digest algorithm too "
             "weak"),
    "short_key": ("certificate", "EE_KEY_TOO_SMALL",
                  "certificate of localhost: EE certificate key too weak"),
    "tls10": ("tls", "ALERT_PROTOCOL_VERSION",
              SHAKE + "tlsv1 alert protocol version"),
    "drips": ("tls", "timeout",
              r"connected to localhost \(127\.0\.0\.1\) port N, TLS handshake "
              r"not finished in \d\.\d\d s"),
}


def context(cert, key):
    """Of a server that has no scruples."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.set_ciphers("DEFAULT@SECLEVEL=0")
    made.load_cert_chain(cert, key)
    return made


def old_context(cert, key):
    made = context(cert, key)
    made.minimum_version = made.maximum_version = ssl.TLSVersion.TLSv1
    return made


def agree(c):
    """PostgreSQL asks first."""
    c.sock.settimeout(30)
    if c.sock.recv(1, 0x2) == b"\0":  # MSG_PEEK
        c.sock.recv(8)
        c.send(b"S")


def shake(tls):
    def script(c):
        agree(c)
        c.sock = tls.wrap_socket(c.sock, server_side=True)
        c.sock.recv(1)
    return script


def drip(tls):
    """All that a good server says, a byte at a time."""
    def script(c):
        agree(c)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = tls.wrap_bio(incoming, outgoing, server_side=True)
        incoming.write(c.sock.recv(16384))
        try:
            session.do_handshake()
        except ssl.SSLWantReadError:
            pass
        c.drip(outgoing.read(), 0.05)
    return script


def scripts(folder):
    """Of each defect."""
    ca = certs.Authority(folder)
    foreign = certs.Authority(folder, "Foreign CA")
    below = ca.subordinate("Below CA")
    unknown = foreign.issue("unknown")
    with open(unknown[0], "a") as chain, open(foreign.cert) as root:
        chain.write(root.read())
    shown = {
        "expired": ca.issue("expired", start_days=-20, end_days=-10),
        "not_yet": ca.issue("not_yet", start_days=10, end_days=20),
        "wrong_host": ca.issue("wrong", san="DNS:named.example.com"),
        "no_san": ca.issue("localhost", san=None),
        "nul": ca.issue("nul", san=certs.dns_name_der(
            b"localhost\0.example.com")),
        "self_signed": certs.self_signed(folder, "self", "DNS:localhost"),
        "unknown_root": unknown,
        "incomplete": below.issue("incomplete"),
        "sha1": ca.issue("sha1", digest="sha1"),
        "short_key": ca.issue("short", rsa_bits=1024),
    }
    good = ca.issue("good")
    made = {name: shake(context(*pair)) for name, pair in shown.items()}
    made["tls10"] = shake(old_context(*good))
    made["drips"] = drip(context(*good))
    made["good"] = shake(context(*good))
    return ca, made


class BrokenTls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="relevo-tls-")
        cls.addClassCleanup(temporary.cleanup)
        os.chmod(temporary.name, 0o755)
        cls.folder = temporary.name
        ca, made = scripts(cls.folder)
        checks = []
        for defect, script in made.items():
            other = Peer(script)
            other.__enter__()
            cls.addClassCleanup(other.__exit__)
            for name, (plugin, url, options) in PLUGINS.items():
                if os.path.exists("%s/plugins/%s.so" % (BUILD, plugin)):
                    checks.append("%s-%s = %s;" % (defect, name, literal(dict(
                        options, plugin=plugin, url=url % other.port,
                        tls={"ca_file": ca.cert},
                        timeout="900ms" if defect == "drips" else "30s"))))
        cls.results = cls.probe_all(checks)

    @classmethod
    def probe_all(cls, checks):
        path = os.path.join(cls.folder, "relevo.cfg")
        with open(path, "w") as f:
            f.write("workers = 1; target_probes = 0;\nchecks = {\n%s\n};\n" %
                    "\n".join(checks))
        done = subprocess.run(
            [os.path.join(BUILD, "relevo"), "-c", path, "--state-dir",
             os.path.join(cls.folder, "state"), "test", "--format", "json"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=250)
        try:
            results = json.loads(done.stdout)
        except ValueError:
            raise AssertionError("exit %d: %s" % (done.returncode,
                                                  done.stderr.decode()))
        return {r["check"]: r for r in results["checks"]}

    def of(self, defect):
        """The results of each plugin, and their sentences, without ports."""
        for name in PLUGINS:
            result = self.results.get("%s-%s" % (defect, name))
            if result:
                yield name, result, re.sub(r"port \d+", "port N",
                                           result["message"])

    def test_each_defect_is_told_alike(self):
        for defect, (fault, code, sentence) in TABLE.items():
            for name, result, said in self.of(defect):
                with self.subTest(defect=defect, plugin=name):
                    self.assertEqual((result["fault"], result["code"]),
                                     (fault, code), result["message"])
                    self.assertRegex(said, "^%s$" % sentence)

    def test_a_good_server_is_not_accused(self):
        for name, result, said in self.of("good"):
            with self.subTest(plugin=name):
                self.assertNotIn(result["fault"], ("tls", "certificate"), said)

    def test_what_was_shown_is_observed(self):
        """Also where it is refused."""
        for name, result, said in self.of("expired"):
            with self.subTest(plugin=name):
                self.assertLess(result["observations"]["cert_expiry"], 0)

    def test_every_plugin_is_here(self):
        self.assertEqual(len(list(self.of("good"))) * (len(TABLE) + 1),
                         len(self.results))
        self.assertTrue(self.results)


if __name__ == "__main__":
    unittest.main(verbosity=2)
