#!/usr/bin/python3
"""Commands under watch: their failure is an incident that says what they said;
a worker, the runner or main that dies takes them along and accuses no target;
what a command says of a secret is stored nowhere."""
import os
import signal
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from victims import role_of  # noqa: E402
from watch import Watch, alive, children, until  # noqa: E402

CONFIG = """
workers = 1; automation = "observe";
vars = { pw = { env = "PW_OF_EXEC"; }; };
checks = {
  job = { plugin = "exec"; interval = "200ms"; timeout = "60s"; failure_threshold = 2;
    command = ["/bin/sh", "-c", "%s"]; environment = { PASSWORD = "${pw}"; MARK = "%s"; }; };
};
"""
SECRET = "correct-horse-battery-staple"


class ExecWatched(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="relevo-e2e-")
        self.folder = self.temporary.name
        self.flag = os.path.join(self.folder, "flag")
        self.pids = os.path.join(self.folder, "pids")

    def tearDown(self):
        self.temporary.cleanup()

    def watch(self, text):
        return Watch(self.folder, CONFIG % (text, self.folder),
                     {"PW_OF_EXEC": SECRET})

    def hanging(self):
        """Waits for a file as long as another is there."""
        open(self.flag, "w").close()
        return self.watch("echo $$ >>%s; while [ -e %s ]; do sleep 0.05; done; "
                          "echo fine" % (self.pids, self.flag))

    def started(self, n):
        """The pids of the commands so far, once there are n."""
        def look():
            try:
                with open(self.pids) as f:
                    found = [int(line) for line in f]
            except FileNotFoundError:
                return None
            return found if len(found) >= n else None
        return until("%d commands" % n, look)

    def role(self, watch, name):
        return [pid for pid in children(watch.process.pid)
                if role_of(pid) == name]

    def test_an_outage_and_its_end(self):
        with self.watch("[ -e %s ] || { echo CRITICAL - no flag, $PASSWORD; "
                        "exit 2; }; echo fine" % self.flag) as watch:
            watch.wait_state("job", "down")
            incident = watch.wait_incident("one", lambda i: True)
            self.assertEqual((incident["fault"], incident["code"]),
                             ("error_response", "2"))
            message = incident["result"]["message"]
            self.assertIn("CRITICAL - no flag", message)
            open(self.flag, "w").close()
            watch.wait_state("job", "up")
            said = [watch.log()] + [watch.run(*argv)[1] for argv in (
                ("history", "job", "--json"), ("status", "--json"),
                ("incident", "show", "--json"))]
            for text in said:
                self.assertNotIn(SECRET, text)
        for name in os.listdir(watch.state):
            path = os.path.join(watch.state, name)
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    self.assertNotIn(SECRET.encode(), f.read(), name)

    def test_a_worker_dies_under_it(self):
        with self.hanging() as watch:
            first, = self.started(1)[:1]
            worker, = self.role(watch, "worker")
            os.kill(worker, signal.SIGKILL)
            second = self.started(2)[1]
            until("the first command to be ended", lambda: not alive(first))
            self.assertTrue(alive(second))
            os.unlink(self.flag)
            watch.wait_state("job", "up")
            self.assertEqual(watch.accused(), [])
            first = until("its result to be stored",
                          lambda: watch.history("job"))[-1]
            self.assertIn("retried", first["flags"])

    def test_the_runner_dies_under_it(self):
        with self.hanging() as watch:
            first, = self.started(1)[:1]
            runner, = self.role(watch, "runner")
            os.kill(runner, signal.SIGKILL)
            until("its command to go with it", lambda: not alive(first))
            os.unlink(self.flag)
            watch.wait_state("job", "up")
            lost = until("what was lost to be stored", lambda: [
                r for r in watch.history("job") if r["outcome"] != "ok"])
            self.assertEqual({(r["outcome"], r["fault"]) for r in lost},
                             {("unknown", "exec")}, lost)
            self.assertEqual(watch.accused(), [])

    def test_main_dies_over_it(self):
        with self.hanging() as watch:
            first, = self.started(1)[:1]
            watch.kill()
            until("its command to go with it", lambda: not alive(first))
            os.unlink(self.flag)
            watch.start()
            watch.wait_state("job", "up")

    def test_a_reload_that_takes_it_away(self):
        with self.hanging() as watch:
            first, = self.started(1)[:1]
            watch.write('checks = { other = { plugin = "exec"; interval = '
                        '"200ms"; command = ["true"]; }; };')
            watch.reload()
            watch.wait_state("other", "up")
            os.unlink(self.flag)
            until("its end", lambda: not alive(first))
            self.assertEqual(watch.accused(), [])


if __name__ == "__main__":
    unittest.main()
