#!/usr/bin/python3
"""A canary in every place of a configuration: each option of each table, as the
program itself lists them (`config show --docs`, `plugin describe --json`), in a
check, in defaults, in a template, in an environment. So a new option cannot be
forgotten. Whether the configuration is taken or refused, no command says the
canary; where it is taken, a daemon runs with it, and no log, history, backup,
run, process or answer tells it. RELEVO_LONG=1: a daemon for each that is taken,
else for a sample; RELEVO_SEED repeats it."""
import contextlib
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from canary import Canaries, canary  # noqa: E402
from peer import Peer  # noqa: E402
from scripts import script  # noqa: E402
from watch import BUILD, PROGRAM, Watch, until  # noqa: E402

SEED = int(os.environ.get("RELEVO_SEED") or random.randrange(1 << 30))
SAMPLE = None if os.environ.get("RELEVO_LONG") else 4

# In place of VALUE stands the canary's variable, as the option's kind wants it.
TEMPLATE = """
vars = { c = { %(source)s; }; };
%(top)s
defaults = { interval = "400ms"; retry_interval = "100ms"; %(defaults)s };
templates = { base = { %(template)s }; };
%(environments)s
checks = { slot = { use = ["base"]; url = "http://127.0.0.1:%(port)d/"; %(check)s };
           other = { url = "http://127.0.0.1:%(port)d/x"; expect = ["status == 200"]; }; };
runbooks = { look = { script = "%(look)s"; cooldown = "1s"; match = { %(match)s }; %(runbook)s }; };
maintenance = { window = { %(maintenance)s }; };
history = { %(history)s };
"""
SECTIONS = {"At the top": "top", "Checks": "check", "Runbooks": "runbook",
            "match": "match", "Maintenance": "maintenance",
            "History": "history"}
# What else must stand in a group that is otherwise incomplete.
FILLED = {"maintenance": 'cron = "0 3 * * 0"; duration = "1h"; checks = ["other"]; ',
          "match": 'check = "other"; '}
LOOK = """
cat "$RELEVO_SECRET_KEY"; cat "$RELEVO_SECRET_KEY" >&2
cat; env; cat "$RELEVO_SECRET_KEY" >&3
"""


def ask(*argv):
    return subprocess.run([PROGRAM, *argv], stdout=subprocess.PIPE, check=True,
                          text=True).stdout


def core_options():
    """(section, option, kind) of the core's tables."""
    section = None
    for line in ask("config", "show", "--docs").splitlines():
        head = re.match(r"## (.*)", line)
        row = re.match(r"\| `([a-z_]+)` \| ([a-z ]+) \|", line)
        if head:
            section = SECTIONS.get(head.group(1))
        elif row and section:
            yield section, row.group(1), row.group(2)


def plugin_options():
    for name in sorted(os.listdir(os.path.join(BUILD, "plugins"))):
        if name != "http.so":
            continue  # the one that TEMPLATE has a target for
        for o in json.loads(ask("plugin", "describe", os.path.join(
                os.path.abspath(BUILD), "plugins", name), "--json"))["options"]:
            yield o["name"], o["type"]


def written(option, kind):
    value = {"a list of texts": '["${c}"]',
             "a group of texts": '{ name = "${c}"; }',
             }.get(kind, '"${c}"')
    for part in reversed(option.split(".")):
        value = "%s = %s" % (part, value)
        if part != option.split(".")[0]:
            value = "{ %s; }" % value
    return value + "; "


def slots():
    """(name, where in TEMPLATE, text)"""
    for section, option, kind in core_options():
        yield "%s.%s" % (section, option), section, written(option, kind)
        if section == "check":
            yield "defaults." + option, "defaults", written(option, kind)
    for option, kind in plugin_options():
        text = written(option, kind)
        yield "http." + option, "check", text
        yield "defaults.http." + option, "defaults", "http = { %s}; " % text
        yield "template." + option, "template", text
    yield "params", "runbook", 'params = { key = "${c}"; }; '
    yield "params.plain", "runbook", 'params = { key = "x"; plain = "${c}"; }; '
    yield "within", "check", 'body = "a${c}b"; method = "POST"; '
    yield "url", "check", 'headers = { A = "Bearer ${c}"; }; '
    yield "environment", "environments", "environments = { one = { vars = " \
        '{ v = "${c}"; }; }; two = { automation = "${c}"; }; };'
    yield "key", "check", '${c} = "x"; '


class Stopping:
    def __init__(self, watch):
        self.close = watch.stop


