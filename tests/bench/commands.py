"""What an exec check costs: Debian's check_http against nginx, CPU of all
processes and of the command itself, beside a bare program that starts the same
command by posix_spawn and reads its output from a pipe; with a small main, and
with one that has 10,000 checks more in memory.

Commands are counted by nginx: each asks it once.
"""
import json
import os
import subprocess
import time

import conditions
from cost import tell_round
from figures import figure
from measure import (TICKS, Relevo, bench, cpu_of, folder, nginx, requests,
                     role, until)

PLUGIN = "/usr/lib/nagios/plugins/check_http"
RATE, SECONDS, MANY = 100, 3, 10000
ROLES = ("main", "worker", "runner", "web")


def arguments(port):
    return [PLUGIN, "-I", "127.0.0.1", "-p", str(port)]


def config(port, more):
    command = ", ".join('"%s"' % a for a in arguments(port))
    lines = ['  c%d = { plugin = "exec"; command = [%s]; };' % (i, command)
             for i in range(RATE)]
    lines += ['  m%d = { url = "http://127.0.0.1:%d/"; schedule = "manual"; };'
              % (i, port) for i in range(more)]
    return ('defaults = { interval = "1s"; timeout = "5s"; };\nchecks = {\n%s\n'
            '};\n' % "\n".join(lines))


def reaped_us(pid):
    """CPU of children that it has waited for."""
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[13]) + int(fields[14])) * 1e6 / TICKS


def ours(pid):
    """A process of relevo's own; commands are counted when they are over."""
    try:
        return os.readlink("/proc/%d/exe" % pid).endswith("/relevo") and \
            role(pid) in ROLES
    except OSError:
        return False


def spent(pids):
    """Microseconds by role, and of the commands themselves."""
    by_role = {"commands": sum(reaped_us(pid) for pid in pids)}
    for pid in pids:
        by_role[role(pid)] = by_role.get(role(pid), 0) + cpu_of(pid)
    return by_role


def relevo_spends(port, more):
    """Microseconds a command, by role."""
    with folder() as place:
        first = requests(port)
        relevo = Relevo(place, config(port, more)).start()
        try:
            relevo.watching()
            until("the first commands",
                  lambda: requests(port) - first > 2 * RATE, 60)
            pids = [pid for pid in relevo.pids() if ours(pid)]
            before, at = spent(pids), requests(port)
            time.sleep(SECONDS)
            after, made = spent(pids), requests(port) - at
        finally:
            relevo.stop()
    return {name: (after[name] - before[name]) / made for name in after}


def floor(port):
    done = subprocess.run([bench("spawn"), str(RATE * SECONDS), str(RATE),
                           *arguments(port)], stdout=subprocess.PIPE,
                          check=True)
    return json.loads(done.stdout)["cpu_us"]


def commands(how_often):
    if not os.path.exists(PLUGIN):
        raise SystemExit("no %s: ./dev deps test" % PLUGIN)
    rounds = []
    conditions.begin()
    with folder() as place, nginx(place) as port:
        floor(port)
        for i in range(how_often):
            conditions.settle()
            rounds.append({"small": relevo_spends(port, 0),
                           "floor": floor(port),
                           "large": relevo_spends(port, MANY),
                           "again": floor(port)})
            tell_round("exec", i, rounds[-1])
    both = [(r["floor"] + r["again"]) / 2 for r in rounds]
    for size, name in (("small", "exec.ratio"), ("large", "exec.ratio_large")):
        figure(name, [sum(r[size].values()) / f
                      for r, f in zip(rounds, both)])
    for name in ("commands", "main", "worker", "runner"):
        figure("exec." + name, [r["small"][name] for r in rounds],
               "µs a check")
    figure("exec.floor", both, "µs a command")
