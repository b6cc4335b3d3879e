"""A running relevo in a folder of its own, for end-to-end tests.

    with Watch(folder, "checks = { … };") as watch:
        watch.wait_state("api", "down")
        watch.json("incident", "show")

The program is $RELEVO_BUILD/relevo. Leaving the block stops it by its pid and
fails if a process of it is left.
"""
import contextlib
import json
import os
import signal
import subprocess
import time

BUILD = os.environ.get("RELEVO_BUILD", "build/debug")
PROGRAM = os.path.join(BUILD, "relevo")


def until(what, probe, limit=30.0, every=0.05):
    """Waits for probe() to be true; the limit only detects hangs."""
    end = time.monotonic() + limit
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("waited %g s for %s; last: %r"
                                 % (limit, what, value))
        time.sleep(every)


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def resident_kib(pid):
    """What that process has in memory."""
    with open("/proc/%d/status" % pid) as f:
        return next(int(line.split()[1]) for line in f
                    if line.startswith("VmRSS"))


def children(pid):
    """Living processes below that one."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open("/proc/%s/stat" % entry) as f:
                fields = f.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(entry))
            found += children(int(entry))
    return found


class Watch:
    def __init__(self, folder, config, env=None, program=PROGRAM):
        self.folder = folder
        self.program = program
        self.config = os.path.join(folder, "relevo.cfg")
        self.state = os.path.join(folder, "state")
        self.env = dict(os.environ, **(env or {}))
        self.env.pop("RELEVO_CONFIG", None)
        self.env.pop("RELEVO_STATE_DIR", None)
        self.process = None
        self.before = []  # the program is started by this: ["prlimit", …]
        self.write(config)

    def write(self, config):
        with open(self.config + ".new", "w") as f:
            f.write('state_dir = "%s";\n%s' % (self.state, config))
        os.rename(self.config + ".new", self.config)

    def start(self):
        # One that was killed leaves its socket behind: wait for the new one.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self.state, "control.sock"))
        self.start_unanswered()
        until("the control socket", self._answers)
        return self

    def start_unanswered(self):
        """Where there may be no control socket to wait for."""
        self.out = open(os.path.join(self.folder, "out.log"), "ab")
        self.process = subprocess.Popen(
            [*self.before, self.program, "-c", self.config, "run"],
            stdin=subprocess.DEVNULL, stdout=self.out,
            stderr=subprocess.STDOUT, env=self.env)

    def _answers(self):
        if self.process.poll() is not None:
            raise AssertionError("relevo ended: " + self.log())
        code, _, _ = self.run("status", "--json", check=False)
        return code in (0, 1) and os.path.exists(
            os.path.join(self.state, "control.sock"))

    def log(self):
        with open(os.path.join(self.folder, "out.log"), errors="replace") as f:
            return f.read()

    def run(self, *argv, check=True):
        done = subprocess.run(
            [self.program, "-c", self.config, *argv], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.env,
            timeout=120)
        out, err = done.stdout.decode(), done.stderr.decode()
        if check and done.returncode not in (0, 1):
            raise AssertionError("%s: exit %d\n%s%s\n%s" % (
                argv, done.returncode, out, err, self.log()))
        return done.returncode, out, err

    def json(self, *argv):
        _, out, _ = self.run(*argv, "--json")
        return json.loads(out)

    def history(self, check, n=1000):
        """Newest first; nothing while the check is not in the store yet."""
        code, out, err = self.run("history", check, "-n", str(n), "--json",
                                  check=False)
        if code == 2 and "history" in err:
            return []
        if code != 0:
            raise AssertionError("history: exit %d\n%s" % (code, err))
        return json.loads(out)

    def check(self, name):
        for check in self.json("status")["checks"]:
            if check["name"] == name:
                return check
        raise AssertionError("no check " + name)

    def wait_state(self, name, *states, limit=60.0):
        return until("%s to be %s" % (name, " or ".join(states)),
                     lambda: self.check(name)["state"] in states and
                     self.check(name), limit)

    def incidents(self):
        return self.json("incident", "list")

    def accused(self):
        """Incidents about targets: those of the monitor itself left out."""
        return [i for i in self.incidents()
                if not i["check"].startswith("relevo:")]

    def troubles(self):
        return self.json("status")["troubles"]

    def wait_incident(self, what, test, limit=60.0):
        def look():
            code, out, _ = self.run("incident", "show", "--json", check=False)
            if code != 0:
                return None
            incident = json.loads(out)
            return incident if test(incident) else None
        try:
            return until(what, look, limit)
        except AssertionError as e:
            raise AssertionError("%s\n%s" % (e, self.log()))

    def kill(self):
        """SIGKILL to main alone; workers end by themselves."""
        workers = children(self.process.pid)
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.out.close()
        return workers

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def stop(self):
        below = children(self.process.pid)
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        self.out.close()
        until("no process to be left",
              lambda: not any(alive(pid) for pid in below), 20)
        return code

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if self.process.poll() is None:
            code = self.stop()
            if kind is None and code != 0:
                raise AssertionError("exit %d\n%s" % (code, self.log()))
