"""How soon a script runs: from a failing result to its first instruction, and
from the instant at which a target stops.

The script is a static program named after `#!`, whose first line reads the
clock (stamp.c).
"""
import os
import signal
import stat
import time

import conditions
from figures import figure, say
from measure import Relevo, Target, bench, checks, folder, host

FAILURES = 25
TARGETS = 20


class Script:
    """A diagnosis that notes when it began."""

    def __init__(self, place):
        self.stamps = os.path.join(place, "stamps")
        self.path = os.path.join(place, "stamp")
        with open(self.path, "w") as f:
            f.write("#!%s %s\n# kind: diagnose\n# stamps\n"
                    % (os.path.abspath(bench("stamp")), self.stamps))
        os.chmod(self.path, stat.S_IRWXU)

    def runbook(self):
        return ("runbooks = { stamp = { script = \"%s\"; match = { plugin = "
                "\"http\"; }; }; };\n" % self.path)

    def began(self):
        """Wall nanoseconds of its first run, by check."""
        at = {}
        with open(self.stamps) as f:
            for line in f:
                ns, name = line.split()
                at.setdefault(name, int(ns))
        return at

    def spawn_ms(self, rounds=20):
        """From asking for a process to its first instruction: what there is
        without Relevo."""
        took = []
        for _ in range(rounds):
            from_ns = time.time_ns()
            os.waitpid(os.posix_spawn(self.path, [self.path], {}), 0)
            with open(self.stamps) as f:
                took.append((int(f.read().split()[0]) - from_ns) / 1e6)
            os.unlink(self.stamps)
            time.sleep(0.05)
        return took


# -------------------------------------------------------------- reaction ---

def fail_one_by_one(place, script):
    """From when each failing result was made, and from when the target sent
    it, to the script, in ms."""
    target = Target(place)
    relevo = Relevo(place, checks(target.port, FAILURES, "500ms") +
                    script.runbook())
    relevo.forget()
    relevo.start()
    try:
        relevo.watching()
        time.sleep(2.5)
        for i in range(FAILURES):
            target.set(i, Target.FAIL)
            time.sleep(0.7)
        time.sleep(1)
    finally:
        relevo.stop()
        target.close()
    sent = {}
    for _, wall_ns, name, status in target.arrivals():
        if status == 503:
            sent.setdefault("c%d" % name, wall_ns)
    made = {name: int(us) * 1000 for name, us in relevo.sql(
        "select name, min(started_us + duration_ns / 1000) from hot join "
        "\"check\" using (node, check_id) where outcome = 2 group by name")}
    began = script.began()
    os.unlink(script.stamps)
    if len(began) < FAILURES * 0.8:
        raise SystemExit("only %d diagnoses began" % len(began))
    return ([(began[c] - made[c]) / 1e6 for c in began if c in made],
            [(began[c] - sent[c]) / 1e6 for c in began if c in sent])


def reaction(how_often):
    del how_often  # each failure is a round
    with folder() as place:
        script = Script(place)
        conditions.settle()
        figure("reaction.floor", script.spawn_ms())
        for_result, for_answer = fail_one_by_one(place, script)
        figure("reaction.from_result", for_result)
        figure("reaction.from_answer", for_answer, "ms")
        with conditions.noise():
            figure("reaction.noisy_floor", script.spawn_ms(), "ms")
            for_result, for_answer = fail_one_by_one(place, script)
            figure("reaction.noisy_from_result", for_result)
            figure("reaction.noisy_from_answer", for_answer, "ms")


# ---------------------------------------------------------------- outage ---

def outage_config(targets, healthy, script):
    lines = ["  c%d = { url = \"http://%s:%d/c/%d\"; };"
             % (i, host(i), t.port, i) for i, t in enumerate(targets)]
    # So many that are well, so that this is no mass failure.
    lines += ["  h%d = { url = \"http://%s:%d/c/%d\"; };"
              % (i, host(i), healthy.port, i) for i in range(3 * TARGETS)]
    return ("defaults = { interval = \"1s\"; timeout = \"900ms\"; "
            "failure_threshold = 1; expect = [\"status == 200\"]; };\n"
            "checks = {\n%s\n};\n%s" % ("\n".join(lines), script.runbook()))


def stop_at(target, k):
    """Stops it k twentieths of an interval after one of its probes; returns
    when, wall nanoseconds."""
    last_ns = target.arrivals()[-1][0]
    now_ns = time.monotonic_ns()
    at_ns = last_ns + k * 10**9 // TARGETS
    while at_ns < now_ns + 10**7:
        at_ns += 10**9
    time.sleep((at_ns - now_ns) / 1e9)
    wall_ns = time.time_ns()
    target.process.send_signal(signal.SIGKILL)
    target.process.wait()
    return wall_ns


def outage(how_often):
    """Each target is stopped at another part of its check's interval."""
    del how_often
    conditions.settle()
    with folder() as place:
        script = Script(place)
        targets = []
        for i in range(TARGETS + 1):
            os.mkdir(os.path.join(place, "t%d" % i))
            targets.append(Target(os.path.join(place, "t%d" % i)))
        healthy = targets.pop()
        relevo = Relevo(place, outage_config(targets, healthy, script)).start()
        try:
            relevo.watching()
            time.sleep(3)
            stopped = {}
            for k, target in enumerate(targets):
                stopped["c%d" % k] = stop_at(target, k)
                time.sleep(0.2)
            time.sleep(2)
        finally:
            relevo.stop()
            for target in targets + [healthy]:
                target.close()
        began = script.began()
    missing = sorted(set(stopped) - set(began))
    if missing:
        raise SystemExit("no diagnosis of " + " ".join(missing))
    took = [(began[c] - at_ns) / 1e9 for c, at_ns in stopped.items()]
    say("outage: " + " ".join("%.3f" % s for s in took))
    figure("outage.p50", took)
    figure("outage.max", [max(took)])
