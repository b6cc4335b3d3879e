"""1,000 checks at 10 s: how punctual they are, when the machine is quiet, when
some targets hang, when the machine is noisy.

One relevo serves all four; every window of ten seconds is a round. Intervals
are those between the instants at which the worker began two probes, from the
history; those seen by the server have its own delays in them. A check's first
probe, which waits for no slot, is left out.
"""
import collections
import time

import conditions
from figures import figure
from measure import Relevo, Target, checks, folder, quantile

N = 1000
INTERVAL = 10
ALONE = list(range(0, N, 10))  # have a target each, so that it can hang


class Window:
    """What was seen of the healthy checks during one interval."""

    def __init__(self, starts, healthy, from_ns, to_ns):
        self.intervals, self.seconds = [], collections.Counter()
        last = {}
        for at_ns, name in starts:
            if at_ns >= to_ns:
                break
            if name not in healthy:
                continue
            if at_ns >= from_ns:
                self.seconds[(at_ns - from_ns) // 10**9] += 1
                if name in last:
                    self.intervals.append((at_ns - last[name]) / 1e9)
            last[name] = at_ns
        self.off_ms = [abs(i - INTERVAL) * 1e3 for i in self.intervals]
        overdue_ns = to_ns - INTERVAL * 1.5e9
        self.missed = sum(1 for i in self.intervals
                          if not INTERVAL / 2 < i < INTERVAL * 1.5)
        self.missed += sum(1 for name in healthy
                           if last.get(name, 0) < overdue_ns)


class Stretch:
    """Some windows in a row under one condition."""

    def __init__(self, label, hung, windows):
        conditions.settle()
        self.label, self.when = label, conditions.told()
        self.healthy = {"c%d" % i for i in range(N) if i not in hung}
        from_ns = time.monotonic_ns()
        self.edges = [from_ns + i * INTERVAL * 10**9
                      for i in range(windows + 1)]
        time.sleep(windows * INTERVAL)

    def tell(self, starts):
        windows = [Window(starts, self.healthy, *edge)
                   for edge in zip(self.edges, self.edges[1:])]

        def each(name, of, unit=""):
            figure("%s.%s" % (self.label, name), [of(w) for w in windows],
                   unit, self.when)

        each("p50", lambda w: quantile(w.intervals, 0.5), "s")
        each("deviation_p99", lambda w: quantile(w.off_ms, 0.99), "ms")
        each("deviation_max", lambda w: max(w.off_ms), "ms")
        each("busiest", lambda w: max(w.seconds.values()), "probes")
        each("missed", lambda w: w.missed, "probes")


def hang(target, names, mode):
    for i in names:
        target.set(i, mode)


def one_after_another(target, windows):
    yield Stretch("interval", [], windows)
    for label, hung in (("hung_1", ALONE[::10]), ("hung_10", ALONE)):
        hang(target, hung, Target.HANG)
        conditions.begin()
        yield Stretch(label, hung, windows)
    hang(target, ALONE, Target.GOOD)
    time.sleep(2.5 * INTERVAL)  # they are up again, and at their own pace
    with conditions.noise():
        yield Stretch("noisy", [], windows)


def interval(how_often):
    with folder() as place:
        target = Target(place)
        relevo = Relevo(place, checks(target.port, N, "10s", ALONE)).start()
        try:
            relevo.watching()
            time.sleep(INTERVAL + 2)
            stretches = list(one_after_another(target, how_often))
        finally:
            relevo.stop()
            target.close()
        starts = [(int(ns), name) for ns, name in relevo.sql(
            "select h.started_ns, c.name from hot h join \"check\" c using "
            "(node, check_id) order by 1")]
    for stretch in stretches:
        stretch.tell(starts)
