"""Measurements of one part by itself, in C: each program prints its figures."""
import json
import subprocess

import conditions
from figures import adopt, figure
from measure import bench


def run(name, *args):
    done = subprocess.run([bench(name), *args], stdout=subprocess.PIPE,
                          check=True)
    return done.stdout.decode()


def store(how_often):
    """The writer with 1,000 checks; one check's day with 100, at 10 s."""
    rounds = []
    for _ in range(how_often):
        conditions.settle()
        rounds.append([json.loads(line) for line in
                       run("store").splitlines() +
                       run("store", "day").splitlines()])
    for rows in zip(*rounds):
        figure(rows[0]["figure"], [r["value"] for r in rows], rows[0]["unit"])


def alone(name):
    def measure(how_often):
        del how_often  # the program has rounds of its own
        conditions.settle()
        adopt(run(name))
    return measure
