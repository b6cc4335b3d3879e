#!/usr/bin/env python3
"""runbooks/http/diagnose against real servers: which cause does it name, and
does text of a target ever become more than text?"""

import json
import pathlib
import socket
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import runbook_env as env  # noqa: E402

SCRIPT = "http/diagnose"
DEGRADED = ('{"status":"degraded","db":"[Errno 111] Connection refused",'
            '"redis":"ok"}')


def with_evidence(text, url="http://127.0.0.1:1/", **more):
    document = env.context(url, **more)
    document["result"]["evidence"] = [{"label": "body", "text": text}]
    return document


class Body(unittest.TestCase):
    def check_blames(self, ran, name="db"):
        finding = ran.finding("http.dependency")
        self.assertEqual(finding["sev"], "crit", ran)
        self.assertEqual(ran.verdict(), f"dependency:{name}", ran)
        self.assertEqual(ran.status, 0, ran)
        return finding

    def test_founding_case_seen_live(self):
        answer = f"location / {{ return 503 '{DEGRADED}'; }}"
        with env.Nginx(answer) as nginx:
            url = f"http://127.0.0.1:{nginx.port}/health/ready"
            ran = env.run(SCRIPT, env.context(url))
        finding = self.check_blames(ran)
        self.assertIn("the database is the cause", finding["title"])
        self.assertIn("[Errno 111] Connection refused", finding["title"])
        self.assertIn("redis", finding["detail"])
        self.assertIn("api would not help", finding["next"])

    def test_founding_case_from_evidence_alone(self):
        """The target is gone meanwhile: the failing answer still tells."""
        url = f"http://127.0.0.1:{env.free_port()}/"
        ran = env.run(SCRIPT, with_evidence(DEGRADED, url))
        self.check_blames(ran)
        self.assertEqual(ran.lines[0]["code"], "http.dependency", ran)
        self.assertEqual(len(ran.of("verdict")), 1, ran)
        self.assertEqual(ran.finding("http.refused")["sev"], "crit", ran)

    def test_who_is_judged_from_an_answer_did_not_give_it(self):
        document = with_evidence(DEGRADED)
        document["check"].update(name="db", of="api")
        finding = self.check_blames(env.run(SCRIPT, document))
        self.assertIn("api answered by itself", finding["detail"])
        self.assertIn("restarting api would not help", finding["next"])

    def test_recommends_the_databases_runbook(self):
        ran = env.run(SCRIPT, with_evidence(DEGRADED),
                      {"recommend": "redis=r database=pg-diagnose"})
        self.assertEqual(ran.of("recommend")[0]["runbook"], "pg-diagnose", ran)
        ran = env.run(SCRIPT, with_evidence(DEGRADED))
        self.assertEqual(ran.of("recommend"), [], ran)

    def test_shapes_of_bodies(self):
        shapes = {
            '{"status":"DOWN","components":{"db":{"status":"DOWN","details":'
            '{"error":"refused"}},"ping":{"status":"UP"}}}': "db",
            '{"status":"fail","checks":{"db:responseTime":[{"status":"pass"},'
            '{"status":"fail","output":"x"}],"up":[{"status":"pass"}]}}': "db",
            '{"checks":[{"name":"cache","status":"UP"},'
            '{"name":"pg","status":"DOWN"}]}': "pg",
            '{"detail":{"status":"degraded","db":"timed out"}}': "db",
            '{"redis":"error","database":false}': "database",
            'HTTP/1.1 503 x\r\nA: b\r\n\r\n' + DEGRADED: "db",
            DEGRADED[:60] + '","trunc': "db",
        }
        for text, name in shapes.items():
            with self.subTest(text=text):
                self.check_blames(env.run(SCRIPT, with_evidence(text)), name)

    def test_healthy_and_strange_bodies_blame_nothing(self):
        for text in ['{"status":"ok","db":"ok","version":"1.0-error"}', "",
                     "<html>502 Bad Gateway</html>", "[[[", '"db"', "[1,2]",
                     '{"db":null}', "{" * 3000, '{"a":' * 300]:
            with self.subTest(text=text[:40]):
                ran = env.run(SCRIPT, with_evidence(text))
                self.assertNotIn("dependency", ran.verdict() or "", ran)


