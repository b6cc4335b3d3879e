"""The page of a running relevo, asked over plain sockets.

    with Page(folder, "checks = { … };") as page:
        page.get("/healthz")            → Answer: status, headers, body
        page.raw(b"GET / HTTP/1.1…")    → what came back, bytes

It is a Watch (watch.py), served on a port that was free."""
import json
import socket

from watch import Watch, until

ON_ANY_PORT = 'web = { listen = "127.0.0.1:0"; %s };\n'


class Answer:
    def __init__(self, raw):
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1]) if raw else 0
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.strip().lower()] = value.strip()

    def json(self):
        return json.loads(self.body)

    def text(self):
        return self.body.decode()


class Page(Watch):
    def __init__(self, folder, config, web="", env=None):
        super().__init__(folder, ON_ANY_PORT % web + config, env)
        self.env.pop("RELEVO_WEB", None)

    def start(self):
        super().start()
        until("the page", self._is_there)
        return self

    def addresses(self):
        return self.json("status")["web"].get("addresses", [])

    def port(self):
        return int(self.addresses()[0].rsplit(":", 1)[1])

    def _is_there(self):
        if not self.addresses():
            return False
        self.address = ("127.0.0.1", self.port())
        return self.get("/healthz").status == 200

    def raw(self, data, limit=20, half_close=False):
        """Sends the bytes, or the pieces of a list; reads until the end."""
        with socket.create_connection(self.address, limit) as s:
            out = b""
            try:
                for piece in data if isinstance(data, list) else [data]:
                    s.sendall(piece)
                if half_close:
                    s.shutdown(socket.SHUT_WR)
                while True:
                    more = s.recv(65536)
                    if not more:
                        return out
                    out += more
            except (ConnectionResetError, BrokenPipeError):
                return out

    def ask(self, method, path, headers=None, body=b""):
        fields = {"Host": "localhost"}
        fields.update(headers or {})
        if body:
            fields["Content-Length"] = str(len(body))
        head = "%s %s HTTP/1.1\r\n" % (method, path)
        head += "".join("%s: %s\r\n" % f for f in fields.items()
                        if f[1] is not None)
        return Answer(self.raw(head.encode("latin-1") + b"\r\n" + body))

    def get(self, path, headers=None):
        return self.ask("GET", path, headers)

    def web_pid(self):
        """The process that serves it."""
        import os
        from watch import children
        for pid in children(self.process.pid):
            with open("/proc/%d/cmdline" % pid, "rb") as f:
                if f.read().split(b"\0")[1:3] == [b"--role", b"web"]:
                    return pid
        return None
