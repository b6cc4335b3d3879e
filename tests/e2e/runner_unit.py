#!/usr/bin/python3
"""The runner as a unit of its own: main, without root, connects to the socket
that a service manager made; scripts run as the user that the runbook names, and
only what the unit allows. Runner or main may die in any order; one of another
version gets no orders. Needs root, for there is none to become otherwise."""
import os
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from watch import BUILD, Watch, alive, until  # noqa: E402

DAEMON = pwd.getpwnam("nobody")
OTHER = pwd.getpwnam("daemon")

CONFIG = """
runner = "%(socket)s";
defaults = { interval = "1s"; timeout = "1s"; };
checks = { a = { url = "http://127.0.0.1:1/"; failure_threshold = 1; }; };
runbooks = { d = { script = "%(script)s"; cooldown = "1s"; %(more)s };
             slow = { script = "%(slow)s"; cooldown = "1s"; }; };
"""

SCRIPT = """#!/bin/sh
# kind: diagnose
printf '{"t":"finding","sev":"info","code":"who","title":"%s"}\\n' \
    "$(id -un) $PATH $HOME ${LD_PRELOAD-none}" >&3
"""

SLOW = "#!/bin/sh\n# kind: diagnose\nsleep 5\n"


class Daemon(Watch):
    """Started as root it becomes the other user; it needs no root, though:
    what it had is gone before it connects to anything."""

    def start(self):
        self.env["HOME"] = "/"
        return super().start()


