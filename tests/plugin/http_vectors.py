#!/usr/bin/python3
"""What the responses of curl's own tests are taken for.

shared/vectors/http holds 1,569 responses and what plain curl makes of each
when it is sent and the connection closed: its exit status, the status code,
the bytes of the body. One peer serves them all, each at a path of its own; one
`relevo test` asks for all of them. A response that curl accepts must be
observed, with that status and as many bytes; of one that curl gives up, the
fault must say the same thing.

    http_vectors.py [NUMBER…]     which lines of the file, from 0; default: all

Skips (77) where the vectors are absent.
"""
import asyncio
import base64
import json
import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import vectors  # noqa: E402
from probe import literal  # noqa: E402

# curl's exit status: the fault and the code that say the same thing.
SAME = {
    1: ("protocol", "status_line"),  # no HTTP, or a version of it never heard
    8: ("protocol", "header"),       # a head that no server may send
    18: ("protocol", "incomplete"),
    23: ("protocol", "content_encoding"),  # its one row: bytes after a gzip
    43: ("protocol", "header"),
    52: ("closed", "closed"),
    56: ("protocol", "broken"),
    61: ("protocol", "content_encoding"),
}

PACKED = re.compile(rb"(?im)^transfer-encoding:.*(gzip|deflate)")


def config(rows, port, folder):
    """Plain curl follows nothing, unpacks nothing and expects nothing."""
    lines = ["state_dir = %s;" % literal(os.path.join(folder, "state")),
             "target_probes = 64;",
             'defaults = { timeout = "30s"; http = { follow_redirects = false;'
             ' compression = false; expect = ["exists status"]; }; };',
             "checks = {"]
    lines += ['  r%d = { url = "http://127.0.0.1:%d/%d"; };' % (i, port, i)
              for i in rows]
    path = os.path.join(folder, "relevo.cfg")
    with open(path, "w") as f:
        f.write("\n".join(lines + ["};", ""]))
    return path


async def probe_all(rows, folder):
    async def serve(reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            row = rows[int(head.split()[1].strip(b"/"))]
            writer.write(base64.b64decode(row["response_b64"]))
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client has seen enough
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=2000)
    port = server.sockets[0].getsockname()[1]
    results = await vectors.results(config(rows, port, folder))
    server.close()
    return results


def flaw(row, result):
    """None, or what is judged otherwise than curl judges it."""
    said = "%s %s %s: %s" % (result["outcome"], result["fault"],
                             result["code"], result["message"])
    seen = result["observations"]
    code = row["plain_curl_exit"]
    if code and (result["fault"], result["code"]) != SAME[code]:
        return "curl gives up with %d, here it is %s" % (code, said)
    if not code and result["outcome"] != "ok":
        return "curl takes it, here it is %s" % said
    if seen.get("status", 0) != row["plain_http_code"]:
        return "status %s, by curl %d" % (seen.get("status"),
                                          row["plain_http_code"])
    # (curl counts the bytes that came, here those are counted that are left
    # when the transfer's own compression is undone)
    if (not code and not PACKED.search(base64.b64decode(row["response_b64"]))
            and seen["size"] != row["plain_body_bytes"]):
        return "%d bytes, by curl %d" % (seen["size"],
                                         row["plain_body_bytes"])
    return None


def main():
    path = vectors.find("http/curl_http_responses.jsonl")
    if not path:
        return 77
    with open(path) as f:
        rows = dict(enumerate(json.loads(line) for line in f))
    if sys.argv[1:]:
        rows = {int(i): rows[int(i)] for i in sys.argv[1:]}
    with tempfile.TemporaryDirectory() as folder:
        results = asyncio.run(probe_all(rows, folder))
    bad = 0
    for i, row in rows.items():
        what = flaw(row, results["r%d" % i])
        if what:
            bad += 1
            print("FAIL line %d, curl's test %s %s: %s\n     %s" % (
                i, row["test"], row["part"], row["name"], what))
    print("%d of %d responses are judged as curl judges them" %
          (len(rows) - bad, len(rows)))
    return 1 if bad or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
