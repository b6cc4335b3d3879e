#!/usr/bin/env python3
"""The measurements behind docs/performance.md; see there.

    bench.py [PART…]     all parts, or some
    bench.py table       the table of the figures taken last, in Markdown

RELEVO_BENCH_ROUNDS (5) says how often; RELEVO_BENCH_PATIENCE (12) how many
times in all a round waits ten seconds more for the machine to become quiet.
Each part prints a JSON line a figure; tables come last. Ratios are taken within
one round, rounds of what is compared alternate, and what stands is the median.
"""
import os
import sys
import time

import commands
import conditions
import cost
import diagnosis
import figures
import programs
import protocols
import punctual
import reaction
import respawn
import scale
import web
from figures import say
from measure import PROGRAM

ROUNDS = int(os.environ.get("RELEVO_BENCH_ROUNDS", "5"))

# In the order of the table.
PARTS = {
    "cpu": cost.cpu,
    "keepalive": cost.keepalive,
    "http": protocols.http,
    "redis": protocols.redis,
    "postgres": protocols.postgres,
    "websocket": protocols.websocket,
    "exec": commands.commands,
    "throughput": cost.throughput,
    "idle": cost.idle,
    "interval": punctual.interval,
    "scale": scale.scale,
    "reaction": reaction.reaction,
    "outage": reaction.outage,
    "diagnosis": diagnosis.diagnosis,
    "respawn": respawn.respawn,
    "web": web.web,
    "store": programs.store,
    "rollup": programs.alone("rollup"),
    "expansion": programs.alone("expansion"),
    "crowd": programs.alone("crowd"),
    "micro": programs.alone("micro"),
}


def take(name):
    began = time.monotonic()
    conditions.begin()
    PARTS[name](ROUNDS)
    figures.keep()
    say("%s took %d s" % (name, time.monotonic() - began))


def main(names):
    if names == ["table"]:
        print(figures.markdown(figures.kept()))
        return
    if not os.access(PROGRAM, os.X_OK):
        raise SystemExit("%s is not built" % PROGRAM)
    for name in names:
        if name not in PARTS:
            raise SystemExit("no measurement \"%s\"; there are: %s table"
                             % (name, " ".join(PARTS)))
    began = time.monotonic()
    failed = []
    for name in names or PARTS:
        try:
            take(name)
        except SystemExit as why:  # the others are worth having
            say("%s: %s" % (name, why))
            failed.append(name)
    print("\n%s\n\n%s\n" % (figures.plain(figures.figures),
                            figures.markdown(figures.figures)))
    say("%d s in all" % (time.monotonic() - began))
    if failed:
        raise SystemExit("not measured: " + " ".join(failed))


main(sys.argv[1:])
