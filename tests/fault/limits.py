#!/usr/bin/python3
"""The system gives no more: 64 descriptors for two hundred checks, no new
process for main, for the runner, or for a runbook: by a call that is made to
fail and, as a user without privileges, by the real limit. Degraded, with one
clear trouble of the monitor itself; no target is accused; all is well again by
itself when there is room. RELEVO_LONG=1: three times over, and until the trouble
is over. Needs a build with failpoints (preset fault)."""
import errno
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from faulty import FOREVER, FORK, MAIN, RUNNER, Faulty, is_built  # noqa: E402
from flaky import Flaky  # noqa: E402
from scripts import script  # noqa: E402
from watch import BUILD, PROGRAM, Watch, children, until  # noqa: E402

LONG = bool(os.environ.get("RELEVO_LONG"))
CHECK = 'c%d = { url = "http://%s/"; interval = "%s"; ' \
        'failure_threshold = 2; };'
CONFIG = """
workers = 1; plugin_dir = "%s/plugins"; defaults = { timeout = "10s"; };
checks = { %s };
runbooks = {
  look = { script = "%s"; match = { check = "c*"; }; };
  call = { script = "%s"; };
};
"""


class Limits(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="relevo-fault-")
        self.folder = self.temporary.name
        self.notices = os.path.join(self.folder, "notices")

    def tearDown(self):
        self.temporary.cleanup()

    def make(self, flaky, interval, build=BUILD):
        look = script(self.folder, "look", "diagnose", "true")
        call = script(self.folder, "call", "notify",
                      'echo "$RELEVO_ON $RELEVO_CHECK" >> ' + self.notices,
                      on="down, recovered")
        return Watch(self.folder, CONFIG % (
            os.path.abspath(build), "\n".join(
                CHECK % (i, t, interval)
                for i, t in enumerate(flaky.targets)), look, call))

    def told(self, line):
        try:
            with open(self.notices) as f:
                return f.read().split("\n").count(line)
        except OSError:
            return 0

    def troubles(self, watch):
        return [t["name"] for t in watch.json("status")["troubles"]]

    def all_up(self, watch):
        return all(c["state"] == "up" for c in watch.json("status")["checks"])

    def is_over(self, watch, but=()):
        until("all to be up", lambda: self.all_up(watch), 90, 0.3)
        self.assertEqual([i for i in watch.accused()
                          if i["check"] not in but], [])
        if LONG:
            until("the trouble to be over", lambda: not self.troubles(watch),
                  120, 0.5)

    def test_descriptors(self):
        trouble = "relevo:resources:EMFILE"
        with Flaky(200, 0) as flaky:
            watch = self.make(flaky, "2s")
            watch.before = ["prlimit", "--nofile=64:64"]
            with watch:
                until("all to be up", lambda: self.all_up(watch), 90, 0.3)
                for n in range(3 if LONG else 1):
                    flaky.delay = 6  # a hundred at once, and more
                    until(trouble, lambda: trouble in self.troubles(watch))
                    time.sleep(3)
                    self.assertEqual(self.troubles(watch), [trouble])
                    self.assertEqual(watch.accused(), [])
                    flaky.delay = 0
                    self.is_over(watch)
                    until("the notice", lambda: self.told("down " + trouble) ==
                          (n + 1 if LONG else 1))

    def become_somebody(self):
        """A user of whom nothing else runs: the kernel counts by user. Returns
        what starts a program as that one, and a copy of ours for it."""
        build = os.path.join(self.folder, "build")
        os.mkdir(build)
        shutil.copy(PROGRAM, build)
        shutil.copytree(os.path.join(BUILD, "plugins"),
                        os.path.join(build, "plugins"))
        if os.getuid() != 0:
            return [], build
        uid = random.randrange(61000, 64000)
        os.chmod(self.folder, 0o755)
        os.chown(self.folder, uid, uid)
        return ["setpriv", "--reuid=%d" % uid, "--regid=%d" % uid,
                "--clear-groups"], build

    def set_processes(self, before, pids, soft):
        """Not as root, who may not in every container."""
        for pid in pids:
            subprocess.run([*before, "prlimit", "--pid", str(pid),
                            "--nproc=%s:" % soft], check=True)

    def roles(self, watch, name):
        def is_it(pid):
            with open("/proc/%d/cmdline" % pid) as f:
                return "--role\0" + name in f.read()
        return [pid for pid in children(watch.process.pid) if is_it(pid)]

    def test_the_limit_of_a_user(self):
        trouble = "relevo:resources:processes"
        with Flaky(2, 0) as flaky:
            before, build = self.become_somebody()
            well, _ = resource.getrlimit(resource.RLIMIT_NPROC)
            well = "unlimited" if well == resource.RLIM_INFINITY else well
            watch = self.make(flaky, "300ms", build)
            watch.before, watch.program = before, os.path.join(build, "relevo")
            with watch:
                until("all to be up", lambda: self.all_up(watch))
                runners = self.roles(watch, "runner")
                self.set_processes(before, [watch.process.pid, *runners], 1)
                flaky.bad[0] = True
                until("no keeper", lambda: any(
                    "fork a keeper" in run["reason"]
                    for run in watch.json("runbook", "log")))
                for pid in self.roles(watch, "worker"):
                    os.kill(pid, signal.SIGKILL)
                until(trouble, lambda: trouble in self.troubles(watch))
                flaky.bad[0] = False
                self.set_processes(before, [watch.process.pid, *runners], well)
                self.is_over(watch, but=["c0"])

    def test_no_process_for_a_worker(self):
        trouble = "relevo:resources:processes"
        with Flaky(3, 0) as flaky:
            watch = self.make(flaky, "300ms")
            faulty = Faulty(self.folder)
            watch.env.update(faulty.env())
            with watch:
                until("all to be up", lambda: self.all_up(watch))
                for _ in range(3 if LONG else 1):
                    faulty.fail(FORK, MAIN, errno.EAGAIN, 1, FOREVER)
                    for pid in self.roles(watch, "worker"):
                        os.kill(pid, signal.SIGKILL)
                    until(trouble, lambda: trouble in self.troubles(watch))
                    self.assertGreater(until("more attempts", lambda:
                                             faulty.seen() > 2 and
                                             faulty.seen()), 2)
                    faulty.heal()
                    until("the trouble to be over",
                          lambda: not self.troubles(watch))
                    self.is_over(watch)
            self.assertEqual(watch.log().count("(errno 11); trying again"),
                             3 if LONG else 1)  # once, however many attempts

    def test_no_process_for_the_runner(self):
        trouble = "relevo:resources:runner"
        with Flaky(1, 0) as flaky:
            watch = self.make(flaky, "300ms")
            faulty = Faulty(self.folder)
            watch.env.update(faulty.env())
            with watch:
                until("all to be up", lambda: self.all_up(watch))
                faulty.fail(FORK, MAIN, errno.EAGAIN, 1, FOREVER)
                for pid in self.roles(watch, "runner"):
                    os.kill(pid, signal.SIGKILL)
                until(trouble, lambda: trouble in self.troubles(watch))
                flaky.bad[0] = True
                watch.wait_state("c0", "down")  # it is still measured
                self.assertEqual(self.told("down c0"), 0)
                faulty.heal()
                until("the trouble to be over",
                      lambda: not self.troubles(watch))
                until("the notice", lambda: self.told("down c0"), 90)

    def test_no_process_for_a_runbook(self):
        """It could not start: a diagnosis says so; a notice is tried again."""
        with Flaky(1, 0) as flaky:
            watch = self.make(flaky, "300ms")
            faulty = Faulty(self.folder)
            watch.env.update(faulty.env())
            with watch:
                until("all to be up", lambda: self.all_up(watch))
                faulty.fail(FORK, RUNNER, errno.EAGAIN, 1, FOREVER)
                flaky.bad[0] = True
                def refused():
                    return {run["kind"]: run for run in
                            watch.json("runbook", "log")
                            if "fork a keeper" in run["reason"]}
                until("both to be refused", lambda: len(refused()) == 2)
                for run in refused().values():
                    self.assertEqual(run["verdict"], "failed", run)
                    self.assertIn("errno 11", run["reason"])
                self.assertEqual(self.told("down c0"), 0)
                faulty.heal()
                until("the second attempt", lambda: self.told("down c0"), 90)
                self.assertEqual(self.told("down c0"), 1)


if __name__ == "__main__":
    if not is_built():
        print("built without failpoints: skipped")
        sys.exit(77)
    unittest.main()
