#!/usr/bin/python3
"""Output that is meant to harm: terminal sequences, what turns text around,
overwrites it or hides it, bytes that are no text, lines without end. Whatever
a script or a target says, no face lets it through: no control character but
newlines reaches a terminal, a log or a file, all JSON is UTF-8 and parses, and
no line can be made to look like one of ours."""
import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from peer import Peer  # noqa: E402
from scripts import script  # noqa: E402
from watch import Watch, until  # noqa: E402

NASTY = {
    "csi": b"\x1b[2J\x1b[31mred\x1b[0m",
    "osc8": b"\x1b]8;;http://evil.test\x07link\x1b]8;;\x1b\\",
    "title": b"\x1b]0;owned\x07",
    "c1": b"\x9b31m \xc2\x9b31m \xc2\x90q\xc2\x9c",
    "return": b"all is well\rFAKE\x08\x08\x7f",
    "bidi": "\u202egnp.exe\u2066 \u200f\u2069".encode(),
    "hidden": "a\u200bb\ufeffc\u2028d".encode(),
    "broken": b"\xff\xfe\xc3( \xed\xa0\x80 \xf5\x80\x80\x80",
    "nul": b"before\0after",
    "forged": b"2026-01-01T00:00:00.000Z error main: forged",
    "tab": b"a\tb\vc\fd",
}
ALL = b"\n".join(NASTY.values())

# What must not reach a terminal: C0 but tab and newline, DEL, C1, bidirectional
# controls, line separators.
RAW = {*range(0x20), 0x7f, *range(0x80, 0xa0), 0x061c, 0x200e, 0x200f, 0x2028,
       0x2029, *range(0x202a, 0x202f), *range(0x2066, 0x206a)} - {0x09, 0x0a}

BODY = """
cat "%(nasty)s"
cat "%(nasty)s" >&2
cat "%(nasty)s" >&3
python3 - <<'END' >&3
import json
text = open("%(nasty)s", "rb").read().decode("latin-1")
utf8 = open("%(nasty)s", "rb").read().decode(errors="replace")
for t in (text, utf8):
    print(json.dumps({"t": "finding", "sev": "crit", "code": t[:40], "title": t}))
    print(json.dumps({"t": "verdict", "class": t, t: t}, ensure_ascii=False))
END
exit %(status)d
"""
CONFIG = """
workers = 1;
defaults = { interval = "400ms"; retry_interval = "100ms"; };
checks = { bad = { url = "http://127.0.0.1:%d/"; expect = ["status == 200", "body contains 'x'", "header('x-nasty') == 'a'"]; }; };
runbooks = {
  look = { script = "%s"; match = { check = "bad"; }; };
  tell = { script = "%s"; on = "down"; match = { check = "bad"; }; };
};
"""
FACES = (["status"], ["incident", "list"], ["incident", "show"],
         ["incident", "show", "--format", "markdown"],
         ["report", "handover"], ["report", "handover", "--format", "markdown"], ["runbook", "list"],
         ["runbook", "log"], ["history", "bad"], ["check", "bad"],
         ["check", "bad", "--local", "--trace"],          ["config", "show"], ["config", "check"], ["maintenance", "list"])


def answer(conn):
    conn.read_request()
    conn.reply("503 " + NASTY["bidi"].decode("latin-1"), ALL,
               "X-Nasty: " + NASTY["csi"].decode("latin-1") + "\x9b1m")


def raw_in(text):
    """The first raw character, with what is around it."""
    for i, c in enumerate(text):
        if ord(c) in RAW:
            return repr(text[max(0, i - 40):i + 40])
    return None


class ScriptOutput(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="relevo-e2e-")
        self.folder = self.temporary.name
        self.nasty = os.path.join(self.folder, "nasty")
        with open(self.nasty, "wb") as f:
            f.write(ALL)

    def tearDown(self):
        self.temporary.cleanup()

    def make(self, port):
        look = script(self.folder, "look", "diagnose",
                      BODY % {"nasty": self.nasty, "status": 0})
        tell = script(self.folder, "tell", "notify",
                      BODY % {"nasty": self.nasty, "status": 1})
        return Watch(self.folder, CONFIG % (port, look, tell))

    def is_clean(self, where, text):
        raw = raw_in(text)
        self.assertIsNone(raw, "%s: %s" % (where, raw))

    def look_at_faces(self, watch):
        said = ""
        for argv in FACES:
            _, out, err = watch.run(*argv, check=False)
            self.is_clean(argv, out)
            self.is_clean(argv, err)
            said += out
            code, out, err = watch.run(*argv, "--json", check=False)
            self.is_clean([*argv, "--json"], out + err)
            if code in (0, 1):
                json.loads(out)
        return said

    def look_at_files(self, watch):
        """outcome.json of each run, as it lies on the disk."""
        runs = os.path.join(watch.state, "runs")
        for name in os.listdir(runs):
            path = os.path.join(runs, name, "outcome.json")
            with open(path, "rb") as f:
                text = f.read().decode()  # strict: it is UTF-8
            self.assertEqual([c for c in text if ord(c) < 0x20], [])
            json.loads(text)

    def test_nothing_raw_comes_through(self):
        with Peer(answer) as peer, self.make(peer.port) as watch:
            watch.wait_state("bad", "down")
            until("a diagnosis and a notice", lambda: {
                r["runbook"] for r in watch.json("runbook", "log")
                if r["state"] == "ended"} == {"look", "tell"})
            said = self.look_at_faces(watch)
            self.assertIn("red", said)  # it was there, and is shown
            self.look_at_files(watch)
            runs = watch.json("runbook", "log")
            findings = str(runs[-1]["findings"])
            self.assertIn("runbook.malformed", findings)
            self.assertIn("crit", findings)
        log = watch.log()
        self.is_clean("the log", log)
        self.assertFalse([line for line in log.split("\n")
                          if line.startswith("2026-01-01T00:00:00.000Z")])


if __name__ == "__main__":
    unittest.main()
