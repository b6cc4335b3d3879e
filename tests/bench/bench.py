#!/usr/bin/env python3
"""The measurements behind docs/performance.md.

    bench.py [NAME…]     cpu interval hung scale reaction store rollup micro
                         crowd expansion

Each prints one JSON line a figure; a table comes last. Ratios are taken within
one round, rounds of what is compared alternate, and what stands is the median.
"""
import json
import os
import signal
import stat
import subprocess
import sys
import time

from measure import (PROGRAM, Relevo, Target, adopt, bench, checks, cpu_us,
                     cpu_of, figure, folder, nginx, pss_mib, quantile, requests,
                     role, say, table, until)

ROUNDS = int(os.environ.get("RELEVO_BENCH_ROUNDS", "5"))


# ------------------------------------------------------------------- cpu ---

def relevo_cpu(port, n, seconds, workers):
    """Microseconds of CPU a check, by role; no idle cost is taken off."""
    with folder() as place:
        relevo = Relevo(place, "workers = %d;\n" % workers +
                        checks(port, n, "1s")).start()
        try:
            relevo.watching()
            time.sleep(2.5)
            pids = relevo.pids()
            before = {pid: cpu_of(pid) for pid in pids}
            first = requests(port)
            time.sleep(seconds)
            made = requests(port) - first
            spent = {}
            for pid in pids:
                name = role(pid)
                spent[name] = (spent.get(name, 0) + cpu_of(pid) -
                               before[pid])
        finally:
            relevo.stop()
        stored = int(relevo.sql("select count(*) from hot")[0][0])
    if stored < made:
        raise SystemExit("%d of %d results are stored" % (stored, made))
    return {name: us / made for name, us in spent.items()}, made


