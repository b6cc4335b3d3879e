#!/usr/bin/python3
"""Passwords and tokens that stand in a URL, in a configuration or on the
command line: they work, and are found in no output and in no file, though the
servers say them back, decoded and in base64 too."""
import base64
import os
import random
import re
import subprocess
import sys
import tempfile
import unittest
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import redis_server  # noqa: E402
from canary import Canaries, canary  # noqa: E402
from peer import Peer  # noqa: E402
from watch import BUILD, Watch  # noqa: E402

CONFIG = """
defaults = { interval = "400ms"; retry_interval = "100ms"; failure_threshold = 2; };
checks = { web = { url = "%s"; }; %s };
"""


class UrlSecrets(Canaries, unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="relevo-e2e-")
        self.folder = os.path.join(self.temporary.name, "relevo")
        os.mkdir(self.folder)
        letters = random.Random(7)
        self.secrets = {"password": canary(letters, 1) + "/@:#%&e",
                        "token": canary(letters, 2) + "/+x",
                        "wrong": canary(letters, 3)}
        self.found, self.requests = [], []
        self.peer = Peer(self.echo)
        self.web = "http://user:%s@127.0.0.1:%d/a?access_token=%s&b=c" % (
            self.quoted("password"), self.peer.port, self.quoted("token"))
        self.redis = None
        if redis_server.find() and os.path.exists(
                os.path.join(BUILD, "plugins", "redis.so")):
            self.redis = redis_server.Redis(
                self.temporary.name, "requirepass " + self.secrets["password"])
            self.redis.__enter__()

    def tearDown(self):
        if self.redis:
            self.redis.__exit__(None, None, None)
        self.peer.__exit__(None, None, None)
        self.temporary.cleanup()

    def quoted(self, place):
        return urllib.parse.quote(self.secrets[place], safe="")

    def redis_url(self, password):
        return "redis://:%s@127.0.0.1:%d/0" % (password, self.redis.port)

    def echo(self, conn):
        request = conn.read_request().decode()
        self.requests.append(request)
        conn.reply("503 no", "\n".join(
            [request, self.secrets["password"], self.quoted("password"),
             self.secrets["token"]]).encode())

    def run_it(self, *argv, env=None):
        done = subprocess.run(
            [os.path.join(BUILD, "relevo"), *argv], text=True, timeout=120,
            cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=dict(os.environ, RELEVO_STATE_DIR=self.folder + "/none",
                     **(env or {})))
        self.look_through(" ".join(argv[:1] + argv[2:]), done.stdout)
        return done.returncode, done.stdout

    def test_the_command_line(self):
        for more in ([], ["--json"], ["--trace"],
                     ["--expect", "body contains 'x'"]):
            status, out = self.run_it("check", self.web, *more)
            self.assertEqual(status, 1, out)
            self.assertIn("http://user:***@127.0.0.1:%d/a?access_token=***&b=c"
                          % self.peer.port, out)
        self.assertIn("/a?access_token=%s&b=c" % self.quoted("token"),
                      self.requests[0])
        self.assertIn(base64.b64encode(
            ("user:" + self.secrets["password"]).encode()).decode(),
            self.requests[0])
        for url in (self.web.replace(":%d/" % self.peer.port, ":99999/"),
                    "http://:%s/x@h/" % self.secrets["wrong"],
                    "nothing://:%s@h/" % self.secrets["wrong"],
                    "http://u:%s@h h/" % self.secrets["wrong"]):
            status, out = self.run_it("check", url)
            self.assertEqual(status, 2, out)
        self.nothing_was_found()

    def test_redis_on_the_command_line(self):
        if not self.redis:
            self.skipTest("no redis-server, or no redis plugin")
        right = self.redis_url(self.quoted("password"))
        for more in ([], ["--json"], ["--trace"]):
            status, out = self.run_it("check", right, *more)
            self.assertEqual(status, 0, out)
            self.assertIn("redis://:***@127.0.0.1:", out)
        status, out = self.run_it("check", self.redis_url(
            self.secrets["wrong"]))
        self.assertEqual(status, 1, out)
        self.assertIn("WRONGPASS", out)
        self.nothing_was_found()

    def test_what_is_offered_as_a_check_is_one(self):
        _, out = self.run_it("check", self.web)
        offered = out.split("in relevo.cfg:\n")[1]
        name = re.search(r"as the value of (\w+)", offered).group(1)
        path = os.path.join(self.folder, "offered.cfg")
        with open(path, "w") as f:
            f.write(offered.split("  with this URL")[0])
        status, out = self.run_it("-c", path, "config", "check", "--strict",
                                  env={name: self.web})
        self.assertEqual(status, 0, out)

    def test_a_first_configuration(self):
        status, out = self.run_it("init", self.web)
        self.assertEqual(status, 0, out)
        self.look_through_files(self.folder)
        _, out = self.run_it("init", "http://h/?api_key=" +
                             self.secrets["token"], env={
                                 "RELEVO_CONFIG": self.folder + "/b.cfg"})
        self.assertIn("set the variable H_URL to it", out)
        self.look_through_files(self.folder)
        self.nothing_was_found()

    def test_a_configuration(self):
        redis = self.redis and 'redis = { url = "%s"; };' % self.redis_url(
            self.quoted("password"))
        with Watch(self.folder, CONFIG % (self.web, redis or "")) as watch:
            self.files = {watch.config}
            watch.wait_state("web", "down")
            if redis:
                watch.wait_state("redis", "up")
            for argv in (["status"], ["incident", "show"], ["config", "show"],
                         ["incident", "show", "--format", "markdown"],
                         ["history", "web"], ["check", "web"],
                         ["check", "web", "--local", "--trace"],
                         ["report", "handover"], ["test"],
                         ["test", "--format", "markdown"],
                         ["test", "--format", "junit"]):
                _, out, err = watch.run(*argv, check=False)
                self.assertNotEqual(out, "", err)
                self.look_through(" ".join(argv), out + err)
                if "--format" not in argv:
                    _, out, err = watch.run(*argv, "--json", check=False)
                    self.look_through(" ".join(argv) + " --json", out + err)
            self.look_through_files(self.folder)
        self.look_through_files(self.folder)
        self.nothing_was_found()


if __name__ == "__main__":
    unittest.main()
