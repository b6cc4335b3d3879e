#!/usr/bin/python3
"""`relevo plugin test`: our plugins keep their contracts, at an address where
nobody listens and at one that never answers; each hostile plugin breaks the
contract that is meant for it, and the command itself never suffers."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from multiprocessing.pool import ThreadPool

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from hostile import Hostile, plain_signals  # noqa: E402
from watch import BUILD, PROGRAM  # noqa: E402

# What is done in start(), and the contract that shows it, with its words.
ACTS = {
    "crash": ("answers", "in start: the worker killed by signal 11"),
    "abort": ("answers", "in start: the worker killed by signal 6"),
    "exit": ("answers", "in start: the worker exited with status 0"),
    "timer:_exit": ("answers", "in a timer callback: the worker exited with"),
    "timer:loop": ("answers", "in a timer callback: the worker ended by "
                   "Relevo: the callback did not return within 1 s"),
    "overflow": ("answers", "in start: the worker killed by signal 11"),
    "leak": ("answers", "in start: the worker "),
    "close": ("answers", "soon after start: the worker "),
    "garbage": ("answers", "the peer sent nonsense"),
    "thread-crash": ("answers", "the worker killed by signal 11"),
    "never": ("deadline", "were ended by the host, as timeout"),
    "late": ("calls", "done() for a probe that is over"),
    "twice": ("calls", "done() for a probe that is over"),
    "nap": ("turns", "start took at least"),
    "threads": ("keeps", "more threads after 12 more probes"),
    "descriptors": ("keeps", "12 more descriptors after 12 more probes"),
    "drip": ("keeps", "MiB more memory"),
    "cwd": ("leaves", "the folder is now /"),
    "umask": ("leaves", "and is 0000"),
    "signals": ("leaves", "signals are blocked"),
    "locale": ("leaves", "it changed the locale"),
}
# Definitions that make another plugin of it, likewise.
SORTS = {
    "CRASH_IN_CONSTRUCTOR": ("opens", "signal 11"),
    "MISSING_SYMBOL": ("opens", "there_is_no_such_function_anywhere"),
    "OLDER_ABI": ("opens", "built for version 0."),
    "NEWER_ABI": ("opens", "a newer Relevo is needed"),
    "CRASH_IN_INIT": ("comes_up", "in init: the worker killed by signal 11"),
    "HANG_IN_INIT": ("comes_up", "in init: no end within 5 s"),
}


class PluginTest(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="relevo-plugin-")
        self.hostile = Hostile(self.temporary.name)
        self.env = dict(os.environ, **plain_signals(),
                        RELEVO_STATE_DIR=self.temporary.name)
        self.env.pop("RELEVO_CONFIG", None)

    def tearDown(self):
        self.temporary.cleanup()

    def run_test(self, plugin, *options):
        return subprocess.run(
            [os.path.abspath(PROGRAM), "plugin", "test", plugin, *options], env=self.env,
            cwd=self.temporary.name, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)

    def tried(self, plugin, *options):
        done = self.run_test(plugin, "--json", *options)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        answer = json.loads(done.stdout)
        self.assertEqual(answer["verdict"],
                         "kept" if done.returncode == 0 else "broken")
        return {c["name"]: c for c in answer["contracts"]}

    def path(self, name):
        return os.path.join(self.hostile.folder, name + ".so")

    def breaks(self, contracts, name, words):
        self.assertEqual(contracts[name]["verdict"], "broken", contracts)
        self.assertIn(words, contracts[name]["text"])

    def keeps_all(self, contracts):
        self.assertEqual({c["verdict"] for c in contracts.values()}, {"kept"},
                         contracts)

    def ours(self, name):
        return os.path.join(os.path.abspath(BUILD), "plugins", name + ".so")

    def test_http_keeps_its_contracts(self):
        contracts = self.tried(self.ours("http"), "--timeout", "300ms",
                               "--set", "url=http://{target}/")
        self.keeps_all(contracts)
        self.assertIn("refused", contracts["answers"]["text"])
        self.assertIn("timeout", contracts["answers"]["text"])

    def test_the_host_looks_up_a_name(self):
        """Its thread changes which signals the process catches."""
        self.keeps_all(self.tried(self.ours("http"), "--timeout", "300ms",
                                  "--set", "url=http://localhost:1/"))

    def test_the_example_keeps_its_contracts(self):
        self.keeps_all(self.tried(self.ours("example"),
                                  "--set", "path=/etc/passwd"))

    def test_a_plugin_that_behaves(self):
        self.hostile.make("hostile")
        self.keeps_all(self.tried(self.path("hostile")))
        text = self.run_test(self.path("hostile")).stdout.decode()
        self.assertIn("keeps its contracts", text)

    def test_every_act(self):
        self.hostile.make("hostile")
        def tried(act):
            return self.tried(self.path("hostile"), "--timeout", "200ms",
                              "--set", "act=" + act)
        with ThreadPool(4) as pool:
            for act, contracts in zip(ACTS, pool.map(tried, ACTS, 1)):
                with self.subTest(act):
                    self.breaks(contracts, *ACTS[act])

    def test_every_sort(self):
        def tried(sort):
            name = sort.lower().replace("_", "-")
            self.hostile.make(name, sort)
            return self.tried(self.path(name))
        with ThreadPool(4) as pool:
            for sort, contracts in zip(SORTS, pool.map(tried, SORTS, 1)):
                with self.subTest(sort):
                    self.breaks(contracts, *SORTS[sort])

    def test_blocking_for_ever(self):
        self.hostile.make("sleeper", "BLOCKING")
        self.breaks(self.tried(self.path("sleeper"), "--timeout", "200ms",
                               "--set", "act=sleep"),
                    "answers", "in blocking: no result")

    def test_what_is_asked_wrongly(self):
        self.hostile.make("hostile")
        shutil.copy(self.path("hostile"), self.path("copy"))
        for options, words in (
                (["nowhere.so"], "nowhere.so"),
                ([self.path("hostile"), "--set", "ac=x"],
                 'hostile has no option "ac"'),
                ([self.path("hostile"), "--set", "act"], "OPTION=VALUE"),
                ([self.path("hostile"), "--timeout", "soon"], "soon"),
                ([self.ours("http")], '"url" is missing')):
            with self.subTest(options):
                done = self.run_test(*options)
                self.assertEqual(done.returncode, 2, done.stdout)
                self.assertIn(words, done.stderr.decode())


if __name__ == "__main__":
    unittest.main()
