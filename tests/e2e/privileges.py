#!/usr/bin/python3
"""Started as root with `user`, only the runner stays root: main, workers and
scripts become that user; a state directory that root had used before is handed
over; it stops when told to. Skipped where the test does not run as root."""
import os
import pwd
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from nginx import free_port  # noqa: E402
from scripts import script  # noqa: E402
from watch import Watch, children, until  # noqa: E402

CONFIG = """
%s
checks = { gone = { url = "http://127.0.0.1:%d/"; interval = "300ms"; retry_interval = "100ms"; }; };
runbooks = { look = { script = "%s"; match = { plugin = "http"; }; cooldown = "1s"; }; };
"""


def owner(pid):
    return pwd.getpwuid(os.stat("/proc/%d" % pid).st_uid).pw_name


def role(pid):
    with open("/proc/%d/cmdline" % pid, "rb") as f:
        return f.read().split(b"\0")[-2].decode()


@unittest.skipUnless(os.getuid() == 0, "needs root")
class Privileges(unittest.TestCase):
    def test_user(self):
        with tempfile.TemporaryDirectory(prefix="relevo-e2e-") as folder:
            os.chmod(folder, 0o755)
            port = free_port()
            look = script(folder, "look", "diagnose", "id -un >&2")
            with Watch(folder, CONFIG % ("", port, look)) as watch:
                watch.wait_state("gone", "down")  # root used it first
            watch.write(CONFIG % ('user = "nobody";', port, look))
            with watch:
                self.look(watch)

    def look(self, watch):
        self.assertEqual(owner(watch.process.pid), "nobody")
        until("the roles", lambda: len(children(watch.process.pid)) >= 2)
        roles = {role(pid): owner(pid)
                 for pid in children(watch.process.pid)}
        self.assertEqual(roles.pop("runner"), "root")
        self.assertEqual(set(roles.values()), {"nobody"}, roles)
        since = watch.history("gone", 1)[0]["at"]
        until("new results", lambda: watch.history("gone", 1)[0]["at"] > since)
        watch.run("runbook", "run", "look", "--check", "gone")
        until("the script's user", lambda: any(
            "nobody" in r["output"] for r in watch.json("runbook", "log")))


if __name__ == "__main__":
    unittest.main()
