#!/usr/bin/python3
"""Heartbeats of real jobs: `relevo beat` alone and around a command, curl to
/beat/TOKEN; runs that overlap; a job that is killed, and a daemon that is
killed, stopped or away meanwhile. No daemon breaks no job."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
from scripts import script  # noqa: E402
from watch import PROGRAM, Watch, until  # noqa: E402

TOKEN = "token-of-the-backup-0123456789"
CONFIG = """
checks = {
  backup = { plugin = "heartbeat"; cron = "15 3 * * *"; grace = "30m"; token = { env = "BEAT_TOKEN"; };
             record = { rows = "json('.rows')"; }; warn_unless = ["rows > 10"]; };
  quick  = { plugin = "heartbeat"; period = "1h"; grace = "3s"; expect = ["exit in [0, 24]"]; };
  hourly = { plugin = "heartbeat"; period = "%s"; grace = "2s"; };
  hung   = { plugin = "heartbeat"; period = "1h"; grace = "30m"; expect = ["duration < 50ms"]; };
  pinned = { of = "backup"; expect = ["rows == 7"]; };
};
runbooks = { tell = { script = "%s"; on = ["down", "recovered"];
                      match = { plugin = "heartbeat"; fault = ["stale", "error_response"];
                                when = "exit > 1 or not exists exit"; }; }; };
