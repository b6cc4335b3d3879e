#!/usr/bin/env python3
"""runbooks/notify/webhook against a receiver: what arrives, in each format, what
the exit status says, and that neither the secret gets out nor a target's text
works."""

import datetime
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import chat_apis  # noqa: E402
import runbook_env as env  # noqa: E402

SCRIPT = "notify/webhook"
SECRET = "T0K3N-should-never-be-seen"


def notice(**more):
    document = env.context()
    document["run"].update(kind="notify", on="down", runbook="oncall")
    document["incident"] = {
        "id": "I-12", "check": "api", "state": "open",
        "began": "2026-01-02T03:04:05.678Z",
        "opened": "2026-01-02T03:04:15.678Z", "fault": "error_response",
        "code": "503", "summary": "db is not ok", "impact": ["ws-gateway"]}
    document["transition"] = {"from": "suspect", "to": "down"}
    document["diagnosis"] = {"title": "http/diagnose", "findings": [
        {"t": "finding", "sev": "info", "code": "a", "title": "an aside"},
        {"t": "finding", "sev": "crit", "code": "http.dependency",
         "title": "the database is the cause", "next": "look at db"}]}
    document["dedup_key"] = "relevo-I-12"
    document["would_have_run"] = ["pg-restart"]
    document.update(more)
    return document


def poison(part):
    """Each string into a list, and one into each single field."""
    text = [part[i % len(part)] for i in range(9)]
    document = notice()
    document["check"].update(name=text[0], tags=part)
    document["incident"].update(check=text[1], summary=text[2],
                                code=text[3], id=text[4], impact=part)
    document["diagnosis"]["findings"][1].update(title=text[5], next=text[6])
    document["would_have_run"] = part
    document["transition"]["to"] = text[7]
    document["dedup_key"] = text[8]
    return document


def post(document, receiver, form=None, on="down", path="/hook/" + SECRET):
    return env.run(
        SCRIPT, document, {"format": form} if form else None,
        {"url": f"http://127.0.0.1:{receiver.port}{path}"},
        {"RELEVO_ON": on, "RELEVO_KIND": "notify"})


class Content(unittest.TestCase):
    def test_json_says_all_of_it(self):
        with env.Receiver() as receiver:
            ran = post(notice(), receiver)
        self.assertEqual(ran.status, 0, ran)
        path, headers, body = receiver.got[0]
        self.assertEqual(path, "/hook/" + SECRET)
        self.assertEqual(headers["Content-Type"], "application/json")
        sent = json.loads(body)
        self.assertEqual(sent["event"], "down")
        self.assertEqual(sent["dedup_key"], "relevo-I-12")
        self.assertEqual(sent["command"], "relevo incident show I-12")
        for part in ["api is down", "2026-01-02T03:04:05", "503",
                     "db is not ok", "the database is the cause", "look at db",
                     "ws-gateway", "pg-restart", "relevo incident show I-12"]:
            self.assertIn(part, sent["text"])

    def test_slack_says_all_of_it(self):
        with env.Receiver() as receiver:
            ran = post(notice(), receiver, "slack")
        self.assertEqual(ran.status, 0, ran)
        sent = json.loads(receiver.got[0][2])
        self.assertEqual(sent["text"], "*api is down*")
        text = sent["attachments"][0]["text"]
        for part in ["503", "the database is the cause", "ws-gateway",
                     "pg-restart", "`relevo incident show I-12`"]:
            self.assertIn(part, text)

    def test_recovery(self):
        document = notice(transition={"from": "down", "to": "up"})
        document["run"]["on"] = "recovered"
        for form, color in [("json", None), ("slack", "good")]:
            with env.Receiver() as receiver:
                ran = post(document, receiver, form, on="recovered")
            self.assertEqual(ran.status, 0, ran)
            body = receiver.got[0][2].decode()
            self.assertIn("api has recovered", body)
            if color:
                self.assertEqual(
                    json.loads(body)["attachments"][0]["color"], color)

    def test_an_incident_that_ends_without_a_recovery(self):
        for to, words in [("paused", "api is paused: its incident is closed"),
                          ("removed", "api is not watched any more")]:
            document = notice(transition={"from": "down", "to": to})
            document["run"]["on"] = "recovered"
            with env.Receiver() as receiver:
                ran = post(document, receiver, on="recovered")
            self.assertEqual(ran.status, 0, ran)
            sent = json.loads(receiver.got[0][2])
            self.assertEqual(sent["event"], "recovered")
            self.assertIn(words, sent["title"])
            self.assertNotIn("has recovered", sent["text"])

    def test_the_least_there_can_be(self):
        for form in ["json", "slack"]:
            for document in [{}, {"incident": None, "diagnosis": None},
                             {"incident": {"id": 12}, "diagnosis": {}}]:
                with self.subTest(form=form, document=document):
                    with env.Receiver() as receiver:
                        ran = post(document, receiver, form)
                    self.assertEqual(ran.status, 0, ran)
                    json.loads(receiver.got[0][2])

    def test_slack_escapes(self):
        document = notice()
        document["incident"]["summary"] = \
            "<!channel> & <https://evil.test|click> @here `x`"
        with env.Receiver() as receiver:
            post(document, receiver, "slack")
        text = json.loads(receiver.got[0][2])["attachments"][0]["text"]
        self.assertIn("&lt;!", text)
        self.assertIn("&amp; &lt;https", text)
        for bad in ["<", ">", "@here", "`x`"]:
            self.assertNotIn(bad, text)