def floor_cpu(port, count, rate, processes=1):
    """Of one bare program, or of several that share count and rate."""
    argv = [bench("curl_multi"), "http://127.0.0.1:%d/c/1" % port,
            str(count // processes), "32"]
    if rate:
        argv.append(str(rate // processes))
    running = [subprocess.Popen(argv, stdout=subprocess.PIPE)
               for _ in range(processes)]
    spent = [json.loads(p.communicate()[0])["cpu_us"] for p in running]
    return sum(spent) / processes


def cpu_at(n, seconds):
    """Two workers and one; one bare program and two."""
    rounds = []
    with folder() as place, nginx(place) as port:
        floor_cpu(port, 500, 0)
        for i in range(ROUNDS):
            two, made = relevo_cpu(port, n, seconds, 2)
            r = {"two": two, "floor": floor_cpu(port, made, n),
                 "one": relevo_cpu(port, n, seconds, 1)[0],
                 "floors": floor_cpu(port, made, n, 2),
                 "full": floor_cpu(port, made, 0)}
            rounds.append(r)
            say("cpu %d/s, round %d: " % (n, i + 1) + ", ".join(
                "%s %s" % (k, {a: round(b, 1) for a, b in v.items() if b}
                           if isinstance(v, dict) else round(v, 1))
                for k, v in r.items()))
    tell_cpu("cpu_%d." % n, rounds)


def tell_cpu(label, rounds):
    def ratio(name, of, to, goal, note):
        figure(label + name, [sum(r[of].values()) / r[to] for r in rounds],
               "x", goal, note)

    goal = "<= 1.5, goal 1.3"
    ratio("ratio", "two", "floor", goal,
          "all processes to bare libcurl-multi at the same pace")
    ratio("ratio_one_worker", "one", "floor", goal, "the same, workers = 1")
    ratio("ratio_two_floors", "two", "floors", "",
          "2 workers to 2 bare programs that share the requests")
    ratio("ratio_full_speed", "two", "full", "",
          "to bare libcurl-multi with 32 always in flight")
    figure(label + "main", [r["two"]["main"] for r in rounds], "us/check")
    figure(label + "workers", [r["two"]["worker"] for r in rounds],
           "us/check")
    figure(label + "one_worker", [r["one"]["worker"] for r in rounds],
           "us/check")
    for name in ("floor", "floors", "full"):
        figure(label + name, [r[name] for r in rounds], "us/request")


def cpu():
    cpu_at(500, 4)
    cpu_at(2000, 3)


# -------------------------------------------------------------- interval ---

def deviations(times, names):
    """Of each interval from 10 s, in ms, and the intervals."""
    last, intervals = {}, []
    for at_ns, name in times:
        if name in names and name in last:
            intervals.append((at_ns - last[name]) / 1e9)
        last[name] = at_ns
    return intervals


def intervals_with(hung, label, seconds=44):
    n = 1000
    with folder() as place:
        target = Target(place)
        for i in hung:
            target.set(i, 2)
        relevo = Relevo(place, checks(target.port, n, "10s", hung)).start()
        try:
            relevo.watching()
            time.sleep(12)  # the first probe of a check waits for no slot
            from_ns = time.monotonic_ns()
            time.sleep(seconds - 12)
        finally:
            relevo.stop()
            target.close()
        arrived = [(a[0], a[2]) for a in target.arrivals() if a[0] > from_ns]
        started = [(int(ns), name) for ns, name in relevo.sql(
            "select h.started_ns, c.name from hot h join \"check\" c using "
            "(node, check_id) where h.started_ns > %d order by 1" % from_ns)]
    healthy = set(range(n)) - set(hung)
    tell_intervals(label + ".started", deviations(
        started, {"c%d" % i for i in healthy}))
    tell_intervals(label + ".arrived", deviations(arrived, healthy))
    made = {}
    for _, name in arrived:
        made[name] = made.get(name, 0) + 1
    least = min(made.get(i, 0) for i in healthy)
    figure(label + ".least_probes", [least], "probes", ">= 3",
           "of any healthy check in %d s" % (seconds - 12))


def tell_intervals(label, intervals):
    off = [abs(i - 10) * 1e3 for i in intervals]
    figure(label + ".p50", [quantile(intervals, 0.5)], "s", "10.000",
           "%d intervals" % len(intervals))
    figure(label + ".deviation_p99", [quantile(off, 0.99)], "ms",
           "<= 5 quiet, <= 16 noisy")
    figure(label + ".deviation_max", [max(off)], "ms")


def interval():
    say("interval: load %.1f before" % os.getloadavg()[0])
    intervals_with([], "interval")


def hung():
    say("hung: load %.1f before" % os.getloadavg()[0])
    intervals_with(list(range(0, 1000, 100)), "hung")


# ----------------------------------------------------------------- scale ---

def first_probe_s(relevo, target):
    seen, size = len(target.arrivals()), target.size()
    relevo.start()
    until("the first probe", lambda: target.size() > size)
    return (target.arrivals()[seen][0] - relevo.started_ns) / 1e9


def reload_s(relevo, config):
    """From the signal to the audit's row of the new generation; and back."""
    count = "select count(*) from audit where action = 'config.load'"
    before = int(relevo.sql(count)[0][0])
    relevo.write(config)
    asked_us = time.time_ns() / 1e3
    os.kill(relevo.process.pid, signal.SIGHUP)
    until("the reload", lambda: int(relevo.sql(count)[0][0]) > before)
    at = relevo.sql("select max(at_us) from audit where action = 'config.load'")
    return (int(at[0][0]) - asked_us) / 1e6


def scale():
    n = 10000
    cold, warm, memory, reloads, cpu_s = [], [], [], [], []
    with folder() as place:
        target = Target(place)
        config = checks(target.port, n, "60s")
        changed = config.replace("/c/7\"; }", "/c/7\"; timeout = \"4s\"; }")
        relevo = Relevo(place, config)
        try:
            for i in range(ROUNDS):
                relevo.forget()
                cold.append(first_probe_s(relevo, target))
                target.quiet()
                relevo.stop()
                warm.append(first_probe_s(relevo, target))
                pids = relevo.pids()
                cpu_s.append(cpu_us(pids) / 1e6)
                from_ns = time.monotonic_ns()
                time.sleep(1)
                reloads.append(reload_s(relevo, changed if i % 2 == 0
                                        else config))
                time.sleep(2)
                memory.append(pss_mib(pids))
                relevo.stop()
                count_probes(target, from_ns)
                say("scale, round %d: first probe %.3f s cold, %.3f s warm; "
                    "reload %.3f s; %.1f MiB" % (i + 1, cold[-1], warm[-1],
                                                 reloads[-1], memory[-1]))
            full = memory_of_all(relevo, target, n)
        finally:
            relevo.stop()
            target.close()
    figure("scale.first_probe_cold", cold, "s", "<= 0.6")
    figure("scale.first_probe_warm", warm, "s", "<= 0.3")
    figure("scale.cpu_to_first_probe_warm", cpu_s, "s")
    figure("scale.reload_one_change", reloads, "s", "<= 0.3")
    figure("scale.memory", [full], "MiB", "<= 60",
           "PSS of all processes once every check has a result")
    figure("scale.memory_after_restart", memory, "MiB", "",
           "a few seconds after a restart and a reload")


def count_probes(target, from_ns):
    """Around a reload no check is probed twice, and the pace is kept."""
    seen = [a for a in target.arrivals() if a[0] > from_ns]
    names = {a[2] for a in seen}
    if len(names) != len(seen):
        say("scale: %d checks were probed twice around a reload"
            % (len(seen) - len(names)))


def memory_of_all(relevo, target, n):
    relevo.forget()
    base = len(target.arrivals())
    relevo.start()
    relevo.watching()
    until("every check's first probe",
          lambda: len(target.arrivals()) >= base + n, every=1)
    time.sleep(2)
    pids = relevo.pids()
    for pid in pids:
        say("scale: %s %.1f MiB" % (role(pid), pss_mib([pid])))
    return pss_mib(pids)


# -------------------------------------------------------------- reaction ---

def spawn_floor(script, stamps, rounds=20):
    """From asking for a process to the script's first instruction, in ms."""
    took = []
    for _ in range(rounds):
        from_ns = time.time_ns()
        os.waitpid(os.posix_spawn(script, [script], {}), 0)
        with open(stamps) as f:
            took.append((int(f.read().split()[0]) - from_ns) / 1e6)
        os.unlink(stamps)
        time.sleep(0.05)
    return took


def reaction():
    n = 25
    with folder() as place:
        target = Target(place)
        stamps = os.path.join(place, "stamps")
        script = os.path.join(place, "stamp")
        with open(script, "w") as f:
            f.write("#!%s %s\n# kind: diagnose\n# stamps\n"
                    % (os.path.abspath(bench("stamp")), stamps))
        os.chmod(script, stat.S_IRWXU)
        floor = spawn_floor(script, stamps)
        relevo = Relevo(place, checks(target.port, n, "500ms") +
                        "runbooks = { stamp = { script = \"%s\"; "
                        "match = { plugin = \"http\"; }; }; };\n" % script)
        relevo.start()
        try:
            relevo.watching()
            time.sleep(2.5)
            for i in range(n):
                target.set(i, 1)
                time.sleep(0.7)
            time.sleep(1)
        finally:
            relevo.stop()
            target.close()
        failed, ended = {}, {}
        for _, wall, name, status in target.arrivals():
            if status == 503:
                failed.setdefault("c%d" % name, wall)
        for name, at in relevo.sql(
                "select name, min(started_us + duration_ns / 1000) from hot "
                "join \"check\" using (node, check_id) where outcome = 2 "
                "group by name"):
            ended[name] = int(at) * 1000
        began = {}
        with open(stamps) as f:
            for line in f:
                at, name = line.split()
                began.setdefault(name, int(at))
    if len(began) < 20:
        raise SystemExit("only %d diagnoses began" % len(began))
    figure("reaction.from_answer",
           [(began[c] - failed[c]) / 1e6 for c in began], "ms", "<= 20",
           "target sends its 503 -> first instruction of the script")
    figure("reaction.from_result",
           [(began[c] - ended[c]) / 1e6 for c in began if c in ended], "ms",
           "<= 20", "failing result is made -> first instruction")
    figure("reaction.floor", floor, "ms", "",
           "posix_spawn of the same script, nothing else")


# ------------------------------------------------------------------ rest ---

def run(name, *args):
    done = subprocess.run([bench(name), *args], stdout=subprocess.PIPE,
                          check=True)
    return done.stdout.decode()


def store():
    rounds = [[json.loads(line) for line in run("store").splitlines()]
              for _ in range(ROUNDS)]
    for rows in zip(*rounds):
        figure(rows[0]["figure"], [r["value"] for r in rows], rows[0]["unit"],
               rows[0].get("goal", ""))


def rollup():
    adopt(run("rollup"))


def micro():
    adopt(run("micro"))


def crowd():
    adopt(run("crowd"))


def expansion():
    adopt(run("expansion"))


BENCHES = {f.__name__: f for f in
           (cpu, interval, hung, scale, reaction, store, rollup,
            micro, crowd, expansion)}


def main(names):
    if not os.access(PROGRAM, os.X_OK):
        raise SystemExit("%s is not built" % PROGRAM)
    for name in names or BENCHES:
        if name not in BENCHES:
            raise SystemExit("no measurement \"%s\"; there are: %s"
                             % (name, " ".join(BENCHES)))
    for name in names or BENCHES:
        BENCHES[name]()
    print()
    table()


main(sys.argv[1:])