class SecretSlots(Canaries, unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="relevo-e2e-")
        self.folder = self.temporary.name
        self.secrets, self.found = {}, []
        self.file = os.path.join(self.folder, "canary.secret")
        self.files = {self.file}
        self.random = random.Random(SEED)
        self.look = script(self.folder, "look", "diagnose", LOOK,
                           more='# param: key secret "a"\n'
                                '# param: plain "b"')
        self.peer = Peer(self.echo)

    def tearDown(self):
        self.peer.__exit__(None, None, None)
        self.temporary.cleanup()

    def echo(self, conn):
        """Says back what it was sent, and the canary."""
        said = conn.read_request()
        conn.reply("503 no", said + " ".join(self.secrets.values()).encode())

    def config(self, where, text, source):
        fill = {name: "" for name in ("top", "defaults", "template", "check",
                                      "environments", "runbook", "match",
                                      "maintenance", "history")}
        fill.update(FILLED)
        option = text.split(" ", 1)[0]
        if where in FILLED and re.search(r"\b%s = " % option, FILLED[where]):
            fill[where] = re.sub(r"\b%s = [^;]*; " % option, "", FILLED[where])
        # One url, one script: the slot's own takes the place of ours.
        whole = TEMPLATE
        if where == "check" and option == "url":
            whole = whole.replace('["base"]; url = "http://127.0.0.1:%(port)d/";',
                                  '["base"];')
        if where == "check" and option == "use":
            whole = whole.replace('use = ["base"]; ', "")
        if where == "runbook" and option in ("script", "cooldown"):
            whole = re.sub(r"%s = [^;]*; ?" % option, "", whole, count=1)
        if where == "defaults":
            whole = re.sub(r"defaults = { .*%", "defaults = { %", whole, count=1) \
                if option in ("interval", "retry_interval") else whole
        fill[where] += text
        return whole % dict(fill, port=self.peer.port, look=self.look,
                            source=source)

    def make(self, number, where, text):
        """The canary of a slot: every other one from a file."""
        value = canary(self.random, number % 100)
        self.secrets = {text: value}
        env = {}
        if number % 2:
            with open(self.file, "w") as f:
                f.write(value + "\n")
            source = 'file = "%s"' % self.file
        else:
            env["SLOT"] = value
            source = 'env = "SLOT"'
        return Watch(self.folder, self.config(where, text, source), env)

    def tell(self, watch, name, *commands):
        """True: `config check` takes it."""
        code = None
        for argv in commands:
            got, out, err = watch.run(*argv, check=False)
            code = got if code is None else code
            self.look_through("%s: %s" % (name, " ".join(argv)), out + err)
        return code in (0, 1)

    # Words in the value's place that no secret may stand for are an error that
    # does not repeat them; all others are taken.
    def test_no_command_tells_them(self):
        print("RELEVO_SEED=%d" % SEED)
        all_slots = list(slots())
        self.assertGreater(len(all_slots), 100)
        taken = []
        for number, (name, where, text) in enumerate(all_slots):
            watch = self.make(number, where, text)
            if self.tell(watch, name, ("config", "check")):
                taken.append((number, name, where, text))
                self.tell(watch, name, ("config", "show"),
                          ("config", "check", "--strict", "--json"),
                          ("check", "slot", "--local", "--json", "--trace"))
        self.nothing_was_found()
        self.assertGreater(len(taken), 30, taken)
        if SAMPLE:
            found = ("top.user", "top.runner")  # what it has found before
            taken = [t for t in taken if t[1] in found] + \
                self.random.sample(taken, SAMPLE)
        for slot in taken:
            self.run_with(*slot)

    def run_with(self, number, name, where, text):
        watch = self.make(number, where, text)
        backup = os.path.join(self.folder, "backup.db")
        try:
            watch.start()
        except AssertionError:  # such as a user that the system does not know
            self.assertIn("error", watch.log(), name)
            self.look_through("%s: the log" % name, watch.log())
            self.nothing_was_found()
            return
        with contextlib.closing(Stopping(watch)):
            until("a result with " + name, lambda: any(
                c["last"] for c in watch.json("status")["checks"]))
            until("a diagnosis, or none to come", lambda: any(
                r["state"] == "ended" for r in watch.json("runbook", "log"))
                or where in ("match", "top", "runbook", "check", "defaults",
                             "environments", "template"), 20)
            watch.run("db", "backup", backup, check=False)
            commands = [["status"], ["incident", "list"], ["incident", "show"],
                        ["incident", "show", "--format", "markdown"],
                        ["report", "handover"], ["runbook", "log"],
                        ["history", "slot"], ["check", "slot"],
                        ["maintenance", "list"], ["db", "stats"]]
            self.tell(watch, name, *commands,
                      *([*c, "--json"] for c in commands))
            self.look_through_processes(watch)
        self.look_through_files(watch.state)
        for path in (backup, os.path.join(self.folder, "out.log")):
            if os.path.exists(path):
                with open(path, "rb") as f:
                    self.look_through("%s: %s" % (name, path), f.read())
                os.unlink(path)
        self.nothing_was_found()


if __name__ == "__main__":
    unittest.main()