class Reach(unittest.TestCase):
    def test_refused_names_who_should_listen(self):
        port = env.free_port()
        ran = env.run(SCRIPT, env.context(f"http://127.0.0.1:{port}/"))
        finding = ran.finding("http.refused")
        self.assertIn(f"127.0.0.1:{port}", finding["title"])
        self.assertIn("own machine", finding["detail"])
        self.assertEqual(ran.verdict(), "not_listening", ran)

    def test_the_other_address_of_the_machine_listens(self):
        with socket.socket() as other:
            other.bind(("127.0.0.2", 0))
            other.listen()
            port = other.getsockname()[1]
            ran = env.run(SCRIPT, env.context(f"http://127.0.0.1:{port}/"))
        self.assertIn("127.0.0.2", ran.finding("http.refused")["detail"])

    def test_name_that_does_not_exist(self):
        ran = env.run(SCRIPT, env.context("http://no-such-name.invalid/"))
        self.assertIn("no-such-name.invalid", ran.finding("http.dns")["title"])
        self.assertTrue(ran.verdict().startswith("dns:"), ran)

    def test_well_again_is_moot(self):
        with env.Nginx("location / { return 200 '{\"db\":\"ok\"}'; }") as nginx:
            url = f"http://127.0.0.1:{nginx.port}/"
            ran = env.run(SCRIPT, env.context(url))
        self.assertEqual(ran.status, 11, ran)
        self.assertIsNone(ran.verdict(), ran)

    def test_plain_500(self):
        with env.Nginx("location / { return 500 'oops'; }") as nginx:
            url = f"http://127.0.0.1:{nginx.port}/"
            ran = env.run(SCRIPT, env.context(url))
        self.assertEqual(ran.verdict(), "application:5xx", ran)
        self.assertIn("500", ran.finding("http.status")["title"])

    def test_tls_that_never_ends_is_no_firewall(self):
        """curl says of it that it took no time to connect."""
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen(8)
            port = silent.getsockname()[1]
            ran = env.run(SCRIPT, env.context(f"https://127.0.0.1:{port}/"))
        self.assertIn("takes the connection",
                      ran.finding("http.tls_timeout")["title"], ran)
        self.assertEqual(ran.verdict(), "hung", ran)

    def test_redirect_on_the_same_host_is_followed(self):
        server = ("location = /a { return 302 /b; }"
                  f"location = /b {{ return 503 '{DEGRADED}'; }}")
        with env.Nginx(server) as nginx:
            url = f"http://127.0.0.1:{nginx.port}/a"
            ran = env.run(SCRIPT, env.context(url))
        self.assertEqual(ran.verdict(), "dependency:db", ran)

    def test_redirect_elsewhere_is_not_followed(self):
        with env.Receiver() as other:
            there = f"http://localhost:{other.port}/x"
            with env.Nginx(f"location / {{ return 302 {there}; }}") as nginx:
                url = f"http://127.0.0.1:{nginx.port}/"
                ran = env.run(SCRIPT, env.context(url))
        self.assertIn(there, ran.finding("http.redirect")["title"])

    def test_redirect_loop_ends(self):
        with env.Nginx("location / { return 302 /; }") as nginx:
            url = f"http://127.0.0.1:{nginx.port}/"
            ran = env.run(SCRIPT, env.context(url))
        self.assertIn("loop", ran.finding("http.redirect")["detail"])

    def test_a_server_that_never_answers(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen(8)
            port = silent.getsockname()[1]
            ran = env.run(SCRIPT, env.context(f"http://127.0.0.1:{port}/"))
        self.assertEqual(ran.verdict(), "hung", ran)
        self.assertLess(ran.seconds, 30, "bounded to some ten seconds")

    def test_a_server_that_hangs_up(self):
        with socket.socket() as rude:
            rude.bind(("127.0.0.1", 0))
            rude.listen(8)
            thread = threading.Thread(target=hang_up, args=(rude,))
            thread.start()
            port = rude.getsockname()[1]
            ran = env.run(SCRIPT, env.context(f"http://127.0.0.1:{port}/"))
            rude.shutdown(socket.SHUT_RDWR)
            thread.join(10)
        self.assertEqual(ran.verdict(), "crashing", ran)

    def test_expired_certificate(self):
        with tempfile.TemporaryDirectory() as folder:
            tls = env.expired_certificate(folder)
            with env.Nginx("location / { return 200 ok; }", tls) as nginx:
                url = f"https://127.0.0.1:{nginx.port}/"
                ran = env.run(SCRIPT, env.context(url))
        self.assertEqual(ran.verdict(), "certificate:expired", ran)
        self.assertIn("2020-02-01", ran.finding("http.certificate")["detail"])
        self.assertIn("renew", ran.finding("http.certificate")["next"])
        self.assertLess(ran.of("metric")[0]["value"], 0, ran)

    def test_tls_asked_of_a_plain_port(self):
        with env.Nginx("location / { return 200 ok; }") as nginx:
            url = f"https://127.0.0.1:{nginx.port}/"
            ran = env.run(SCRIPT, env.context(url))
        self.assertEqual(ran.verdict(), "tls", ran)

    def test_slow_phase_against_the_last_good_result(self):
        document = env.context()
        document["result"]["phases"] = {"wait": 900.0}
        document["last_good"] = {"phases": {"wait": 4.0}}
        ran = env.run(SCRIPT, document)
        self.assertIn("900 ms", ran.finding("http.slow_phase")["title"])


def hang_up(listener):
    try:
        while True:
            connection, _ = listener.accept()
            connection.recv(100)
            connection.close()
    except OSError:
        pass


class Contract(unittest.TestCase):
    def test_not_an_http_check(self):
        document = env.context()
        document["check"]["plugin"] = "redis"
        self.assertEqual(env.run(SCRIPT, document).status, 10)

    def test_without_anything_to_look_at(self):
        self.assertEqual(env.run(SCRIPT, {"check": {}}).status, 78)

    def test_context_that_is_no_json(self):
        for bad in [b"", b"{", b"[]", b"null", b"\xff\xfe", b'"x"']:
            with self.subTest(bad=bad):
                self.assertEqual(env.run(SCRIPT, bad).status, 78)

    def test_a_deadline_in_the_past_ends_at_once(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen(8)
            port = silent.getsockname()[1]
            ran = env.run(SCRIPT, env.context(f"http://127.0.0.1:{port}/"),
                          environ={"RELEVO_DEADLINE": "1000"})
        self.assertEqual(ran.status, 0, ran)
        self.assertLess(ran.seconds, 30)

    def test_no_credentials_of_the_url_are_shown(self):
        ran = env.run(SCRIPT, env.context("http://me:hunter2@127.0.0.1:1/"))
        self.assertNotIn("hunter2", str(ran) + "\n".join(ran.raw))


class Hostile(unittest.TestCase):
    """Text of a target: in every field, through every path."""

    def poison(self, text):
        document = env.context(f"http://127.0.0.1:{self.port}/" + text)
        document["check"].update(name=text, tags=[text])
        document["result"].update(message=text, code=text[:30], expectations=[
            {"line": text, "true": False, "values": text}])
        document["result"]["evidence"] = [
            {"label": text, "text": text},
            {"label": "body", "text": json.dumps({"db": "error " + text,
                                                  "x" + text: "failed"})}]
        return document

    def test_naughty_strings_stay_text(self):
        self.port = env.free_port()
        with tempfile.TemporaryDirectory() as folder:
            mark = pathlib.Path(folder, "mark")
            strings = env.shell_traps(mark) + env.naughty_strings()
            # Some 500 runs would take minutes: many strings go into each.
            size = 64
            for start in range(0, len(strings), size):
                part = strings[start:start + size]
                document = self.poison(part[0])
                document["result"]["evidence"] += [
                    {"label": s, "text": json.dumps({s: "failed " + s})}
                    for s in part]
                document["result"]["expectations"] += [
                    {"line": s, "true": False, "values": s} for s in part]
                ran = env.run(SCRIPT, document)
                self.assertEqual(ran.status, 0, ran)
                self.assertEqual(ran.verdict(), "dependency:db", ran)
                self.assertFalse(mark.exists(), part)
                for line in ran.raw:
                    self.assertFalse(any(ord(c) < 32 for c in line), line)

    def test_naughty_url_and_host(self):
        with tempfile.TemporaryDirectory() as folder:
            mark = pathlib.Path(folder, "mark")
            shapes = ["http://{}/", "{}", "http://127.0.0.1:1/{}",
                      "http://127.0.0.1:{}", "http://{}@127.0.0.1:1/"]
            traps = env.shell_traps(mark)
            for i in range(len(traps)):
                text = traps[i]
                url = shapes[i % len(shapes)].replace("{}", text)
                ran = env.run(SCRIPT, env.context(url))
                self.assertIn(ran.status, (0, 78), ran)
                self.assertFalse(mark.exists(), url)

    def test_an_answer_without_end(self):
        with socket.socket() as endless:
            endless.bind(("127.0.0.1", 0))
            endless.listen(8)
            thread = threading.Thread(target=pour, args=(endless,))
            thread.start()
            port = endless.getsockname()[1]
            ran = env.run(SCRIPT, env.context(f"http://127.0.0.1:{port}/"))
            endless.shutdown(socket.SHUT_RDWR)
            thread.join(10)
        self.assertEqual(ran.status, 11, ran)
        self.assertLess(ran.seconds, 30)


def pour(listener):
    try:
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                try:
                    for _ in range(2000):
                        connection.sendall(b"x" * 65536)
                except OSError:
                    pass
    except OSError:
        pass


if __name__ == "__main__":
    env.need("jq", "curl", "nginx", "openssl", "getent")
    env.main()
