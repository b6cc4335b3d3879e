#!/usr/bin/python3
"""The postgres plugin against servers that fail in every way: real ones
wherever a real one can be made to, a scripted peer for what it will not do.

Each case is one probe (or a few) by `relevo check`; what it must come to is
stated as fault, code, outcome, observations. A case is a function whose name
begins with case_; all run, several at a time, each with servers of its own.

    postgres_faults.py [NAME...]    only the cases whose name contains one of these
"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import cases  # noqa: E402
import peer  # noqa: E402
import pg  # noqa: E402
from cases import must, must_see, seen  # noqa: E402
from pg import Postgres  # noqa: E402
from probe import Probe  # noqa: E402

probe = None
folder = None


def url(port, user="postgres", host="127.0.0.1", database="postgres"):
    return "postgres://%s@%s:%d/%s" % (user, host, port, database)


def look(server, options=None, timeout="5s", user="postgres", **common):
    settings = {"url": url(server.port, user=user)}
    settings.update(options or {})
    return probe.check(settings, timeout, **common)


# ------------------------------------------------------------- connection ---

def case_plain():
    with Postgres(folder) as server:
        result = look(server)
        must(result, outcome="ok")
        must_see(result, role="primary", read_only=False, ip="127.0.0.1")
        must(look(server, {"level": "auth"}), outcome="ok")
        must(look(server, {"level": "ready"}), outcome="ok")
        must(look(server, {"query": "select 1 as x"}), outcome="ok")
        result = probe.check({"plugin": "postgres", "host": server.folder,
                              "port": server.port, "user": "postgres"})
        must(result, outcome="ok")


def case_refused():
    must(probe.check({"url": url(peer.closed_port())}), fault="refused",
         code="ECONNREFUSED", errno=111, outcome="fail",
         message_has="Connection refused")


def main():
    global probe, folder
    if not pg.find():
        print("no postgres: skipped")
        return 77
    if cases.lacks("postgres"):
        return 77
    with tempfile.TemporaryDirectory(prefix="rlv-pg-") as folder:
        os.chmod(folder, 0o755)
        probe = Probe(folder, "postgres")
        return cases.run(globals(), sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
