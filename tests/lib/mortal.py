"""A watch that is killed again and again under load: many checks that change
their mind, a diagnosis that takes its time, a remediation, a notice. After
each death of main the history is judged by invariants.py.

    with Mortal(folder, seed) as mortal:
        mortal.start(); mortal.die(); mortal.judge()
        mortal.settle()        all well, nothing under way: the last judgement
"""
import os
import random
import signal
import subprocess
import time

from flaky import Flaky
from invariants import ENDED, RESOLVED, unfinished, violations
from ledger import Ledger
from traces import Traces
from victims import Victims, kill
from watch import BUILD, Watch, until

CHECKS = 20
COOLDOWN_S = 1
CONFIG = """
workers = 2; plugin_dir = "%(build)s/plugins"; automation = "auto";
checks = { %(checks)s };
runbooks = {
  look = { script = "%(look)s"; match = { plugin = "http"; };
           cooldown = "%(cooldown)ds"; };
  mend = { script = "%(mend)s"; match = { plugin = "http"; }; };
  call = { script = "%(call)s"; match = { plugin = "http"; }; };
};
"""
CHECK = 'c%d = { url = "http://%s/"; interval = "100ms"; ' \
        'retry_interval = "50ms"; failure_threshold = 2; };'
# Longer than a look at /proc takes, so that it is also killed in the middle.
WORK = 'sleep 0.$(( ($$ % 3) + 1 )); finding warn "what it found"'


class Mortal:
    def __init__(self, folder, seed):
        self.folder = folder
        self.random = random.Random(seed)
        self.flaky = Flaky(CHECKS, 0.08, seed)
        self.traces = Traces(folder)
        self.victims = Victims(folder)
        self.before = None
        self.process = None
        self.reloads = 0
        # Once: one that is written anew is empty for a moment.
        self.scripts = {"look": self.traces.diagnosis("look", WORK),
                        "mend": self.traces.remediation("mend"),
                        "call": self.traces.notice("call")}
        self.watch = Watch(folder, self.config(), env=self.victims.mark)

    def config(self, more=""):
        return CONFIG % {
            **self.scripts, "build": os.path.abspath(BUILD), "cooldown": COOLDOWN_S,
            "checks": more + "\n".join(CHECK % (i, target) for i, target in
                                       enumerate(self.flaky.targets))}

    def start(self, **more):
        """Does not wait: its first instants are instants, too."""
        socket = os.path.join(self.watch.state, "control.sock")
        if os.path.exists(socket):
            os.unlink(socket)
        with open(os.path.join(self.folder, "out.log"), "ab") as out:
            self.process = subprocess.Popen(
                [self.watch.program, "-c", self.watch.config, "run"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env=dict(self.watch.env, **more))
        self.socket = socket

    def wait_watching(self):
        until("the control socket", lambda: os.path.exists(self.socket)
              or self.process.poll() is not None, 60, 0.005)

    def reload(self):
        """Something else each time: a check more, a check less."""
        self.reloads += 1
        more = CHECK % (CHECKS, self.flaky.targets[0]) \
            if self.reloads % 2 else ""
        self.watch.write(self.config(more))
        self.process.send_signal(signal.SIGHUP)

    def check_alive(self):
        if self.process.poll() is not None:
            raise AssertionError("main ended by itself: %d\n%s" % (
                self.process.returncode, self.watch.log()[-4000:]))

    # -------------------------------------------------------------- deaths ---

    def strike(self, role):
        """Kills one process of that role; False: there is none just now."""
        if role in ("main", "all"):
            self.check_alive()
            if role == "main":
                self.process.kill()
            else:
                self.victims.kill_all(
                    lambda pids: self.random.sample(pids, len(pids)))
            self.process.wait()
            return True
        found = self.victims.find(role)
        return bool(found) and kill(self.random.choice(found))

    def pause(self):
        time.sleep(self.random.uniform(0.02, 0.3))

    # ----------------------------------------------------------- judgement ---

    def judge(self):
        now = Ledger(self.watch.state)
        found = violations(now, self.before, self.traces.read(),
                           COOLDOWN_S * 1000000)
        if found:
            raise AssertionError("%s\n%s" % ("\n".join(found),
                                             self.watch.log()[-3000:]))
        self.before = now
        return now

    def _is_quiet(self):
        now = Ledger.live(self.watch.state)
        return all(row["state"] >= ENDED for row in now.rows("run")) and \
            all(row["state"] == RESOLVED for row in now.rows("incident"))

    def settle(self):
        self.flaky.settle()
        with self.watch as watch:
            for i in range(CHECKS):
                watch.wait_state("c%d" % i, "up")
            until("all runs to end", self._is_quiet, 120, 0.5)
        now = self.judge()
        found = unfinished(now, self.traces.read())
        if found:
            raise AssertionError("\n".join(found))
        return now

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.victims.kill_all()
        self.flaky.__exit__()
