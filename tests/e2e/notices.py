#!/usr/bin/python3
"""Notices of a real daemon to a receiver that does not take them at once: tried
again in order, over a sudden death, with one dedup key; what is given up is
shown; what a notice says; who gets the all-clear."""
import datetime
import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from peer import Peer  # noqa: E402
from runbook_env import Receiver  # noqa: E402
from scripts import script  # noqa: E402
from watch import BUILD, Watch, until  # noqa: E402

CONFIG = """
plugin_dir = "%(plugins)s"; runbook_dir = "%(runbooks)s";
defaults = { interval = "300ms"; retry_interval = "100ms"; };
checks = {
  api = { url = "http://127.0.0.1:%(port)d/"; title = "orders API"; owner = "team orders";
          links = { dashboard = "https://graphs.test/d/1"; }; };
  ws  = { url = "http://127.0.0.1:%(port)d/"; depends_on = ["api"]; };
};
runbooks = {
  look   = { script = "%(look)s"; match = { check = "api*"; }; };
  heal   = { script = "%(heal)s"; match = { check = "api*"; }; };
  oncall = { script = "notify/webhook"; match = { check = "%(who)s"; };
             params = { url = { env = "ONCALL_URL"; }; }; };
};
"""


class Notices(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="relevo-e2e-")
        self.folder = self.temporary.name
        self.bad = False
        self.peer = Peer(self.answer)

    def tearDown(self):
        self.peer.__exit__(None, None, None)
        self.temporary.cleanup()

    def answer(self, conn):
        conn.read_request()
        conn.reply("503 Not now" if self.bad else "200 OK", b"x")

    def config(self, who="api"):
        look = script(self.folder, "look", "diagnose",
                      'finding crit "the database is the cause"')
        heal = script(self.folder, "heal", "remediate", "exit 0", on="down")
        return CONFIG % {
            "plugins": os.path.join(os.path.abspath(BUILD), "plugins"),
            "runbooks": os.path.abspath(os.path.join(
                os.path.dirname(__file__), "..", "..", "runbooks")),
            "port": self.peer.port, "look": look, "heal": heal, "who": who}

    def watch(self, receiver):
        return Watch(self.folder, self.config(), {
            "ONCALL_URL": "http://127.0.0.1:%d/hook" % receiver.port})

    def go_down(self, watch):
        watch.wait_state("api", "up")
        watch.wait_state("ws", "up")
        self.bad = True
        watch.wait_state("api", "down")

    def delivered(self, receiver):
        """The documents that were answered with 200, in their order."""
        return [json.loads(body) for (_, _, body), status in
                zip(list(receiver.got), list(receiver.answers))
                if status == 200]

    def notices(self, watch):
        return [run for run in watch.json("runbook", "log")
                if run["runbook"] == "oncall"]

    def test_tried_again_over_a_death_and_in_order(self):
        with Receiver(503) as receiver:
            watch = self.watch(receiver)
            with watch:
                self.go_down(watch)
                until("an attempt that fails", lambda: any(
                    run["exit"] == 75 for run in self.notices(watch)))
                watch.kill()
                watch.start()
                # What the impact is was known before; the all-clear waits.
                self.bad = False
                watch.wait_state("api", "up")
                receiver.status = 200
                until("both notices", lambda: len(
                    self.delivered(receiver)) == 2, 120)
                until("their ends", lambda: all(
                    run["state"] == "ended" for run in self.notices(watch)))
                notices = self.notices(watch)
                shown = watch.json("incident", "show")
                incident, events = shown["id"], shown["timeline"]
                status = watch.json("status")
        sent = self.delivered(receiver)
        self.assertEqual([one["event"] for one in sent], ["down", "recovered"])
        every = [json.loads(body) for _, _, body in receiver.got]
        self.assertEqual({one["dedup_key"] for one in every}, {"relevo-" + incident})
        self.assertEqual([one["event"] for one in every][-1], "recovered")
        self.assertEqual(len(notices), len(receiver.got))
        told = [e["text"] for e in events if e["event"] == "notice"]
        self.assertIn("oncall: failed with exit status 75: the receiver "
                      "answered 503; attempt 2 of 5 in 15s", told)
        self.assertEqual(status["dead_letters"], [])

    def test_what_it_says(self):
        with Receiver(503) as receiver:
            watch = self.watch(receiver)
            with watch:
                self.go_down(watch)
                watch.wait_state("ws", "impacted")
                until("the diagnosis", lambda: watch.json(
                    "incident", "show")["cause"])
                until("the first attempt", lambda: receiver.answers)
                receiver.status = 200
                incident = watch.json("incident", "show")["id"]
                sent = until("the notice", lambda: self.delivered(receiver),
                             120)[0]
        self.assertEqual(sent["title"], "orders API (api) is down")
        self.assertEqual(sent["check"], "api")
        self.assertEqual(sent["fault"], "error_response")
        self.assertEqual(sent["code"], "503")
        self.assertEqual(sent["diagnosis"]["title"],
                         "the database is the cause")
        self.assertEqual(sent["impact"], ["ws"])
        self.assertEqual(sent["would_have_run"], ["heal"])
        self.assertEqual(sent["owner"], "team orders")
        self.assertEqual(sent["links"], [{"name": "dashboard",
                                          "url": "https://graphs.test/d/1"}])
        self.assertEqual(sent["command"], "relevo incident show " + incident)
        self.assertRegex(sent["since"], r"^20\d\d-\d\d-\d\dT")

    def test_what_is_given_up_is_shown(self):
        said = "failed with exit status 78: the receiver answered 404"
        with Receiver(404) as receiver:
            watch = self.watch(receiver)
            with watch:
                self.go_down(watch)
                letters = until("a dead letter", lambda: watch.json(
                    "status")["dead_letters"])
                _, text, _ = watch.run("status")
                until("the timeline", lambda: said + "; given up after 1 "
                      "attempt" in watch.run("incident", "show")[1])
                watch.kill()
                watch.start()
                again = watch.json("status")["dead_letters"]
                self.bad = False
                watch.wait_state("api", "up")
                runs = self.notices(watch)
        self.assertEqual(len(receiver.got), 1)
        self.assertEqual([letter["runbook"] for letter in letters], ["oncall"])
        self.assertEqual([letter["id"] for letter in again],
                         [letter["id"] for letter in letters])
        self.assertIn(said, letters[0]["reason"])
        self.assertIn(said, text)
        # Nobody was told that it is down: nobody is told that it is not.
        self.assertEqual([run["on"] for run in runs], ["down"])

    def test_the_all_clear_goes_to_who_got_the_alarm(self):
        """Whatever a reload has changed: what is matched, or the check."""
        for gone in (False, True):
            with self.subTest(gone=gone), Receiver() as receiver:
                self.bad = False
                watch = self.watch(receiver)
                watch.state += str(gone)
                watch.write(self.config())
                with watch:
                    self.go_down(watch)
                    until("the alarm", lambda: self.delivered(receiver))
                    other = self.config(who="ws")
                    if gone:
                        other = other.replace("  api = {", "  api2 = {") \
                            .replace('["api"]', '["api2"]')
                    watch.write(other)
                    watch.run("reload")
                    self.bad = gone
                    sent = until("the all-clear", lambda: len(
                        self.delivered(receiver)) == 2 and
                        self.delivered(receiver), 60)
                self.assertEqual(sent[1]["event"], "recovered")
                self.assertEqual(sent[1]["check"], "api")
                self.assertEqual(sent[1]["dedup_key"], sent[0]["dedup_key"])

    def test_hours_in_which_it_may_speak(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        far = ["%02d:00" % ((now.hour + hours) % 24) for hours in (8, 16)]
        asleep = self.config().replace(
            "oncall = {", 'oncall = { active = "%s-%s";' % tuple(far))
        awake = self.config().replace(
            "oncall = {", 'oncall = { active = "%s-%s";' % tuple(far[::-1]))
        with Receiver() as receiver:
            watch = self.watch(receiver)
            watch.write('timezone = "UTC";' + asleep)
            with watch:
                self.go_down(watch)
                held = until("a held notice", lambda: self.notices(watch))[0]
                self.assertEqual((held["state"], held["held_by"]),
                                 ("held", "active"))
                self.assertIn(far[0], held["reason"])
                watch.write('timezone = "UTC";' + awake)
                watch.run("reload")
                until("the alarm", lambda: self.delivered(receiver))
                watch.write('timezone = "UTC";' + asleep)
                watch.run("reload")
                self.bad = False
                sent = until("the all-clear at any hour", lambda: len(
                    self.delivered(receiver)) == 2 and
                    self.delivered(receiver))
        self.assertEqual([one["event"] for one in sent], ["down", "recovered"])

    def test_repeated_until_somebody_has_it(self):
        with Receiver() as receiver:
            watch = self.watch(receiver)
            watch.write(self.config().replace(
                "oncall = {", 'oncall = { repeat = "1m";'))
            with watch:
                self.go_down(watch)
                until("the repetition", lambda: len(
                    self.delivered(receiver)) == 2, 120)
                incident = watch.check("api")["incident"]
                watch.run("incident", "acknowledge", incident)
                self.bad = False
                sent = until("the all-clear", lambda: len(
                    self.delivered(receiver)) == 3 and
                    self.delivered(receiver))
        self.assertEqual([one["event"] for one in sent],
                         ["down", "still_down", "recovered"])
        self.assertEqual(sent[1]["title"], "orders API (api) is still down")
        self.assertEqual(len({one["dedup_key"] for one in sent}), 1)


if __name__ == "__main__":
    unittest.main()