class Formats(unittest.TestCase):
    """Every template against the shape that its API asks for."""

    def send(self, form, document, on):
        """(path, headers, body) of what the API was sent, held against it."""
        url, key, to, down, up, headers, shape, well, status = \
            chat_apis.APIS[form]
        with env.Receiver(status) as receiver:
            secrets = {"url": f"http://127.0.0.1:{receiver.port}{url}"}
            if key:
                secrets["key"] = key
            params = {"format": form}
            if to:
                params["to"] = to
            ran = env.run(SCRIPT, document, params, secrets,
                          {"RELEVO_ON": on, "RELEVO_KIND": "notify"})
        self.assertEqual(ran.status, 0, (form, str(ran)))
        path, sent, body = receiver.got[0]
        recovered = on == "recovered"
        self.assertTrue(path.startswith("/v2/alerts/") if form == "opsgenie"
                        and recovered else path == (up if recovered else down),
                        (form, path))
        for name, value in headers.items():
            self.assertEqual(sent.get(name), value, form)
        body = json.loads(body)
        chat_apis.fits(well if recovered else shape, body, form)
        return path, body

    def test_an_outage_and_its_recovery(self):
        for form in chat_apis.APIS:
            with self.subTest(format=form):
                document = notice()
                document["check"].update(
                    title="orders API", owner="team orders",
                    environment="production",
                    links={"dashboard": "https://graphs.test/d/1"})
                path, body = self.send(form, document, "down")
                said = json.dumps(body, ensure_ascii=False)
                for part in ["orders API", "503", "the database is the cause",
                             "ws-gateway", "pg-restart", "team orders",
                             "relevo incident show I-12"]:
                    self.assertIn(part, said.replace("\\\\", ""), form)
                document["transition"] = {"from": "down", "to": "up"}
                document["incident"]["resolved"] = "2026-01-02T03:04:19.878Z"
                path, body = self.send(form, document, "recovered")
                if form == "opsgenie":
                    self.assertEqual(path, chat_apis.APIS[form][4])
                elif form != "pagerduty":
                    said = json.dumps(body, ensure_ascii=False)
                    self.assertIn("has recovered", said)
                    self.assertIn("14.2 s", said, form)

    def test_one_incident_is_one_alert(self):
        """What joins an outage with its recovery is the same in both."""
        for form, where in [("pagerduty", lambda b: b["dedup_key"]),
                            ("json", lambda b: b["dedup_key"]),
                            ("alertmanager", lambda b: b[0]["labels"])]:
            both = [where(self.send(form, notice(), on)[1])
                    for on in ("down", "recovered")]
            self.assertEqual(both[0], both[1], form)
        down = self.send("opsgenie", notice(), "down")[1]["alias"]
        path = self.send("opsgenie", notice(), "recovered")[0]
        self.assertIn(f"/{down}/close", path)

    def test_a_repetition_is_the_same_alert(self):
        document = notice(transition={"from": "down", "to": "still_down"})
        document["run"]["on"] = "still_down"
        sent = self.send("json", document, "still_down")[1]
        self.assertEqual(sent["event"], "still_down")
        self.assertEqual(sent["title"], "api is still down")
        sent = self.send("pagerduty", document, "still_down")[1]
        self.assertEqual(sent["event_action"], "trigger")
        self.assertEqual(sent["dedup_key"], "relevo-I-12")
        sent = self.send("slack", document, "still_down")[1]
        self.assertEqual(sent["attachments"][0]["color"], "danger")

    def test_alertmanager_keeps_it_firing_until_it_recovers(self):
        for on, sign in [("down", 1), ("recovered", -1)]:
            alert = self.send("alertmanager", notice(), on)[1][0]
            ends = datetime.datetime.fromisoformat(
                alert["endsAt"].replace("Z", "+00:00"))
            now = datetime.datetime.now(datetime.timezone.utc)
            ahead = (ends - now).total_seconds()
            self.assertTrue(ahead * sign > -5, (on, ahead))
            self.assertTrue(sign < 0 or ahead > 86400, (on, ahead))

    def test_what_a_format_needs_is_said(self):
        for form, word in [("pagerduty", "key"), ("opsgenie", "key"),
                           ("telegram", "to"), ("ntfy", "topic")]:
            with env.Receiver() as receiver:
                ran = env.run(
                    SCRIPT, notice(), {"format": form},
                    {"url": f"http://127.0.0.1:{receiver.port}/"})
            self.assertEqual(ran.status, 78, ran)
            self.assertIn(word, ran.finding("notify.template")["detail"])
            self.assertEqual(receiver.got, [])

    def test_naughty_strings_fit_every_api(self):
        """To each API an eighth, and so each string to one; RELEVO_LONG=1:
        each to each."""
        with tempfile.TemporaryDirectory() as folder:
            mark = pathlib.Path(folder, "mark")
            parts = env.shares(env.shell_traps(mark) + env.naughty_strings(), 8)
            first = env.seed()
            for i, form in enumerate(chat_apis.APIS):
                for part in parts if env.LONG else [parts[(first + i) % 8]]:
                    for on in ("down", "recovered"):
                        self.send_naughty(form, part, on)
                        self.assertFalse(mark.exists(), part)

    def send_naughty(self, form, part, on):
        document = poison(part)
        document["check"].update(
            title=part[0], owner=part[1 % len(part)],
            links={text: text for text in part[:30]})
        self.send(form, document, on)

    def test_long_texts_are_cut_to_the_limits(self):
        for form in chat_apis.APIS:
            document = poison(["x" * 5000, "*" * 5000, "<" * 5000])
            document["dedup_key"] = "relevo-I-12"
            document["check"]["links"] = {
                str(i): "https://x.test/" + "a" * 450 for i in range(60)}
            self.send(form, document, "down")


