#!/usr/bin/env python3
"""runbooks/notify/email with a real mail server (exim4): what arrives, what the
exit status says, TLS and accounts, and that no text of a target, nor of the
configuration, becomes a command or a header."""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import runbook_env as env  # noqa: E402
import smtp  # noqa: E402

SCRIPT = "notify/email"


def notice(on="down"):
    document = env.context()
    document["run"].update(kind="notify", on=on, runbook="mail", id="R-7")
    document["incident"] = {
        "id": "I-12", "check": "api", "state": "open",
        "began": "2026-01-02T03:04:05.678Z", "fault": "error_response",
        "code": "503", "summary": "db is not ok", "impact": ["ws-gateway"]}
    document["diagnosis"] = {"title": "", "findings": [
        {"t": "finding", "sev": "crit", "title": "the database is the cause"}]}
    document["transition"] = {"from": "suspect", "to": "down"}
    document["dedup_key"] = "relevo-I-12"
    document["check"]["title"] = "Bestellungen für 日本 mit einem langen Titel"
    return document


def send(port, document=None, secrets=None, environ=None, **params):
    given = {"server": f"smtp://127.0.0.1:{port}", "tls": "none",
             "from": "relevo@example.test", "to": "oncall@example.test"}
    given.update(params)
    return env.run(SCRIPT, document or notice(), given, secrets,
                   {"RELEVO_KIND": "notify", **(environ or {})})


class Arrives(unittest.TestCase):
    def test_it_says_all_of_it(self):
        with smtp.Mail() as mail:
            ran = send(mail.port, to="oncall@example.test, ops@example.test")
            self.assertEqual(ran.status, 0, ran)
            message = mail.messages()[0]
        self.assertEqual(message["From"], "Relevo <relevo@example.test>")
        self.assertEqual(message["To"],
                         "oncall@example.test, ops@example.test")
        self.assertIn("Bestellungen für 日本 mit einem langen Titel (api) is down",
                      message["Subject"])
        self.assertEqual(message["Message-ID"],
                         "<relevo-I-12.R-7@example.test>")
        self.assertEqual(message["References"], "<relevo-I-12@example.test>")
        self.assertEqual(message["Auto-Submitted"], "auto-generated")
        text = message.get_content()
        for part in ["503", "db is not ok", "the database is the cause",
                     "ws-gateway", "relevo incident show I-12"]:
            self.assertIn(part, text)

    def test_a_second_try_is_the_same_message(self):
        again = notice()
        again["run"].update(id="R-9", first="R-7")
        with smtp.Mail() as mail:
            self.assertEqual(send(mail.port).status, 0)
            self.assertEqual(send(mail.port, again).status, 0)
            one, two = mail.messages(2)
        self.assertEqual(one["Message-ID"], two["Message-ID"])

    def test_tls_and_account(self):
        with smtp.Mail(tls=True, auth=True) as mail:
            trust = {"CURL_CA_BUNDLE": mail.ca}
            ran = send(mail.port, None, {"password": smtp.PASSWORD}, trust,
                       tls="required", user=smtp.USER)
            self.assertEqual(ran.status, 0, ran)
            self.assertIn("ESMTPSA", str(mail.messages()[0]["Received"])
                          .upper())
            ran = send(mail.port, None, {"password": "wrong-secret"}, trust,
                       tls="required", user=smtp.USER)
            self.assertEqual(ran.status, 78, ran)
            ran.finding("notify.account")
            self.assertNotIn("wrong-secret", str(ran))
            ran = send(mail.port, None, {"password": smtp.PASSWORD},
                       tls="required", user=smtp.USER)
            self.assertEqual(ran.status, 75, ran)  # not a known authority
            ran.finding("notify.tls")


class Refused(unittest.TestCase):
    def test_the_server_decides(self):
        with smtp.Mail() as mail:
            for to, status, code in [
                    ("a@elsewhere.test", 78, "notify.refused"),
                    ("later@example.test", 75, "notify.busy")]:
                with self.subTest(to=to):
                    ran = send(mail.port, to=to)
                    self.assertEqual(ran.status, status, ran)
                    ran.finding(code)

    def test_no_tls_there(self):
        with smtp.Mail() as mail:
            ran = send(mail.port, tls="required")
        self.assertEqual(ran.status, 78, ran)
        ran.finding("notify.tls")

    def test_nobody_there(self):
        ran = send(env.free_port())
        self.assertEqual(ran.status, 75, ran)
        ran.finding("notify.network")
        ran = send(1, server="smtp://mail.invalid:25")
        self.assertEqual(ran.status, 75, ran)

    def test_settings_that_are_wrong(self):
        for name, values in {
                "server": ["", "mail.example.test", "http://x/", "smtp://",
                           "smtp://u:p@x/", "smtp://x y/", "smtp://x\nurl=y"],
                "from": ["", "x", "@x", "a@b\r\nRCPT TO:<x@y>", "a b@c.d",
                         "-f@x.y", "a@b@c"],
                "to": ["", " , ", "a@b.c, *", "a@b.c;x", "<a@b.c>", "$(id)@x"],
                "tls": ["maybe"]}.items():
            for value in values:
                with self.subTest(name=name, value=value):
                    ran = send(1, **{name: value})
                    self.assertEqual(ran.status, 78, ran)


class Hostile(unittest.TestCase):
    def test_naughty_strings_stay_in_the_text(self):
        with tempfile.TemporaryDirectory() as folder, smtp.Mail() as mail:
            mark = pathlib.Path(folder, "mark")
            strings = env.shell_traps(mark) + env.naughty_strings()
            strings += ["x\r\n.\r\nMAIL FROM:<a@b.c>", "x\nBcc: evil@x.test"]
            size = -(-len(strings) // 30)
            sent = 0
            for start in range(0, len(strings), size):
                part = strings[start:start + size]
                text = [part[i % len(part)] for i in range(6)]
                document = notice()
                document["check"].update(name=text[0], title=text[1])
                document["incident"].update(check=text[2], summary=text[3],
                                            impact=part)
                document["dedup_key"] = text[4]
                document["run"]["id"] = text[5]
                ran = send(mail.port, document)
                self.assertEqual(ran.status, 0, (part, str(ran)))
                self.assertFalse(mark.exists(), part)
                sent += 1
            got = mail.messages(sent, 60)
            self.assertEqual(len(got), sent)
            for message in got:
                self.assertEqual(message.get_all("To"),
                                 ["oncall@example.test"])
                self.assertIsNone(message["Bcc"])
                self.assertTrue(message["Subject"].startswith("[relevo]"))
                message.get_content()


if __name__ == "__main__":
    env.need("jq", "curl", "openssl")
    if smtp.EXIM is None:
        print("skipped: exim4 is not installed")
        raise SystemExit(env.SKIP)
    env.main()
