#!/usr/bin/python3
"""What a plugin cannot do from its worker: read or change Relevo's history, its
configuration or other checks' secrets, trace or signal main, have a privilege
or gain one. And what still works: names, certificates, files that an option
names, also when they come later. Without Landlock in the kernel all goes on,
and the log says so once."""
import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from hostile import Hostile  # noqa: E402
from peer import Peer  # noqa: E402
from watch import PROGRAM, Watch, children, until  # noqa: E402

CA_STORE = "/etc/ssl/certs/ca-certificates.crt"
CREATE_RULESET = 444  # landlock_create_ruleset; the same on every machine
VERSION = 1

# Takes Landlock away from a program: the system call is not there.
WITHOUT = """#!/usr/bin/python3
import ctypes, os, struct, sys
code = b"".join(struct.pack("HBBI", *i) for i in (
    (0x20, 0, 0, 0), (0x15, 0, 1, %d), (0x06, 0, 0, 0x00050000 | 38),
    (0x06, 0, 0, 0x7fff0000)))
buffer = ctypes.create_string_buffer(code)
program = struct.pack("HxxxxxxQ", 4, ctypes.addressof(buffer))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program) == 0
os.execv(%r, [%r] + sys.argv[1:])
"""

# Runs a program where /etc is another folder, and finds its configuration there.
OTHER_ETC = """#!/bin/sh
shift 2
exec unshare -m sh -c 'mount --bind "$0" /etc && exec "$@"' %s %s \\
    -c /etc/relevo.cfg "$@"
"""


def landlock():
    return max(0, ctypes.CDLL(None).syscall(CREATE_RULESET, None, 0, VERSION))


def answer(conn):
    conn.read_request()
    conn.reply(body=b"well")