class Answers(unittest.TestCase):
    def test_status_of_the_receiver_decides(self):
        for answer, status in [(200, 0), (204, 0), (302, 78), (400, 78),
                               (403, 78), (404, 78), (408, 75), (425, 75),
                               (429, 75), (500, 75), (503, 75)]:
            with self.subTest(answer=answer):
                with env.Receiver(answer) as receiver:
                    ran = post(notice(), receiver)
                self.assertEqual(ran.status, status, ran)
                self.assertEqual(len(receiver.got), 1, "sent once")
                if status != 0:
                    self.assertIn(str(answer), ran.of("finding")[0]["title"])

    def test_redirect_is_not_followed(self):
        with env.Receiver() as other:
            where = {"Location": f"http://127.0.0.1:{other.port}/"}
            with env.Receiver(302, where) as receiver:
                ran = post(notice(), receiver)
        self.assertEqual(other.got, [])
        self.assertEqual(ran.status, 78, ran)

    def test_retry_after_is_told(self):
        with env.Receiver(429, {"Retry-After": "30"}) as receiver:
            ran = post(notice(), receiver)
        self.assertIn("30 s", ran.finding("notify.busy")["detail"])

    def test_nobody_there(self):
        url = f"http://127.0.0.1:{env.free_port()}/{SECRET}"
        ran = env.run(SCRIPT, notice(), None, {"url": url})
        self.assertEqual(ran.status, 75, ran)
        ran = env.run(SCRIPT, notice(), None, {"url": "http://x.invalid/"})
        self.assertEqual(ran.status, 75, ran)

    def test_settings_that_are_wrong(self):
        for url in ["", "ftp://x/", "file:///etc/passwd", "x", "http://",
                    "http://a b/", "http://127.0.0.1:1/\noutput = /x"]:
            with self.subTest(url=url):
                ran = env.run(SCRIPT, notice(), None, {"url": url})
                self.assertEqual(ran.status, 78, ran)
                ran.finding("notify.url")
        for form in ["nope", "../../lib/notice", "", "a b", "json;x"]:
            with self.subTest(format=form), env.Receiver() as receiver:
                ran = env.run(SCRIPT, notice(), {"format": form},
                              {"url": f"http://127.0.0.1:{receiver.port}/"})
                # An empty value is the default.
                self.assertEqual(ran.status, 78 if form else 0, ran)


