#!/usr/bin/python3
"""The judge of the tests that kill (tests/lib/invariants.py) objects to every
broken history that it is there for, and to a good one not. Nothing runs here:
the histories are written by hand."""
import copy
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import invariants as i  # noqa: E402
from ledger import ORDER, audit_hash  # noqa: E402
from traces import Seen, Told  # noqa: E402

SECOND = 1000000


class History:
    """One check that went down and came back, as the store would have it."""
    def __init__(self):
        self.integrity = "ok"
        self.tables = {table: [] for table in ORDER}
        self.seen = Seen(["R-1", "R-3", "R-4"], [
            Told("R-3", "R-3", 1, "down", "I-1", "relevo-I-1"),
            Told("R-4", "R-4", 1, "recovered", "I-1", "relevo-I-1")])
        self.transitions((0, 1), (1, 3), (3, 4), (4, 1))
        self.add("state", check_id=1, state=i.UP, incident=0)
        self.add("incident", number=1, check_id=1, state=i.RESOLVED,
                 began_us=2 * SECOND, opened_us=3 * SECOND)
        self.event("down", 3)
        self.event("recovered", 4)
        self.run(1, i.DIAGNOSE, "look", 2, occasion=1)
        self.run(2, i.REMEDIATE, "mend", 3, state=i.WOULD, verdict=0)
        self.run(3, i.NOTIFY, "call", 3)
        self.run(4, i.NOTIFY, "call", 4, occasion=8)
        self.add("counter", node=0, name="run", value=4)
        self.add("hot", check_id=1, probe=1)
        for run in (1, 3, 4):
            self.audit("run.start", "R-%d" % run)
            self.audit("run.end", "R-%d" % run)

    def add(self, table, **row):
        self.tables[table].append(row)

    def transitions(self, *pairs):
        for at, (before, after) in enumerate(pairs, 1):
            self.add("transition", check_id=1, at_us=at * SECOND,
                     from_state=before, to_state=after)

    def event(self, event, at, incident=1):
        self.add("event", check_id=1, incident=incident, event=event,
                 at_us=at * SECOND)

    def run(self, number, kind, runbook, at, **more):
        self.add("run", **dict({
            "number": number, "kind": kind, "runbook": runbook, "check_id": 1,
            "incident": 1, "state": i.ENDED, "verdict": i.DONE, "occasion": 4,
            "intended_us": at * SECOND, "ended_us": at * SECOND + 1,
            "first_run": 0, "attempt": 1, "reason": "", "held_by": "", "fault": 10}, **more))

    def audit(self, action, what):
        rows = self.tables["audit"]
        row = {"node": 0, "id": len(rows) + 1, "at_us": 1, "actor": "relevo",
               "action": action, "object": what, "detail": None}
        row["hash"] = audit_hash(rows[-1]["hash"] if rows else "", row)
        rows.append(row)

    def rows(self, table):
        return self.tables[table]


