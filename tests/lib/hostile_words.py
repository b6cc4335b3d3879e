"""A web server that says what no target should: each string of a list in JSON,
in a header of its own, and as part of a raw body; and the checks that observe
all of it.

The strings are tests/web/strings.json and, in the long version or where
$RELEVO_VECTORS is set, the big list of naughty strings in the folder of vectors
(else ../shared/vectors beside the source)."""
import http.server
import json
import os
import threading

SOURCE = os.environ.get("RELEVO_SOURCE") or os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..")
VECTORS = os.environ.get("RELEVO_VECTORS") or os.path.join(
    SOURCE, "..", "shared", "vectors")
GROUP = 44


def strings():
    with open(os.path.join(SOURCE, "tests", "web", "strings.json")) as f:
        all_of_them = json.load(f)
    if not {"RELEVO_LONG", "RELEVO_VECTORS"} & set(os.environ):
        return all_of_them
    path = os.path.join(VECTORS, "strings", "blns.json")
    if os.path.exists(path):
        with open(path) as f:
            all_of_them += json.load(f)
    else:
        print("note: no %s: only our own strings" % path)
    return all_of_them


def as_json(text):
    """Without what a JSON reader refuses: lone surrogates, NUL."""
    return text.encode("utf-16", "surrogatepass").decode(
        "utf-16", "replace").replace("\0", "")


def as_header(text):
    """Without what would end the header."""
    return bytes(b for b in text.encode("utf-8", "surrogatepass")
                 if b >= 0x20 and b != 0x7f)[:1500]


class Says:
    def __init__(self, all_of_them):
        self.count = len(all_of_them)
        self.groups = [all_of_them[i:i + GROUP]
                       for i in range(0, len(all_of_them), GROUP)]
        says = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                _, kind, number = self.path.split("/")
                says.answer(self, kind, says.groups[int(number)])

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Handler)
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def answer(self, handler, kind, group):
        body = b"{}"
        handler.send_response(503 if kind == "raw" else 200)
        if kind == "said":
            body = json.dumps({"s%d" % i: as_json(s)
                               for i, s in enumerate(group)},
                              ensure_ascii=False).encode()
        elif kind == "raw":
            body = b"\n".join(s.encode("utf-8", "surrogatepass")
                              for s in group)
        else:
            handler.flush_headers()
            for i, s in enumerate(group):
                handler.wfile.write(b"X-S%d: %s\r\n" % (i, as_header(s)))
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def names(self):
        return ["%s-%d" % (kind, n) for n in range(len(self.groups))
                for kind in ("said", "head", "raw")]

    def checks(self):
        port = self.server.server_address[1]
        lines = []
        for n, group in enumerate(self.groups):
            for kind, read in (("said", "json('.s%d')"),
                               ("head", "header('x-s%d')")):
                record = " ".join('s%d = "%s";' % (i, read % i)
                                  for i in range(len(group)))
                expect = ", ".join('"s%d == \'fine\'"' % i
                                   for i in range(len(group)))
                lines.append('  %s-%d = { url = "http://127.0.0.1:%d/%s/%d";'
                             ' title = "<b>it & \\"that\\"</b>"; record = '
                             '{ %s }; expect = [%s]; };'
                             % (kind, n, port, kind, n, record, expect))
            lines.append('  raw-%d = { url = "http://127.0.0.1:%d/raw/%d"; };'
                         % (n, port, n))
        return "\n".join(lines)

    def shown(self):
        """Those that a page shows as they are: nothing to spell, not cut."""
        return [s for group in self.groups for s in group
                if 0 < len(s) < 120 and s.strip() == s and
                all(0x20 <= ord(c) < 0x7f for c in s)]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
