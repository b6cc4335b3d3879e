#!/usr/bin/python3
"""The tables in docs/http.md are those of plugins/http/http.c.

With --write the document's tables are made anew; without it the test fails
where they differ. They stand between <!-- options --> and <!-- end -->, and
<!-- fields --> and <!-- end -->.
"""
import os
import re
import sys

ROOT = os.environ.get("RELEVO_SOURCE") or os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..")
STRING = r'"((?:[^"\\]|\\.)*)"'
KINDS = {"STRING": "text", "SECRET": "secret", "INT": "integer",
         "DURATION": "duration", "SIZE": "size", "BOOL": "true or false",
         "ENUM": "one of", "LIST": "list of texts", "DICT": "group of texts"}


def cell(text):
    return text.replace('\\"', '"').replace("|", "\\|")


def options(source):
    methods = re.search(r"#define METHODS " + STRING, source).group(1)
    source = source.replace(" METHODS,", ' "%s",' % methods)
    source = source.replace('"relevo/" RELEVO_VERSION', '"relevo/VERSION"')
    rows = re.findall(r"OPT\(RLV_(\w+),\s+" + STRING + r",\s+([\w| ]+),\s+\w+,"
                      r"\s+(NULL|" + STRING + r"),\s+(NULL|" + STRING +
                      r"),\s+" + STRING + r"\)", source)
    out = ["| option | kind | default | meaning |", "|---|---|---|---|"]
    for kind, name, flags, _, fallback, limits, limit, text in rows:
        what = KINDS[kind]
        if kind == "ENUM":
            what = " ".join("`%s`" % word for word in limit.split("|"))
        elif limits != "NULL":
            what += ", " + limit
        default = ("required" if "REQUIRED" in flags else
                   "`%s`" % fallback if fallback else "")
        out.append("| `%s` | %s | %s | %s |" % (name, what, default,
                                                cell(text)))
    return out


def fields(source):
    rows = re.findall(r"\[FIELD_\w+\]\s*=\s*\{" + STRING +
                      r", RLV_T_(\w+), ([\w| ]+), " + STRING + r",\s+" +
                      STRING + r"\}", source)
    out = ["| field | type | in history | meaning |", "|---|---|---|---|"]
    for name, kind, flags, _, text in rows:
        out.append("| `%s` | %s | %s | %s |" % (
            name, kind.lower(), "yes" if "RECORDED" in flags else "",
            cell(text)))
    return out


def main():
    with open(os.path.join(ROOT, "plugins/http/http.c")) as f:
        source = f.read()
    path = os.path.join(ROOT, "docs/http.md")
    with open(path) as f:
        before = f.read()
    after = before
    for name, table in (("options", options(source)),
                        ("fields", fields(source))):
        wanted = len(re.findall(r"^    OPT\(" if name == "options" else
                                r"^    \[FIELD_", source, re.M))
        if len(table) - 2 != wanted:
            print("read %d of %d %s" % (len(table) - 2, wanted, name))
            return 1
        text = "<!-- %s -->\n%s\n<!-- end -->" % (name, "\n".join(table))
        after, found = re.subn(r"<!-- %s -->.*?<!-- end -->" % name,
                               lambda _, text=text: text, after, flags=re.S)
        if found != 1:
            print("docs/http.md has no place for the table of %s" % name)
            return 1
    if "--write" in sys.argv:
        with open(path, "w") as f:
            f.write(after)
    elif before != after:
        for old, new in zip(before.split("\n"), after.split("\n")):
            if old != new:
                print("is:       %s\nought be: %s" % (old, new))
                break
        print("docs/http.md differs from plugins/http/http.c; mend with: "
              "tests/plugin/http_doc.py --write")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
