"""Plugins that do their worst, compiled from tests/lib/plugins/hostile.c, or
another file beside it.

    Hostile(folder).make("hostile")      →  folder/plugins/hostile.so
    Hostile(folder).make("sleeper", "BLOCKING")
    Hostile(folder).make("snoop", source="snoop")
"""
import os
import shlex
import subprocess

from watch import BUILD

SOURCE = os.environ.get("RELEVO_SOURCE", ".")


class Hostile:
    def __init__(self, folder):
        self.folder = os.path.join(folder, "plugins")
        os.makedirs(self.folder, exist_ok=True)

    def make(self, name, *definitions, source="hostile"):
        subprocess.run(
            [*shlex.split(os.environ.get("CC", "cc")), "-std=gnu11", "-shared",
             "-fPIC", "-fvisibility=hidden", "-g",
             "-I", os.path.join(SOURCE, "include"), '-DNAME="%s"' % name,
             *("-D" + d for d in definitions),
             os.path.join(SOURCE, "tests", "lib", "plugins", source + ".c"),
             "-o", os.path.join(self.folder, name + ".so")], check=True)
        return self

    def config(self):
        """The line of a configuration that finds these and our own."""
        return 'plugin_dir = ["%s", "%s"];\n' % (
            self.folder, os.path.join(os.path.abspath(BUILD), "plugins"))


def plain_signals():
    """An environment in which a sanitizer leaves signals to the system."""
    more = "handle_segv=0:handle_abort=0:handle_sigill=0:detect_leaks=0"
    old = os.environ.get("ASAN_OPTIONS", "")
    return {"ASAN_OPTIONS": ":".join(filter(None, [old, more]))}
