#!/usr/bin/python3
"""SIGKILL to each role in turn, idle and at work: what was under way is
finished by whoever is left, told exactly once, and nothing is done twice."""
import os
import shutil
import signal
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from peer import Peer  # noqa: E402
from victims import role_of  # noqa: E402
from scripts import script  # noqa: E402
from watch import BUILD, Watch, alive, children, until  # noqa: E402

GOOD = 'c%d = { url = "http://127.0.0.1:%d/"; interval = "100ms"; };'
GONE = 'gone = { url = "http://127.0.0.1:%d/"; interval = "300ms"; ' \
       'retry_interval = "100ms"; };'
BOOKS = """
runbooks = {
  look = { script = "%s"; match = { check = "gone"; }; cooldown = "1h"; };
};
"""


def answer(conn):
    conn.read_request()
    conn.reply(body=b"well")


def named(pid, *names):
    """Is it a role of that name? Without any: what it is."""
    name = role_of(pid)
    return name in names if names else name


def roles(watch, *names):
    return [pid for pid in children(watch.process.pid) if named(pid, *names)]


class RolesKilled(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="relevo-e2e-")
        self.folder = self.temporary.name
        self.peer = Peer(answer)
        with Peer(answer) as closed:
            self.gone = closed.port
        self.begun = os.path.join(self.folder, "begun")
        self.go = os.path.join(self.folder, "go")

    def tearDown(self):
        open(self.go, "w").close()
        self.peer.__exit__(None, None, None)
        self.temporary.cleanup()

    # ------------------------------------------------------------ workers ---

    def plain(self, checks):
        return 'workers = 2; plugin_dir = "%s/plugins"; checks = { %s };' % (
            os.path.abspath(BUILD),
            "\n".join(GOOD % (i, self.peer.port) for i in range(checks)))

    def kill_workers(self, watch, times):
        killed = 0
        for _ in range(times):
            for pid in until("two workers", lambda: len(roles(
                    watch, "worker")) == 2 and roles(watch, "worker")):
                os.kill(pid, signal.SIGKILL)
                killed += 1
            try:
                until("new workers", lambda: len(roles(watch, "worker")) == 2)
            except AssertionError as e:
                raise AssertionError("%s\n%s\n%s" % (e, watch.log()[-3000:], {
                    pid: named(pid) for pid in children(watch.process.pid)}))
        return killed

    def all_go_on(self, watch):
        def newest():
            return {c["name"]: c["last"]["at"] if c["last"] else ""
                    for c in watch.json("status")["checks"]}
        before = newest()
        until("each check to be measured again", lambda: all(
            at > before[name] for name, at in newest().items()), 60)
        self.assertEqual({c["state"] for c in watch.json("status")["checks"]},
                         {"up"})
        self.assertEqual(watch.incidents(), [])

    def test_workers(self):
        with Watch(self.folder, self.plain(20)) as watch:
            for i in range(20):
                watch.wait_state("c%d" % i, "up")
            self.kill_workers(watch, 3)
            self.all_go_on(watch)
            self.assertIn("killed by signal 9", watch.log())

    def test_an_idle_worker(self):
        idle = self.plain(2).replace("100ms", "1h")
        with Watch(self.folder, idle) as watch:
            watch.wait_state("c0", "up")
            watch.wait_state("c1", "up")
            self.kill_workers(watch, 1)
            code, _, _ = watch.run("check", "c0")
            self.assertEqual(code, 0)

    def test_a_plugin_that_cannot_be_opened_for_a_while(self):
        """Vetted, and then wanting something: it comes back by itself."""
        plugins = os.path.join(self.folder, "plugins")
        os.mkdir(plugins)
        for name in ("http.so", "relevo-kit.so"):
            shutil.copy(os.path.join(BUILD, "plugins", name), plugins)
        http = os.path.join(plugins, "http.so")
        config = self.plain(4).replace(os.path.abspath(BUILD), self.folder)
        with Watch(self.folder, config) as watch:
            for i in range(4):
                watch.wait_state("c%d" % i, "up")
            os.rename(http, http + ".away")
            self.kill_workers(watch, 1)
            watch.wait_state("c0", "unknown")
            self.assertEqual(watch.json("status")["checks"][0]["last"]["fault"],
                             "plugin")
            os.rename(http + ".away", http)
            for i in range(4):
                watch.wait_state("c%d" % i, "up")
            self.all_go_on(watch)
            self.assertIn("can be opened again", watch.log())

    # ------------------------------------------------------------- scripts ---

    def slow(self, body=""):
        """A diagnosis that says it has begun and goes on when it is told."""
        path = script(self.folder, "look", "diagnose", """
echo "$RELEVO_RUN_ID" >> %s
finding warn "the first thing"
%s
i=0
while [ ! -e %s ] && [ $i -lt 600 ]; do sleep 0.1; i=$((i + 1)); done
finding crit "the last thing"
echo finished
""" % (self.begun, body, self.go))
        return 'plugin_dir = "%s/plugins"; checks = { %s };' % (
            os.path.abspath(BUILD), GONE % self.gone) + BOOKS % path

    def starts(self):
        try:
            with open(self.begun) as f:
                return f.read().split()
        except OSError:
            return []

    def wait_begun(self):
        until("the script to begin", self.starts)

    def wait_run(self, watch, test=lambda run: run["state"] == "ended"):
        return watch.wait_incident("the run", lambda i: [
            r for r in i["runs"] if test(r)])["runs"]

    def it_ended_well_once(self, watch):
        runs = self.wait_run(watch)
        self.assertEqual(len(runs), 1, runs)
        self.assertEqual((runs[0]["exit"], runs[0]["verdict"]), (0, "done"))
        titles = [f["title"] for f in runs[0]["findings"]]
        self.assertEqual(titles, ["the first thing", "the last thing"])
        self.assertEqual(self.starts(), [runs[0]["id"]])
        incident = watch.json("incident", "show")
        self.assertEqual(incident["cause"], "the last thing")
        events = [e["event"] for e in incident["timeline"]]
        self.assertEqual(events.count("diagnosis"), 1, events)
        self.assertEqual(len(watch.incidents()), 1)

    def test_a_folder_that_the_store_has_forgotten(self):
        """A power cut takes the intention of a diagnosis and leaves what it
        left: its outcome is nobody else's."""
        old = os.path.join(self.folder, "state", "runs", "R-1")
        os.makedirs(old)
        with open(os.path.join(old, "keeper.json"), "w") as f:
            f.write('{"run":1,"pid":1,"pid_start":1,"boot_id":"of before"}')
        with open(os.path.join(old, "outcome.json"), "w") as f:
            f.write('{"run":1,"exit":0,"started_us":1,"ended_us":2,'
                    '"sha256":"","error":null,"stdout":"old","stderr":"",'
                    '"findings":[]}')
        with Watch(self.folder, self.slow()) as watch:
            self.wait_begun()
            open(self.go, "w").close()
            self.it_ended_well_once(watch)
            self.assertEqual(self.starts(), ["R-2"])

    def test_the_runner_while_a_script_runs(self):
        with Watch(self.folder, self.slow()) as watch:
            self.wait_begun()
            runner, = roles(watch, "runner")
            os.kill(runner, signal.SIGKILL)
            until("a new runner", lambda: [
                pid for pid in roles(watch, "runner")
                if pid != runner])
            watch.wait_incident("it", lambda i: i["state"] == "open")
            open(self.go, "w").close()
            self.it_ended_well_once(watch)

    def test_an_order_waits_for_the_next_runner(self):
        """No runner is there when a run is wanted: it is not given up."""
        with Watch(self.folder, self.slow().replace(
                'interval = "300ms"', 'schedule = "manual"')) as watch:
            for _ in range(3):
                runner, = until("a runner", lambda: roles(
                    watch, "runner"))
                os.kill(runner, signal.SIGKILL)
                until("its end", lambda: not alive(runner))
            self.assertEqual(watch.run("runbook", "run", "look", "--check",
                                       "gone")[0],
                             0)
            self.wait_begun()
            open(self.go, "w").close()

    def test_the_keeper(self):
        with Watch(self.folder, self.slow()) as watch:
            self.wait_begun()
            keeper, = until("a keeper",
                            lambda: roles(watch, "keeper"))
            below = children(keeper)
            os.kill(keeper, signal.SIGKILL)
            run, = self.wait_run(watch)
            self.assertEqual(run["verdict"], "unknown")
            self.assertIn("keeper", run["reason"])
            until("nothing to run that nobody watches",
                  lambda: not any(alive(pid) for pid in below))
            watch.stop()
            watch.start()
            watch.wait_state("gone", "down")
            self.assertEqual(len(self.starts()), 1)
            self.assertEqual([r["id"] for r in self.wait_run(watch)],
                             [run["id"]])

    def test_the_keeper_after_its_runner(self):
        with Watch(self.folder, self.slow()) as watch:
            self.wait_begun()
            keeper, = until("a keeper",
                            lambda: roles(watch, "keeper"))
            runner, = roles(watch, "runner")
            os.kill(runner, signal.SIGKILL)
            until("its adoption", lambda: "adopted run" in watch.log())
            os.kill(keeper, signal.SIGKILL)
            run, = self.wait_run(watch)
            self.assertEqual(run["verdict"], "unknown")
            self.assertEqual(self.starts(), [run["id"]])

    def kill_main(self, watch):
        orphans = watch.kill()
        until("the workers to end", lambda: not any(
            alive(pid) and named(pid, "worker") for pid in orphans))

    def test_main_while_a_script_runs(self):
        with Watch(self.folder, self.slow()) as watch:
            self.wait_begun()
            self.kill_main(watch)
            watch.start()
            until("its adoption", lambda: "adopted run" in watch.log())
            self.kill_main(watch)
            watch.start()
            open(self.go, "w").close()
            watch.wait_state("gone", "down")
            self.it_ended_well_once(watch)

    def test_main_and_the_script_ends_before_the_next(self):
        with Watch(self.folder, self.slow()) as watch:
            self.wait_begun()
            keeper, = until("a keeper",
                            lambda: roles(watch, "keeper"))
            self.kill_main(watch)
            open(self.go, "w").close()
            until("the keeper to end", lambda: not alive(keeper))
            watch.start()
            watch.wait_state("gone", "down")
            self.it_ended_well_once(watch)

    def test_main_and_the_keeper_before_the_next(self):
        with Watch(self.folder, self.slow()) as watch:
            self.wait_begun()
            keeper, = until("a keeper",
                            lambda: roles(watch, "keeper"))
            self.kill_main(watch)
            os.kill(keeper, signal.SIGKILL)
            until("the keeper to end", lambda: not alive(keeper))
            watch.start()
            run, = self.wait_run(watch)
            self.assertEqual(run["verdict"], "unknown")
            self.assertEqual(self.starts(), [run["id"]])


if __name__ == "__main__":
    unittest.main()
