#!/usr/bin/python3
"""What people say to the watch, through the commands that they type, on two
environments behind a real nginx: pause and resume, acknowledge, mark,
maintenance by hand and for as long as a command runs; what `status`, `incident
show` and `report handover` make of it; and a restart in the middle of each."""
import json
import os
import pty
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
from ledger import Ledger  # noqa: E402
from nginx import Nginx  # noqa: E402
from scripts import script  # noqa: E402
from watch import PROGRAM, Watch, alive, until  # noqa: E402

SERVER = """
    server {
        listen 127.0.0.1:@%(name)s@;
        location = /db {
            if (-f %(folder)s/%(name)s) { return 503; }
            return 200 "ok";
        }
        location = /api {
            if (-f %(folder)s/%(name)s) { return 503; }
            return 200 "ok";
        }
    }
"""
CONFIG = """
environments = {
  staging    = { vars = { base = "http://127.0.0.1:%d"; }; };
  production = { vars = { base = "http://127.0.0.1:%d"; }; };
};
defaults = { interval = "500ms"; retry_interval = "100ms"; timeout = "5s";
             failure_threshold = 2; success_threshold = 1; };
checks = {
  db  = { url = "${base}/db"; tags = ["store"]; title = "The database"; owner = "data team";
          links = { dashboard = "https://grafana.example.com/d/db"; }; };
  api = { url = "${base}/api"; depends_on = ["db"]; };
};
runbooks = { oncall = { script = "%s"; on = ["down", "recovered"]; match = { check = "db"; }; }; };
"""
# It begins every minute and lasts longer: it is always open.
WINDOW = """
maintenance = { nightly = { environments = ["staging"]; cron = "* * * * *"; duration = "10m";
                            reason = "backups"; }; };
"""
WORLDS = ("staging", "production")


