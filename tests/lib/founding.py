"""The founding case on real servers: an API behind nginx that says of its own
health what a PostgreSQL and a Redis of Debian answer it at that moment.

    with Founding() as site:
        site.url("/health/ready")     # 200 {"db":"ok","redis":"ok"}
        site.database.kill()          # 503 {"db":"[Errno 111] …","redis":"ok",…}
        site.database.start()

`Site` alone is the API with its pages, without the two. Everything listens on
loopback, on ports that were free, in folders of its own, and is ended by pid.
Used by tests/e2e and by `./dev demo`.

As a program it serves until its input ends. It prints one line of JSON with
what to look at, and takes a line "kill database", "start database" (or redis),
answering each with "done".
"""
import contextlib
import glob
import http.server
import json
import os
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import nginx
from nginx import free_port

TOKEN = "t0p-s3cret-of-staging"
SERVERS = """
    server {
        listen 127.0.0.1:@web@;
        root %(pages)s;
        location = /old { return 301 /docs; }
        location = /docs { default_type text/html; try_files /docs.html =404; }
        location /api/ { proxy_pass http://127.0.0.1:%(api)d; }
        location = /health/ready { proxy_pass http://127.0.0.1:%(api)d; }
    }
"""
PAGES = {"docs.html": "<h1>How to</h1>", "robots.txt": "User-agent: *\n",
         "style.css": "body {}\n"}


# --------------------------------------------------------------- processes ---

def wait_for(what, probe, limit=60.0):
    """The limit only detects hangs."""
    end = time.monotonic() + limit
    while not probe():
        if time.monotonic() > end:
            raise RuntimeError("waited %g s for %s" % (limit, what))
        time.sleep(0.02)


def below(pid):
    """The living children of that process."""
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        with contextlib.suppress(OSError):
            with open(path) as f:
                text = f.read()
            if int(text.rsplit(")", 1)[1].split()[1]) == pid:
                found.append(int(path.split("/")[2]))
    return found


