"""Chromium, driven by tests/web/browser.js: one browser, many pages.

    with Browser() as browser:
        seen = browser.visit(url, scheme="dark", width=360, axe=True)

What it needs beside Debian's packages lies in $RELEVO_BUILD/tests/web
(./dev test puts it there); missing() says what is not there.
"""
import json
import os
import shutil
import subprocess

SOURCE = os.environ.get("RELEVO_SOURCE") or os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..")
BUILD = os.path.abspath(os.environ.get("RELEVO_BUILD", "build/debug"))
MODULES = os.path.join(BUILD, "tests", "web", "node_modules")
SHOTS = os.path.join(BUILD, "tests", "web", "screenshots")


def missing():
    """What a browser test lacks here; "" for nothing."""
    for program in ("node", "chromium"):
        if shutil.which(program) is None:
            return program + " is not installed"
    if not os.path.isdir(os.path.join(MODULES, "playwright-core")):
        return MODULES + " is not there: ./dev test installs it"
    return ""


class Browser:
    def __enter__(self):
        os.makedirs(SHOTS, exist_ok=True)
        self.process = subprocess.Popen(
            ["node", os.path.join(SOURCE, "tests", "web", "browser.js"),
             MODULES], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()

    def visit(self, url, shot=None, **job):
        """What browser.js says about that page."""
        if shot:
            job["shot"] = os.path.join(SHOTS, shot + ".png")
        self.process.stdin.write(
            json.dumps(dict(job, url=url)).encode() + b"\n")
        self.process.stdin.flush()
        seen = json.loads(self.process.stdout.readline())
        if "error" in seen:
            raise AssertionError("%s: %s" % (url, seen["error"]))
        return seen
