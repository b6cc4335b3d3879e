#!/usr/bin/python3
"""keep_alive = true reuses the connection of the probe before, plain and within
TLS; without it each probe has a connection of its own. nginx counts."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import certs  # noqa: E402
from nginx import Nginx  # noqa: E402
from watch import Watch, until  # noqa: E402

SERVER = """
    server {
        listen 127.0.0.1:@http@;
        listen 127.0.0.1:@https@ ssl;
        ssl_certificate %s;
        ssl_certificate_key %s;
        keepalive_timeout 60;
        location / { return 200 '{"n":$connection_requests}'; }
    }
"""
CONFIG = """
defaults = { interval = "200ms"; http = { tls = { ca_file = "%s"; }; }; };
checks = {
  fresh = { url = "http://127.0.0.1:%d/";  expect = ["json('.n') == 1"]; };
  kept  = { url = "http://127.0.0.1:%d/";  keep_alive = true; expect = ["json('.n') > 3"]; };
  ftls  = { url = "https://localhost:%d/"; ip_family = "4"; expect = ["json('.n') == 1"]; };
  ktoo  = { url = "https://localhost:%d/"; ip_family = "4"; keep_alive = true; expect = ["cert_expiry > 80d"]; };
  ktls  = { url = "https://localhost:%d/"; ip_family = "4"; keep_alive = true; expect = ["json('.n') > 3"]; };
};
"""


class KeepAlive(unittest.TestCase):
    def test_connections(self):
        with tempfile.TemporaryDirectory(prefix="relevo-e2e-") as folder:
            ca = certs.Authority(folder)
            cert, key = ca.issue("localhost")
            with Nginx(folder, SERVER % (cert, key)) as web:
                plain, tls = web.ports["http"], web.ports["https"]
                config = CONFIG % (ca.cert, plain, plain, tls, tls, tls)
                with Watch(folder, config) as watch:
                    self.look(watch)

    def look(self, watch):
        for name in ("kept", "ktls", "ktoo"):
            watch.wait_state(name, "up", "degraded")
        until("twenty results", lambda: len(
            watch.history("ftls", 20)) == 20)
        # The certificate is seen in every probe, the handshake in a few.
        for r in watch.history("ktls", 20):
            self.assertGreater(r["observations"].get("cert_expiry", 0), 0, r)
        for name in ("fresh", "ftls", "ktoo"):
            history = watch.history(name, 20)
            self.assertEqual([r["message"] for r in history
                              if r["outcome"] not in ("ok", "warn")], [])


if __name__ == "__main__":
    unittest.main()
