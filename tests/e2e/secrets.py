#!/usr/bin/python3
"""Twenty secrets, one in each place of a configuration that can hold one, and
targets and scripts that say all of them back: none of them is found in any
output, any log, any file of the state directory, or in the arguments or the
environment of any other process than main."""
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from canary import Canaries, canary  # noqa: E402
from peer import Peer  # noqa: E402
from scripts import script  # noqa: E402
from watch import BUILD, Watch, children, until  # noqa: E402

PLACES = ["header", "header_part", "bearer", "password", "username", "url_user",
          "url_password", "url_query", "url_path", "body", "body_json",
          "user_agent", "whole", "defaults", "expect", "path", "warn",
          "param_env", "param_file", "long"]
FILES = {"password", "body_json", "param_file", "url_password", "long"}

CHECKS = """
plugin_dir = "%(plugins)s";
vars = {
%(vars)s
};
defaults = { interval = "400ms"; retry_interval = "100ms"; http = { headers = { X-Defaults = "${defaults}"; }; }; };
checks = {
  headers = { url = "http://127.0.0.1:%(port)d/a"; headers = { X-One = "${header}"; Cookie = "id=${header_part}; x=1"; };
    user_agent = "${user_agent}";
    expect = ["status == 200", "body contains '${expect}'", "header('x-echo') == 'a'"]; warn_unless = ["json('.all') == '${warn}'"]; };
  bearer = { url = "http://127.0.0.1:%(port)d/b"; bearer = "${bearer}"; expect = ["header('x-echo') == 'b'"]; };
  basic = { url = "http://127.0.0.1:%(port)d/c"; username = "${username}"; password = "${password}"; };
  url = { url = "http://${url_user}:${url_password}@127.0.0.1:%(port)d/${url_path}?token=${url_query}"; };
  body = { url = "http://127.0.0.1:%(port)d/e"; method = "POST"; body = "a=${body}&b=${body_json}"; expect = ["body == 'x'"]; };
  used = { url = "http://127.0.0.1:%(port)d/f"; headers = { X-Long = "${long}"; X-Whole = "${whole}"; };
    expect = ["json('.all') == 'x'", "header('x-long') == 'x'", "json('.${path}') == 'x'"]; };
  garbage = { url = "http://127.0.0.1:%(port)d/garbage"; bearer = "${bearer}"; };
  moved = { url = "http://127.0.0.1:%(port)d/moved"; bearer = "${bearer}"; headers = { X-One = "${header}"; }; };
};
runbooks = {
  look = { script = "%(look)s"; match = { plugin = "http"; }; cooldown = "1s";
    params = { key = "${param_env}"; file = "${param_file}"; }; };
};
"""
LOOK = """
exec 2>&1
echo "$(cat "$RELEVO_SECRET_KEY") and $(cat "$RELEVO_SECRET_FILE")"
cat
env
cat "$RELEVO_SECRET_KEY" >&3
finding crit "it is $(cat "$RELEVO_SECRET_FILE")"
sleep 2
"""


