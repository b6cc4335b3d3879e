"""How soon a worker is back after a crash: for how long its targets see no
probe. A check is due every 10 ms or more often, which is in the figure.

The one worker is ended as a crash of a plugin would end it. The daemon is
started anew for each round: a worker that dies again within ten seconds waits
on purpose.
"""
import os
import signal
import time

import conditions
from figures import figure
from measure import Relevo, Target, checks, folder, role, until

# name: checks, interval
SIZES = {"few": (20, "200ms"), "thousand": (1000, "2s")}


def longest_gap(stamps):
    if len(stamps) < 2:
        raise SystemExit("the worker did not come back within 1 s")
    return max(b - a for a, b in zip(stamps, stamps[1:]))


def once(place, target, size, interval):
    relevo = Relevo(place, "workers = 1;\n" +
                    checks(target.port, size, interval))
    relevo.forget()
    relevo.start()
    try:
        relevo.watching()
        until("probes", lambda: target.size() > 0)
        time.sleep(3)
        worker, = [p for p in relevo.pids() if role(p) == "worker"]
        killed_ns = time.monotonic_ns()
        os.kill(worker, signal.SIGSEGV)
        time.sleep(1)
        return longest_gap(sorted(at for at, *_ in target.arrivals()
                                  if at > killed_ns - 50e6)) / 1e6
    finally:
        relevo.stop()


def respawn(rounds):
    took = {name: [] for name in SIZES}
    with folder() as place:
        target = Target(place)
        try:
            for _ in range(rounds):
                conditions.settle()
                for name, (size, interval) in SIZES.items():
                    took[name].append(once(place, target, size, interval))
        finally:
            target.close()
    for name, values in took.items():
        figure("respawn." + name, values)