def is_gone(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


class Server:
    """A process in a folder of its own, on a port that stays the same."""

    def __init__(self, name, user=None):
        self.folder = tempfile.mkdtemp(prefix="relevo-%s-" % name)
        self.port = free_port()
        self.process = None
        self.rights = {}
        if os.geteuid() == 0 and user is not None:
            who = pwd.getpwnam(user)
            os.chown(self.folder, who.pw_uid, who.pw_gid)
            self.rights = {"user": who.pw_uid, "group": who.pw_gid,
                           "extra_groups": []}

    def log(self):
        return os.path.join(self.folder, "log")

    def start(self):
        with open(self.log(), "ab") as log:
            self.process = subprocess.Popen(
                self.command(), cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, **self.rights)
        wait_for("%s to answer" % self.command()[0], self._has_started)

    def _has_started(self):
        if self.process.poll() is not None:
            with open(self.log(), errors="replace") as f:
                raise RuntimeError("%s ended: %s" % (self.command()[0],
                                                     f.read()[-800:]))
        return self.answer() == "ok"

    def answer(self):
        """"ok", or what is wrong, in the words of the system."""
        try:
            self.ask()
            return "ok"
        except OSError as e:
            return str(e)

    def kill(self):
        """As kill -9 of all of it: from now on its port refuses."""
        pids = [self.process.pid, *below(self.process.pid)]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        wait_for("its processes to end", lambda: all(map(is_gone, pids)))

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


# ---------------------------------------------------------------- servers ---

class Postgres(Server):
    """Never run as root: as the user that its package has made."""

    @staticmethod
    def find(program="postgres"):
        found = glob.glob("/usr/lib/postgresql/*/bin/" + program)
        return max(found, key=lambda p: int(p.split("/")[4]), default=None)

    def __init__(self):
        super().__init__("pg", "postgres")
        self.data = os.path.join(self.folder, "data")

    def start(self):
        if not os.path.exists(self.data):
            self._create()
        super().start()

    def _create(self):
        done = subprocess.run(
            [self.find("initdb"), "-D", self.data, "-U", "relevo",
             "--auth=trust", "--no-sync", "--no-locale", "-E", "UTF8"],
            cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, **self.rights)
        if done.returncode != 0:
            raise RuntimeError("initdb: " + done.stdout.decode())

    def command(self):
        settings = {"listen_addresses": "127.0.0.1", "port": self.port,
                    "unix_socket_directories": self.folder, "fsync": "off",
                    "shared_buffers": "16MB", "max_connections": 20,
                    "logging_collector": "off"}
        return [self.find(), "-D", self.data,
                *("--%s=%s" % pair for pair in settings.items())]

    def ask(self):
        """The start of a session, up to "ready for query"."""
        words = b"user\0relevo\0database\0postgres\0\0"
        with socket.create_connection(("127.0.0.1", self.port), 5) as s, \
                s.makefile("rb") as answer:
            s.sendall(struct.pack("!II", len(words) + 8, 196608) + words)
            while True:
                head = answer.read(5)
                if len(head) < 5:
                    raise OSError("the database hung up")
                kind, length = struct.unpack("!cI", head)
                body = answer.read(length - 4)
                if kind == b"E":
                    fields = {f[:1]: f[1:] for f in body.split(b"\0")}
                    raise OSError(fields.get(b"M", b"?").decode())
                if kind == b"Z":
                    s.sendall(b"X\0\0\0\4")
                    return


class Redis(Server):
    @staticmethod
    def find():
        return shutil.which("redis-server")

    def __init__(self):
        super().__init__("redis", "nobody")

    def command(self):
        return [self.find(), "--bind", "127.0.0.1", "--port", str(self.port),
                "--dir", self.folder, "--save", "", "--appendonly", "no"]

    def ask(self):
        with socket.create_connection(("127.0.0.1", self.port), 5) as s, \
                s.makefile("rb") as answer:
            s.sendall(b"PING\r\n")
            line = answer.readline().decode().strip()
            if line != "+PONG":
                raise OSError(line or "redis hung up")


# ------------------------------------------------------------------- site ---

class Application(http.server.BaseHTTPRequestHandler):
    """The API behind nginx. asked: the paths of all requests so far."""
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append(self.path)
        status, body = self._answer()
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _answer(self):
        open_to_all = {
            "/api/v1/version": {"version": "2.4.1"},
            "/api/v1/queue": {"waiting": 37, "note": "a|`b`\u202e<c>"},
            "/api/v1/slow": {},
        }
        if self.path == "/health/ready":
            health = {name: part.answer()
                      for name, part in self.server.parts.items()}
            if all(word == "ok" for word in health.values()):
                return 200, health
            return 503, dict(health, status="degraded")
        if self.path == "/api/v1/slow":
            time.sleep(0.4)
        if self.path in open_to_all:
            return 200, open_to_all[self.path]
        if self.headers.get("Authorization") == "Bearer " + TOKEN:
            return 200, []
        return 401, {}

    def log_message(self, *_):
        pass


class Applications(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that left before its answer is no news."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Fine:
    """Stands for a part that nobody breaks."""

    @staticmethod
    def answer():
        return "ok"


class Site:
    """nginx, its pages, and the API behind it, which asks the parts."""

    def __init__(self, parts=None):
        self.parts = parts or {"db": Fine, "redis": Fine}

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.folder = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="relevo-site-"))
            os.chmod(self.folder, 0o755)
            for name, text in PAGES.items():
                with open(os.path.join(self.folder, name), "w") as f:
                    f.write(text)
            port = self._start_application(stack)
            self.web = stack.enter_context(nginx.Nginx(
                self.folder, SERVERS % {"pages": self.folder, "api": port}))
            self.port = self.web.ports["web"]
            self.base = "http://127.0.0.1:%d" % self.port
            self.stack = stack.pop_all()
        return self

    def _start_application(self, stack):
        server = Applications(("127.0.0.1", 0), Application)
        server.parts = self.parts
        server.asked = self.asked = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        stack.callback(thread.join)
        stack.callback(server.server_close)
        stack.callback(server.shutdown)
        return server.server_address[1]

    def url(self, path=""):
        return self.base + path

    def __exit__(self, *_):
        self.stack.close()


class Founding(Site):
    """Site, with a real database and a real Redis as its parts."""

    @staticmethod
    def missing():
        """What this machine lacks for it, in words; "" if nothing."""
        lacks = [name for name, path in (
            ("nginx", nginx.find()), ("PostgreSQL", Postgres.find()),
            ("redis-server", Redis.find())) if path is None]
        return ", ".join(lacks)

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.database, self.redis = Postgres(), Redis()
            for server in (self.database, self.redis):
                stack.callback(server.close)
                server.start()
            self.parts = {"db": self.database, "redis": self.redis}
            super().__enter__()
            self.stack.push(stack.pop_all())
        return self


# ---------------------------------------------------------------- program ---

def main():
    lacks = Founding.missing()
    if lacks:
        sys.exit("missing: " + lacks)
    with Founding() as site:
        parts = {"database": site.database, "redis": site.redis}
        print(json.dumps({
            "base": site.base, "token": TOKEN,
            **{name: {"port": part.port, "pid": part.process.pid,
                      "command": part.command()}
               for name, part in parts.items()}}), flush=True)
        for line in sys.stdin:
            act, _, name = line.strip().partition(" ")
            if act not in ("kill", "start") or name not in parts:
                sys.exit("unknown: " + line)
            getattr(parts[name], act)()
            print("done", flush=True)


if __name__ == "__main__":
    main()