class Secrets(Canaries, unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="relevo-e2e-")
        self.folder = self.temporary.name
        letters = random.Random(5)
        self.secrets = {
            place: canary(letters, i) for i, place in enumerate(PLACES)}
        self.secrets["body_json"] += '"q\\u/o te%'
        self.secrets["long"] += "-and-on" * 20
        self.peer = Peer(self.echo)
        self.found, self.files = [], set()

    def tearDown(self):
        self.peer.__exit__(None, None, None)
        self.temporary.cleanup()

    # -------------------------------------------------------------- targets ---

    def echo(self, conn):
        """Says everything back, in every part of an answer."""
        request = conn.read_request().decode(errors="replace")
        path = request.split()[1]
        every = " ".join(self.secrets.values())
        if path.startswith("/garbage"):
            conn.send(("HTTX/ %s\r\n\r\n" % every).encode())
        elif path.startswith("/moved"):
            conn.reply("302 " + every, b"", "Location: http://%s:%s@127.0.0.1:1"
                       "/%s" % (self.secrets["url_user"],
                                self.secrets["bearer"],
                                self.secrets["header"]))
        else:
            # so long that evidence and values are cut in the midst of one
            pad = "x" * random.randrange(40)
            body = {"all": pad + every * 3, "request": request, "db": every,
                    self.secrets["path"]: every}
            conn.reply("503 " + self.secrets["header"],
                       json.dumps(body).encode() + every.encode() * 10,
                       "X-Echo: " + every, "X-Long: " + "x" * random.randrange(
                           150, 200) + self.secrets["long"],
                       self.secrets["bearer"] + ": 1")

    def outputs(self, watch):
        checks = ["headers", "bearer", "basic", "url", "body", "used",
                  "garbage", "moved"]
        yield from (["status"], ["incident", "list"], ["incident", "show"],
                    ["runbook", "list"], ["runbook", "log"],
                    ["config", "check"], ["config", "show"])
        for i in range(1, 9):
            yield ["incident", "show", "I-%d" % i]
        for check in checks:
            yield ["history", check]
            yield ["check", check]
            yield ["check", check, "--local", "--trace"]

    # ----------------------------------------------------------------- tests ---

    def sources(self):
        env, lines = {}, []
        for place, secret in self.secrets.items():
            if place in FILES:
                path = os.path.join(self.folder, place + ".secret")
                self.files.add(path)
                with open(path, "w") as f:
                    f.write(secret + "\n")
                os.chmod(path, 0o600)
                lines.append('  %s = { file = "%s"; };' % (place, path))
            else:
                env["SECRET_" + place.upper()] = secret
                lines.append('  %s = { env = "SECRET_%s"; };'
                             % (place, place.upper()))
        return env, "\n".join(lines)

    def make(self, config=CHECKS):
        env, lines = self.sources()
        look = script(
            self.folder, "look", "diagnose", LOOK,
            more='# param: key secret required "a"\n'
                 '# param: file secret required "b"')
        return Watch(self.folder, config % {
            "plugins": os.path.join(os.path.abspath(BUILD), "plugins"),
            "vars": lines, "port": self.peer.port, "look": look}, env)

    def test_nothing_tells_them(self):
        watch = self.make()
        with watch:
            for name in ("headers", "bearer", "body", "used", "garbage"):
                watch.wait_state(name, "down", "unknown")
            until("scripts", lambda: len(children(watch.process.pid)) > 5)
            self.assertGreater(self.look_through_processes(watch), 8)
            until("a diagnosis", lambda: any(
                r["state"] == "ended" for r in watch.json("runbook", "log")))
            for argv in self.outputs(watch):
                for more in ([], ["--json"]):
                    _, out, err = watch.run(*argv, *more, check=False)
                    self.look_through(" ".join(argv + more), out + err)
            self.look_through_files(watch.state)
            runs = [r for r in watch.json("runbook", "log")
                    if r["state"] == "ended"]
            self.assertIn("[secret]", runs[0]["output"])
            self.assertIn("RELEVO_CHECK=", runs[0]["output"])
        self.assertEqual(self.lent(watch), [])
        self.look_through_files(watch.state)
        self.look_through("out.log", watch.log())
        self.nothing_was_found()

    def lent(self, watch):
        """Folders of secrets that are there now."""
        runs = os.path.join(watch.state, "runs")
        return [os.path.join(runs, name) for name in os.listdir(runs)
                if os.listdir(os.path.join(runs, name)).count("secrets")]

    def test_a_keeper_that_is_killed_leaves_none(self):
        watch = self.make()
        with watch:
            run = until("a script", lambda: [
                f for f in self.lent(watch)
                if os.path.exists(os.path.join(f, "keeper.json"))])[0]
            with open(os.path.join(run, "keeper.json")) as f:
                os.kill(json.load(f)["pid"], signal.SIGKILL)
            until("its secrets to be removed", lambda: not os.path.exists(
                os.path.join(run, "secrets")))
            self.assertFalse(os.path.exists(os.path.join(run, "outcome.json")))
        self.assertEqual(self.lent(watch), [])

    def abort(self, **env):
        """Main, a worker, the runner are aborted with core files allowed; the
        core files that there are then."""
        def allow():
            os.chdir(self.folder)
            resource.setrlimit(resource.RLIMIT_CORE, (
                resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        watch = self.make()
        # A sanitizer would forbid them by itself.
        env = dict(watch.env, ASAN_OPTIONS="disable_coredump=0", **env)
        with open(os.path.join(self.folder, "out.log"), "ab") as out:
            process = subprocess.Popen(
                [os.path.abspath(watch.program), "-c", watch.config, "run"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env,
                preexec_fn=allow)
        until("the roles", lambda: len(children(process.pid)) > 2)
        until("a probe", lambda: "suspect" in watch.log() or
              "down" in watch.log())
        for pid in [*children(process.pid), process.pid]:
            try:
                os.kill(pid, signal.SIGABRT)
            except ProcessLookupError:
                pass
        process.wait(60)
        return [name for name in os.listdir(self.folder)
                if name.startswith("core")]

    @unittest.skipUnless(os.getuid() == 0, "needs root to allow core files")
    def test_no_core_file_holds_them(self):
        if not self.abort(RELEVO_DUMPABLE="1"):
            self.skipTest("core files of this machine go elsewhere")
        for name in os.listdir(self.folder):
            if name.startswith("core"):
                os.unlink(os.path.join(self.folder, name))
        self.assertEqual(self.abort(), [])

    def test_errors_of_a_configuration_do_not_tell_them(self):
        watch = self.make(CHECKS.replace(
            'method = "POST"', 'method = "${header}"').replace(
            'bearer = "${bearer}"; expect', 'tls = { min = "${long}"; }; '
            'timeout = "${param_env}"; expect'))
        for argv in (["run"], ["config", "check"], ["status"]):
            code, out, err = watch.run(*argv, check=False)
            self.look_through(" ".join(argv), out + err)
            if argv != ["status"]:
                self.assertEqual(code, 2, err)
                self.assertIn("relevo.cfg:", err)
        self.nothing_was_found()


if __name__ == "__main__":
    unittest.main()
