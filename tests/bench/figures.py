"""What is measured: every figure's name, words, unit and goal, in one table;
and how the figures come out: a JSON line each as they are made, a table on the
terminal, the table of docs/performance.md in Markdown.

A measurement calls figure() with the values of its rounds; the programs in C
print JSON lines, which adopt() takes. The last value of each figure is kept in
figures.json in the build's folder, so that `./dev bench table` prints one
table of parts that were taken one by one.
"""
import json
import os
import statistics
import sys

import conditions

BUILD = os.environ.get("RELEVO_BUILD", "build/release")
KEPT = os.path.join(BUILD, "bench", "figures.json")


def number(value, unit=""):
    """For people: as many digits as mean something."""
    size = abs(value)
    if unit == "s" and size < 100:
        return "%.3f" % value
    if size >= 1000:
        return "{:,.0f}".format(value)
    if value == int(value):
        return "%d" % value
    return "%.0f" % value if size >= 100 else "%.*f" % (
        1 if size >= 10 else 2 if size >= 1 else 3, value)


class Goal:
    """A limit for the median, or for the greatest of all rounds."""

    def __init__(self, text, is_met, of="value"):
        self.text, self.is_met, self.of = text, is_met, of

    def is_reached(self, row):
        return self.is_met(row[self.of])


def at_most(limit, of="value"):
    return Goal("≤ " + number(limit), lambda value: value <= limit, of)


def none_over(limit):
    return at_most(limit, "high")


def at_least(limit):
    return Goal("≥ " + number(limit), lambda value: value >= limit)


def exactly(seconds):
    """To the millisecond, as it is printed."""
    return Goal("%.3f" % seconds, lambda value: abs(value - seconds) < 0.0005)


