#!/usr/bin/python3
"""The tables in a plugin's page are those of the plugin.

A page docs/NAME.md that has a place for them, <!-- options --> or
<!-- fields --> up to <!-- end -->, is held against what
`relevo plugin describe NAME --json` says. A plugin that was left out of the
build is passed over.

    plugin_docs.py [--write] [NAME…]

With --write the tables are made anew; without it the test fails where they
differ. The page's examples must pass `relevo config check`.
"""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.environ.get("RELEVO_SOURCE") or os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..")
BUILD = os.environ.get("RELEVO_BUILD") or os.path.join(ROOT, "build/debug")
KINDS = {"a secret": "secret", "a whole number": "integer",
         "a duration": "duration", "a size": "size", "a list of texts":
         "list of texts", "a group of texts": "group of texts",
         "a list of groups": "list of groups"}
TYPES = {"whole number": "int", "true or false": "bool", "real number": "real"}
BUILT_IN = ("exec", "heartbeat")  # kinds that need no file
COMMON = ("duration", "phase")  # fields of every check


def described(name):
    done = subprocess.run(
        [os.path.join(BUILD, "relevo"), "plugin", "describe", name, "--json"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    if done.returncode:
        raise SystemExit("plugin describe %s: exit %d" % (name,
                                                          done.returncode))
    return json.loads(done.stdout)


def cell(text, version):
    return text.replace("relevo/" + version, "relevo/VERSION").replace(
        "|", "\\|")


def options(plugin):
    out = ["| option | kind | default | meaning |", "|---|---|---|---|"]
    for row in plugin["options"]:
        kind, limits = row["type"], row["limits"]
        what = KINDS.get(kind, kind)
        if kind == "one of some words":
            what = " ".join("`%s`" % word for word in limits.split("|"))
        elif limits:
            what += ", " + limits
        default = "required" if row["required"] else ""
        if row["default"]:
            default = "`%s`" % cell(row["default"], plugin["version"])
        out.append("| `%s` | %s | %s | %s |" % (
            row["name"], what, default, cell(row["help"], plugin["version"])))
    return out


def fields(plugin):
    out = ["| field | type | in history | meaning |", "|---|---|---|---|"]
    for row in plugin["fields"]:
        if row["name"] in COMMON:
            continue
        out.append("| `%s` | %s | %s | %s |" % (
            row["name"], TYPES.get(row["type"], row["type"]),
            "yes" if row["recorded"] else "",
            cell(row["help"], plugin["version"])))
    return out


def renewed(page, plugin):
    """The page with the tables as they ought to be."""
    for name, table in (("options", options(plugin)),
                        ("fields", fields(plugin))):
        text = "<!-- %s -->\n%s\n<!-- end -->" % (name, "\n".join(table))
        page, found = re.subn(r"<!-- %s -->.*?<!-- end -->" % name,
                              lambda _, text=text: text, page, flags=re.S)
        if found != 1:
            raise SystemExit("docs/%s.md has no place for the table of %s" %
                             (plugin["name"], name))
    return page


def examples(page):
    """Whole configurations out of the page's blocks: a block that is none is
    the inside of `checks`."""
    for block in re.findall(r"^ *```\n(.*?)^ *```$", page, re.S | re.M):
        yield (block if re.match(r"\s*checks\b", block) else
               "checks = {\n%s};\n" % block)


def examples_pass(name, page):
    fine = True
    for text in examples(page):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "relevo.cfg")
            with open(path, "w") as f:
                f.write(text)
            done = subprocess.run(
                [os.path.join(BUILD, "relevo"), "-c", path, "--state-dir",
                 folder, "config", "check"], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            fine = False
            print("an example in docs/%s.md is no configuration:\n%s%s" % (
                name, text, done.stdout.decode()))
    return fine


def pages(names):
    for path in sorted(glob.glob(os.path.join(ROOT, "docs/*.md"))):
        name = os.path.basename(path)[:-len(".md")]
        with open(path) as f:
            page = f.read()
        if re.search("<!-- (options|fields) -->", page) and (
                not names or name in names):
            yield name, path, page


def main():
    names = [word for word in sys.argv[1:] if word != "--write"]
    status, seen = 0, 0
    for name, path, before in pages(names):
        if name not in BUILT_IN and not os.path.exists(
                os.path.join(BUILD, "plugins", name + ".so")):
            print("no plugin %s in this build: its page is not looked at" %
                  name)
            continue
        seen += 1
        if not examples_pass(name, before):
            status = 1
        after = renewed(before, described(name))
        if before == after:
            continue
        if "--write" in sys.argv:
            with open(path, "w") as f:
                f.write(after)
            continue
        for old, new in zip(before.split("\n"), after.split("\n")):
            if old != new:
                print("is:       %s\nought be: %s" % (old, new))
                break
        print("docs/%s.md differs from the plugin; mend with: "
              "tests/plugin/plugin_docs.py --write" % name)
        status = 1
    if not seen:
        print("no page was looked at")
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main())
