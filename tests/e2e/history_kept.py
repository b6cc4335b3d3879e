#!/usr/bin/python3
"""The history's file beside a running daemon: what is kept follows the
configuration, also at a reload; counts by period agree with the results; the
file is sound; a backup made meanwhile is a history like any other; what a kill
leaves behind is sound, too."""
import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from nginx import free_port  # noqa: E402
from watch import Watch, until  # noqa: E402

CONFIG = """
history = { %s };
checks = {
  gone = { url = "http://127.0.0.1:%d/"; interval = "250ms"; };
};
"""


class HistoryKept(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="relevo-e2e-")
        self.folder = self.temporary.name
        self.port = free_port()

    def tearDown(self):
        self.temporary.cleanup()

    def config(self, history=""):
        return CONFIG % (history, self.port)

    def keep(self, watch):
        return watch.json("db", "stats")["keep"]

    def test_what_is_kept_follows_the_configuration(self):
        day_ms = 86400000
        with Watch(self.folder, self.config()) as watch:
            until("the defaults", lambda: self.keep(watch) == {
                "raw_ms": 14 * day_ms, "minute_ms": 90 * day_ms,
                "hour_ms": 730 * day_ms, "day_ms": 0,
                "outputs_ms": 90 * day_ms, "max_size": 2 << 30,
                "outputs_size": 1 << 30})
            watch.write(self.config('raw = "3d"; max_size = "64MiB";'))
            watch.reload()
            until("what the reload said", lambda: (
                self.keep(watch)["raw_ms"],
                self.keep(watch)["max_size"]) == (3 * day_ms, 64 << 20))

    def test_counts_agree_with_results(self):
        with Watch(self.folder, self.config()) as watch:
            until("some results", lambda: len(watch.history("gone")) >= 12)
            watch.kill()
            self.assertEqual(self.counted(watch), self.scheduled(watch))
            watch.start()
            seen = len(watch.history("gone"))
            until("more", lambda: len(watch.history("gone")) >= seen + 4)
            watch.stop()
            self.assertEqual(self.counted(watch), self.scheduled(watch))
            self.assertTrue(watch.json("db", "check")["sound"])

    def counted(self, watch):
        page = watch.json("history", "gone", "--by", "minute", "--since", "1h")
        self.assertEqual(page["total"]["ok"], 0)
        self.assertEqual(sum(p["results"] for p in page["periods"]),
                         page["total"]["results"])
        return page["total"]["fail"]

    def scheduled(self, watch):
        """All of them: nothing here asks for a probe by hand."""
        return len(watch.history("gone"))

    def test_a_backup_is_a_history_like_any_other(self):
        copies = os.path.join(self.folder, "copies")
        os.mkdir(copies)
        copy = os.path.join(copies, "history.db")
        with Watch(self.folder, self.config()) as watch:
            watch.wait_state("gone", "down")
            watch.run("db", "backup", copy)
            code, _, err = watch.run("db", "backup", copy, check=False)
            self.assertEqual(code, 2, err)
            self.assertIn("never overwrites", err)
            self.assertEqual(os.listdir(copies), ["history.db"])
            until("one more", lambda: len(watch.history("gone")) >
                  len(self.read(watch, copies)))
            self.assertTrue(watch.json("db", "check")["sound"])
            newest = self.read(watch, copies)[0]
            self.assertIn(newest, watch.history("gone"))

    def read(self, watch, folder):
        _, out, _ = watch.run("--state-dir", folder, "history", "gone", "-n",
                              "1000", "--json")
        return json.loads(out)


if __name__ == "__main__":
    unittest.main()