class QuietHours(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="relevo-e2e-")
        self.folder = self.temporary.name
        self.web = Nginx(self.folder, "".join(
            SERVER % {"folder": self.folder, "name": name} for name in WORLDS))
        self.web.__enter__()
        self.told = os.path.join(self.folder, "told")
        book = script(self.folder, "tell", "notify", 'echo "$RELEVO_CHECK '
                      '$RELEVO_ON" >> %s' % self.told, "down")
        self.config = CONFIG % (
            *(self.web.ports[name] for name in WORLDS), book)
        self.watch = Watch(self.folder, self.config, {"TZ": "UTC"})
        self.watch.start()
        for world in WORLDS:
            for name in ("db", "api"):
                self.watch.wait_state("%s/%s" % (world, name), "up")

    def tearDown(self):
        if self.watch.process.poll() is None:
            self.watch.stop()
        self.web.__exit__(None, None, None)
        self.temporary.cleanup()

    # --------------------------------------------------------------- helpers ---

    def turn_off(self, world, off=True):
        path = os.path.join(self.folder, world)
        if off:
            open(path, "w").close()
        else:
            os.unlink(path)

    def says(self, *argv, exit=0):
        code, out, err = self.watch.run(*argv, check=False)
        self.assertEqual(code, exit, "%s\n%s%s" % (argv, out, err))
        return out if exit == 0 else out + err

    def row(self, name):
        out = self.watch.run("status")[1]
        return [line for line in out.splitlines() if line.startswith(name)][0]

    def audit(self, action):
        return [row for row in Ledger.live(self.watch.state).rows("audit")
                if row["action"] == action]

    def restart(self):
        self.assertEqual(self.watch.stop(), 0)
        self.watch.start()

    def notices(self):
        if not os.path.exists(self.told):
            return []
        with open(self.told) as f:
            return f.read().splitlines()

    def windows(self):
        return [w["id"] for w in self.watch.json("maintenance", "list")]

    # ----------------------------------------------------------------- pauses ---

    def test_pause_and_resume(self):
        self.assertIn('"api" is in 2 environments: staging/api, production/api',
                      self.says("pause", "api", exit=2))
        self.assertIn('no check "staging/apj"; did you mean "staging/api"?',
                      self.says("pause", "staging/apj", exit=2))
        self.assertIn("is not paused",
                      self.says("resume", "staging/api", exit=2))
        out = self.says("pause", "api", "--env", "staging", "--for", "30m",
                        "--reason", "being moved")
        self.assertRegex(out, r"^paused until .*\d\d:\d\d: staging/api\n$")
        self.assertRegex(self.row("staging/api"), r"paused .*until .*\d\d:\d\d")
        self.assertEqual(self.watch.check("production/api")["state"], "up")
        self.restart()
        check = self.watch.check("staging/api")
        self.assertEqual(check["state"], "paused")
        self.assertIsNotNone(check["until"])
        self.watch.wait_state("production/api", "up")
        # What was under way then may have begun a moment later.
        late = [r["at"] for r in self.watch.history("staging/api")
                if r["at"] > check["since"]]
        self.assertLessEqual(len(late), 1, (check["since"], late))
        handover = self.says("report", "handover")
        self.assertRegex(handover, r"Paused checks\n  staging/api since .*, "
                         r"until .*, by \S+: being moved\n")
        self.assertEqual(self.says("resume", "staging/*", "--reason", "done"),
                         "resumed: staging/api\n")
        self.watch.wait_state("staging/api", "up")
        self.assertEqual([row["object"] for row in self.audit("check.pause")],
                         ["staging/api"])
        self.assertEqual(len(self.audit("check.resume")), 1)
        self.assertNotEqual(self.audit("check.pause")[0]["actor"], "relevo")

    def test_a_pause_that_ends_by_itself(self):
        answer = self.watch.json("pause", "*", "--env", "production",
                                 "--for", "1s")
        self.assertEqual(answer["paused"], ["production/db", "production/api"])
        for name in answer["paused"]:
            self.watch.wait_state(name, "up")
        self.assertEqual({row["actor"] for row in self.audit("check.resume")},
                         {"relevo"})

    # ---------------------------------------------------------- acknowledging ---

    def test_acknowledge(self):
        self.turn_off("staging")
        self.watch.wait_state("staging/db", "down")
        self.watch.wait_state("staging/api", "impacted")
        self.assertIn("waits for db", self.row("staging/api"))
        matrix = self.says("status", "--matrix", exit=1)
        self.assertRegex(matrix, r"COMPONENT +staging +production\n")
        self.assertRegex(matrix, r"\ndb +down +up\n")
        self.assertRegex(matrix, r"\napi +waits for db +up\n")
        shape = self.watch.json("status", "--matrix")
        self.assertEqual(shape["environments"], list(WORLDS))
        self.assertEqual(
            {row["name"]: row["states"][0]["state"]
             for row in shape["components"]},
            {"db": "down", "api": "impacted"})
        incident = self.watch.json("incident", "show")
        self.assertRegex(self.says("incident", "acknowledge", incident["id"],
                                   "--note", "on it"),
                         r"^I-\d+ is acknowledged by \S+ at \d\d:\d\d\n$")
        self.assertIn("was already acknowledged",
                      self.says("incident", "acknowledge", incident["id"]))
        self.assertIn("is not open", self.says("incident", "acknowledge",
                                               "I-99", exit=2))
        self.assertIn("acknowledged", self.row("staging/db"))
        self.restart()
        self.watch.wait_state("staging/db", "down")
        self.assertIn("acknowledged", self.row("staging/db"))
        page = self.says("incident", "show")
        self.assertRegex(page, r"state    acknowledged; confirmed after ")
        self.assertRegex(page, r"taken    .* by \S+: on it\n")
        self.assertRegex(page, r"impact   also down because of it: staging/api "
                         r"\(since ")
        self.assertIn("title    The database\n", page)
        self.assertIn("owner    data team\n", page)
        self.assertIn("link     dashboard: https://grafana", page)
        self.assertEqual(self.watch.json("incident", "show")["impact"][0]
                         ["check"], "staging/api")
        detail = self.says("status", "staging/db", exit=1)
        self.assertIn("owner  data team\n", detail)
        self.assertEqual(len(self.audit("incident.acknowledge")), 1)
        self.turn_off("staging", False)
        self.watch.wait_state("staging/db", "up")
        self.watch.wait_state("staging/api", "up")

    def test_a_mark_and_the_post_mortem(self):
        self.says("mark", "deployed <b>1.4.2</b>", "--env", "staging")
        self.says("mark", "elsewhere", "--env", "production")
        self.assertIn('did you mean "staging"?',
                      self.says("mark", "x", "--env", "stagin", exit=2))
        self.turn_off("staging")
        self.watch.wait_state("staging/api", "impacted")
        self.turn_off("staging", False)
        self.watch.wait_state("staging/api", "up")
        self.watch.wait_incident("the incident to be over",
                                 lambda i: i["state"] == "resolved")
        text = self.says("incident", "show", "--format", "markdown")
        self.assertRegex(text, r"^# I-\d+: staging/db was down for ")
        self.assertIn("| mark | by ", text)
        self.assertIn("deployed &lt;b&gt;1.4.2&lt;/b&gt; |", text)
        self.assertNotIn("elsewhere", text)
        self.assertRegex(text, r"\n- staging/api, since \S+Z, for ")
        self.assertIn("<https://grafana.example.com/d/db>", text)
        self.assertIn("- [ ] Why did it happen?", text)
        handover = self.says("report", "handover", "--env", "staging",
                             "--format", "markdown")
        self.assertIn("## Resolved\n\n- I-", handover)
        self.assertIn("## Marks\n\n- ", handover)
        self.assertNotIn("elsewhere", handover)
        row = self.audit("mark")[0]
        self.assertEqual((row["object"], row["detail"]),
                         ("staging", "deployed <b>1.4.2</b>"))

    # ------------------------------------------------------------ maintenance ---

    def test_maintenance_by_hand(self):
        self.assertIn("--for DURATION is needed",
                      self.says("maintenance", "start", exit=2))
        self.assertIn('no check has the tag "stroe"; did you mean "store"?',
                      self.says("maintenance", "start", "--tag", "stroe",
                                "--for", "1h", exit=2))
        out = self.says("maintenance", "start", "--tag", "store", "--env",
                        "staging", "--for", "1h", "--reason", "new disks")
        self.assertRegex(out, r"^M-1 is open for 1 check until .*\d\d:\d\d; "
                         "relevo maintenance end M-1 ends it\n$")
        self.assertRegex(self.row("staging/db"),
                         r"up .*maintenance M-1 until .*\d\d:\d\d")
        self.assertNotIn("maintenance", self.row("production/db"))
        self.turn_off("staging")
        self.watch.wait_state("staging/db", "down")
        self.restart()
        self.watch.wait_state("staging/db", "down")
        window = self.watch.json("maintenance", "list")[0]
        self.assertEqual(
            (window["id"], window["state"], window["checks"],
             window["match"]["tags"], window["reason"]),
            ("M-1", "open", 1, ["store"], "new disks"))
        held = until("the notice to be held", lambda: [
            run for run in self.watch.json("runbook", "log")
            if run["state"] == "held"])
        self.assertEqual(held[0]["held_by"], "maintenance")
        self.assertEqual(self.notices(), [])
        self.turn_off("staging", False)
        self.watch.wait_state("staging/db", "up")
        self.assertEqual(self.says("maintenance", "end", "M-1"),
                         "M-1 has ended\n")
        self.assertIn("M-1 is not open",
                      self.says("maintenance", "end", "1", exit=2))
        self.assertEqual(self.says("maintenance", "list"),
                         "no maintenance is open or to come\n")
        self.turn_off("staging")
        until("a notice again", lambda: "staging/db down" in self.notices())
        self.turn_off("staging", False)

    def test_maintenance_of_the_configuration(self):
        self.watch.write(self.config + WINDOW)
        self.says("reload")
        until("the window", lambda: self.windows() == ["nightly"])
        window = self.watch.json("maintenance", "list", "--env", "staging")[0]
        self.assertEqual((window["state"], window["checks"], window["by"],
                          window["reason"]), ("open", 2, None, "backups"))
        self.assertEqual(self.watch.json("maintenance", "list", "--env",
                                         "production"), [])
        self.assertRegex(self.row("staging/api"),
                         r"up .*maintenance nightly until .*\d\d:\d\d")
        self.assertIn("nightly is open from", self.says("report", "handover"))
        self.assertIn('"nightly" is of the configuration: change it there',
                      self.says("maintenance", "end", "nightly", exit=2))
        self.turn_off("staging")
        self.watch.wait_state("staging/db", "down")
        self.restart()
        self.watch.wait_state("staging/db", "down")
        self.assertIn("maintenance nightly until", self.row("staging/db"))
        self.assertEqual(self.notices(), [])
        self.watch.write(self.config)
        self.says("reload")
        until("the notice that was held",
              lambda: self.notices() == ["staging/db down"])
        self.assertEqual(self.windows(), [])

    # ------------------------------------------- maintenance while a command runs

    def start_run(self, *argv, **more):
        return subprocess.Popen(
            [PROGRAM, "-c", self.watch.config, "maintenance", "run", *argv],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env=self.watch.env, **more)

    def pid_of(self, name):
        def read():
            try:
                with open(os.path.join(self.folder, name)) as f:
                    return f.read().strip()
            except FileNotFoundError:
                return None
        return int(until("its pid", read))

    def test_the_status_is_the_commands(self):
        list_it = "'%s' -c '%s' maintenance list --json; exit 7" % (
            os.path.abspath(PROGRAM), self.watch.config)
        code, out, err = self.watch.run(
            "maintenance", "run", "db", "--env", "staging", "--", "sh", "-c",
            list_it, check=False)
        self.assertEqual(code, 7, err)
        window = json.loads(out)[0]
        self.assertEqual((window["state"], window["reason"],
                          window["match"]["check"],
                          window["match"]["environments"]),
                         ("open", "sh", ["db"], ["staging"]))
        self.assertEqual(self.windows(), [])
        for argv, status in ((("sh", "-c", "kill -9 $$"), 137),
                             (("true",), 0), (("./nonesuch",), 127),
                             ((self.watch.config,), 126)):
            self.assertEqual(self.watch.run("maintenance", "run", "--", *argv,
                                            check=False)[0], status, argv)
        self.assertIn("stands after --", self.says(
            "maintenance", "run", "true", exit=2))
        proof = os.path.join(self.folder, "ran")
        self.assertIn('no check "dbb"', self.says(
            "maintenance", "run", "dbb", "--", "touch", proof, exit=2))
        self.assertFalse(os.path.exists(proof))
        self.assertEqual(self.windows(), [])

    def test_signals_are_passed_on(self):
        mark = os.path.join(self.folder, "child")
        run = self.start_run("--", "sh", "-c", 'trap "echo got; kill \\$!; exit 5" TERM; '
                             "sleep 60 > /dev/null & echo $$ > %s; wait; exit 9"
                             % mark)
        self.pid_of("child")
        run.send_signal(signal.SIGTERM)
        out = run.communicate(timeout=60)[0]
        self.assertIn(b"got\n", out)
        self.assertEqual(run.returncode, 5)
        self.assertEqual(self.windows(), [])

    def test_the_terminals_interrupt_comes_once(self):
        """The kernel sends it to both of us: we do not send it again."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(PROGRAM, [
                PROGRAM, "-c", self.watch.config, "maintenance", "run", "--",
                "sh", "-c", "trap 'echo int >> %s/ints; kill $!' INT; "
                "sleep 60 & echo $$ > %s/child; wait; sleep 1; exit 4" %
                (self.folder, self.folder)], self.watch.env)
        self.pid_of("child")
        os.write(terminal, b"\x03")
        _, status = os.waitpid(pid, 0)
        os.close(terminal)
        self.assertEqual(os.waitstatus_to_exitcode(status), 4)
        with open(os.path.join(self.folder, "ints")) as f:
            self.assertEqual(f.read(), "int\n")
        self.assertEqual(self.windows(), [])

    def test_the_commands_parent_is_killed(self):
        mark = os.path.join(self.folder, "child")
        run = self.start_run("--", "sh", "-c",
                             "echo $$ > %s; exec sleep 60" % mark)
        child = self.pid_of("child")
        self.assertEqual(self.windows(), ["M-1"])
        run.kill()
        run.wait()
        until("the window to be closed", lambda: self.windows() == [])
        self.assertTrue(alive(child))
        os.kill(child, signal.SIGKILL)
        run.stdout.close()
        ends = [row["actor"] for row in self.audit("maintenance.end")]
        self.assertEqual(ends, ["relevo"])

    def test_a_restart_while_it_runs(self):
        go_on = os.path.join(self.folder, "go_on")
        run = self.start_run(
            "--for", "1h", "--", "sh", "-c",
            "while [ ! -e %s ]; do sleep 0.1; done; exit 3" % go_on)
        until("the window", lambda: self.windows() == ["M-1"])
        self.restart()
        self.assertEqual(self.windows(), ["M-1"])
        open(go_on, "w").close()
        run.communicate(timeout=60)
        self.assertEqual(run.returncode, 3)
        self.assertEqual(self.windows(), [])

    def test_without_a_daemon(self):
        self.watch.stop()
        proof = os.path.join(self.folder, "ran")
        out = self.says("maintenance", "run", "--", "touch", proof, exit=3)
        self.assertRegex(out, "no daemon runs .* the command was not run")
        self.assertFalse(os.path.exists(proof))
        code, _, err = self.watch.run("maintenance", "run", "--anyway", "--",
                                      "touch", proof)
        self.assertEqual(code, 0)
        self.assertIn("runs without a window", err)
        self.assertTrue(os.path.exists(proof))
        for argv in (("pause", "db"), ("mark", "x"),
                     ("maintenance", "list"), ("maintenance", "end", "1"),
                     ("incident", "acknowledge", "1")):
            self.assertIn("no daemon runs", self.says(*argv, exit=3))


if __name__ == "__main__":
    unittest.main()
