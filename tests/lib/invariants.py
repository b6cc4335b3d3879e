"""What must be true of a history whatever was killed, and when: the judge of
all tests that kill. It reads the store (ledger.py) and what the scripts left
(traces.py), and knows nothing of Relevo's code.

    wrong = violations(now, before, seen)     a list of sentences, or []
    wrong += unfinished(now, seen)            once nothing is killed any more

That it objects to broken histories is shown by e2e/invariants_object.py.
"""
import collections

from ledger import audit_hash

PENDING, UP, DEGRADED, DOWN = 0, 1, 2, 4
RESOLVED = 2
INTENDED, STARTED, ENDED, HELD, WOULD = 0, 1, 2, 3, 4
DONE, FAILED, UNKNOWN = 1, 2, 3  # verdicts
DIAGNOSE, REMEDIATE, NOTIFY = 0, 1, 2
APPENDED = ("transition", "event", "audit", "hot")
OPENS = ("down", "reopened")
ON = {4: "down", 8: "recovered"}
FIXED = {"incident": ("check_id", "began_us", "opened_us"),
         "run": ("runbook", "kind", "check_id", "incident", "intended_us",
                 "occasion", "first_run", "attempt")}
NEVER_BEGAN = "could not be started"


def run_id(row):
    return "R-%d" % row["number"]


def by_number(ledger, table):
    return {row["number"]: row for row in ledger.rows(table)}


# ---------------------------------------------------------------- the store ---

def lost(now, before):
    """What was there once stays there, in its order."""
    for table in APPENDED:
        old, new = before.rows(table), now.rows(table)
        if old != new[:len(old)]:
            yield "%s: rows that were committed are gone or others" % table
    for table, columns in FIXED.items():
        new = by_number(now, table)
        for row in before.rows(table):
            later = new.get(row["number"])
            if later is None:
                yield "%s %d is gone" % (table, row["number"])
            elif any(row[c] != later[c] for c in columns if c in row):
                yield "%s %d is another one: %r" % (table, row["number"], later)


def gone_back(now, before):
    """Runs only go forward, and what has ended does not change."""
    new = by_number(now, "run")
    for row in before.rows("run"):
        later = new.get(row["number"], row)
        if later["state"] < row["state"] or (row["state"] == ENDED and
                                             later != row):
            yield "run %s went back: %r" % (run_id(row), later)
    counters = {row["name"]: row["value"] for row in now.rows("counter")}
    for row in before.rows("counter"):
        if row["name"] in ("check", "incident", "run", "audit", "window") and \
                counters.get(row["name"], 0) < row["value"]:
            yield "counter %s went back" % row["name"]


def chains(now):
    """Each check's transitions are one chain that ends at its state."""
    at = collections.defaultdict(lambda: PENDING)
    for row in now.rows("transition"):
        if row["from_state"] != at[row["check_id"]]:
            yield "a transition was lost before %r" % row
        at[row["check_id"]] = row["to_state"]
    for row in now.rows("state"):
        if row["state"] != at[row["check_id"]]:
            yield "the last transition does not lead to %r" % row


def incidents(now):
    """Open exactly where a check is down; one at a time."""
    opened = collections.defaultdict(list)
    for row in now.rows("incident"):
        if row["state"] != RESOLVED:
            opened[row["check_id"]].append(row["number"])
    for row in now.rows("state"):
        mine = opened.pop(row["check_id"], [])
        if row["state"] == DOWN and mine != [row["incident"]]:
            yield "down with incidents %r: %r" % (mine, row)
        if row["state"] in (UP, DEGRADED) and mine:
            yield "well with incidents %r: %r" % (mine, row)
    for check, numbers in opened.items():
        yield "incidents %r of check %d, which has no state" % (numbers, check)


def openings(now):
    """An incident opens once and its openings and recoveries alternate; each
    is a transition of its check at that instant, and the other way round."""
    is_open = collections.defaultdict(bool)
    times = collections.Counter()
    changes = collections.Counter(
        (row["check_id"], row["at_us"]) for row in now.rows("transition")
        if row["to_state"] == DOWN)
    for row in now.rows("event"):
        if row["event"] not in OPENS + ("recovered",):
            continue
        opens = row["event"] in OPENS
        if is_open[row["check_id"]] == opens:
            yield "%s twice: %r" % (row["event"], row)
        is_open[row["check_id"]] = opens
        times[row["incident"]] += row["event"] == "down"
        if opens and not changes[row["check_id"], row["at_us"]]:
            yield "opened without a transition to down: %r" % row
    for row in now.rows("incident"):
        n = times.pop(row["number"], 0)
        if n != 1:
            yield "incident %d was opened %d times" % (row["number"], n)
    for number, n in times.items():
        if n > 0:
            yield "events of incident %d, which is not there" % number


def audited(now):
    previous, seen = "", collections.Counter()
    for row in now.rows("audit"):
        previous = audit_hash(previous, row)
        if row["hash"] != previous:
            yield "the audit's chain is broken at %r" % row
            return
        seen[row["action"], row["object"]] += 1
    for (action, what), n in seen.items():
        if action in ("run.start", "run.end") and n > 1:
            yield "%s of %s %d times" % (action, what, n)


