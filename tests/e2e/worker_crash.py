#!/usr/bin/python3
"""Plugins that crash, hang, exit or close what is not theirs: the watch goes
on, the culprit is named, the checks beside it lose nothing, and no incident
accuses a target of what the monitor did to itself."""
import os
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from hostile import Hostile, plain_signals  # noqa: E402
from peer import Peer  # noqa: E402
from watch import Watch, alive, until  # noqa: E402

CONFIG = """
workers = 1;
checks = {
  good = { url = "http://127.0.0.1:%d/"; interval = "100ms"; };
  bad = { plugin = "%s"; interval = "400ms"; timeout = "1s"; %s };
};
"""


def answer(conn):
    conn.read_request()
    conn.reply(body=b"well")


class WorkerCrash(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="relevo-e2e-")
        self.folder = self.temporary.name
        self.hostile = Hostile(self.folder)
        self.peer = Peer(answer)

    def tearDown(self):
        self.peer.__exit__(None, None, None)
        self.temporary.cleanup()

    def watch(self, plugin, more="", *definitions):
        self.hostile.make(plugin, *definitions)
        return Watch(self.folder, self.hostile.config() + CONFIG
                     % (self.peer.port, plugin, more), plain_signals())

    def results(self, watch, check, n=1000):
        return watch.history(check, n)

    def bad_result(self, watch):
        """The first result of the culprit, when the worker is back."""
        first = until("a result of the culprit",
                      lambda: self.results(watch, "bad"), 60)[-1]
        self.goes_on(watch)
        return first

    def goes_on(self, watch):
        """The good check is measured after this moment, too."""
        before = len(self.results(watch, "good"))
        until("the good check to go on",
              lambda: len(self.results(watch, "good")) > before + 3, 60)

    def nothing_else_was_lost(self, watch, deaths):
        """A probe is redone once, flagged; where two workers die under it, it
        is lost, and says that it was us."""
        good = self.results(watch, "good")
        lost = [r for r in good if r["outcome"] != "ok"]
        self.assertLessEqual(len(lost), max(1, deaths - 1), lost)
        self.assertEqual({r["fault"] for r in lost} - {"plugin"}, set(), lost)
        self.assertEqual(watch.check("good")["state"], "up")
        self.assertEqual(watch.accused(), [])

    def is_accused(self, watch, result, callback, plugin, how):
        self.assertEqual((result["outcome"], result["fault"]),
                         ("unknown", "plugin"), result)
        self.assertIn("%s in plugin %s" % (callback, plugin),
                      result["message"])
        self.assertIn(how, result["message"])
        self.assertRegex(watch.log(), "%s.* while in %s of plugin %s"
                         % (how, callback, plugin))

    def is_in_trouble(self, watch, name, how):
        """The monitor says so of itself: one incident, told once."""
        trouble, = watch.troubles()
        self.assertEqual((trouble["name"], trouble["fault"]),
                         (name, "plugin"))
        self.assertIn(how, trouble["message"])
        incident, = watch.incidents()
        self.assertEqual((incident["id"], incident["check"],
                          incident["state"]),
                         (trouble["incident"], name, "open"))
        _, text, _ = watch.run("status")
        self.assertIn("Relevo itself is in trouble", text)
        self.assertIn(name, text)

    def check_death(self, act, callback, how):
        with self.watch("hostile", 'act = "%s";' % act) as watch:
            main = watch.process.pid
            result = self.bad_result(watch)
            self.is_accused(watch, result, callback, "hostile", how)
            watch.wait_state("bad", "unknown")
            until("the culprit to be held back", lambda: "held back" in
                  watch.log(), 60)
            self.goes_on(watch)
            held = self.results(watch, "bad")[0]
            self.assertEqual(held["fault"], "plugin")
            deaths = watch.log().count("while in ")
            self.assertLessEqual(deaths, 4, watch.log())
            self.nothing_else_was_lost(watch, deaths)
            self.is_in_trouble(watch, "relevo:probes:bad", how)
            self.assertTrue(alive(main))
            self.assertEqual(watch.process.pid, main)

    def test_segmentation_fault_in_start(self):
        self.check_death("crash", "start", "signal 11")

    def test_segmentation_fault_in_a_timer(self):
        self.check_death("timer:crash", "a timer callback", "signal 11")

    def test_abort(self):
        self.check_death("abort", "start", "signal 6")

    def test_exit(self):
        self.check_death("exit", "start", "exited with status 0")

    def test_exit_at_once(self):
        self.check_death("timer:_exit", "a timer callback",
                         "exited with status 0")

    def test_endless_loop(self):
        self.check_death("timer:loop", "a timer callback",
                         "did not return within")

    def test_stack_overflow(self):
        self.check_death("overflow", "start", "signal 11")

    def test_two_gigabytes(self):
        """It is ended for its memory or, where that takes too long, for the
        time: in any case named."""
        self.check_death("leak", "start", "ended by Relevo")

    def check_suspect(self, act, callback, how):
        """What it did shows only when it has returned: the last callback
        before is suspected, three times, and then held back."""
        with self.watch("hostile", 'act = "%s";' % act) as watch:
            main = watch.process.pid
            result = self.bad_result(watch)
            self.assertEqual((result["outcome"], result["fault"]),
                             ("unknown", "plugin"), result)
            until("the culprit to be held back", lambda: "are held back" in
                  watch.log(), 60)
            self.goes_on(watch)
            self.assertRegex(watch.log(),
                             "soon after %s of plugin hostile" % callback)
            self.is_in_trouble(watch, "relevo:probes:bad", how)
            self.nothing_else_was_lost(watch, watch.log().count("soon after"))
            self.assertEqual(watch.process.pid, main)

    def test_it_closes_our_descriptors(self):
        self.check_suspect("close", "start", "worker 1")

    def test_garbage_on_the_channel(self):
        self.check_suspect("garbage", "start", "ended by Relevo")

    def test_it_breaks_its_word_and_nothing_else(self):
        """What it changes in the process is its own harm: `relevo plugin
        test` is there to name it. A second done() is logged and ignored."""
        acts = ("twice", "cwd", "umask", "locale", "signals", "threads")
        more = "".join('%s = { plugin = "hostile"; interval = "400ms"; '
                       'timeout = "200ms"; act = "%s"; };\n' % (act, act)
                       for act in acts + ("late",))
        self.hostile.make("hostile")
        config = CONFIG % (self.peer.port, "hostile", "")
        with Watch(self.folder, self.hostile.config() + config.replace(
                "checks = {", "checks = {\n" + more), plain_signals()) as watch:
            for act in acts:
                until("results of " + act,
                      lambda: len(self.results(watch, act)) > 2, 60)
                result = self.results(watch, act)[0]
                self.assertEqual(result["outcome"], "ok", result)
            # The host has ended it by then, as the interface says.
            until("a result of late", lambda: self.results(watch, "late"), 60)
            self.assertEqual(self.results(watch, "late")[0]["fault"],
                             "timeout")
            self.goes_on(watch)
            until("both to be logged", lambda: watch.log().count(
                "plugin hostile: done() for a probe that is over") > 1, 60)
            good = self.results(watch, "good")
            self.assertEqual([r for r in good if r["outcome"] != "ok"], [])

    def test_crash_in_a_thread(self):
        """No callback need be running then: the last one is suspected. A
        result that had left before the thread crashed stays what it was."""
        with self.watch("hostile", 'act = "thread-crash";') as watch:
            until("the culprit to be named", lambda: "plugin" in {
                r["fault"] for r in self.results(watch, "bad")}, 60)
            results = self.results(watch, "bad")
            self.goes_on(watch)
            self.assertEqual({(r["outcome"], r["fault"]) for r in results}
                             - {("ok", "none")}, {("unknown", "plugin")},
                             results)
            result = [r for r in results if r["fault"] == "plugin"][-1]
            self.assertIn("plugin hostile, worker 1 killed by signal 11",
                          result["message"])
            self.nothing_else_was_lost(watch, watch.log().count("signal 11"))

    def test_blocking_past_its_deadline(self):
        with self.watch("sleeper", 'act = "sleep";', "BLOCKING") as watch:
            result = self.bad_result(watch)
            self.is_accused(watch, result, "blocking", "sleeper",
                            "past its deadline")
            self.nothing_else_was_lost(watch, 0)

    def test_crash_while_blocking(self):
        with self.watch("sleeper", 'act = "crash";', "BLOCKING") as watch:
            result = self.bad_result(watch)
            self.is_accused(watch, result, "blocking", "sleeper",
                            "signal 11")
            self.nothing_else_was_lost(watch, 0)

    def test_crash_in_init(self):
        with self.watch("initless", "", "CRASH_IN_INIT") as watch:
            result = self.bad_result(watch)
            self.assertEqual((result["outcome"], result["fault"]),
                             ("unknown", "plugin"), result)
            self.assertIn("initless", result["message"])
            self.assertIn("init of plugin initless", watch.log())
            self.assertIn("signal 11", watch.log())
            watch.wait_state("good", "up")
            time.sleep(2)
            self.assertEqual(watch.log().count("while in init"), 1,
                             watch.log())
            self.nothing_else_was_lost(watch, 1)
            self.is_in_trouble(watch, "relevo:plugin:initless", "signal 11")

    def test_a_repaired_plugin_is_pardoned_by_a_reload(self):
        with self.watch("initless", "", "CRASH_IN_INIT") as watch:
            self.bad_result(watch)
            self.hostile.make("mended")
            os.rename(os.path.join(self.hostile.folder, "mended.so"),
                      os.path.join(self.hostile.folder, "initless.so"))
            self.hostile.make("initless")
            before, = watch.troubles()
            self.assertEqual(watch.run("reload")[0], 0)
            watch.wait_state("bad", "up")
            until("the trouble to be over", lambda: not watch.troubles(), 60)
            incident = watch.json("incident", "show", before["incident"])
            self.assertEqual(incident["state"], "resolved")
            self.assertEqual([e["event"] for e in incident["timeline"]],
                             ["trouble", "recovered"])

    def test_its_trouble_outlives_main_and_is_not_doubled(self):
        with self.watch("hostile", 'act = "crash";') as watch:
            before, = until("the culprit to be held back", watch.troubles, 60)
            watch.kill()
            watch.start()
            self.assertEqual(watch.troubles(), [before])
            until("the culprit to be held back again", lambda: watch.log()
                  .count("are held back") > 1, 60)
            self.assertEqual(len(watch.troubles()), 1)
            watch.write(self.hostile.config() + CONFIG.replace("bad", "other")
                        % (self.peer.port, "hostile", ""))
            self.assertEqual(watch.run("reload")[0], 0)
            until("the trouble to be over", lambda: not watch.troubles(), 60)
            incident, = watch.incidents()
            self.assertEqual(incident["state"], "resolved")
            self.assertEqual(watch.accused(), [])

    def refused(self, plugin, definition, words):
        watch = self.watch(plugin, "", definition)
        code, _, err = watch.run("run", check=False)
        self.assertEqual(code, 2, err)
        for word in (plugin + ".so", words):
            self.assertIn(word, err)
        self.assertIn("relevo.cfg:", err)

    def test_crash_in_a_constructor_is_a_config_error(self):
        self.refused("eager", "CRASH_IN_CONSTRUCTOR", "signal 11")

    def test_another_interface_is_a_config_error(self):
        self.refused("elder", "OLDER_ABI", "built for version 0.")
        self.refused("younger", "NEWER_ABI", "a newer Relevo is needed")

    def test_missing_symbol_is_a_config_error(self):
        self.refused("needy", "MISSING_SYMBOL",
                     "there_is_no_such_function_anywhere")


if __name__ == "__main__":
    unittest.main()
