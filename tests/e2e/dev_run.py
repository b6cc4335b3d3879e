#!/usr/bin/python3
"""`./dev run` in a tree of its own, with the program that is built already: its
configuration is right, all that it watches comes up, its database breaks as it is
told, and a Ctrl-C ends it and every server that it has started. In a whole fresh
tree: tests/fresh.sh."""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import pg  # noqa: E402
from watch import BUILD, alive, children, until  # noqa: E402

SOURCE = os.environ.get("RELEVO_SOURCE", ".")
# Else ./dev would install them.
NEEDED = ["cmake", "ninja", "gcc", "pkg-config", "nginx", "curl", "jq", "ss",
          "redis-server", "redis-cli", "openssl", "python3"]
NAGIOS = "/usr/lib/nagios/plugins/check_disk"
LONG = os.environ.get("RELEVO_LONG") == "1"
UP = 7  # api, db, cache, gateway, live, backup, disk; publish is asked for only


def missing():
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    for name in NEEDED:
        if not shutil.which(name, path=path):
            return name
    if not pg.find():
        return "PostgreSQL"
    if not os.path.exists(NAGIOS):
        return NAGIOS
    for name in ("http", "postgres", "redis", "websocket"):
        if not os.path.exists(os.path.join(BUILD, "plugins", name + ".so")):
            return "the plugin " + name
    return None


def lines_of(path):
    with open(path, errors="replace") as f:
        return f.read()


class DevRun(unittest.TestCase):
    def setUp(self):
        lacks = missing()
        if lacks:
            self.skipTest("not here: " + lacks)
        folder = tempfile.TemporaryDirectory(prefix="relevo-dev-")
        self.addCleanup(folder.cleanup)
        self.top = os.path.realpath(folder.name)
        self.log = os.path.join(self.top, "log")
        self.control = os.path.join(self.top, "build", "run",
                                    "control.sock")
        shutil.copy(os.path.join(SOURCE, "dev"), self.top)
        for part in ("tests/lib", "runbooks"):
            shutil.copytree(os.path.join(SOURCE, part),
                            os.path.join(self.top, part))
        self.build_nothing()

    def build_nothing(self):
        """A build that is done: ninja finds no work in it."""
        release = os.path.join(self.top, "build", "release")
        os.makedirs(os.path.join(release, "plugins"))
        # Copies: the program takes the folders of its tree from where it lies.
        shutil.copy(os.path.join(BUILD, "relevo"), release)
        for name in os.listdir(os.path.join(BUILD, "plugins")):
            if name.endswith(".so"):
                shutil.copy(os.path.join(BUILD, "plugins", name),
                            os.path.join(release, "plugins"))
        for name, text in (
                ("CMakeCache.txt",
                 "# a cache\nCMAKE_HOME_DIRECTORY:INTERNAL=%s\n" % self.top),
                ("build.ninja", "build all: phony\ndefault all\n")):
            with open(os.path.join(release, name), "w") as f:
                f.write(text)

    def relevo(self, *argv):
        done = subprocess.run(
            [os.path.join(self.top, "build", "release", "relevo"), "-c",
             os.path.join(self.top, "build", "run", "relevo.cfg"), *argv],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=120)
        return done.returncode, done.stdout

    def start(self):
        with open(self.log, "ab") as log:
            process = subprocess.Popen(
                ["bash", os.path.join(self.top, "dev"), "run"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=dict(os.environ, RELEVO_WEB="127.0.0.1:0"),
                start_new_session=True, preexec_fn=lambda: signal.signal(
                    signal.SIGINT, signal.SIG_DFL))
        self.addCleanup(self.end, process)
        return process

    def end(self, process):
        if process.poll() is None:
            process.terminate()
            process.wait(60)

    def all_up(self, process):
        self.assertIsNone(process.poll(), lines_of(self.log))
        if not os.path.exists(self.control):  # else what was stored is told
            return False
        status, out = self.relevo("status")
        return status == 0 and out.count(" up ") == UP and out

    def break_the_database(self):
        """As it is told: the incident is the database's, and names the cause."""
        down = os.path.join(self.top, "build", "run", "db-down")
        with open(down, "w"):
            pass
        out = until("the incident and its cause", lambda: self.shows(
            "crashed, disk fine", "readable, restart is safe"), 60, 0.3)
        self.assertIn("crashed, disk fine", self.page())
        self.assertRegex(out, r"I-\d+  db is DOWN")
        until("the API to be its impact", lambda: re.search(
            r"(?m)^.*\bapi\b.*impacted", self.relevo("status")[1]), 60, 0.3)
        os.unlink(down)
        until("it to be well again", lambda: self.shows("has recovered"), 60, 0.3)

    def stop_the_backup(self):
        """A job that does not run is missed: 30 s later."""
        stops = os.path.join(self.top, "build", "run", "backup-stops")
        with open(stops, "w"):
            pass
        until("the backup to be missed", lambda: re.search(
            r"(?m)^.*\bbackup\b.*down.*stale", self.relevo("status")[1]), 90, 0.3)
        self.assertIn("stale", self.page())
        os.unlink(stops)

    def page(self):
        address = re.search(r"the page is at (http://\S+)", lines_of(self.log))
        with urllib.request.urlopen(address[1]) as answer:
            return answer.read().decode()

    def shows(self, *words):
        _, out = self.relevo("incident", "show")
        return all(word in out for word in words) and out

    def run_once(self, breaking=False):
        process = self.start()
        until("all to be up", lambda: self.all_up(process), 120, 0.3)
        status, out = self.relevo("config", "check", "--strict")
        self.assertEqual(status, 0, out)
        self.assertNotIn("warning", out)
        if breaking:
            self.break_the_database()
            if LONG:
                self.stop_the_backup()
        started = children(process.pid)
        names = " ".join(lines_of("/proc/%d/comm" % pid) for pid in started)
        for name in ("nginx", "postgres", "redis-server", "python3", "relevo"):
            self.assertIn(name, names)
        os.killpg(process.pid, signal.SIGINT)  # as the terminal does
        self.assertEqual(process.wait(120), 0, lines_of(self.log))
        until("all that was started to be gone", lambda: not [
            pid for pid in started if alive(pid)])

    def test_it_breaks_and_a_ctrl_c_ends_all_of_it(self):
        self.run_once(breaking=True)
        self.run_once()  # with the configuration of the first time


if __name__ == "__main__":
    unittest.main()
