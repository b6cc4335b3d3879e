#!/usr/bin/python3
"""Every line that the pages docs/from-*.md tell people to write: each passes
`relevo config check`, and what can run on loopback runs and finds it well: http
and tcp against peers that answer as the pages presume, commands that are there.

In a table's right cell stands `{ … }`, the body of a check; or top-level blocks,
which begin with the name of one; or options of a check. A check whose plugin is
not in this build is passed over.
"""
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from peer import Peer  # noqa: E402

BUILD = os.environ.get("RELEVO_BUILD", "build/debug")
SOURCE = os.environ.get("RELEVO_SOURCE") or os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..")
PROGRAM = os.path.join(BUILD, "relevo")
TOP = ("checks", "runbooks", "templates", "defaults", "maintenance", "vars",
       "environments", "automation")
VARS = 'vars = { password = { env = "PW_OF_PAGES"; }; };\n'
IT = 'checks = { it = { plugin = "exec"; command = ["true"]; %s }; };\n'
LEAST = 30  # rows of a page
COMMANDS = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/nagios/plugins"
BODY = b'{"status": "ok", "items": [1], "db": "ok"}'


def rows(page):
    """(line number, right cell) of its tables."""
    with open(page) as f:
        for number, line in enumerate(f, 1):
            cells = re.match(r"\| .* \| `([^`]+)` \|$", line.rstrip())
            if cells:
                yield number, cells[1].replace("\\|", "|")
            elif line.startswith("| ") and "| write here |" not in line:
                raise AssertionError("%s:%d: no line to write: %s" % (
                    page, number, line))


def pages():
    found = sorted(glob.glob(os.path.join(SOURCE, "docs", "from-*.md")))
    return {os.path.basename(page): list(rows(page)) for page in found}


def is_check(cell):
    return cell.startswith("{")


def plugin_of(cell):
    named = re.search(r'plugin = "(\w+)"', cell)
    scheme = re.search(r'url = "(\w+)://', cell)
    schemes = {"https": "http", "tls": "tcp", "ws": "websocket"}
    return named[1] if named else schemes.get(scheme[1], scheme[1])


def is_built(cell):
    name = plugin_of(cell)
    return name in ("exec", "heartbeat") or os.path.exists(
        os.path.join(BUILD, "plugins", name + ".so"))


def relevo(config, *argv):
    with tempfile.TemporaryDirectory(prefix="relevo-from-") as folder:
        path = os.path.join(folder, "relevo.cfg")
        with open(path, "w") as f:
            f.write('state_dir = "%s/state";\nrunbook_dir = "%s/runbooks";\n%s'
                    % (folder, os.path.abspath(SOURCE), config))
        done = subprocess.run([PROGRAM, "-c", path, *argv],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=120,
                              env=dict(os.environ, PW_OF_PAGES="canary"))
        return done.returncode, done.stdout.decode(), done.stderr.decode()


def checks(cells):
    return "checks = {\n%s\n};\n" % "\n".join(
        "line%d = %s;" % row for row in cells)


def runs_here(cell, http, banner):
    """The check as it can run on loopback; None: it cannot."""
    program = re.search(r'command = \["([^"]+)"', cell)
    if program:
        here = shutil.which(program[1], path=COMMANDS) and \
            "example.com" not in cell
        return cell if here else None
    if "expect_fault" in cell and "tcp://" in cell:
        return re.sub(r"tcp://[^\"]*", "tcp://127.0.0.1:1", cell)
    if re.search(r'"tcp://[^"]*:22"', cell):
        return re.sub(r"tcp://[^\"]*", "tcp://127.0.0.1:%d" % banner, cell)
    if 'url = "http://' in cell:
        return re.sub(r"http://[^/\"]*", "http://127.0.0.1:%d" % http, cell,
                      count=1)
    return None


def say_ok(conn):
    conn.read_request()
    conn.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
              b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY))


def say_ssh(conn):
    conn.send(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
    conn.sleep(5)


class ComingFrom(unittest.TestCase):
    def test_there_are_five_pages(self):
        self.assertEqual(sorted(pages()), [
            "from-blackbox.md", "from-gatus.md", "from-monit.md",
            "from-nagios.md", "from-uptime-kuma.md"])
        for page, found in pages().items():
            self.assertGreaterEqual(len(found), LEAST, page)

    def test_every_check_is_one(self):
        for page, found in pages().items():
            cells = [row for row in found
                     if is_check(row[1]) and is_built(row[1])]
            code, _, err = relevo(VARS + checks(cells), "config", "check")
            self.assertEqual(code, 0, "%s: %s" % (page, err))

    def test_every_other_line_is_one(self):
        for page, found in pages().items():
            options = []
            for number, cell in found:
                if is_check(cell):
                    continue
                word = re.match(r"\w+", cell)[0]
                if word not in TOP:
                    options.append((number, '{ plugin = "exec"; command = '
                                    '["true"]; %s }' % cell))
                    continue
                config = cell if "checks = " in cell else cell + IT % ""
                code, _, err = relevo(config, "config", "check")
                self.assertEqual(code, 0, "%s:%d: %s" % (page, number, err))
            code, _, err = relevo(checks(options), "config", "check")
            self.assertEqual(code, 0, "%s: %s" % (page, err))

    def test_what_can_run_here_runs(self):
        with Peer(say_ok) as http, Peer(say_ssh) as banner:
            for page, found in pages().items():
                self.runs(page, [
                    (number, runs_here(cell, http.port, banner.port))
                    for number, cell in found
                    if is_check(cell) and is_built(cell)])

    def runs(self, page, found):
        cells = [row for row in found if row[1]]
        self.assertGreater(len(cells), 5, page)
        code, out, err = relevo(VARS + checks(cells), "test", "--format",
                                "json")
        self.assertIn(code, (0, 1), err)
        results = {r["check"]: r for r in json.loads(out)["checks"]}
        for number, cell in cells:
            result = results["line%d" % number]
            where = "%s:%d: %s" % (page, number, result)
            if "command = " in cell: # what the machine is like is its matter
                self.assertIn(result["outcome"], ("ok", "warn", "fail"), where)
                self.assertNotEqual(result["fault"], "timeout", where)
            else:
                self.assertIn(result["outcome"], ("ok", "warn"), where)


if __name__ == "__main__":
    unittest.main()