class Objects(unittest.TestCase):
    def setUp(self):
        self.before, self.now = History(), History()

    def found(self):
        return i.violations(self.now, self.before, self.now.seen, SECOND) + \
            i.unfinished(self.now, self.now.seen)

    def objects(self, words):
        found = self.found()
        self.assertTrue(any(words in one for one in found),
                        "no objection says %r: %r" % (words, found))

    def row(self, table, place=-1):
        return self.now.tables[table][place]

    def drop(self, table, place=-1, both=False):
        del self.now.tables[table][place]
        if both:
            del self.before.tables[table][place]

    def see(self, **more):
        self.now.seen = self.now.seen._replace(**more)

    def test_not_to_a_good_history(self):
        self.assertEqual(self.found(), [])
        later = copy.deepcopy(self.now)
        later.add("hot", check_id=1, probe=2)
        self.now = later
        self.assertEqual(self.found(), [])

    def test_damage(self):
        self.now.integrity = "row 7 missing from index"
        self.objects("row 7 missing")

    # -------------------------------------------------------------- lost ---

    def test_rows_that_are_gone(self):
        for table in i.APPENDED:
            self.now = History()
            self.drop(table)
            self.objects(table + ": rows that were committed")

    def test_a_hole_in_the_middle(self):
        self.drop("transition", 1, both=True)
        self.objects("a transition was lost before")

    def test_a_state_that_no_transition_led_to(self):
        self.row("state")["state"] = i.DEGRADED
        self.objects("does not lead to")

    def test_an_incident_that_is_gone(self):
        self.drop("incident")
        self.objects("incident 1 is gone")

    def test_a_run_that_is_gone(self):
        self.drop("run")
        self.objects("run 4 is gone")

    def test_a_number_given_twice(self):
        self.row("run")["intended_us"] += 1
        self.objects("run 4 is another one")
        self.row("incident")["began_us"] += 1
        self.objects("incident 1 is another one")

    def test_a_run_that_goes_back(self):
        self.row("run")["state"] = i.STARTED
        self.objects("run R-4 went back")

    def test_a_verdict_that_changes(self):
        self.row("run")["verdict"] = i.FAILED
        self.objects("run R-4 went back")

    def test_a_counter_that_goes_back(self):
        self.row("counter")["value"] = 3
        self.objects("counter run went back")

    # --------------------------------------------------------- incidents ---

    def test_an_incident_opened_twice(self):
        self.now.event("down", 5)
        self.objects("incident 1 was opened 2 times")

    def test_openings_that_do_not_alternate(self):
        self.now.event("reopened", 3)
        self.now.event("reopened", 3)
        self.objects("reopened twice")

    def test_two_for_one_outage(self):
        self.now.tables["state"][0].update(state=i.DOWN, incident=2)
        for number in (2, 3):
            self.now.add("incident", number=number, check_id=1, state=0,
                         began_us=1, opened_us=1)
        self.objects("down with incidents [2, 3]")

    def test_one_that_stays_open(self):
        self.row("incident")["state"] = 0
        self.objects("well with incidents [1]")

    def test_one_of_nothing(self):
        self.now.add("incident", number=2, check_id=9, state=0, began_us=1,
                     opened_us=1)
        self.objects("incident 2 was opened 0 times")
        self.objects("of check 9, which has no state")

    def test_events_of_one_that_is_not_there(self):
        self.now.event("down", 3, incident=7)
        self.objects("events of incident 7")

    def test_an_opening_without_a_transition(self):
        self.row("event", 0)["at_us"] += 1
        self.objects("opened without a transition")

    # --------------------------------------------------------------- runs ---

    def test_a_diagnosis_started_twice(self):
        self.see(started=["R-1", "R-1", "R-3", "R-4"])
        self.objects("R-1 was started 2 times")

    def test_one_that_nobody_ordered(self):
        self.see(started=["R-1", "R-3", "R-4", "R-9"])
        self.objects("R-9 was started and is not in the store")

    def test_one_that_is_done_and_never_began(self):
        self.see(started=["R-3", "R-4"])
        self.objects("R-1 is done and never began")

    def test_one_that_began_though_it_did_not(self):
        self.row("run", 0).update(verdict=i.FAILED, reason="could not be "
                                  "started: Relevo ended before it began")
        self.objects("and the store says it did not")

    def test_one_that_never_ends(self):
        self.row("run", 0)["state"] = i.STARTED
        self.objects("R-1 has not ended")

    def test_a_cooldown_that_a_death_forgot(self):
        self.now.run(5, i.DIAGNOSE, "look", 2, intended_us=2 * SECOND + 9)
        self.objects("R-5 too soon")

    def test_a_remediation_that_ran_and_was_not_to(self):
        self.see(started=["R-1", "R-2", "R-3", "R-4"])
        self.objects("R-2 was held and started")
        self.objects("R-2 ran and was not to")

    def test_a_remediation_unaccounted_for(self):
        self.row("run", 1)["incident"] = 2
        self.objects("incident 1 was opened 1 times, mend is there 0 times")

    def test_a_remediation_twice(self):
        self.now.run(5, i.REMEDIATE, "mend", 3, state=i.WOULD, verdict=0)
        self.objects("mend is there 2 times")

    # ------------------------------------------------------------ notices ---

    def test_a_notice_never_told(self):
        self.see(told=self.now.seen.told[1:])
        self.objects("I-1 down happened 1 times and was told 0 times")

    def test_one_that_is_held(self):
        """Where a reload took its check away, nobody waits for it."""
        self.see(told=[], started=["R-1"])
        for run in self.now.tables["run"][-2:]:
            run.update(state=i.HELD, held_by="active")
        self.objects("I-1 down happened 1 times and was told 0 times")
        for run in self.now.tables["run"][-2:]:
            run["held_by"] = "config"
        self.assertEqual(list(i.untold(self.now, self.now.seen)), [])

    def test_one_notice_told_twice_is_not_two(self):
        """Attempts at the first `down` do not make up for the second."""
        self.now.event("reopened", 4)
        again = self.now.seen.told[0]._replace(run="R-5", attempt=2)
        self.see(told=self.now.seen.told + [again])
        self.objects("I-1 down happened 2 times and was told 1 times")

    def test_told_of_what_did_not_happen(self):
        phantom = self.now.seen.told[0]._replace(incident="I-2", key="k")
        self.see(told=self.now.seen.told + [phantom])
        self.objects("told of what did not happen")

    def test_two_keys_for_one_incident(self):
        again = self.now.seen.told[0]._replace(run="R-5", key="other")
        self.see(told=self.now.seen.told + [again])
        self.objects("two keys")

    def test_one_key_for_two_incidents(self):
        other = self.now.seen.told[0]._replace(incident="I-2")
        self.see(told=self.now.seen.told + [other])
        self.objects("incidents share a key")

    def test_a_notice_intended_twice(self):
        self.now.run(5, i.NOTIFY, "call", 3)
        self.objects("I-1 down happened 1 times, and call has 2 notices")

    # -------------------------------------------------------------- audit ---

    def test_an_audit_that_was_altered(self):
        self.row("audit", 1)["actor"] = "somebody"
        self.objects("the audit's chain is broken")

    def test_a_start_audited_twice(self):
        self.now.audit("run.start", "R-1")
        self.objects("run.start of R-1 2 times")


if __name__ == "__main__":
    unittest.main()
