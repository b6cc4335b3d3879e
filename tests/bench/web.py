"""The page: how long it takes over 1,000 checks of a day, over one check of
ninety days; /metrics; what its process takes; and whether probes stay punctual
while it is asked as often as it can answer.

The history is made beforehand (bench_fill), as a daemon leaves it; a request
is timed from connecting
to its last byte, each on a connection of its own, as the role serves them."""
import http.client
import subprocess
import threading
import time

import conditions
from figures import figure
from measure import (Relevo, Target, bench, checks, cpu_us, folder, pss_mib,
                     role, until)

ASKED = 20
# So far apart that the last hours are read anew (core/web/days.c).
ASKED_APART, APART_S = 5, 11


class Asked:
    def __init__(self, relevo):
        self.relevo = relevo
        self.port = None
        until("the page", self._find)

    def _find(self):
        with open(self.relevo.out.name) as f:
            for line in f:
                if "the page is at http://" in line:
                    self.port = int(line.rsplit(":", 1)[1])
        return self.port is not None

    def get(self, path):
        began = time.monotonic_ns()
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        c.request("GET", path)
        answer = c.getresponse()
        body = answer.read()
        c.close()
        if answer.status != 200:
            raise SystemExit("%s: %d %s" % (path, answer.status, body[:200]))
        return (time.monotonic_ns() - began) / 1e6

    def role(self):
        web, = [p for p in self.relevo.pids() if role(p) == "web"]
        return web

    def took(self, path, times=ASKED, apart_s=0.0):
        """Milliseconds: the median of the wall, and the role's CPU for one."""
        self.get(path)
        wall, cpu = [], 0
        for _ in range(times):
            time.sleep(apart_s)
            before = cpu_us([self.role()])
            wall.append(self.get(path))
            cpu += cpu_us([self.role()]) - before
        return sorted(wall)[times // 2], cpu / 1e3 / times


ASKED_FOR = {
    "web.board": "/",
    "web.check_90d": "/check/c0?span=90d",
    "web.metrics": "/metrics",
    "web.status": "/api/v1/status",
}


def pages(rounds):
    with folder() as place:
        relevo = Relevo(place, checks(1, 1000, "60s",
                                      also="schedule = \"manual\"; "))
        subprocess.run([bench("fill"), relevo.state, "1000", "60", "24",
                        "10", str(90 * 24)], check=True)
        relevo.start()
        try:
            relevo.watching()
            asked = Asked(relevo)
            took = {name: [] for name in (*ASKED_FOR, "web.board_apart")}
            for _ in range(rounds):
                conditions.settle()
                for name, path in ASKED_FOR.items():
                    took[name].append(asked.took(path))
                took["web.board_apart"].append(
                    asked.took("/", ASKED_APART, APART_S))
            for name, pairs in took.items():
                wall, cpu = zip(*pairs)
                figure(name, wall)
                figure(name + "_cpu", cpu)
            time.sleep(2)  # what was freed goes back once in a second
            figure("web.memory", [pss_mib([asked.role()])])
        finally:
            relevo.stop()


def late_ms(stamps, interval_s):
    """p99 of how far the gaps between one check's arrivals are off."""
    gaps = [abs((b - a) / 1e9 - interval_s) * 1e3
            for times in stamps.values() for a, b in zip(times, times[1:])]
    return sorted(gaps)[len(gaps) * 99 // 100]


def punctual(rounds):
    off, rate = [], []
    with folder() as place:
        target = Target(place)
        relevo = Relevo(place, checks(target.port, 500, "1s"))
        relevo.start()
        try:
            relevo.watching()
            asked = Asked(relevo)
            time.sleep(3)  # each check has found its place by then
            for _ in range(rounds):
                conditions.settle()
                stop, count = time.monotonic() + 10, [0] * 4

                def ask(i):
                    while time.monotonic() < stop:
                        asked.get(("/healthz", "/metrics")[count[i] % 50 == 0])
                        count[i] += 1
                began_ns = time.monotonic_ns()
                askers = [threading.Thread(target=ask, args=(i,))
                          for i in range(4)]
                for t in askers:
                    t.start()
                for t in askers:
                    t.join()
                stamps = {}
                for at, _, name, _ in sorted(target.arrivals()):
                    if at > began_ns:
                        stamps.setdefault(name, []).append(at)
                off.append(late_ms(stamps, 1.0))
                rate.append(sum(count) / 10)
        finally:
            relevo.stop()
            target.close()
    figure("web.asked", rate)
    figure("web.punctual_p99", off)


def web(rounds):
    pages(rounds)
    punctual(rounds)
