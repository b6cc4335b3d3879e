#!/usr/bin/python3
"""plugins/example/async/memcached.c, built as docs/plugins.md says: each way a
peer can fail ends as the right fault, and it keeps its contracts. What that page
says of building and trying one can be typed as it stands."""
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from peer import Peer  # noqa: E402
from watch import PROGRAM, Watch, until  # noqa: E402

ROOT = os.environ.get("RELEVO_SOURCE", ".")
SOURCE = os.path.join(ROOT, "plugins/example/async/memcached.c")
VERSION = b"VERSION 1.6.18\r\n"


def asked(conn):
    conn.sock.settimeout(10)
    assert conn.sock.recv(100) == b"version\r\n"


def says(*pieces):
    def script(conn):
        asked(conn)
        for piece in pieces:
            conn.send(piece)
            conn.sleep(0.02)
        conn.sleep(30)
    return script


def dripping(conn):
    asked(conn)
    conn.drip(VERSION, 0.01)
    conn.sleep(30)


def build(source, plugin):
    subprocess.run(
        [*shlex.split(os.environ.get("CC", "cc")), "-std=c11", "-D_GNU_SOURCE",
         "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers",
         "-shared", "-fPIC", "-fvisibility=hidden",
         "-I", os.path.join(ROOT, "include"), "-o", plugin, source], check=True)


class ExampleAsync(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="relevo-async-")
        cls.plugin = os.path.join(cls.temporary.name, "memcached.so")
        build(SOURCE, cls.plugin)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def relevo(self, *words):
        env = dict(os.environ, RELEVO_STATE_DIR=self.temporary.name)
        env.pop("RELEVO_CONFIG", None)
        return subprocess.run(
            [os.path.abspath(PROGRAM), *words], cwd=self.temporary.name,
            env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=120)

    def probe(self, port, timeout="5s", host="127.0.0.1"):
        config = os.path.join(self.temporary.name, "relevo.cfg")
        with open(config, "w") as f:
            f.write('plugin_dir = "."; checks = { it = { plugin = "memcached";'
                    ' host = "%s"; port = %d; timeout = "%s"; }; };\n' %
                    (host, port, timeout))
        done = self.relevo("-c", config, "check", "it", "--json")
        self.assertIn(done.returncode, (0, 1), done.stderr)
        return json.loads(done.stdout)

    def ends_as(self, fault, script, **options):
        with Peer(script) as peer:
            self.assertEqual(self.probe(peer.port, **options)["fault"], fault)

    def test_an_answer_whole_and_in_pieces(self):
        for script in (says(VERSION), says(b"VERS", b"ION 1.6.18\r", b"\n"),
                       dripping):
            with Peer(script) as peer:
                result = self.probe(peer.port)
                self.assertEqual(result["observations"]["version"], "1.6.18")
                self.assertGreater(result["observations"]["latency"], 0)

    def test_the_next_address_of_a_name(self):
        """localhost may be ::1 first, where nobody listens."""
        with Peer(says(VERSION)) as peer:
            result = self.probe(peer.port, host="localhost")
            self.assertEqual(result["outcome"], "ok", result)

    def test_every_fault(self):
        self.ends_as("protocol", says(b"\0\1\2garbage\r\n"))
        self.ends_as("protocol", says(b"VERSION " + b"x" * 1000))
        self.ends_as("closed", asked)
        self.ends_as("timeout", says(b"VERSION 1.6"), timeout="300ms")
        with Peer(asked) as peer:
            port = peer.port
        self.assertEqual(self.probe(port)["fault"], "refused")
        self.assertEqual(self.probe(1, host="no.such.invalid")["fault"], "dns")

    def test_it_keeps_its_contracts(self):
        done = self.relevo("plugin", "test", self.plugin, "--timeout", "300ms",
                           "--set", "host={target.host}", "--set",
                           "port={target.port}")
        text = done.stdout.decode()
        self.assertEqual(done.returncode, 0, text + done.stderr.decode())
        self.assertIn("refused; 31 more, 0 good, else timeout", text)

    def test_the_page_can_be_typed(self):
        with open(os.path.join(ROOT, "docs/plugins.md")) as f:
            section = f.read().split("\n## 2. ")[1].split("\n## ")[0]
        commands, config, more = re.findall(r"^```\n(.*?)^```$", section,
                                            re.S | re.M)[:3]
        more = "".join(line for line in more.splitlines(True)
                       if not line.startswith("RELEVO_WEB"))  # stays
        with tempfile.TemporaryDirectory(prefix="relevo-page-") as folder:
            os.makedirs(os.path.join(folder, "build"))
            for name in ("include", "plugins"):
                os.symlink(os.path.abspath(os.path.join(ROOT, name)),
                           os.path.join(folder, name))
            os.symlink(os.path.dirname(os.path.abspath(PROGRAM)),
                       os.path.join(folder, "build/release"))
            with open(os.path.join(folder, "relevo.cfg"), "w") as f:
                f.write(config)
            env = dict(os.environ, RELEVO_STATE_DIR=folder + "/try")
            env.pop("RELEVO_CONFIG", None)
            done = subprocess.run(
                ["sh", "-ec", commands + more], cwd=folder, env=env,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, timeout=120)
        text = done.stdout.decode()
        self.assertEqual(done.returncode, 0, text + done.stderr.decode())
        self.assertIn("hosts  ok", text)
        self.assertEqual(done.stderr, b"")

    def test_a_reload_takes_what_was_built_anew(self):
        """What changed is the code alone, not a line of the configuration."""
        with tempfile.TemporaryDirectory(prefix="relevo-anew-") as folder, \
                Peer(says(b"garbage\r\n")) as peer:
            source = os.path.join(folder, "mine.c")
            plugin = os.path.join(folder, "memcached.so")
            build(SOURCE, plugin)
            with open(SOURCE) as f, open(source, "w") as to:
                to.write(f.read().replace("RLV_F_PROTOCOL", "RLV_F_OVERLOADED"))
            with Watch(folder, 'plugin_dir = "."; checks = { it = { plugin = '
                       '"memcached"; port = %d; interval = "200ms"; timeout = '
                       '"150ms"; }; };' % peer.port) as watch:
                def fault():
                    return watch.history("it", 1)[0]["fault"]
                watch.wait_state("it", "down")
                self.assertEqual(fault(), "protocol")
                build(source, plugin)
                watch.run("reload")
                until("the new code", lambda: fault() == "overloaded")
                self.assertEqual(len(watch.incidents()), 1)

    def test_an_address_is_no_port(self):
        done = self.relevo("plugin", "test", self.plugin, "--set",
                           "port={target}")
        self.assertEqual(done.returncode, 2)
        self.assertIn("is not a whole number", done.stderr.decode())


if __name__ == "__main__":
    unittest.main()
