"""A short life of the program while something fails: it starts, one of two
targets breaks, is diagnosed, told, mended, told again; SIGTERM.

    life = Smoke(folder)
    life.faulty.fail(DISK, MAIN, errno.EIO, 17)
    life.live()              raises AssertionError where a promise is broken
    life.watch.log()

What must hold whatever fails: nothing of ours crashes or hangs, the healthy
target is never accused, the broken one's notices go out, no run is started
twice, the history is sound and knows how it ended. A life with `may_end` goes
on where main said that it has no memory: what it had committed is there still.
"""
import collections
import os
import re
import signal

from faulty import Faulty
from flaky import Flaky
from ledger import Ledger
from scripts import script
from watch import BUILD, Watch, children, until

CONFIG = """
workers = 1; plugin_dir = "%s/plugins";
checks = {
  bad = { url = "http://%s/"; interval = "100ms"; retry_interval = "50ms";
          failure_threshold = 2; success_threshold = 1; };
  good = { url = "http://%s/"; interval = "100ms"; failure_threshold = 1; };
};
runbooks = {
  look = { script = "%s"; match = { check = "bad"; }; cooldown = "1s"; };
  call = { script = "%s"; };
};
"""
CRASHES = re.compile(r"killed by signal|bug: must|Sanitizer|exited with status "
                     r"(?!3\b)", re.I)
NO_MEMORY = 3
WATCHES = " main: watching "


class Smoke:
    def __init__(self, folder):
        self.folder = folder
        self.flaky = Flaky(2, 0)
        self.started = os.path.join(folder, "started")
        self.notices = os.path.join(folder, "notices")
        look = script(folder, "look", "diagnose",
                      'echo "$RELEVO_RUN_ID" >> ' + self.started)
        call = script(folder, "call", "notify",
                      'echo "$RELEVO_ON $RELEVO_CHECK" >> ' + self.notices,
                      on="down, recovered")
        self.watch = Watch(folder, CONFIG % (
            os.path.abspath(BUILD), *self.flaky.targets, look, call))
        # As a service manager makes it: where there is none and none can be
        # made, there is no place for a lock either, and `run` says so and ends.
        os.mkdir(self.watch.state, 0o700)
        self.faulty = Faulty(folder, below=self.watch.state)
        self.watch.env.update(self.faulty.env())
        self.may_end = False
        self.before = None  # what main left when it ended

    def lines(self, path):
        try:
            with open(path) as f:
                return f.read().split("\n")[:-1]
        except OSError:
            return []

    def said(self, check, what):
        """On the line per event that `relevo run` prints."""
        return re.search(r"^\S+ +%s +%s" % (check, what), self.watch.log(),
                         re.M)

    def wait(self, what, probe, limit=60):
        def look():
            code = self.watch.process.poll()
            if code == NO_MEMORY and self.may_end:
                self.start_again()
            elif code is not None:
                raise AssertionError("relevo ended before %s: exit %d\n%s" % (
                    what, code, self.watch.log()))
            return probe()
        try:
            until(what, look, limit)
        except AssertionError as e:
            raise AssertionError("%s\n%s" % (e, self.watch.log()))

    def start_again(self):
        self.faulty.heal()
        self.may_end = False
        self.watch.out.close()
        if os.path.exists(os.path.join(self.watch.state, "history.db")):
            self.before = Ledger(self.watch.state)
        before = self.watch.log().count(WATCHES)
        self.watch.start_unanswered()
        self.wait("it to watch again",
                  lambda: self.watch.log().count(WATCHES) > before)

    def live(self):
        """To the end; returns the ledger."""
        self.watch.start_unanswered()
        try:
            self.wait("both to be up", lambda: self.said("bad", "up") and
                      self.said("good", "up"))
            self.flaky.bad[0] = True
            self.wait("the outage to be told",
                      lambda: "down bad" in self.lines(self.notices))
            self.flaky.bad[0] = False
            self.wait("the recovery to be told",
                      lambda: "recovered bad" in self.lines(self.notices))
            self.faulty.heal()
            self.wait("the recovery to be stored", self.is_stored)
        finally:
            self.end()
        return self.look()

    def end(self):
        below = children(self.watch.process.pid)
        if self.watch.process.poll() is None:
            self.watch.process.send_signal(signal.SIGTERM)
        code = self.watch.process.wait(60)
        self.watch.out.close()
        self.flaky.__exit__()
        until("no process to be left", lambda: not any(
            os.path.exists("/proc/%d" % pid) for pid in below), 30)
        if code != 0 and not (code == NO_MEMORY and self.may_end):
            raise AssertionError("exit %d\n%s" % (code, self.watch.log()))

    def is_stored(self):
        try:
            now = Ledger.live(self.watch.state)
        except Exception:  # noqa: BLE001
            return False
        return any(row["event"] == "recovered" for row in now.rows("event"))

    def look(self):
        now, log = Ledger(self.watch.state), self.watch.log()
        problems = []
        if CRASHES.search(log):
            problems.append("crashed: " + CRASHES.search(log).group())
        if now.integrity != "ok":
            problems.append(now.integrity)
        if self.said("good", "(suspect|down)"):
            problems.append("a healthy target is accused")
        started = collections.Counter(self.lines(self.started))
        problems += [run + " was started twice"
                     for run, n in started.items() if n > 1]
        for table in ("transition", "event", "hot") if self.before else ():
            kept = self.before.rows(table)
            if now.rows(table)[:len(kept)] != kept:
                problems.append("committed rows are gone: " + table)
        if problems:
            raise AssertionError("%s\n%s" % ("\n".join(problems), log))
        return now