# ------------------------------------------------------------------ the runs ---

def runs(now, seen):
    """Started at most once, and by nobody but who may; none that the store
    calls done, or never begun, without its trace saying so."""
    rows = {run_id(row): row for row in now.rows("run")}
    for run, n in collections.Counter(seen.started).items():
        row = rows.get(run)
        if n > 1:
            yield "%s was started %d times: %r" % (run, n, row)
        if row is None:
            yield "%s was started and is not in the store" % run
        elif row["state"] in (HELD, WOULD):
            yield "%s was held and started all the same: %r" % (run, row)
        elif NEVER_BEGAN in (row["reason"] or ""):
            yield "%s began, and the store says it did not: %r" % (run, row)
    started = set(seen.started)
    for run, row in rows.items():
        if row["state"] == ENDED and row["verdict"] == DONE and \
                run not in started:
            yield "%s is done and never began: %r" % (run, row)


def cooldowns(now, cooldown_us):
    """A death does not shorten a diagnosis' cooldown."""
    last = {}
    for row in now.rows("run"):
        key = row["runbook"], row["check_id"], row["fault"]
        if row["kind"] != DIAGNOSE or row["state"] in (HELD, WOULD):
            continue
        before = last.get(key)
        if before is not None and (
                before["state"] != ENDED or
                row["intended_us"] < before["ended_us"] + cooldown_us):
            yield "%s too soon after %r" % (run_id(row), before)
        last[key] = row


def remediations(now, seen):
    """Each that an opening calls is accounted for, once: as what would have
    run, was held, or ran."""
    wanted, had = collections.Counter(), collections.Counter()
    books = {row["runbook"] for row in now.rows("run")
             if row["kind"] == REMEDIATE}
    for row in now.rows("event"):
        wanted[row["incident"]] += row["event"] in OPENS
    for row in now.rows("run"):
        if row["kind"] == REMEDIATE:
            had[row["incident"], row["runbook"]] += 1
            if row["state"] == WOULD and run_id(row) in seen.started:
                yield "%s ran and was not to" % run_id(row)
    for book in books:
        for incident, n in wanted.items():
            if had[incident, book] != n:
                yield "incident %d was opened %d times, %s is there %d times" \
                    % (incident, n, book, had[incident, book])


# --------------------------------------------------------------- the notices ---

def occasions(now):
    """How often each incident has to be told of, by occasion."""
    return collections.Counter(
        ("I-%d" % row["incident"],
         "recovered" if row["event"] == "recovered" else "down")
        for row in now.rows("event") if row["event"] in OPENS + ("recovered",))


def notices(now, seen):
    """None of what did not happen; one key for an incident, whatever is told
    of it and however often; no notice intended twice."""
    wanted, keys = occasions(now), {}
    for told in seen.told:
        if not wanted[told.incident, told.on]:
            yield "told of what did not happen: %r" % (told,)
        if keys.setdefault(told.incident, told.key) != told.key:
            yield "two keys: %r" % (told,)
    if len(set(keys.values())) != len(keys):
        yield "incidents share a key: %r" % keys
    firsts = collections.Counter(
        ("I-%d" % row["incident"], ON[row["occasion"]], row["runbook"])
        for row in now.rows("run")
        if row["kind"] == NOTIFY and not row["first_run"])
    for (incident, on, book), n in firsts.items():
        if n != wanted[incident, on]:
            yield "%s %s happened %d times, and %s has %d notices of it" % (
                incident, on, wanted[incident, on], book, n)


def untold(now, seen):
    """Attempts at one notice, of which one arrived at least, count once. What
    a reload took away while it waited is told no more; that is recorded."""
    gone = {"I-%d" % row["incident"] for row in now.rows("run")
            if row["kind"] == NOTIFY and row["state"] == HELD and
            row["held_by"] == "config"}
    told = collections.Counter((incident, on) for incident, on, _ in {
        (t.incident, t.on, t.first) for t in seen.told})
    for (incident, on), n in occasions(now).items():
        if told[incident, on] < n and incident not in gone:
            yield "%s %s happened %d times and was told %d times" % (
                incident, on, n, told[incident, on])


# ------------------------------------------------------------------ together ---

def violations(now, before, seen, cooldown_us=0):
    found = [] if now.integrity == "ok" else [now.integrity]
    if before is not None:
        found += [*lost(now, before), *gone_back(now, before)]
    for check in (chains, incidents, openings, audited):
        found += check(now)
    for check in (runs, remediations, notices):
        found += check(now, seen)
    if cooldown_us:
        found += cooldowns(now, cooldown_us)
    return found


def unfinished(now, seen):
    """What is left when nothing is killed and all targets are well."""
    found = ["%s has not ended" % run_id(row) for row in now.rows("run")
             if row["state"] in (INTENDED, STARTED)]
    found += ["incident %d is open" % row["number"]
              for row in now.rows("incident") if row["state"] != RESOLVED]
    return found + list(untold(now, seen))