"""


class Heartbeat(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="relevo-e2e-")
        self.told = os.path.join(self.temporary.name, "told")
        self.book = script(
            self.temporary.name, "tell", "notify",
            'echo "$RELEVO_CHECK $RELEVO_ON" >> %s' % self.told, "down")
        self.watch = Watch(self.temporary.name, CONFIG % ("1h", self.book), {
            "BEAT_TOKEN": TOKEN, "RELEVO_WEB": "127.0.0.1:0", "TZ": "UTC"})
        self.watch.start()

    def tearDown(self):
        if self.watch.process.poll() is None:
            self.watch.stop()
        self.temporary.cleanup()

    def beat(self, *argv, exit=0, stdin=None):
        code, out, err = self.watch.run("beat", *argv, check=False)
        self.assertEqual(code, exit, out + err)
        return out, err

    def last(self, name):
        return self.watch.check(name)["last"]

    def results(self, name):
        return self.watch.history(name)

    # ------------------------------------------------------- on this machine

    def test_a_command_is_run_and_reported(self):
        out, err = self.beat("quick", "--", "sh", "-c",
                             "echo to out; echo to err >&2; sleep 0.2")
        self.assertEqual((out, err), ("to out\n", "to err\n"))
        self.watch.wait_state("quick", "up")
        last = self.last("quick")
        self.assertEqual(last["observations"]["exit"], 0)
        self.assertGreaterEqual(last["duration_ms"], 200)
        self.assertEqual(last["observations"]["duration"], last["duration_ms"])

        out, _ = self.beat("quick", "--", "sh", "-c",
                           "echo before; echo No space left >&2; exit 28",
                           exit=28)
        self.assertEqual(out, "before\n")
        incident = self.watch.wait_incident(
            "an incident", lambda i: i["state"] == "open")
        self.assertEqual((incident["check"], incident["fault"],
                          incident["code"]), ("quick", "error_response", "28"))
        page = self.watch.run("incident", "show")[1]
        self.assertIn("exit in [0, 24] (28): the job ended with status 28",
                      page)
        self.assertIn("No space left", page)
        self.beat("quick", "--", "sh", "-c", "exit 24", exit=24)
        self.watch.wait_state("quick", "up")
        self.beat("quick", "--", "sh", "-c", "kill -9 $$", exit=137)
        self.assertEqual(self.last("quick")["code"], "137")
        self.beat("quick", "--", "/no/such", exit=127)
        self.assertEqual(self.last("quick")["code"], "127")

    def test_expectations_of_its_duration(self):
        self.beat("hung", "--", "sleep", "0.2")
        self.assertEqual(self.last("hung")["fault"], "slow")
        self.watch.wait_state("hung", "down")

    def test_words(self):
        self.beat("quick", "--fail", "--log", "the tape is full")
        self.assertEqual(self.last("quick")["fault"], "error_response")
        self.assertIn("the tape is full", self.watch.run("incident", "show")[1])
        self.beat("quick")
        self.watch.wait_state("quick", "up")
        self.assertNotIn("duration", self.last("quick")["observations"])
        for words, why in (
                (["quick", "--start", "--fail"], "one of them"),
                (["quick", "--exit", "256"], "from 0 to 255"),
                (["quick", "--rid", "a b"], "rid"),
                (["quick", "--exit", "1", "--", "true"], "no other option"),
                (["nope"], "no check \"nope\""),
                (["pinned"], "no heartbeat")):
            _, err = self.beat(*words, exit=2)
            self.assertIn(why, err)
        code, _, err = self.watch.run("check", "quick", check=False)
        self.assertIn("a heartbeat is not probed", err)
        self.assertEqual(code, 2)
        self.assertIn("skipped    quick", self.watch.run("test", check=False)[1])

    def test_overlapping_runs(self):
        self.beat("quick", "--start", "--rid", "a")
        time.sleep(0.3)
        self.beat("quick", "--start", "--rid", "b")
        self.beat("quick", "--rid", "a")
        first = self.last("quick")["duration_ms"]
        self.beat("quick", "--rid", "b")
        second = self.last("quick")["duration_ms"]
        self.assertGreaterEqual(first, 300)
        self.assertLess(second, first + 1000)
        self.assertEqual(len(self.results("quick")), 2)
        self.beat("quick", "--rid", "b", "--exit", "1")  # sent again
        self.assertEqual(len(self.results("quick")), 2)

    def heard(self):
        try:
            with open(self.told) as f:
                return f.read().split("\n")[:-1]
        except FileNotFoundError:
            return []

    def test_runbooks_and_maintenance(self):
        self.beat("quick", "--exit", "1")  # the runbook's `when` is false
        self.beat("quick")
        self.beat("quick", "--exit", "2")
        until("the notice", lambda: self.heard() == ["quick down"])
        self.beat("quick")
        until("its end", lambda: self.heard()[1:] == ["quick recovered"])
        self.watch.run("maintenance", "start", "quick", "--for", "1h")
        self.beat("quick", "--fail")
        self.watch.wait_state("quick", "down")
        self.watch.run("maintenance", "end", "M-1")
        until("what was held", lambda: self.heard()[2:] == ["quick down"])
        self.watch.run("pause", "quick")
        self.beat("quick", "--exit", "9")
        self.assertEqual(self.watch.check("quick")["state"], "paused")

    def test_a_job_that_is_killed_is_missed(self):
        job = subprocess.Popen(
            [PROGRAM, "-c", self.watch.config, "beat", "quick", "--", "sleep",
             "600"], env=self.watch.env, start_new_session=True)
        until("its start", lambda: subprocess.run(
            ["pgrep", "-P", str(job.pid)], stdout=subprocess.DEVNULL
        ).returncode == 0)
        os.killpg(job.pid, signal.SIGKILL)
        job.wait()
        self.watch.wait_state("quick", "down")
        last = self.last("quick")
        self.assertEqual(last["fault"], "stale")
        self.assertRegex(last["message"],
                         "the run that began at .* has not ended within 3s")

    def test_what_a_command_leaves_running(self):
        """A daemon that it starts neither keeps us nor is killed by us."""
        began = time.monotonic()
        job = subprocess.Popen(
            [PROGRAM, "-c", self.watch.config, "beat", "quick", "--", "sh",
             "-c", "(sleep 3; echo late) & echo now"], env=self.watch.env,
            stdout=subprocess.PIPE)
        self.assertEqual(job.wait(60), 0)
        left = job.stdout.read()
        self.assertEqual(left, b"now\nlate\n")
        self.assertGreater(time.monotonic() - began, 3)
        self.watch.wait_state("quick", "up")
        self.assertLess(self.last("quick")["duration_ms"], 3000)

    # ------------------------------------------------------------ the daemon

    def test_no_daemon_breaks_no_job(self):
        self.watch.kill()
        out, err = self.beat("quick", "--", "sh", "-c", "echo done; exit 5",
                             exit=5)
        self.assertEqual(out, "done\n")
        self.assertIn("the start of the run is not reported: no daemon", err)
        self.assertIn("the end of the run is not reported: no daemon", err)
        self.beat("quick", exit=3)

    def test_killed_between_start_and_end(self):
        """A run of which the daemon has heard the start goes on being one;
        the end is waited for by `relevo beat` while the next one begins."""
        job = subprocess.Popen(
            [PROGRAM, "-c", self.watch.config, "beat", "hourly", "--", "sh",
             "-c", "while [ ! -e %s/go ]; do sleep 0.05; done"
             % self.watch.folder], env=self.watch.env)
        self.beat("hourly", "--log", "another run")
        until("its start", lambda: b"another" in self.stored_runs("hourly") and
              self.stored_runs("hourly").count(b"\n") == 2)
        self.watch.kill()
        with open(os.path.join(self.watch.folder, "go"), "w"):
            pass
        self.watch.start()
        self.assertEqual(job.wait(60), 0)
        self.watch.wait_state("hourly", "up")
        results = self.results("hourly")
        self.assertEqual([r["outcome"] for r in results], ["ok"])
        self.assertGreater(results[0]["observations"]["duration"], 0)
        self.assertEqual(self.watch.accused(), [])

    def stored_runs(self, name):
        import sqlite3
        db = sqlite3.connect("file:%s/history.db?mode=ro" % self.watch.state,
                             uri=True)
        rows = db.execute("SELECT runs FROM beat JOIN \"check\" USING(node,"
                          " check_id) WHERE name = ?", (name,)).fetchall()
        db.close()
        return (rows[0][0] or "").encode() if rows else b""

    def test_our_own_downtime_accuses_nobody(self):
        """Every 2 s a beat, and nobody there to hear it for 6 s."""
        self.watch.write(CONFIG % ("2s", self.book))
        self.watch.run("reload")
        self.beat("hourly")
        self.watch.wait_state("hourly", "up")
        self.watch.stop()
        time.sleep(6)
        self.watch.start()
        self.assertEqual(self.watch.check("hourly")["state"], "up")
        self.beat("hourly")
        self.assertNotIn("stale", [r["fault"] for r in self.results("hourly")])
        self.watch.wait_state("hourly", "down")  # and when it stays away
        self.assertEqual(self.last("hourly")["fault"], "stale")
        self.assertIn("no beat: one was due", self.last("hourly")["message"])

    # -------------------------------------------------------------- by HTTP

    def url(self, path=""):
        def addresses():
            return self.watch.json("status").get("web", {}).get("addresses")
        return until("the page", addresses)[0].rstrip("/") + "/beat/" + path

    def ask(self, path, body=None, method=None):
        request = urllib.request.Request(self.url(path), body, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as e:
            return e.code, e.read()

    def test_by_http(self):
        self.assertEqual(self.ask(TOKEN + "/start?rid=r1"), (200, b"ok\n"))
        time.sleep(0.1)
        self.assertEqual(self.ask(TOKEN + "/log?rid=r1", b"half of it"),
                         (200, b"ok\n"))
        self.assertEqual(self.ask(TOKEN + "?rid=r1", b'{"rows": 7}'),
                         (200, b"ok\n"))
        last = self.last("backup")
        self.assertEqual((last["outcome"], last["observations"]["rows"]),
                         ("warn", 7))
        self.assertGreaterEqual(last["observations"]["duration"], 100)
        self.assertEqual(self.watch.check("pinned")["state"], "up")
        self.assertEqual(self.ask(TOKEN + "/3", b"it broke \xff\x00 here"),
                         (200, b"ok\n"))
        incident = self.watch.json("incident", "show")
        self.assertEqual((incident["fault"], incident["code"]),
                         ("error_response", "3"))
        self.assertIn("it broke \ufffd\ufffd here",
                      self.watch.run("incident", "show")[1])
        self.assertEqual(self.ask(TOKEN + "/fail"), (200, b"ok\n"))
        self.assertEqual(self.last("backup")["code"], "fail")
        self.assertEqual(self.ask(TOKEN, b'{"rows": 11}' + 90000 * b" "),
                         (200, b"ok\n"))

    def test_a_retried_beat_counts_once(self):
        before = len(self.results("backup"))
        for _ in range(3):
            self.assertEqual(self.ask(TOKEN + "?rid=once", b'{"rows": 11}')[0],
                             200)
        self.assertEqual(len(self.results("backup")), before + 1)

    def test_who_knows_no_token_learns_nothing(self):
        wrong = self.ask("token-of-the-backup-0123456780")
        self.assertEqual(wrong[0], 404)
        for path in ("x", "token-of", TOKEN + "1", TOKEN + "/nope",
                     TOKEN + "/256", TOKEN + "/-1", TOKEN + "/1000",
                     "x/start", TOKEN.upper()):
            self.assertEqual(self.ask(path), wrong, path)
        self.assertEqual(self.ask(TOKEN, b"x", "PUT")[0], 405)
        self.assertEqual(self.ask(TOKEN, None, "DELETE")[0], 405)
        self.assertEqual(self.ask(TOKEN, 200000 * b"x")[0], 413)
        self.assertEqual(self.ask(TOKEN + "?rid=" + 65 * "x")[0], 400)
        self.assertEqual(self.results("backup"), [])

    def test_the_token_is_told_nobody(self):
        self.ask(TOKEN, b"my token is " + TOKEN.encode())
        self.ask(TOKEN + "/1", b"my token is " + TOKEN.encode())
        self.watch.wait_state("backup", "down")
        shown = self.watch.log()
        for words in (["status", "--json"], ["incident", "show", "--json"],
                      ["incident", "show"], ["history", "backup", "--json"],
                      ["config", "show"], ["config", "check"]):
            shown += self.watch.run(*words)[1]
        self.assertIn("***", shown)
        self.assertNotIn(TOKEN, shown)
        self.watch.stop()
        for top, _, names in os.walk(self.watch.state):
            for name in names:
                with open(os.path.join(top, name), "rb") as f:
                    self.assertNotIn(TOKEN.encode(), f.read(), name)

    @unittest.skipUnless(shutil.which("curl"), "curl is missing")
    def test_curl_retries_while_we_restart(self):
        url = self.url(TOKEN + "?rid=c1")
        port = int(url.split(":")[2].split("/")[0])
        self.watch.stop()
        curl = subprocess.Popen(
            ["curl", "-fsS", "-m", "10", "--retry", "5",
             "--retry-connrefused", "--data-raw", '{"rows": 12}', url],
            stdout=subprocess.PIPE)
        time.sleep(0.5)
        self.watch.env["RELEVO_WEB"] = "127.0.0.1:%d" % port
        self.watch.start()
        out, _ = curl.communicate(timeout=60)
        self.assertEqual((curl.returncode, out), (0, b"ok\n"))
        self.assertEqual([r["outcome"] for r in self.results("backup")],
                         ["ok"])

    # ------------------------------------------------------------ who may it

    @unittest.skipUnless(os.getuid() == 0 and shutil.which("setpriv"),
                         "needs root and setpriv")
    def test_members_of_the_group_may_beat(self):
        path = os.path.join(self.watch.state, "control.sock")
        for folder in (self.watch.folder, self.watch.state):
            os.chmod(folder, 0o755)
        os.chown(path, 0, 65534)

        def ask(*groups):
            line = json.dumps({"command": "beat", "name": "quick",
                               "event": "end"})
            code = ("import socket; s = socket.socket(socket.AF_UNIX);"
                    "s.connect(%r); s.sendall(%r);"
                    "print(s.makefile().readline())" % (path,
                                                        line.encode() + b"\n"))
            return subprocess.run(
                ["setpriv", "--reuid=12345", *groups, sys.executable, "-c",
                 code], stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT).stdout.decode()
        self.assertIn('"heard":"quick"',
                      ask("--regid=65534", "--clear-groups"))
        self.assertIn("PermissionError",
                      ask("--regid=12345", "--clear-groups"))

    def test_requests_that_mean_nothing(self):
        path = os.path.join(self.watch.state, "control.sock")
        good = {"command": "beat", "name": "quick", "event": "end"}
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(path)
            answers = s.makefile()
            for bad in ({"event": "stop"}, {"event": 1}, {"exit": 256},
                        {"exit": "0"}, {"exit": -1}, {"rid": 7},
                        {"rid": 65 * "x"}, {"text": 1}, {"name": 1},
                        {"ran_ms": -1}, {"ran_ms": 1 << 60}):
                s.sendall(json.dumps(dict(good, **bad)).encode() + b"\n")
                self.assertIn("error", json.loads(answers.readline()), bad)
            s.sendall(json.dumps(dict(good, ran_ms=1000, text=50000 * "x"))
                      .encode() + b"\n")
            self.assertEqual(json.loads(answers.readline())["heard"], "quick")
        self.assertEqual(len(self.results("quick")), 1)


if __name__ == "__main__":
    unittest.main()
