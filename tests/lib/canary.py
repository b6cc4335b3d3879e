"""Secrets that a test can find again wherever they should not be.

    class Test(Canaries, unittest.TestCase):
        self.secrets = {"header": canary(random, 0)}     by place
        self.found = []
        self.look_through("output of status", out)
"""
import base64
import os
import urllib.parse

from watch import children

SHOWN = 14  # so many characters in a row of a secret count as a find
LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"


def canary(random, number):
    return "CaNaRy%02d" % number + "".join(
        random.choice(LETTERS) for _ in range(24))


class Canaries:
    """self.folder: that of the Watch; self.files: paths of secrets' own files,
    and the places that scripts are lent."""
    files = ()
    lent_names = ("key", "file")

    def forms(self):
        """What to look for: the value, and how it looks when it is coded."""
        for place, secret in self.secrets.items():
            yield place, secret[:SHOWN]
            yield place, secret[-SHOWN:]
            for shift in range(3):
                coded = base64.b64encode(b"x" * shift + secret.encode())
                yield place, coded[4:4 + SHOWN + 4].decode()
            yield place, urllib.parse.quote(secret)[:SHOWN]

    def look_through(self, where, data):
        if isinstance(data, str):
            data = data.encode()
        for place, form in self.forms():
            at = data.find(form.encode())
            if at >= 0:
                self.found.append((where, place, data[max(0, at - 60):at + 60]))

    def look_through_files(self, top):
        for folder, _, names in os.walk(top):
            for name in names:
                path = os.path.join(folder, name)
                if path in self.files:
                    continue
                try:
                    with open(path, "rb") as f:
                        data = f.read()
                except OSError:
                    continue  # a socket, or gone
                if not self.is_lent(path):
                    self.look_through(path, data)

    def is_lent(self, path):
        """A script's own secret, as promised: only for its user, and only
        while it runs. They are removed before the outcome is written."""
        folder, name = os.path.split(path)
        run = os.path.dirname(folder)
        if os.path.basename(folder) != "secrets" or \
                name not in self.lent_names or \
                os.path.dirname(run) != os.path.join(self.folder, "state",
                                                     "runs"):
            return False
        if os.path.exists(os.path.join(run, "outcome.json")):
            return False
        try:
            modes = [os.stat(p).st_mode & 0o777 for p in (path, folder)]
        except FileNotFoundError:
            return True  # removed since
        self.assertEqual(modes, [0o400, 0o700], path)
        return True

    def look_through_processes(self, watch):
        """Main's own environment apart: that is where they come from."""
        seen = 0
        for pid in [watch.process.pid, *children(watch.process.pid)]:
            for name in ("cmdline", "environ"):
                if pid == watch.process.pid and name == "environ":
                    continue
                try:
                    with open("/proc/%d/%s" % (pid, name), "rb") as f:
                        self.look_through("%s of %d" % (name, pid), f.read())
                        seen += 1
                except OSError:
                    pass
        return seen

    def nothing_was_found(self):
        self.assertEqual(self.found, [], "\n".join(map(str, self.found)))