class Hostile(unittest.TestCase):
    def test_the_secret_stays_inside(self):
        for answer in [200, 404, 500]:
            with env.Receiver(answer) as receiver:
                ran = post(notice(), receiver)
            self.assertNotIn(SECRET, str(ran) + ran.out + ran.err)
            self.assertNotIn(SECRET.encode(), receiver.got[0][2])
        ran = env.run(SCRIPT, notice(), None, {"url": SECRET})
        self.assertNotIn(SECRET, str(ran))
        ran = env.run(SCRIPT, notice(), None, {"url": f"http://{SECRET}.invalid/"})
        self.assertNotIn(SECRET, str(ran))

    def test_special_characters_of_the_url_arrive(self):
        path = "/a%20b?x=1&y=%22$HOME`id`'\\\"{1,2}[3-4]#f"
        with env.Receiver() as receiver:
            ran = post(notice(), receiver, path=path)
        self.assertEqual(ran.status, 0, ran)
        self.assertEqual(receiver.got[0][0], path.split("#")[0])

    def test_naughty_strings_stay_text(self):
        with tempfile.TemporaryDirectory() as folder, \
                env.Receiver() as receiver:
            mark = pathlib.Path(folder, "mark")
            strings = env.shell_traps(mark) + env.naughty_strings()
            for part in env.shares(strings, 27 if env.LONG else 8):
                document = poison(part)
                for form in ["json", "slack"]:
                    ran = post(document, receiver, form)
                    self.assertEqual(ran.status, 0, (part, str(ran)))
                    self.assertFalse(mark.exists(), part)
                    self.check(form, json.loads(receiver.got[-1][2]))

    def check(self, form, sent):
        if form == "json":
            self.assertRegex(sent["command"],
                             r"^relevo (incident show [A-Za-z0-9_.-]*|status)$")
            return
        for text in [sent["text"], sent["attachments"][0]["text"],
                     sent["attachments"][0]["fallback"]]:
            self.assertNotIn("<", text)
            self.assertNotIn(">", text)


if __name__ == "__main__":
    env.need("jq", "curl")
    env.main()
