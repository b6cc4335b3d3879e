"""What a check costs: CPU beside the bare program that makes the same requests,
on new connections and on kept ones; how many a second there can be; what a
thousand checks cost that have all the time in the world.

Requests are counted by nginx; each result must be in the store.
"""
import json
import subprocess
import time

import conditions
from figures import figure, say
from measure import (Relevo, bench, checks, cpu_of, folder, nginx, requests,
                     role, until)


class Spent:
    """Microseconds of CPU by role, idle cost included, while nginx had so many
    requests."""

    def __init__(self, relevo, port, seconds):
        pids = relevo.pids()
        before = {pid: cpu_of(pid) for pid in pids}
        first, at = requests(port), time.monotonic()
        time.sleep(seconds)
        self.made = requests(port) - first
        self.seconds = time.monotonic() - at
        self.by_role = {}
        for pid in pids:
            name = role(pid)
            self.by_role[name] = (self.by_role.get(name, 0) + cpu_of(pid) -
                                  before[pid])

    def each(self):
        return {name: us / self.made for name, us in self.by_role.items()}


def relevo_spends(port, n, seconds, also="", top=""):
    """n checks at 1 s, past their first probes; what was spent, and how many
    results the store has had of how many requests, start to end."""
    with folder() as place:
        before = requests(port)
        relevo = Relevo(place, top + checks(port, n, "1s", also=also)).start()
        try:
            relevo.watching()
            time.sleep(2.5)
            spent = Spent(relevo, port, seconds)
        finally:
            relevo.stop()
        asked = requests(port) - before
        spent.stored = int(relevo.sql(
            "select (select count(*) from hot) + "
            "(select coalesce(sum(n), 0) from chunk)")[0][0])
        spent.stored_share = min(100.0, 100.0 * spent.stored / asked)
    return spent


def floor_cpu(port, count, rate, processes=1, keep=False):
    """Of one bare program, or of several that share count and rate."""
    argv = [bench("curl_multi"), "http://127.0.0.1:%d/c/1" % port,
            str(count // processes), "32", str(rate // processes),
            "keep" if keep else "new"]
    running = [subprocess.Popen(argv, stdout=subprocess.PIPE)
               for _ in range(processes)]
    spent = [json.loads(p.communicate()[0])["cpu_us"] for p in running]
    return sum(spent) / processes


def tell_round(label, i, row):
    say("%s, round %d: " % (label, i + 1) + ", ".join(
        "%s %s" % (k, {a: round(b, 1) for a, b in v.items() if b}
                   if isinstance(v, dict) else round(v, 1))
        for k, v in row.items()))


def ratio(name, rounds, of, to):
    figure(name, [sum(r[of].values()) / r[to] for r in rounds])


# ------------------------------------------------------------------- cpu ---

def cpu_at(n, seconds, how_often):
    """Two workers and one; one bare program and two."""
    rounds = []
    conditions.begin()
    with folder() as place, nginx(place) as port:
        floor_cpu(port, 500, 0)
        for i in range(how_often):
            conditions.settle()
            two = relevo_spends(port, n, seconds, top="workers = 2;\n")
            one = relevo_spends(port, n, seconds, top="workers = 1;\n")
            rounds.append({"two": two.each(), "one": one.each(),
                           "floor": floor_cpu(port, two.made, n),
                           "floors": floor_cpu(port, two.made, n, 2),
                           "full": floor_cpu(port, two.made, 0)})
            tell_round("cpu %d/s" % n, i, rounds[-1])
    label = "cpu_%d." % n
    ratio(label + "ratio", rounds, "two", "floor")
    ratio(label + "ratio_one_worker", rounds, "one", "floor")
    ratio(label + "ratio_two_floors", rounds, "two", "floors")
    ratio(label + "ratio_full_speed", rounds, "two", "full")
    figure(label + "main", [r["two"]["main"] for r in rounds], "µs a check")
    figure(label + "workers", [r["two"]["worker"] for r in rounds],
           "µs a check")
    figure(label + "one_worker", [r["one"]["worker"] for r in rounds],
           "µs a check")
    for name in ("floor", "floors", "full"):
        figure(label + name, [r[name] for r in rounds], "µs a request")


def cpu(how_often):
    cpu_at(500, 4, how_often)
    cpu_at(2000, 3, how_often)


# ------------------------------------------------------------- keepalive ---

def keepalive(how_often):
    n, rounds = 2000, []
    with folder() as place, nginx(place) as port:
        floor_cpu(port, 500, 0, keep=True)
        for i in range(how_often):
            conditions.settle()
            kept = relevo_spends(port, n, 3, also="http = { keep_alive = true; }; ")
            rounds.append({"kept": kept.each(),
                           "floor": floor_cpu(port, kept.made, n, keep=True),
                           "full": floor_cpu(port, kept.made, 0, keep=True)})
            tell_round("keepalive", i, rounds[-1])
    ratio("keepalive.ratio", rounds, "kept", "floor")
    ratio("keepalive.ratio_full_speed", rounds, "kept", "full")
    for name in ("floor", "full"):
        figure("keepalive." + name, [r[name] for r in rounds], "µs a request")
    figure("keepalive.each", [sum(r["kept"].values()) for r in rounds],
           "µs a check")


# ------------------------------------------------------------ throughput ---

def throughput(how_often):
    rates, stored = [], []
    with folder() as place, nginx(place) as port:
        for i in range(how_often):
            conditions.settle()
            held = relevo_spends(port, 5000, 5)
            rates.append(held.made / held.seconds)
            stored.append(held.stored_share)
            say("throughput, round %d: %.0f/s of 5,000, %.1f %% stored"
                % (i + 1, rates[-1], stored[-1]))
    figure("throughput.rate", rates)
    figure("throughput.stored", stored)


# ------------------------------------------------------------------ idle ---

def idle(how_often):
    """1,000 checks at 60 s: windows of a third of the interval, which all have
    the same number of probes."""
    shares, each = [], []
    with folder() as place, nginx(place) as port:
        relevo = Relevo(place, checks(port, 1000, "60s")).start()
        try:
            relevo.watching()
            until("every check's first probe",
                  lambda: requests(port) >= 1000, every=0.5)
            time.sleep(10)
            conditions.settle()
            for _ in range(how_often):
                spent = Spent(relevo, port, 20)
                total = sum(spent.by_role.values())
                shares.append(total / spent.seconds / 1e4)
                each.append(total / spent.made)
                say("idle: %.3f %% of a core, %d probes, %s" % (
                    shares[-1], spent.made, spent.by_role))
        finally:
            relevo.stop()
    figure("idle.core", shares)
    figure("idle.each", each, "µs a check")
