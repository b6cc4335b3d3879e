"""What the scripts of a test say themselves, beside what the store says of
them. Each leaves a mark as its first instruction, so a run that was started
twice has two, whatever became of it.

    traces = Traces(folder)
    traces.diagnosis("look"), …     paths of scripts
    traces.read()                   Seen: what they left so far
"""
import collections
import json
import os

from scripts import script

# A notice: begun, what it was told, delivered. "Delivered" is a rename, so that
# a kill, be it of cat alone, leaves no half of it.
NOTIFY = """
cat > %(told)s/$RELEVO_RUN_ID.$$ &&
    mv %(told)s/$RELEVO_RUN_ID.$$ %(told)s/$RELEVO_RUN_ID.json
"""

Seen = collections.namedtuple("Seen", "started told")
Told = collections.namedtuple("Told", "run first attempt on incident key")


class Traces:
    def __init__(self, folder):
        self.folder = folder
        self.started = os.path.join(folder, "started")
        self.told = os.path.join(folder, "told")
        os.makedirs(self.told, exist_ok=True)

    def _script(self, name, kind, body, on):
        mark = 'echo "$RELEVO_RUN_ID" >> %s\n' % self.started
        return script(self.folder, name, kind, mark + body, on=on)

    def diagnosis(self, name, body="", on="suspect"):
        return self._script(name, "diagnose", body, on)

    def remediation(self, name, on="down"):
        return self._script(name, "remediate", "", on)

    def notice(self, name, on="down, recovered"):
        return self._script(name, "notify", NOTIFY % {"told": self.told}, on)

    def read(self):
        return Seen(self._read_started(), self._read_told())

    def _read_started(self):
        try:
            with open(self.started) as f:
                return f.read().split()
        except OSError:
            return []

    def _read_told(self):
        told = []
        for name in sorted(os.listdir(self.told)):
            if not name.endswith(".json"):
                continue
            with open(os.path.join(self.told, name)) as f:
                o = json.load(f)
            run, incident = o["run"], o["incident"]
            told.append(Told(run["id"], run["first"], run["attempt"],
                             run["on"], incident and incident["id"],
                             o["dedup_key"]))
        return told
