"""10,000 checks: memory, how soon the first probe begins after a start, how
long a reload takes and what it does to the pace.
"""
import os
import signal
import time

import conditions
from figures import figure, say
from measure import Relevo, Target, checks, cpu_us, folder, pss_mib, role, until

N = 10000


def first_probe_s(relevo, target):
    seen, size = len(target.arrivals()), target.size()
    relevo.start()
    until("the first probe", lambda: target.size() > size)
    return (target.arrivals()[seen][0] - relevo.started_ns) / 1e9


def reload_s(relevo, config):
    """From the signal to the audit's row of the new generation."""
    count = "select count(*) from audit where action = 'config.load'"
    before = int(relevo.sql(count)[0][0])
    relevo.write(config)
    asked_us = time.time_ns() / 1e3
    os.kill(relevo.process.pid, signal.SIGHUP)
    until("the reload", lambda: int(relevo.sql(count)[0][0]) > before)
    at = relevo.sql("select max(at_us) from audit where action = 'config.load'")
    return (int(at[0][0]) - asked_us) / 1e6


def with_one_change(config):
    return config.replace("/c/7\"; }", "/c/7\"; timeout = \"4s\"; }")


def starts_and_reloads(relevo, target, config, how_often):
    rounds = []
    for i in range(how_often):
        relevo.forget()
        conditions.settle()
        row = {"first_probe_cold": first_probe_s(relevo, target)}
        target.quiet()
        relevo.stop()
        row["first_probe_warm"] = first_probe_s(relevo, target)
        pids = relevo.pids()
        row["cpu_to_first_probe_warm"] = cpu_us(pids) / 1e6
        time.sleep(1)
        row["reload_one_change"] = reload_s(
            relevo, config if i % 2 else with_one_change(config))
        time.sleep(2)
        row["memory_after_restart"] = pss_mib(pids)
        relevo.stop()
        say("scale, round %d: %s" % (i + 1, {
            name: round(value, 3) for name, value in row.items()}))
        rounds.append(row)
    for name in rounds[0]:
        figure("scale." + name, [row[name] for row in rounds],
               "s" if name.startswith("cpu") else "")


def wait_for_first_probes(relevo, target):
    """Starts it and lets the rush pass: the first probe of a check waits for
    no slot."""
    base = len(target.arrivals())
    relevo.start()
    relevo.watching()
    until("every check's first probe", lambda: len({
        name for _, _, name, _ in target.arrivals()[base:]}) == N, every=1)


def memory_of_all(relevo, target):
    relevo.write(checks(target.port, N, "60s"))
    relevo.forget()
    wait_for_first_probes(relevo, target)
    time.sleep(2)
    pids = relevo.pids()
    for pid in pids:
        say("scale: %s %.1f MiB" % (role(pid), pss_mib([pid])))
    figure("scale.memory", [pss_mib(pids)])
    reload_s(relevo, with_one_change(checks(target.port, N, "60s")))
    time.sleep(2)
    figure("scale.memory_after_reload", [pss_mib(pids)])
    relevo.stop()


def pace_around_reloads(relevo, target, interval_s=20):
    """Two reloads with one change, half an interval apart: each check's
    distance from one probe to the next stays what it was."""
    config = checks(target.port, N, "%ds" % interval_s)
    relevo.forget()
    relevo.write(config)
    wait_for_first_probes(relevo, target)
    steady_ns = time.monotonic_ns()
    time.sleep(interval_s)
    for changed in (with_one_change(config), config):
        reload_s(relevo, changed)
        time.sleep(interval_s / 2)
    time.sleep(interval_s / 2)
    last, missed, doubled = {}, 0, 0
    for at_ns, _, name, _ in target.arrivals():
        if at_ns < steady_ns or name == 7:
            continue
        off = (at_ns - last.get(name, at_ns - interval_s * 10**9)) / 1e9
        missed += off > interval_s * 1.5
        doubled += off < interval_s * 0.5
        last[name] = at_ns
    overdue_ns = time.monotonic_ns() - interval_s * 1.5e9
    missed += sum(1 for at_ns in last.values() if at_ns < overdue_ns)
    missed += N - 1 - len(last)
    relevo.stop()
    figure("scale.missed", [missed])
    figure("scale.doubled", [doubled])


def scale(how_often):
    with folder() as place:
        target = Target(place)
        config = checks(target.port, N, "60s")
        relevo = Relevo(place, config)
        try:
            starts_and_reloads(relevo, target, config, how_often)
            memory_of_all(relevo, target)
            pace_around_reloads(relevo, target)
        finally:
            relevo.stop()
            target.close()
