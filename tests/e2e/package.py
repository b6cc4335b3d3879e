#!/usr/bin/python3
"""`cmake --install` into a folder, `cpack -G DEB`, lintian without errors, the
package unpacked by dpkg into a root of its own, its maintainer scripts, what is
in it, and that the program finds its plugins and runbooks there. The units
pass systemd's own judgement. A whole Debian that installs it: tests/fresh.sh.
"""
import glob
import os
import re
import shutil
import subprocess
import tempfile
import unittest

BUILD = os.path.abspath(os.environ["RELEVO_BUILD"])
SOURCE = os.path.abspath(os.environ["RELEVO_SOURCE"])
UNITS = os.path.join(SOURCE, "packaging")


def run(*argv, **kw):
    return subprocess.run(argv, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=250, **kw)


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            raise unittest.SkipTest("%s is not here" % program)


class Folder(unittest.TestCase):
    def setUp(self):
        temp = tempfile.TemporaryDirectory(prefix="relevo-package-")
        self.addCleanup(temp.cleanup)
        self.root = temp.name
        # Else neither plugins nor scripts below it would be trusted.
        os.chmod(self.root, 0o755)

    def good(self, *argv, **kw):
        done = run(*argv, **kw)
        self.assertEqual(done.returncode, 0, "%s\n%s" % (argv, done.stdout))
        return done.stdout

    def path(self, *names):
        return os.path.join(self.root, *names)

    def works(self, prefix):
        """The program in there knows its own plugins and runbooks."""
        relevo = os.path.join(prefix, "bin/relevo")
        self.assertIn("http", self.good(relevo, "plugin", "list"))
        config = self.path("t.cfg")
        with open(config, "w") as f:
            f.write('checks = { a = { url = "http://127.0.0.1:1/"; }; };\n'
                    'runbooks = { d = { script = "http/diagnose"; }; };\n'
                    'state_dir = "%s";\n' % self.path("state"))
        self.good(relevo, "-c", config, "config", "check", "--strict")
        self.assertIn(os.path.realpath(prefix) + "/share/relevo/runbooks",
                      os.path.realpath(re.search(
                          r"(/\S+runbooks/http/diagnose)",
                          self.good(relevo, "-c", config, "config", "show"))
                          .group(1)))


class Installed(Folder):
    def test_below_a_prefix(self):
        prefix = self.path("opt")
        self.good("cmake", "--install", BUILD, "--prefix", prefix)
        self.works(prefix)
        with open(os.path.join(
                prefix, "lib/systemd/system/relevo.service")) as f:
            self.assertIn("ExecStart=%s/bin/relevo " % prefix, f.read())
        for name in ("share/man/man1/relevo.1.gz", "include/relevo/plugin.h",
                     "share/bash-completion/completions/relevo"):
            self.assertTrue(os.path.isfile(os.path.join(prefix, name)), name)
        self.assertFalse(os.path.exists(os.path.join(prefix, "etc")))

    def test_with_a_destdir_and_a_careless_umask(self):
        env = dict(os.environ, DESTDIR=self.root)
        self.good("sh", "-c", "umask 0; exec cmake --install %s --prefix /usr"
                  % BUILD, env=env)
        self.works(self.path("usr"))
        with open(self.path("usr/lib/systemd/system/relevo.service")) as f:
            self.assertIn("ExecStart=/usr/bin/relevo ", f.read())