# name: (what, unit, goal or None). In the order of the table. A figure without
# words is a detail: it comes out on the terminal only.
FIGURES = {
    "cpu_500.ratio": (
        "CPU per HTTP check, 500/s, to one bare libcurl-multi program at the "
        "same pace", "×", at_most(1.5)),
    "cpu_2000.ratio": ("the same, 2,000/s", "×", at_most(1.5)),
    "cpu_500.ratio_one_worker": ("500/s, `workers = 1`", "×", at_most(1.5)),
    "cpu_2000.ratio_one_worker": ("2,000/s, `workers = 1`", "×",
                                  at_most(1.5)),
    "cpu_500.ratio_two_floors": (
        "500/s, 2 workers to two bare programs that share the requests", "×",
        None),
    "cpu_2000.ratio_two_floors": ("the same, 2,000/s", "×", None),
    "keepalive.ratio": (
        "CPU per HTTP check on kept connections, 2,000/s, to a bare "
        "libcurl-multi program on kept ones", "×", at_most(2)),
    "http.new.ratio": (
        "the http plugin's own CPU per GET, new connection, to a bare libcurl "
        "program (multi interface, on epoll)", "×", at_most(1.5)),
    "http.kept.ratio": ("the same, kept connections", "×", at_most(2)),
    "redis.new.ratio": (
        "the redis plugin's own CPU per PING, new connection, to a bare "
        "hiredis program (asynchronous, on epoll)", "×", at_most(1.5)),
    "redis.kept.ratio": ("the same, kept connections", "×", at_most(2)),
    "postgres.new.ratio": (
        "the postgres plugin's own CPU per SELECT 1, new session, to a bare "
        "libpq program (asynchronous, on epoll, without GSSAPI)", "×",
        at_most(1.2)),
    "postgres.kept.ratio": ("the same, kept sessions", "×", at_most(2.5)),
    "websocket.ratio": (
        "the websocket plugin's own CPU per connection and echo, to a bare "
        "program on the same stream", "×", at_most(1.5)),
    "exec.ratio": (
        "CPU per exec check, Debian's `check_http`, the command included, to "
        "posix_spawn of it with a pipe", "×", at_most(1.15)),
    "exec.ratio_large": ("the same beside 10,000 other checks in main", "×",
                         at_most(1.15)),
    "throughput.rate": (
        "new-connection checks a second, 5,000 asked for, nginx on the same "
        "two cores", "/s", at_least(4995)),
    "throughput.stored": (
        "results of those in the store (probes under way at the end are not)",
        "%", at_least(99.5)),
    "idle.core": ("1,000 checks at 60 s: CPU of all processes, of one core",
                  "%", at_most(0.4)),
    "interval.p50": ("1,000 checks at 10 s: p50 of the interval", "s",
                     exactly(10)),
    "interval.deviation_p99": ("p99 of its deviation", "ms", at_most(5)),
    "interval.busiest": (
        "the busiest second (mean 100), 1.2 × the mean + 1", "probes",
        none_over(121)),
    "hung_1.deviation_p99": ("1 % of the targets hang: p99 for the others",
                             "ms", at_most(5)),
    "hung_1.missed": ("probes of theirs missed or doubled", "", none_over(0)),
    "hung_10.deviation_p99": ("10 % of the targets hang: p99 for the others",
                              "ms", at_most(5)),
    "hung_10.missed": ("probes of theirs missed or doubled", "",
                       none_over(0)),
    "noisy.p50": ("noisy: p50 of the interval", "s", exactly(10)),
    "noisy.deviation_p99": ("noisy: p99 of its deviation", "ms", at_most(16)),
    "noisy.busiest": ("noisy: the busiest second", "probes", none_over(121)),
    "noisy.missed": ("noisy: probes missed or doubled", "", none_over(0)),
    "scale.memory": (
        "10,000 checks: proportional memory (PSS) of all processes once each "
        "has a result", "MiB", at_most(60)),
    "scale.memory_after_reload": ("the same after a reload", "MiB",
                                  at_most(60)),
    "scale.memory_after_restart": (
        "a few seconds after a restart and a reload, when many have no result "
        "yet", "MiB", at_most(60)),
    "scale.first_probe_cold": ("start to first probe, cold", "s",
                               at_most(0.6)),
    "scale.first_probe_warm": ("start to first probe, warm", "s",
                               at_most(0.3)),
    "scale.reload_one_change": ("reload with one change", "s", at_most(0.3)),
    "scale.missed": (
        "probes missed around two reloads, 10,000 checks at 20 s", "",
        none_over(0)),
    "scale.doubled": ("probes doubled around them", "", none_over(0)),
    "reaction.from_result": (
        "failing result → diagnose script's first instruction", "ms",
        at_most(20)),
    "reaction.noisy_from_result": ("noisy", "ms", at_most(20)),
    "reaction.floor": ("spawning that script from an idle program", "ms",
                       None),
    "diagnosis.slowest": (
        "first failing result → PostgreSQL's diagnosis with its verdict in the "
        "incident: the slowest of 15 causes that need no waiting", "s",
        none_over(3)),
    "outage.p50": (
        "target stopped at k/20 of a 1 s interval, k = 0…19, threshold 1 → "
        "script: p50", "s", at_most(0.55)),
    "outage.max": ("the greatest of the twenty", "s", none_over(1.05)),
    "respawn.few": (
        "a worker crashes → the first probe of the next one: 20 checks", "ms",
        none_over(200)),
    "respawn.thousand": ("the same: 1,000 checks", "ms", none_over(200)),
    "web.board": (
        "the page of 1,000 checks over 24 h, connecting included", "ms",
        at_most(20)),
    "web.check_90d": ("a check's page over 90 days at 10 s", "ms",
                      at_most(50)),
    "web.metrics": ("/metrics of 1,000 checks", "ms", at_most(20)),
    "web.board_apart": ("the same, asked every 11 s: the day is read anew",
                        "ms", at_most(20)),
    "web.board_apart_cpu": ("CPU of the page's process for it", "ms",
                            at_most(20)),
    "web.board_cpu": ("CPU of the page's process for it", "ms", at_most(20)),
    "web.check_90d_cpu": ("CPU of the page's process for it", "ms",
                          at_most(50)),
    "web.metrics_cpu": ("CPU of the page's process for it", "ms",
                        at_most(20)),
    "web.status_cpu": ("CPU of the page's process for it", "ms", None),
    "web.status": ("/api/v1/status of 1,000 checks", "ms", None),
    "web.memory": (
        "the page's process two seconds after all of these (PSS)", "MiB",
        at_most(16)),
    "web.asked": (
        "500 checks at 1 s while the page is asked by four clients as often as "
        "it answers", "requests/s", at_least(1000)),
    "web.punctual_p99": ("meanwhile: p99 of the deviation of an interval",
                         "ms", at_most(16)),
    "store.written": ("writer thread", "results/s", at_least(100000)),
    "store.cpu": ("its CPU a row, packing and rollups in it", "µs",
                  at_most(5)),
    "store.file": ("file, packed and hot together, rollups in it",
                   "bytes a good result", at_most(48)),
    "day.read_took": (
        "one check's last day: 8,640 results of 864,000, up to 100,000 of "
        "them not packed yet", "ms", at_most(10)),
    "store.rollups.1000_at_10s": (
        "what rollups add to a row: 1,000 checks at 10 s", "µs", at_most(2)),
    "store.rollups.10000_at_60s": ("10,000 checks at 60 s", "µs",
                                   at_most(2)),
    "store.month.day": (
        "30 days of one check by day, 99,000 results of others not packed yet",
        "ms", at_most(10)),
    "store.month.hour": ("by hour", "ms", at_most(10)),
    "store.month.minute": ("by minute (43,200 periods)", "ms", None),
    "expansion.1000_checks_x_3": (
        "1,000 checks for three environments read, expanded and checked",
        "ms of CPU", at_most(500)),
    "expansion.10000_checks_x_3": ("10,000 checks for three", "ms of CPU",
                                   None),
    "crowd.impacted_1000": (
        "a parent takes 1,000 waiting children with it: all of it", "ms",
        None),
    "crowd.longest_step_1000": ("the longest step of that", "ms", None),
    "crowd.impacted_10000": ("10,000 children", "ms", None),
    "crowd.longest_step_10000": ("the longest step of that", "ms", None),
    "expect.status": ("an expectation", "ns", None),
    "wire.good_result": ("a result's message there and back", "ns", None),
    "model.good_result": ("`model_step` with a good result", "ns", None),
}

