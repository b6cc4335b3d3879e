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
from figures import figure, say
from measure import (TICKS, Relevo, bench, cpu_of, folder, nginx, requests,
                     until)

PLUGIN = "/usr/lib/nagios/plugins/check_http"
RATE, SECONDS, MANY = 20, 6, 10000


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
        return os.readlink("/proc/%d/exe" % pid).endswith("/relevo")
    except OSError:
        return False


def spent(pids):
    return sum(cpu_of(pid) + reaped_us(pid) for pid in pids)


def relevo_spends(port, more):
    """Microseconds a command."""
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
            used, made = spent(pids) - before, requests(port) - at
        finally:
            relevo.stop()
    return used / made


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
            say("exec, round %d: %s" % (i + 1, ", ".join(
                "%s %.0f" % pair for pair in rounds[-1].items())))
    both = [(r["floor"] + r["again"]) / 2 for r in rounds]
    figure("exec.ratio", [r["small"] / f for r, f in zip(rounds, both)])
    figure("exec.ratio_large", [r["large"] / f for r, f in zip(rounds, both)])
    figure("exec.check", [r["small"] for r in rounds], "µs a check")
    figure("exec.floor", both, "µs a command")
