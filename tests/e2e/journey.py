#!/usr/bin/python3
"""The journey of a message from Redis through a gateway to a client, and three
outages of it that look alike from outside: nothing arrives. Held against what
`relevo incident show` says of each: which check, fault, phase and diagnosis. On
a real redis-server and a real gateway."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from realtime import RealTime  # noqa: E402
from watch import Watch, until  # noqa: E402

CONFIG = """
defaults = { interval = "500ms"; retry_interval = "200ms"; failure_threshold = 2; success_threshold = 1; };
checks = { %s };
runbooks = { %s };
"""
DIAGNOSES = """
  redis     = { script = "redis/diagnose"; match = { plugin = "redis"; }; };
  websocket = { script = "websocket/diagnose"; match = { plugin = "websocket"; }; };
"""
JOURNEY = ("connect", "subscribe", "publish", "deliver")


class Journey(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.way = RealTime()
        cls.addClassCleanup(cls.way.__exit__)
        cls.way.__enter__()

    def setUp(self):
        """A watch of its own: an incident that is reopened, or a diagnosis
        that rests, would say what another outage was."""
        folder = tempfile.TemporaryDirectory(prefix="relevo-e2e-")
        self.addCleanup(folder.cleanup)
        self.watch = Watch(folder.name, CONFIG % (self.way.checks(),
                                                   DIAGNOSES))
        self.watch.start()
        self.addCleanup(self.watch.stop)
        for name in ("cache", "gateway", "live"):
            self.watch.wait_state(name, "up")

    def outage(self, check, breaks, mends):
        """Of that check: its incident as JSON with its diagnosis, and the page
        for people. Mended again."""
        breaks()
        try:
            found = self.watch.wait_incident(
                "an incident of %s with a diagnosis" % check,
                lambda i: i["check"] == check and
                any(r["kind"] == "diagnose" and r["state"] == "ended"
                    for r in i["runs"]))
            _, page, _ = self.watch.run("incident", "show")
            # Nothing else is accused of it.
            self.assertEqual([i["check"] for i in self.watch.incidents()],
                             [check])
        finally:
            mends()
        return found, page

    def assert_diagnosed(self, incident, page, *found):
        """By these findings, or by any."""
        titles = {f.get("code"): f["title"] for r in incident["runs"]
                  for f in r["findings"] if f["t"] == "finding"}
        self.assertTrue(titles, page)
        for code in found:
            self.assertIn(code, titles)
            self.assertIn(titles[code], " ".join(page.split()))

    def assert_phases(self, incident, page, *names):
        phases = incident["result"]["phases"]
        for name in names:
            self.assertIn(name + "_ms", phases)
            self.assertRegex(page, r"phases: .*\b%s\b" % name)

    def test_all_is_well(self):
        result = self.watch.json("check", "live")
        self.assertEqual(result["outcome"], "ok")
        self.assertLessEqual({n + "_ms" for n in JOURNEY},
                             set(result["phases"]))
        _, page, _ = self.watch.run("check", "live")
        self.assertRegex(page, r"phases +.*subscribe.*publish.*deliver")
        # Results are committed in groups, so it may not be there at once.
        results = until("what was published", lambda: self.watch.history("publish"))
        self.assertEqual({r["outcome"] for r in results}, {"ok"})

    def test_without_a_daemon(self):
        result = self.watch.json("check", "live", "--local")
        self.assertEqual(result["outcome"], "ok")
        self.assertIn("deliver_ms", result["phases"])

    def test_the_gateway_lost_its_subscription(self):
        incident, page = self.outage(
            "live", self.way.gateway.lose_subscription,
            self.way.gateway.subscribe_again)
        self.assertEqual((incident["fault"], incident["code"]),
                         ("timeout", "deliver"))
        self.assert_phases(incident, page, *JOURNEY)
        # It was published at once, and waited for.
        phases = incident["result"]["phases"]
        self.assertGreater(phases["deliver_ms"], phases["publish_ms"])
        self.assertEqual(incident["impact"], [])
        self.assert_diagnosed(incident, page, "websocket.deliver")
        _, history, _ = self.watch.run("history", "live")
        self.assertRegex(history, r"PHASES[^\n]*\n(.*\n)*.*deliver ")

    def test_redis_is_paused(self):
        incident, page = self.outage("cache", self.way.redis.pause,
                                     self.way.redis.go_on)
        self.assertEqual((incident["fault"], incident["code"]),
                         ("timeout", "PING"))
        self.assert_phases(incident, page, "connect", "wait")
        self.assert_diagnosed(incident, page, "redis.hung")

    def test_redis_is_killed(self):
        incident, page = self.outage("cache", self.way.redis.kill,
                                     self.way.redis.start)
        self.assertEqual((incident["fault"], incident["code"]),
                         ("refused", "ECONNREFUSED"))
        self.assert_diagnosed(incident, page, "redis.refused")

    def test_what_came_back_is_another_one(self):
        self.outage("cache", self.way.redis.kill, self.way.redis.start)
        self.watch.wait_incident("its end", lambda i: i["state"] == "resolved")
        self.way.redis.pause()
        try:
            incident = self.watch.wait_incident(
                "the incident to be open again",
                lambda i: i["state"] != "resolved")
            _, page, _ = self.watch.run("incident", "show")
        finally:
            self.way.redis.go_on()
        self.assertEqual(incident["result"]["fault"], "refused")
        self.assertEqual((incident["fault"], incident["latest"]["code"]),
                         ("timeout", "PING"))
        self.assertRegex(page, r"Latest failing result[^\n]*\n.*PING")

    def test_the_journey_is_an_impact(self):
        self.way.redis.pause()
        try:
            until("it to be impacted",
                  lambda: self.watch.check("live")["state"] == "impacted")
            last = self.watch.check("live")["last"]
            self.assertEqual((last["fault"], last["code"]),
                             ("timeout", "publish"))
        finally:
            self.way.redis.go_on()


if __name__ == "__main__":
    if RealTime.missing():
        print("skipped: not installed: " + RealTime.missing())
        sys.exit(77)
    unittest.main()