class PluginConfined(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="relevo-e2e-")
        self.folder = self.temporary.name
        os.chmod(self.folder, 0o755)
        self.hostile = Hostile(self.folder).make("snoop", source="snoop")

    def tearDown(self):
        self.temporary.cleanup()

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text, mode=0o600):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w") as f:
            f.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def config(self, checks, more=""):
        lines = "".join(
            '  %s = { plugin = "snoop"; act = "%s"; path = "%s"; };\n'
            % (name, act, path) for name, (act, path) in checks.items())
        return self.hostile.config() + more + """
workers = 1;
defaults = { interval = "300ms"; };
checks = {
%s};
""" % lines

    def answers(self, watch, names):
        def look():
            found = {}
            for name in names:
                history = watch.history(name, 1)
                if not history:
                    return None
                found[name] = history[0]["observations"].get("answer")
            return found
        return until("all answers", look)

    def watch(self, checks, more="", **options):
        return Watch(self.folder, self.config(checks, more), **options)

    # ------------------------------------------------------------- files ---

    @unittest.skipUnless(landlock() > 0, "the kernel has no Landlock")
    def test_files(self):
        other = self.write("keys/other.secret", "value-of-another")
        own = self.write("keys/own.pem", "certificate")
        extra = self.write("conf.d/more.cfg", "# nothing\n")
        included = self.write("etc/included", "# nothing\n")
        hidden = {"history": ("read", self.path("state/history.db")),
                  "wal": ("read", self.path("state/history.db-wal")),
                  "log": ("write", self.path("state/history.db-wal")),
                  "removed": ("remove", self.path("state/history.db")),
                  "made": ("write", self.path("state/new")),
                  "config": ("read", self.path("relevo.cfg")),
                  "folder": ("read", extra),
                  "included": ("read", included),
                  "secret": ("read", other),
                  "unlinked": ("remove", other),
                  "environ": ("read", "/proc/PARENT/environ"),
                  "memory": ("read", "/proc/PARENT/mem")}
        seen = {"own": ("read", own), "hosts": ("read", "/etc/hosts"),
                "roots": ("read", CA_STORE)}
        secret = '@include "%s"\nvars = { s = { file = "%s"; }; };\n' % (
            included, other)
        with self.watch({**hidden, **seen}, secret) as watch:
            found = self.answers(watch, [*hidden, *seen])
            self.assertEqual({found[n] for n in hidden}, {"EACCES"}, found)
            self.assertEqual({found[n] for n in seen}, {"done"}, found)
            self.assertNotIn("Landlock", watch.log())
        self.assertTrue(os.path.exists(other))

    @unittest.skipUnless(landlock() > 0, "the kernel has no Landlock")
    def test_a_file_that_a_reload_brings(self):
        """It lies beside the configuration, in a folder that was taken apart
        before it was there: the worker is replaced, and sees it."""
        with self.watch({"own": ("read", "/etc/hosts")}) as watch:
            self.answers(watch, ["own"])
            new = self.write("new.pem", "certificate")
            watch.write(self.config({"own": ("read", new)}))
            self.assertEqual(watch.run("reload")[0], 0)
            until("the file to be read", lambda: watch.history("own", 1)[0][
                "observations"].get("answer") == "done" and
                "new.pem may be newer" in watch.log())
            self.assertEqual(watch.log().count("may be newer"), 1)

    # -------------------------------------------------------- privileges ---

    def test_rights(self):
        tool = self.path("id")
        shutil.copy("/usr/bin/id", tool)
        os.chmod(tool, 0o4755)
        checks = {"rights": ("run", "grep -E '^(Cap|NoNewPrivs)' "
                             "/proc/self/status"),
                  "effective": ("run", tool + " -u"),
                  "limits": ("run", "ulimit -c"),
                  "trace": ("trace", "")}
        more, user = "", str(os.getuid())
        if os.getuid() == 0:
            more, user = 'user = "nobody";\n', "65534"
        with self.watch(checks, more) as watch:
            found = self.answers(watch, checks)
        sets = dict(zip(found["rights"].split()[::2],
                        found["rights"].split()[1::2]))
        self.assertEqual(sets.pop("NoNewPrivs:"), "1")
        if os.getuid() != 0 or more:
            sets.pop("CapBnd:")  # whoever is not root may not lower it
        self.assertEqual({int(v, 16) for v in sets.values()}, {0}, sets)
        self.assertEqual(found["effective"].strip(), user)
        self.assertEqual(found["limits"].strip(), "0")
        self.assertEqual(found["trace"], "EPERM")

    @unittest.skipUnless(os.getuid() == 0, "needs root")
    def test_a_worker_of_root_has_no_capability_either(self):
        checks = {"rights": ("run", "grep ^Cap /proc/self/status"),
                  "shadow": ("run", "chown 1 %s 2>&1 || true"
                             % self.write("mine", ""))}
        with self.watch(checks) as watch:
            found = self.answers(watch, checks)
        sets = found["rights"].split()[1::2]
        self.assertEqual({int(v, 16) for v in sets}, {0}, sets)
        self.assertIn("not permitted", found["shadow"])

    @unittest.skipUnless(landlock() >= 6, "the kernel's Landlock is older")
    def test_it_cannot_signal_main(self):
        with self.watch({"signal": ("signal", "")}) as watch:
            self.assertEqual(self.answers(watch, ["signal"])["signal"], "EPERM")

    # ------------------------------------------------------------- names ---

    @unittest.skipUnless(os.getuid() == 0 and landlock() > 0,
                         "needs root and Landlock")
    def test_a_new_hosts_file_is_seen(self):
        """The configuration lies in /etc, so /etc is taken apart; then
        /etc/hosts is replaced, as tools that write it do."""
        etc = self.path("etc")
        subprocess.run(["cp", "-a", "/etc/.", etc], check=True)
        run = self.write("run", OTHER_ETC % (etc, os.path.abspath(PROGRAM)),
                         0o755)
        with Peer(answer) as peer:
            watch = Watch(self.folder, "", program=run)
            watch.config = os.path.join(etc, "relevo.cfg")
            watch.write(self.config({"config": ("read", "/etc/relevo.cfg")})
                        .replace("checks = {", """checks = {
  web = { url = "http://relief.test:%d/"; };""" % peer.port))
            with watch:
                found = self.answers(watch, ["config"])
                self.assertEqual(found["config"], "EACCES")
                watch.wait_state("web", "suspect", "down", "unknown")
                self.assertEqual(watch.history("web", 1)[0]["fault"], "dns")
                new = self.write("etc/hosts.new",
                                 "127.0.0.1 localhost relief.test\n", 0o644)
                os.rename(new, os.path.join(etc, "hosts"))
                watch.wait_state("web", "up")
                self.assertIn("/etc/hosts is newer", watch.log())
                self.assertEqual(watch.log().count("ended by Relevo"), 1)

    # ----------------------------------------------------- no Landlock ---

    def test_without_landlock_it_goes_on_and_says_so(self):
        program = os.path.abspath(PROGRAM)
        run = self.write("run", WITHOUT % (CREATE_RULESET, program, program),
                         0o755)
        with self.watch({"config": ("read", self.path("relevo.cfg"))},
                        program=run) as watch:
            found = self.answers(watch, ["config"])
            self.assertEqual(found["config"], "done")
            self.assertEqual(watch.log().count("no Landlock"), 1, watch.log())
            self.assertEqual(watch.json("version")["landlock"], 0)

    # ------------------------------------------------------------ output ---

    def test_what_it_prints(self):
        """Secrets are blotted out, nothing raw reaches a terminal, and each
        line says who printed it."""
        secret = "CaNaRyStdErr0123456789"
        checks = {"print": ("print", "${s}")}
        with self.watch(checks, 'vars = { s = { env = "SNOOP"; }; };\n',
                        env={"SNOOP": secret}) as watch:
            self.answers(watch, checks)
            until("its line", lambda: "it is [secret]!" in watch.log())
            self.assertGreater(len(children(watch.process.pid)), 1)
            _, out, err = watch.run("check", "print", "--local", "--trace",
                                    check=False)
            self.assertIn("it is [secret]!", err)
        log = watch.log() + out + err
        self.assertIn("vet: printed: so it is [secret]", log)
        self.assertNotIn(secret, log)
        self.assertNotIn("\x1b", log)
        self.assertRegex(log, "worker 1: printed: it is \\[secret\\]!")


if __name__ == "__main__":
    unittest.main()
