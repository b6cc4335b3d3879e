#!/usr/bin/env python3
"""What the web role tells: the shapes of the API are those of the commands, the
metrics are valid and bounded, badges and /healthz say what is; and what becomes
of it when its process, its port or main goes away."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from flaky import Flaky  # noqa: E402
from page import Answer, Page  # noqa: E402
from watch import until  # noqa: E402

SAMPLE = re.compile(
    r'([a-z_:][a-z0-9_:]*)(\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)+\})? '
    r'(-?[0-9.]+(?:e[+-]?[0-9]+)?)')


def samples(text):
    """{name: {labels: value}}; fails on what promtool would complain of."""
    found, family, kind = {}, None, {}
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = line.split()[2]
            assert family not in kind, "twice: " + line
            assert line.split(None, 3)[3].strip(), line
        elif line.startswith("# TYPE "):
            _, _, name, kind[family] = line.split()
            assert name == family, line
            assert (kind[family] == "counter") == name.endswith("_total"), line
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            name, labels, value = match.groups()
            assert name == family, "out of its family: " + line
            series = found.setdefault(name, {})
            assert labels not in series, "twice: " + line
            series[labels] = float(value)
    return found


class Api(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.flaky = Flaky(1, chance=0)
        cls.page = Page(cls.folder.name, """
            environments = { staging = { vars = { x = "1"; }; }; };
            defaults = { interval = "200ms"; timeout = "2s"; };
            checks = {
              good = { url = "http://%s/"; title = "The good"; };
              bad  = { url = "http://127.0.0.1:1/"; };
            };""" % cls.flaky.targets[0]).start()
        cls.page.wait_state("staging/bad", "down")
        cls.page.wait_state("staging/good", "up")

    @classmethod
    def tearDownClass(cls):
        cls.page.stop()
        cls.folder.cleanup()

    def test_status_is_what_the_command_prints(self):
        api = self.page.get("/api/v1/status").json()
        cli = self.page.json("status")
        self.assertEqual(set(api) | {"web"}, set(cli))
        for one, other in zip(api["checks"], cli["checks"]):
            self.assertEqual(set(one), set(other))
            self.assertEqual(set(one["last"]) | {"evidence"},
                             set(other["last"]) | {"evidence"})
            for member in ("name", "environment", "state", "since", "title",
                           "incident"):
                self.assertEqual(one[member], other[member])

    def test_history_is_what_the_command_prints(self):
        until("some results",
              lambda: len(self.page.history("staging/good")) > 5)
        newest = self.page.get("/api/v1/history/staging/good?limit=3").json()
        self.assertEqual(len(newest), 3)
        before = newest[-1]["at"]
        older = self.page.get("/api/v1/history/staging/good?limit=2&before=" +
                              before).json()
        self.assertTrue(all(r["at"] < before for r in older))
        stored = {r["at"]: r for r in self.page.history("staging/good")}
        for result in newest + older:
            self.assertEqual(result, stored[result["at"]])
        since = self.page.get("/api/v1/history/staging/good?since=" +
                              before).json()
        self.assertGreaterEqual(len(since), 3)

    def test_incidents_are_what_the_commands_print(self):
        listed = self.page.get("/api/v1/incidents").json()
        self.assertEqual([i["id"] for i in listed], ["I-1"])
        self.assertEqual(listed, self.page.incidents())
        shown = self.page.get("/api/v1/incidents/I-1").json()
        self.assertEqual(shown, self.page.json("incident", "show", "I-1"))
        self.assertEqual(self.page.get("/api/v1/incidents?before=I-1").json(),
                         [])

    def test_what_is_wrong_is_told_as_json(self):
        for path, status in (("/api/v1/history/staging/nix", 404),
                             ("/api/v1/history/staging/good?limit=0", 400),
                             ("/api/v1/history/staging/good?limit=1001", 400),
                             ("/api/v1/history/staging/good?limit=x", 400),
                             ("/api/v1/history/staging/good?since=x", 400),
                             ("/api/v1/incidents/I-999", 404),
                             ("/api/v1/incidents/x", 404),
                             ("/api/v1/incidents?before=x", 400)):
            answer = self.page.get(path)
            self.assertEqual(answer.status, status, path)
            self.assertTrue(answer.json()["error"], path)

    def test_the_document_names_what_is_answered(self):
        document = self.page.get("/api/v1/openapi.json").json()
        self.assertEqual(document["openapi"], "3.1.0")
        schemas = document["components"]["schemas"]
        for name in re.findall(r"#/components/schemas/(\w+)",
                               json.dumps(document)):
            self.assertIn(name, schemas)
        for path, item in document["paths"].items():
            places = re.findall(r"\{(\w+)\}", path)
            named = [p["name"] for p in item["get"]["parameters"]
                     if p["in"] == "path"]
            self.assertEqual(places, named, path)
            real = path.replace("/badge/{check}", "/badge/staging/good.svg")
            real = real.replace("{check}", "staging/good").replace("{id}",
                                                                   "I-1")
            if "{" in real:
                continue  # of somebody's secret
            answer = self.page.get(real)
            self.assertEqual(answer.status, 200, path)
            kind, = item["get"]["responses"]["200"]["content"]
            self.assertEqual(answer.headers["content-type"], kind)
        status = self.page.get("/api/v1/status").json()
        for name, thing in (("Status", status), ("Check", status["checks"][0]),
                            ("Result", status["checks"][0]["last"]),
                            ("Incident",
                             self.page.get("/api/v1/incidents/I-1").json())):
            self.assertLessEqual(set(schemas[name]["properties"]), set(thing))

    def test_metrics(self):
        answer = self.page.get("/metrics")
        found = samples(answer.text())
        good = '{check="staging/good",environment="staging"}'
        bad = '{check="staging/bad",environment="staging"}'
        if shutil.which("promtool"):
            said = subprocess.run(["promtool", "check", "metrics"],
                                  input=answer.body, capture_output=True)
            self.assertEqual((said.returncode, said.stdout + said.stderr),
                             (0, b""))
        self.assertEqual(found["relevo_check_down"], {good: 0, bad: 1})
        self.assertEqual(found["probe_success"], {good: 1, bad: 0})
        self.assertEqual(found["probe_http_status_code"], {good: 200, bad: 0})
        self.assertEqual(found["relevo_checks"]['{state="down"}'], 1)
        self.assertEqual(len(found["relevo_checks"]), 8)
        self.assertEqual(len(found["probe_http_duration_seconds"]), 10)
        self.assertGreater(found["probe_duration_seconds"][good], 0)
        # No series but a fixed number for each check, and for itself.
        self.assertLess(sum(map(len, found.values())), 2 * 20 + 20)

    def test_a_badge(self):
        answer = self.page.get("/badge/staging/bad.svg")
        self.assertEqual(answer.headers["content-type"], "image/svg+xml")
        self.assertIn("staging/bad: down",
                      "".join(ElementTree.fromstring(answer.text()).itertext()))
        self.assertEqual(self.page.get("/badge/staging/bad").status, 404)
        self.assertEqual(self.page.get("/badge/staging/nix.svg").status, 404)


class Life(unittest.TestCase):
    CHECKS = 'checks = { a = { url = "http://127.0.0.1:1/"; }; };'

    def test_its_process_dies_and_comes_back_at_the_same_place(self):
        with tempfile.TemporaryDirectory() as folder, \
                Page(folder, self.CHECKS) as page:
            address, pid = page.address, page.web_pid()
            os.kill(pid, signal.SIGKILL)
            # Who asks meanwhile waits in the socket's queue.
            self.assertEqual(page.get("/healthz").status, 200)
            self.assertEqual(("127.0.0.1", page.port()), address)
            self.assertNotEqual(page.web_pid(), pid)
            self.assertEqual(page.check("a")["name"], "a")

    def test_one_that_is_stopped_goes_on(self):
        with tempfile.TemporaryDirectory() as folder, \
                Page(folder, self.CHECKS) as page:
            os.kill(page.web_pid(), signal.SIGSTOP)
            self.assertEqual(page.get("/healthz").status, 200)

    def test_main_stands_still(self):
        """/healthz fails; what was known is shown still."""
        with tempfile.TemporaryDirectory() as folder, \
                Page(folder, self.CHECKS) as page:
            self.assertEqual(page.get("/api/v1/status").status, 200)
            page.process.send_signal(signal.SIGSTOP)
            try:
                until("/healthz to fail",
                      lambda: page.get("/healthz").status == 503, 60, 0.5)
                self.assertEqual(page.get("/api/v1/status").status, 200)
            finally:
                page.process.send_signal(signal.SIGCONT)
            until("/healthz to be fine",
                  lambda: page.get("/healthz").status == 200)

    def test_a_port_that_is_taken(self):
        with tempfile.TemporaryDirectory() as folder, \
                socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            page = Page(folder, self.CHECKS)
            page._is_there = lambda: True
            page.write('web = { listen = "127.0.0.1:%d"; };\n%s'
                       % (port, self.CHECKS))
            with page:
                until("it to be said", lambda: "no page at 127.0.0.1:%d" % port
                      in page.log())
                self.assertIn("Address already in use", page.log())
                self.assertEqual(page.addresses(), [])
                self.assertEqual(page.check("a")["name"], "a")
                taken.close()
                until("the page", lambda: page.addresses(), 60)
                self.assertEqual(page.log().count("no page at"), 1)

    def test_a_path_a_reload_and_none_at_all(self):
        with tempfile.TemporaryDirectory() as folder, \
                Page(folder, self.CHECKS) as page:
            path = os.path.join(folder, "web.sock")
            page.write('web = { listen = ["127.0.0.1:0", "%s"]; };\n%s'
                       % (path, self.CHECKS))
            page.run("reload")
            until("the socket", lambda: os.path.exists(path))
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(20)
                s.connect(path)
                # No browser speaks here: any name is fine.
                s.sendall(b"GET /healthz HTTP/1.1\r\nHost: any\r\n\r\n")
                self.assertEqual(Answer(s.recv(65536)).status, 200)
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o660)
            page.write("web = { enabled = false; };\n" + self.CHECKS)
            page.run("reload")
            self.assertEqual(page.addresses(), [])
            self.assertFalse(os.path.exists(path))
            self.assertIsNone(page.web_pid())

    def test_a_missing_token_serves_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            page = Page(folder, self.CHECKS, 'token = { env = "NO_SUCH"; };')
            page._is_there = lambda: True
            with page:
                self.assertEqual(page.addresses(), [])
                self.assertIn('web.token: env "NO_SUCH" is missing', page.log())


if __name__ == "__main__":
    unittest.main()