figures = {}  # of this run, by name


def say(text):
    print(text, file=sys.stderr, flush=True)


def _note(name, row, when=None):
    what, unit, goal = FIGURES.get(name, ("", row.get("unit", ""), None))
    row = {"figure": name, **row, "unit": unit}
    row.setdefault("low", row["value"])
    row.setdefault("high", row["value"])
    row.setdefault("rounds", 1)
    row["when"] = when or conditions.told()
    if goal:
        row["goal"] = goal.text
        row["reached"] = goal.is_reached(row)
    print(json.dumps(row, ensure_ascii=False), flush=True)
    figures[name] = row


def figure(name, values, unit="", when=None):
    """The median of the rounds, the least and the greatest. unit: of one that
    is not in the table; when: as conditions.told(), where that is over."""
    _note(name, {"value": round(statistics.median(values), 4),
                 "low": round(min(values), 4), "high": round(max(values), 4),
                 "unit": unit, "rounds": len(values)}, when)


def adopt(text):
    """Figures that a program has printed as JSON lines."""
    for line in text.splitlines():
        if line.startswith("{"):
            row = json.loads(line)
            _note(row.pop("figure"), row)


# ---------------------------------------------------------------- tables ---

def keep():
    """Puts the figures of this run into the file, beside those of others."""
    rows = kept()
    rows.update(figures)
    os.makedirs(os.path.dirname(KEPT), exist_ok=True)
    with open(KEPT + ".new", "w") as f:
        json.dump(rows, f, indent=1, ensure_ascii=False)
    os.rename(KEPT + ".new", KEPT)


def kept():
    try:
        with open(KEPT) as f:
            return json.load(f)
    except OSError:
        return {}


def _range(row):
    if row["low"] == row["high"]:
        return ""
    unit = row["unit"]
    return "%s..%s" % (number(row["low"], unit), number(row["high"], unit))


def _verdict(row):
    if "reached" not in row:
        return ""
    return "reached" if row["reached"] else "NOT REACHED"


def plain(rows):
    """All figures, details in it, for the terminal."""
    lines = [("figure", "median", "range", "unit", "goal", "", "when")]
    for name, row in rows.items():
        lines.append((name, number(row["value"], row["unit"]), _range(row), row["unit"],
                      row.get("goal", ""), _verdict(row), row["when"]))
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths))
                     .rstrip() for line in lines)


def markdown(rows):
    """The table of docs/performance.md."""
    lines = ["| what | goal | median (range) | | when |", "|---|---|---|---|---|"]
    for name, (what, unit, goal) in FIGURES.items():
        row = rows.get(name)
        if row is None:
            continue
        spread = " (%s)" % _range(row) if _range(row) else ""
        unit = unit if unit == "%" or not unit else " " + unit
        lines.append("| %s | %s | %s%s%s | %s | %s |" % (
            what, goal.text + unit if goal else "",
            number(row["value"], row["unit"]), unit, spread,
            _verdict(row).replace("NOT REACHED", "**not reached**"),
            row["when"]))
    return "\n".join(lines)


def missing(rows):
    return [name for name in FIGURES if name not in rows]