class Made(Folder):
    """Made from the table of commands: they know each of them."""

    def commands(self):
        lines = self.good(os.path.join(BUILD, "relevo"), "help").splitlines()
        return [m.group(1) for m in
                (re.match(r"  ([a-z]+( [a-z]+)?)( |$)", line)
                 for line in lines) if m]

    def test_manual(self):
        page = self.good(os.path.join(BUILD, "relevo"), "help", "--man")
        self.assertGreater(len(self.commands()), 30)
        for command in self.commands():
            self.assertIn('.SS "relevo %s"' % command, page)
        if shutil.which("man"):
            with open(self.path("relevo.1"), "w") as f:
                f.write(page)
            told = self.good("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8",
                             "-Z", self.path("relevo.1"),
                             env=dict(os.environ, LC_ALL="C.UTF-8",
                                      MANROFFSEQ="", MANWIDTH="80"))
            self.assertNotIn("warning", told)

    def complete(self, *words):
        relevo = os.path.join(BUILD, "relevo")
        return self.good("bash", "-c", '''
            set -u; . <("$1" completion bash); shift
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _relevo
            printf "%s\\n" "${COMPREPLY[@]}"''', "bash", relevo,
                         *words).split()

    def test_completion(self):
        for command in self.commands():
            first, _, second = command.partition(" ")
            self.assertIn(first, self.complete("relevo", first[:2]))
            if second:
                self.assertIn(second, self.complete("relevo", first, ""))
        self.assertEqual(self.complete("relevo", "-c", "run", "incident",
                                       "show", "--form"), ["--format"])
        self.assertEqual(self.complete("relevo", "run", "--qu"), ["--quiet"])
        self.assertEqual(self.complete("relevo", "status", "--qu"), [])

    def test_unknown_shell(self):
        done = run(os.path.join(BUILD, "relevo"), "completion", "fish")
        self.assertEqual(done.returncode, 2)


class Package(Folder):
    def pack(self):
        need("cpack", "dpkg-deb", "dpkg-shlibdeps")
        self.good("cpack", "--config", os.path.join(BUILD, "CPackConfig.cmake"),
                  "-G", "DEB", "-B", self.path("pack"))
        return glob.glob(self.path("pack", "*.deb"))[0]

    def test_package(self):
        deb = self.pack()
        field = lambda name: self.good("dpkg-deb", "-f", deb, name)
        for library in ("libuv1", "libsqlite3-0", "libcurl4", "libhiredis0.14", "libwslay1",
                        "adduser"):
            self.assertIn(library, field("Depends"))
        listing = self.good("dpkg-deb", "-c", deb)
        self.assertRegex(listing, r"-rw-r----- root/root .* ./etc/relevo/rel")
        self.assertNotIn("usr/local", listing)
        self.good("dpkg-deb", "-x", deb, self.path("tree"))
        self.good("dpkg-deb", "-e", deb, self.path("control"))
        with open(self.path("control", "conffiles")) as f:
            self.assertEqual(f.read(), "/etc/relevo/relevo.cfg\n")
        self.works(self.path("tree/usr"))
        self.good(self.path("tree/usr/bin/relevo"), "-c",
                  self.path("tree/etc/relevo/relevo.cfg"), "config", "check")
        for script in ("postinst", "prerm", "postrm"):
            self.good("sh", "-n", self.path("control", script))
        if shutil.which("lintian"):
            # With sanitizers a program needs what a package may not.
            told = run("lintian", "--allow-root", "--fail-on", "error",
                       "--suppress-tags", "embedded-library", deb)
            self.assertEqual(told.returncode, 0, told.stdout)


class Units(Folder):
    def test_judgement(self):
        need("systemd-analyze")
        told = self.good("systemd-analyze", "security", "--offline=true",
                         os.path.join(UNITS, "relevo.service"))
        score = float(re.search(r"Overall exposure level .*: ([0-9.]+)",
                                told).group(1))
        self.assertLessEqual(score, 2.0)
        # Of the program that is here, as theirs need not be installed.
        for unit in self.units(UNITS):
            with open(unit) as f, \
                    open(self.path(os.path.basename(unit)), "w") as out:
                out.write(f.read().replace(
                    "/usr/bin/relevo", os.path.join(BUILD, "relevo")))
        self.assertEqual(len(self.units(self.root)), 3)
        for unit in self.units(self.root):
            told = self.good("systemd-analyze", "verify", "--man=no", unit)
            self.assertEqual(told.strip(), "")

    def units(self, folder):
        return [os.path.join(folder, name) for name in sorted(
            os.listdir(folder)) if name.endswith((".service", ".socket"))]


if __name__ == "__main__":
    unittest.main()
