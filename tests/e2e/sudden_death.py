#!/usr/bin/python3
"""Main is killed at any instant, again and again, under load. What was
committed stays; each check's transitions are one chain across the deaths;
states, incidents and runs never contradict each other; no diagnosis is started
twice, no notice is forgotten. RELEVO_LONG=1: ten times as many deaths."""
import collections
import os
import random
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from flaky import Flaky  # noqa: E402
from ledger import Ledger, audit_hash  # noqa: E402
from scripts import script  # noqa: E402
from watch import BUILD, Watch, until  # noqa: E402

DEATHS = 200 if os.environ.get("RELEVO_LONG") else 20
CHECKS = 20
SEED = int(os.environ.get("RELEVO_SEED", "1"))
CHECK = 'c%d = { url = "http://%s/"; interval = "100ms"; ' \
        'retry_interval = "50ms"; failure_threshold = 2; };'
PENDING, UP, DEGRADED, DOWN = 0, 1, 2, 4
OPEN, RESOLVED = 0, 2
INTENDED, STARTED, ENDED, HELD = 0, 1, 2, 3


class SuddenDeath(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="relevo-e2e-")
        self.folder = self.temporary.name
        self.started = os.path.join(self.folder, "started")
        self.notices = os.path.join(self.folder, "notices")
        self.random = random.Random(SEED)
        self.seen = None
        self.resolved = collections.Counter()

    def tearDown(self):
        self.temporary.cleanup()

    def config(self, targets):
        look = script(self.folder, "look", "diagnose",
                      'echo "$RELEVO_RUN_ID" >> ' + self.started)
        call = script(self.folder, "call", "notify",
                      'echo "$RELEVO_INCIDENT_ID $RELEVO_ON" >> '
                      + self.notices, on="down, recovered")
        return """
workers = 2; plugin_dir = "%s/plugins";
checks = { %s };
runbooks = {
  look = { script = "%s"; match = { plugin = "http"; }; cooldown = "1s"; };
  call = { script = "%s"; match = { plugin = "http"; }; };
};
""" % (os.path.abspath(BUILD), "\n".join(
            CHECK % (i, target) for i, target in enumerate(targets)),
            look, call)

    def lines(self, path):
        try:
            with open(path) as f:
                return f.read().splitlines()
        except OSError:
            return []

    # ------------------------------------------------------------- one life ---

    def live_and_die(self, watch):
        """From its birth, or from when it watches: both are instants."""
        socket = os.path.join(watch.state, "control.sock")
        if os.path.exists(socket):
            os.unlink(socket)
        with open(os.path.join(self.folder, "out.log"), "ab") as out:
            process = subprocess.Popen(
                [watch.program, "-c", watch.config, "run"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env=watch.env)
        if self.random.random() < 0.8:
            until("the control socket", lambda: os.path.exists(socket)
                  or process.poll() is not None, 60, 0.005)
        time.sleep(self.random.uniform(0.05, 0.4))
        self.assertIsNone(process.poll(), watch.log())
        process.kill()
        process.wait()

    # ------------------------------------------------------- after each one ---

    def nothing_is_lost(self, now):
        if self.seen is None:
            return
        for table in ("transition", "event", "audit", "hot"):
            old, new = self.seen.rows(table), now.rows(table)
            self.assertEqual(old, new[:len(old)], table)
        new = {row["number"]: row for row in now.rows("incident")}
        for row in self.seen.rows("incident"):
            for column in ("check_id", "began_us", "opened_us"):
                self.assertEqual(row[column], new[row["number"]][column], row)
        new = {row["number"]: row for row in now.rows("run")}
        for row in self.seen.rows("run"):
            for column in ("runbook", "check_id", "incident", "intended_us"):
                self.assertEqual(row[column], new[row["number"]][column], row)
            self.assertGreaterEqual(new[row["number"]]["state"], row["state"])
            if row["state"] == ENDED:
                self.assertEqual(row, new[row["number"]])

    def transitions_are_chains(self, now):
        at = collections.defaultdict(lambda: PENDING)
        for row in now.rows("transition"):
            self.assertEqual(row["from_state"], at[row["check_id"]], row)
            at[row["check_id"]] = row["to_state"]
        for row in now.rows("state"):
            self.assertEqual(row["state"], at[row["check_id"]], row)

    def incidents_fit_states(self, now):
        opened = collections.defaultdict(list)
        for row in now.rows("incident"):
            if row["state"] != RESOLVED:
                opened[row["check_id"]].append(row["number"])
        for row in now.rows("state"):
            mine = opened.pop(row["check_id"], [])
            if row["state"] == DOWN:
                self.assertEqual(mine, [row["incident"]], row)
            elif row["state"] in (UP, DEGRADED):
                self.assertEqual(mine, [], row)
        self.assertEqual(dict(opened), {})

    def openings_alternate(self, now):
        is_open = collections.defaultdict(bool)
        downs = collections.Counter()
        for row in now.rows("event"):
            if row["event"] in ("down", "reopened", "recovered"):
                opens = row["event"] != "recovered"
                self.assertNotEqual(is_open[row["check_id"]], opens, row)
                is_open[row["check_id"]] = opens
                downs[row["incident"]] += row["event"] == "down"
        self.assertLessEqual(max(downs.values(), default=0), 1)

    def runs_are_accounted_for(self, now):
        started = self.lines(self.started)
        twice = [i for i, n in collections.Counter(started).items() if n > 1]
        self.assertEqual(twice, [])
        known = {"R-%d" % row["number"] for row in now.rows("run")
                 if row["state"] not in (HELD,)}
        self.assertEqual(set(started) - known, set())

    def audit_is_whole(self, now):
        previous = ""
        for row in now.rows("audit"):
            previous = audit_hash(previous, row)
            self.assertEqual(row["hash"], previous, row)

    def look(self, watch):
        now = Ledger(watch.state)
        self.assertEqual(now.integrity, "ok")
        self.nothing_is_lost(now)
        self.transitions_are_chains(now)
        self.incidents_fit_states(now)
        self.openings_alternate(now)
        self.runs_are_accounted_for(now)
        self.audit_is_whole(now)
        self.seen = now
        return now

    # --------------------------------------------------------------- at last ---

    def all_is_told(self, now):
        told = collections.Counter(self.lines(self.notices))
        wanted = collections.Counter(
            "I-%d %s" % (row["incident"],
                         "recovered" if row["event"] == "recovered" else "down")
            for row in now.rows("event")
            if row["event"] in ("down", "reopened", "recovered"))
        self.assertEqual(wanted - told, collections.Counter())
        self.assertGreater(sum(wanted.values()), 0)

    def all_has_ended(self, now):
        self.assertEqual([row for row in now.rows("run")
                          if row["state"] in (INTENDED, STARTED)], [])
        self.assertEqual([row for row in now.rows("incident")
                          if row["state"] != RESOLVED], [])

    def quiet(self, watch):
        now = Ledger(watch.state)
        return all(row["state"] not in (INTENDED, STARTED)
                   for row in now.rows("run")) and \
            all(row["state"] == RESOLVED for row in now.rows("incident"))

    def test_killed_at_any_instant(self):
        print("RELEVO_SEED=%d, %d deaths" % (SEED, DEATHS), file=sys.stderr)
        with Flaky(CHECKS, 0.08, SEED) as flaky:
            watch = Watch(self.folder, self.config(flaky.targets))
            for _ in range(DEATHS):
                self.live_and_die(watch)
                self.look(watch)
            flaky.settle()
            with watch:
                for i in range(CHECKS):
                    watch.wait_state("c%d" % i, "up")
                until("all runs to end", lambda: self.quiet(watch), 60, 0.5)
            now = self.look(watch)
            self.all_has_ended(now)
            self.all_is_told(now)
            print("%d results, %d transitions, %d incidents, %d runs" % tuple(
                len(now.rows(t)) for t in ("hot", "transition", "incident",
                                           "run")), file=sys.stderr)
            self.assertGreater(len(now.rows("transition")), CHECKS // 2)


if __name__ == "__main__":
    unittest.main()