class RunnerUnit(unittest.TestCase):
    def setUp(self):
        temp = tempfile.TemporaryDirectory(prefix="relevo-unit-")
        self.addCleanup(temp.cleanup)
        self.folder = temp.name
        os.chmod(self.folder, 0o755)
        self.scripts = os.path.join(self.folder, "allowed")
        os.mkdir(self.scripts, 0o755)
        self.script = self.write("allowed/look", SCRIPT)
        self.slow = self.write("allowed/slow", SLOW)
        self.path = os.path.join(self.folder, "runner.sock")
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(self.path)
        os.chmod(self.path, 0o666)
        self.listener.listen(8)
        self.addCleanup(self.listener.close)
        self.runner = None
        self.addCleanup(self.stop_runner)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, 0o755)
        return path

    def start_runner(self, *more):
        listener = self.listener.fileno()
        argv = [os.path.join(BUILD, "relevo"), "runner", "--daemon",
                DAEMON.pw_name, "--runs", os.path.join(self.folder,
                                                       "state", "runs"),
                "--scripts", self.scripts, *more]
        shell = 'export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@" 3<&%d' % listener
        self.log = open(os.path.join(self.folder, "runner.log"), "ab")
        self.runner = subprocess.Popen(
            ["bash", "-c", shell, "bash", *argv], stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=self.log, pass_fds=(listener,))

    def stop_runner(self, number=signal.SIGTERM):
        if self.runner is None:
            return None
        self.runner.send_signal(number)
        code = self.runner.wait(60)
        self.log.close()
        self.runner = None
        return code

    def watch(self, script=None, more=""):
        return Daemon(self.folder, 'user = "%s";' % DAEMON.pw_name + CONFIG % {
            "socket": self.path, "script": script or self.script,
            "slow": self.slow, "more": more})

    def run_by_hand(self, watch, runbook="d"):
        before = len(watch.json("runbook", "log"))
        watch.run("runbook", "run", runbook, "--check", "a")

        def ended():
            runs = [r for r in watch.json("runbook", "log")
                    if r["runbook"] == runbook and r["ended"]]
            return len(watch.json("runbook", "log")) > before and runs
        return until("the run to end", ended, 60)[0]

    def title(self, run):
        return run["findings"][0]["title"] if run["findings"] else run

    def test_as_the_daemons_user(self):
        self.start_runner()
        with self.watch() as watch:
            self.assertEqual(
                self.title(self.run_by_hand(watch)),
                "%s /usr/sbin:/usr/bin:/sbin:/bin %s none"
                % (DAEMON.pw_name, DAEMON.pw_dir))
            self.assertTrue(alive(self.runner.pid))

    def test_as_another_user(self):
        self.start_runner("--user", OTHER.pw_name)
        with self.watch(more='user = "%s";' % OTHER.pw_name) as watch:
            self.assertIn(OTHER.pw_name, self.title(self.run_by_hand(watch)))

    def refused(self, watch, why):
        run = self.run_by_hand(watch)
        self.assertEqual(run["findings"], [])
        self.assertIn(why, str(run))

    def test_a_user_that_is_not_allowed(self):
        self.start_runner()
        with self.watch(more='user = "root";') as watch:
            self.refused(watch, 'does not allow the user')

    def test_a_script_elsewhere(self):
        elsewhere = self.write("elsewhere", SCRIPT)
        self.start_runner()
        with self.watch(script=elsewhere) as watch:
            self.refused(watch, "no folder that relevo-runner.service allows")

    def test_a_script_of_the_daemons_user(self):
        os.chown(self.script, DAEMON.pw_uid, DAEMON.pw_gid)
        self.start_runner()
        with self.watch() as watch:
            self.refused(watch, "belongs to uid")

    def test_the_runner_comes_late_and_goes(self):
        with self.watch() as watch:
            self.start_runner()
            self.run_by_hand(watch)
            self.stop_runner(signal.SIGKILL)
            self.start_runner()
            self.run_by_hand(watch)
            self.assertEqual(self.stop_runner(), 0)

    def test_a_socket_that_is_not_there(self):
        trouble = "relevo:resources:runner"
        names = lambda: [t["name"] for t in watch.troubles()]
        os.rename(self.path, self.path + ".away")
        with self.watch() as watch:
            until("the trouble", lambda: names() == [trouble], 60)
            os.rename(self.path + ".away", self.path)
            self.start_runner()
            until("the trouble to be over", lambda: names() == [], 60)
            self.run_by_hand(watch)

    def test_main_goes(self):
        self.start_runner()
        with self.watch() as watch:
            watch.run("runbook", "run", "slow", "--check", "a")
            begun = until("a run", lambda: [
                r["id"] for r in watch.json("runbook", "log")
                if r["runbook"] == "slow" and r["started"]
                and not r["ended"]], 60)[0]
            watch.process.kill()
            watch.process.wait()
            watch.start()
            run = until("its end", lambda: [
                r for r in watch.json("runbook", "log")
                if r["id"] == begun and r["ended"]], 60)[0]
            self.assertEqual(run["exit"], 0)
            self.run_by_hand(watch)

    def test_a_stranger(self):
        self.start_runner()
        code = ('import os, socket; os.setgid(%d); os.setuid(%d)\n'
                's = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n'
                's.connect(%r); print(s.recv(100))'
                % (OTHER.pw_gid, OTHER.pw_uid, self.path))
        done = subprocess.run([sys.executable, "-c", code], timeout=60,
                              stdout=subprocess.PIPE, text=True)
        self.assertEqual(done.stdout, "b''\n")

    def greet(self, version):
        """A stand-in's hello, MSG_HELLO with a text; it is hung up on."""
        peer, _ = self.listener.accept()
        payload = struct.pack("<I", len(version)) + version
        peer.send(struct.pack("<HHII", 25, 0, 0, len(payload)) + payload)
        peer.settimeout(60)
        self.assertEqual(peer.recv(100), b"")
        peer.close()

    def test_another_version(self):
        self.listener.settimeout(60)
        with self.watch() as watch:
            def trouble():
                self.greet(b"0.0.9")
                return watch.troubles()
            told = until("the trouble", trouble, 60)
            self.assertEqual([t["name"] for t in told],
                             ["relevo:resources:runner"])
            self.assertIn("it is Relevo 0.0.9", str(told))
            self.assertIn("it is Relevo 0.0.9", watch.log())
            self.listener.setblocking(True)  # the same description: the runner's
            self.start_runner()
            until("the trouble to be over", lambda: not watch.troubles(), 60)
            self.run_by_hand(watch)

    def test_without_a_socket(self):
        done = subprocess.run(
            [os.path.join(BUILD, "relevo"), "runner", "--daemon", "root",
             "--runs", "/x", "--scripts", "/x"], stderr=subprocess.PIPE,
            text=True, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertIn("no socket", done.stderr)


if __name__ == "__main__":
    if os.geteuid() != 0 or not shutil.which("bash"):
        print("only root can become another user: skipped")
        sys.exit(77)
    unittest.main()
