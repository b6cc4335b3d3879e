#!/usr/bin/python3
"""The kind `exec`: what each end of a command comes to, what of its output can
be read in lines, and Debian's Nagios plugins as they are."""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from peer import Peer  # noqa: E402
from probe import literal, undisturbed  # noqa: E402

PROGRAM = os.path.join(os.environ.get("RELEVO_BUILD", "build/debug"), "relevo")
NAGIOS = "/usr/lib/nagios/plugins/"


def shell(text, **options):
    return dict(options, command=["/bin/sh", "-c", text])


def relevo(folder, checks, *argv, top="", env=None):
    conf = os.path.join(folder, "relevo.cfg")
    with open(conf, "w") as f:
        f.write("state_dir = %s;\n%s\n" % (literal(folder + "/state"), top))
        f.write("checks = {\n")
        for name, options in checks.items():
            f.write("%s = %s;\n" % (name, literal(
                dict({"plugin": "exec"}, **options))))
        f.write("};\n")
    return subprocess.run([PROGRAM, "-c", conf, *argv],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=120,
                          env=dict(os.environ, **(env or {})))


class Exec(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="relevo-exec-")
        self.folder = self.temporary.name

    def tearDown(self):
        self.temporary.cleanup()

    def results(self, checks, **more):
        """All of them by name, probed at once."""
        done = relevo(self.folder, checks, "test", "--format", "json", **more)
        try:
            found = json.loads(done.stdout)["checks"]
        except ValueError:
            raise AssertionError(done.stderr.decode())
        return {r["check"]: r for r in found}

    def result(self, options, **more):
        return undisturbed(lambda: self.results({"it": options}, **more)["it"])

    def ends_as(self, result, outcome, fault="none", code="", message=None):
        self.assertEqual((result["outcome"], result["fault"], result["code"]),
                         (outcome, fault, code), result)
        if message is not None:
            self.assertRegex(result["message"], message)

    # ------------------------------------------------------------ the end ---

    def test_exit_statuses(self):
        own = {"expect": ["exit == 3"]}
        warn = {"warn_unless": ["exit in 0..127"]}
        seen = self.results({
            "s0": shell("echo OK - fine"),
            "s1": shell("echo WARNING - hm; exit 1"),
            "s2": shell("echo CRITICAL - dead; exit 2"),
            "s3": shell("echo UNKNOWN - no such host; exit 3"),
            "s4": shell("exit 4"),
            "s126": shell("exit 126"),
            "s127": shell("no-such-program"),
            "own": shell("exit 3", **own),
            "own0": shell("exit 0", **own),
            "own_warn": shell("exit 127", expect=["exit > 0"], **warn),
        })
        self.ends_as(seen["s0"], "ok")
        self.ends_as(seen["s1"], "warn", "mismatch", "",
                     r"^degraded: warn_unless exit == 0 \(1\): WARNING - hm$")
        self.ends_as(seen["s2"], "fail", "error_response", "2",
                     r"^exit in 0\.\.1 \(2\): CRITICAL - dead$")
        self.ends_as(seen["s3"], "unknown", "exec", "3",
                     "it could not look: UNKNOWN - no such host$")
        self.ends_as(seen["s4"], "fail", "error_response", "4",
                     "it printed nothing$")
        self.ends_as(seen["s126"], "unknown", "exec", "126")
        self.ends_as(seen["s127"], "unknown", "exec", "127",
                     "no-such-program: not found")
        self.ends_as(seen["own"], "warn", "mismatch")
        self.ends_as(seen["own0"], "fail", "mismatch")
        self.ends_as(seen["own_warn"], "ok")

    def test_what_is_no_exit_status(self):
        script = os.path.join(self.folder, "plain")
        with open(script, "w") as f:
            f.write("echo no interpreter\n")
        os.chmod(script, 0o755)
        seen = self.results({
            "absent": {"command": ["/nonexistent/check"]},
            "nameless": {"command": ["no-such-program-here"]},
            "folder": {"command": ["/usr/bin"]},
            "script": {"command": [script]},
            "killed": shell("kill -TERM $$"),
            "slow": shell("echo half; sleep 100", timeout="1s"),
            "endless": {"command": ["yes"], "timeout": "20s"},
            "stranger": {"command": ["true"], "user": "no-such-user"},
        })
        self.ends_as(seen["absent"], "unknown", "exec", "ENOENT",
                     "/nonexistent/check: No such file")
        self.ends_as(seen["nameless"], "unknown", "exec", "ENOENT",
                     "there is no no-such-program-here in /usr/sbin:")
        self.ends_as(seen["folder"], "unknown", "exec", "EACCES",
                     "is not a regular file")
        self.ends_as(seen["script"], "unknown", "exec", "ENOEXEC",
                     "must name an interpreter")
        self.ends_as(seen["killed"], "unknown", "exec", "SIGTERM",
                     r"killed by signal 15 \(Terminated\)")
        self.ends_as(seen["slow"], "fail", "timeout", "",
                     "it did not end within 1s")
        self.assertEqual(seen["slow"]["evidence"],
                         [{"label": "stdout", "text": "half\n"}])
        self.ends_as(seen["endless"], "fail", "protocol", "",
                     "more than 16 MiB")
        self.assertIn("truncated", seen["endless"]["flags"])
        self.ends_as(seen["stranger"], "unknown", "exec", "EPERM",
                     'user "no-such-user" is not known')

    # ------------------------------------------------------------- output ---

    def test_lines_over_what_it_prints(self):
        text = ("printf '%s\\n' 'DISK OK - free | /=2643MB;5948;5958;0;5968' "
                "'/ 15 GB (77%);' 'tail | time=12ms;~:10;@0:20 "
                "used=45.5%;90;95 power=2kW n=7c load=0.25 bad=1,5 gone=U'; "
                "echo 'a word' >&2")
        lines = {
            "text": "text == 'DISK OK - free'",
            "long": "long_text == '/ 15 GB (77%);\\ntail '",
            "stderr": "stderr starts_with 'a word'",
            "body": "len(body) > 100 and body contains 'time=12ms'",
            "size": "value('/') == 2643000000B and value('/') < 3GiB",
            "duration": "value('time') == 12ms",
            "percent": "value('used') == 45.5%",
            "count": "value('n') == 7 and value('power') == 2000",
            "real": "value('load') == 0.25",
            "unit": "unit('power') == 'W' and unit('/') == 'B'",
            "bad": "not exists value('bad') and not exists value('gone')",
            "own_warn": "within_warn('/') and not within_warn('time')",
            "own_crit": "within_crit('/') and not within_crit('time')",
            "range": "within(value('time'), '0:0.1')",
            "ranges": "within(value('used'), '40:50') and "
                      "within(value('/'), '@0:5') and "
                      "not within(value('load'), '1:')",
            "latency": "latency < 20s",
            "exit": "exit == 0",
        }
        seen = self.results({name: shell(text, expect=[line])
                             for name, line in lines.items()})
        for name in lines:
            self.ends_as(seen[name], "ok")
        self.assertEqual(seen["size"]["observations"]["value"]["n"], 7)

    def test_json_and_records(self):
        seen = self.results({
            "json": shell("echo '{\"depth\": 3, \"db\": \"ok\"}'",
                          expect=["json('.depth') < 5"],
                          record={"db": "json('.db')"}),
            "silent": shell("echo only here >&2; exit 2"),
            "no_text": shell("echo '| a=1'", expect=["text == ''",
                                                     "value('a') == 1"]),
        })
        self.ends_as(seen["json"], "ok")
        self.assertEqual(seen["json"]["observations"]["db"], "ok")
        self.ends_as(seen["silent"], "fail", "error_response", "2",
                     "only here$")
        self.ends_as(seen["no_text"], "ok")

    def test_any_bytes_are_survived(self):
        seen = self.results({
            "noise": shell("head -c 20000 /dev/urandom; exit 0"),
            "nul": shell("printf 'a\\0b|x=1\\377\\n'"),
            "many": shell("i=0; printf 'OK|'; while [ $i -lt 3000 ]; do "
                          "printf 'k%d=%d ' $i $i; i=$((i+1)); done",
                          expect=["value('k127') == 127",
                                  "not exists value('k128')"]),
            "cut": shell("head -c 100000 /dev/zero | tr '\\0' x",
                         max_output="1KiB", expect=["len(body) == 1024"]),
        })
        for result in seen.values():
            self.ends_as(result, "ok")
        self.assertIn("truncated", seen["cut"]["flags"])

    # ------------------------------------------------- the command's world ---

    def test_environment_and_arguments(self):
        seen = self.results({
            "env": dict(shell("echo \"$TOKEN $PATH\"; env | wc -l"),
                        environment={"TOKEN": "x", "PATH": "/bin"},
                        expect=["text == 'x /bin'"]),
            "argv": {"command": ["printf", "%s|", "a b", "$HOME", "{{x}}",
                                 "`id`"],
                     "expect": ["body == 'a b|$HOME|{{x}}|`id`|'"]},
        }, env={"SECRET_OF_MAIN": "1"})
        self.ends_as(seen["env"], "ok")
        self.ends_as(seen["argv"], "ok")
        self.assertNotIn("SECRET_OF_MAIN",
                         json.dumps(self.result(shell("env; exit 2"),
                                                env={"SECRET_OF_MAIN": "1"})))

    def test_a_secret_is_shown_nowhere(self):
        done = relevo(self.folder, {"it": dict(
            shell("echo \"said $PASSWORD\"; exit 2"),
            environment={"PASSWORD": "${pw}"})}, "check", "it", "--json",
            top='vars = { pw = { env = "PW_OF_IT"; }; };',
            env={"PW_OF_IT": "correct-horse-battery"})
        self.assertIn(b"said ", done.stdout)
        self.assertNotIn(b"correct-horse", done.stdout + done.stderr)

    def test_mistakes_in_the_configuration(self):
        rows = [
            ({}, "command"),
            ({"command": []}, "command: first comes the program"),
            ({"command": ["./check"]}, "an absolute path, or a name in /usr"),
            ({"command": ["check_http -H localhost"]},
             "each argument is a text of its own"),
            ({"command": ["true"], "comand": ["x"]},
             'did you mean "command"'),
            ({"command": ["true"], "expect": ["exitt == 0"]},
             'did you mean "exit"'),
            ({"command": ["true"], "expect": ["within(exit, '5:1')"]},
             "is no Nagios range"),
            ({"command": ["true"], "max_output": "1GiB"}, "1KiB..1MiB"),
        ]
        for options, wanted in rows:
            done = relevo(self.folder, {"it": options}, "config", "check")
            self.assertEqual(done.returncode, 2, options)
            self.assertIn(wanted, done.stderr.decode(), options)

    # -------------------------------------------------- Debian's plugins ---

    @unittest.skipUnless(os.path.exists(NAGIOS + "check_http"),
                         "no monitoring-plugins-basic")
    def test_monitoring_plugins(self):
        def answer(conn):
            conn.read_request()
            conn.reply(body=b"well")
        fresh = os.path.join(self.folder, "fresh")
        open(fresh, "w").close()
        with Peer(answer) as peer:
            port = str(peer.port)
            web = ["check_http", "-I", "127.0.0.1", "-p", port]
            seen = self.results({
                "http": {"command": web + ["-w", "5", "-c", "10"], "expect": [
                    "text starts_with 'HTTP OK'", "value('time') < 5s",
                    "value('size') > 0B", "within_crit('time')"]},
                "http_bad": {"command": web + ["-e", "503"]},
                "http_slow": {"command": web + ["-w", "0.000001"]},
                "refused": {"command": ["check_tcp", "-H", "127.0.0.1", "-p",
                                        "1"]},
                "tcp": {"command": [NAGIOS + "check_tcp", "-H", "127.0.0.1",
                                    "-p", port],
                        "expect": ["value('time') < 5s"]},
                "load": {"command": ["check_load", "-w", "1e6,1e6,1e6", "-c",
                                     "2e6,2e6,2e6"],
                         "expect": ["value('load1') >= 0",
                                    "within(value('load1'), '~:1000000')"]},
                "disk": {"command": ["check_disk", "-w", "0%", "-c", "0%",
                                     "-p", "/"],
                         "expect": ["value('/') > 1KiB"]},
                "procs": {"command": ["check_procs", "-c", "1:"],
                          "expect": ["value('procs') > 0"]},
                "age": {"command": ["check_file_age", "-w", "3600", "-c",
                                    "7200", "-f", fresh]},
                "stale": {"command": ["check_file_age", "-f",
                                      "/nonexistent"]},
                "dummy": {"command": ["check_dummy", "1", "a word"]},
                "usage": {"command": ["check_http"]},
                "negate": {"command": [NAGIOS + "negate", NAGIOS +
                                       "check_dummy", "2"]},
            })
        for name in ("http", "tcp", "load", "disk", "procs", "age", "negate"):
            self.ends_as(seen[name], "ok")
        self.ends_as(seen["http_bad"], "fail", "error_response", "2", "200 OK")
        self.ends_as(seen["http_slow"], "warn", "mismatch", "", "HTTP WARNING")
        self.ends_as(seen["refused"], "fail", "error_response", "2", "refused")
        self.ends_as(seen["stale"], "fail", "error_response", "2")
        self.ends_as(seen["dummy"], "warn", "mismatch", "", "WARNING: a word")
        self.ends_as(seen["usage"], "unknown", "exec", "3")
        self.assertIn("evidence", seen["http_bad"])
        self.assertTrue(re.search("HTTP", seen["http_bad"]["evidence"][0]
                                  ["text"]))


if __name__ == "__main__":
    unittest.main()
