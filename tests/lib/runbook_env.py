"""Runs a shipped runbook as the runner would: absolute path, no arguments, a
clean environment, the context on standard input, findings on descriptor 3.
Also small targets for it: an nginx of its own, an HTTP receiver, certificates.
Used by tests/plugin/runbook_*.py; keeps nothing running and nothing on disk."""

import http.server
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest

SOURCE = pathlib.Path(
    os.environ.get("RELEVO_SOURCE")
    or pathlib.Path(__file__).resolve().parents[2])
RUNBOOKS = SOURCE / "runbooks"
SKIP = 77
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def need(*programs):
    """Ends the whole script with 77 where a program is missing."""
    for program in programs:
        if not shutil.which(program, path=PATH):
            print(f"skipped: {program} is not installed")
            raise SystemExit(SKIP)


def vectors(*parts):
    """Path of a test vector, or None where they are not at hand."""
    base = os.environ.get("RELEVO_VECTORS") or SOURCE.parent / "shared/vectors"
    path = pathlib.Path(base, *parts)
    return path if path.exists() else None


class Ran:
    """What a run came to."""

    def __init__(self, status, lines, out, err, seconds):
        self.status, self.out, self.err = status, out, err
        self.raw, self.seconds = lines, seconds
        self.lines = [json.loads(line) for line in lines]

    def of(self, kind):
        return [line for line in self.lines if line["t"] == kind]

    def finding(self, code):
        for line in self.of("finding"):
            if line["code"] == code:
                return line
        raise AssertionError(f"no finding {code} in {self}")

    def verdict(self):
        found = [line["class"] for line in self.of("verdict")]
        return found[0] if found else None

    def __str__(self):
        return (f"status {self.status}, fd 3:\n" + "\n".join(self.raw)
                + f"\nstdout: {self.out[-600:]}\nstderr: {self.err[-600:]}")


def context(url="http://127.0.0.1:1/health/ready", **more):
    """A document of schema relevo.runbook/1 for a failing http check."""
    result = {
        "check": "api", "at": "2026-01-02T03:04:05.678Z", "outcome": "fail",
        "fault": "error_response", "code": "503", "errno": 0,
        "message": "the server answered 503", "duration_ms": 12.5,
        "phases": {"dns": 0.1, "connect": 0.3, "wait": 2.0},
        "observations": {"status": 503},
        "expectations": [
            {"line": "status == 200", "true": False, "values": "503"}],
        "evidence": []}
    document = {
        "schema": "relevo.runbook/1",
        "run": {"id": "R-1", "runbook": "api-diagnose", "kind": "diagnose",
                "on": "suspect", "deadline": "2026-01-02T03:04:35.678Z"},
        "incident": None,
        "check": {"name": "api", "plugin": "http", "tags": ["smoke"],
                  "target": {"host": "127.0.0.1", "port": 1}, "url": url,
                  "interval_ms": 1000},
        "state": {"now": "suspect", "count": "1/3",
                  "since": "2026-01-02T03:04:05.678Z"},
        "result": result, "last_good": None, "history": [], "params": {}}
    document.update(more)
    return document


def failing(plugin, url, code="", fault="timeout", settings=None, **result):
    """The same for a failing check of any plugin, with settings of it and more
    members of the result."""
    made = context(url)
    made["check"].update(name="watched", plugin=plugin, settings=settings or {})
    made["result"].update(fault=fault, code=code, expectations=[], phases={},
                          message="the check's own words", observations={})
    made["result"].update(result)
    return made


def must(ran, verdict, code, *words, status=0):
    """The verdict, the finding that carries it, and words of that finding."""
    assert ran.status == status, ran
    assert ran.verdict() == verdict, (verdict, str(ran))
    found = ran.finding(code)
    for word in words:
        assert word in json.dumps(found), (word, str(ran))
    assert len(ran.of("verdict")) <= 1, ran
    assert ran.seconds < 60, ran.seconds
    return found


def must_be_clean(ran):
    """Nothing of it moves a terminal's cursor or turns text round."""
    for text in [*ran.raw, *ran.out.split("\n"), *ran.err.split("\n")]:
        bad = [c for c in text if ord(c) < 32 and c != "\t" or c in "\x7f\u202e"]
        assert not bad, (bad, text)


class Programs:
    """A PATH whose programs note their arguments, which whoever lists the
    machine's processes sees, and then do what they always do. There are none
    but these: a runbook that wants another one does without."""

    NAMES = ("awk base64 bash cat cp curl cut date df dirname getent grep head "
             "hostname ip jq mkdir mkfifo mktemp od openssl printenv redis-cli rm sed "
             "sleep sort ss tail timeout tr wc").split()

    def __init__(self, folder, without=()):
        self.path = tempfile.mkdtemp(dir=folder)
        # A file for each, as a runbook may limit how long files get.
        self.log = tempfile.mkdtemp(dir=folder)
        for name in self.NAMES:
            real = shutil.which(name, path=PATH)
            if real and name not in without:
                script = pathlib.Path(self.path, name)
                script.write_text(
                    f"#!/bin/sh\necho {name} \"$*\" >>{self.log}/$$\n"
                    f"exec {real} \"$@\"\n")
                script.chmod(0o755)

    def arguments(self):
        return "".join(file.read_text(encoding="utf-8", errors="replace")
                       for file in pathlib.Path(self.log).iterdir())


def run(script, document, params=None, secrets=None, environ=None, limit=60,
        rights=None, runbooks=RUNBOOKS):
    """Runs runbooks/<script>; document is a dict, or bytes to send as is.
    rights: of subprocess, for another user, who must be able to read the
    runbooks."""
    rights = rights or {}
    with tempfile.TemporaryDirectory(prefix="relevo-run-") as folder:
        env = {"PATH": PATH, "LANG": "C.UTF-8", "HOME": folder,
               "RELEVO_API": "1", "RELEVO_RUN_ID": "R-1",
               "RELEVO_INCIDENT_ID": "", "RELEVO_ON": "suspect",
               "RELEVO_CHECK": "api", "RELEVO_RUN_DIR": folder,
               "RELEVO_DEADLINE": str(int(time.time()) + 30)}
        for name, value in (params or {}).items():
            env["RELEVO_PARAM_" + name.upper().replace("-", "_")] = value
        for name, value in (secrets or {}).items():
            file = pathlib.Path(folder, "secret-" + name)
            file.write_text(value)
            file.chmod(0o400)
            env["RELEVO_SECRET_" + name.upper()] = str(file)
        env.update(environ or {})
        data = (document if isinstance(document, bytes)
                else json.dumps(document).encode())
        if rights:
            for path in (folder, *pathlib.Path(folder).iterdir()):
                os.chown(path, rights["user"], rights["group"])
        return spawn(runbooks / script, env, data, folder, limit, rights)


def spawn(path, env, data, folder, limit, rights):
    read_end, write_end = os.pipe()
    collected = []

    def drain():
        with os.fdopen(read_end, "rb") as pipe:
            collected.append(pipe.read())

    def third():
        os.dup2(write_end, 3)
        os.set_inheritable(3, True)

    began = time.monotonic()
    # Descriptor 3 must not be closed by subprocess: pass_fds keeps it.
    child = subprocess.Popen(
        [str(path)], env=env, cwd=folder, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=third,
        pass_fds=(3,), start_new_session=True, **rights)
    os.close(write_end)
    reader = threading.Thread(target=drain)
    reader.start()
    try:
        out, err = child.communicate(data, timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, 9)
        child.communicate()
        raise
    reader.join(limit)
    seconds = time.monotonic() - began
    raw = collected[0]
    # Nothing of a target, and no second copy of a secret, is left behind.
    left = [f for f in os.listdir(folder) if not f.startswith("secret-")]
    assert left == [], f"left in the run's folder: {left}"
    for line in raw.split(b"\n"):
        assert len(line) <= 8192, f"a line of {len(line)} bytes on fd 3"
    lines = [line for line in raw.decode("utf-8").split("\n") if line]
    assert len(lines) <= 500
    return Ran(child.returncode, lines, out.decode("utf-8", "replace"),
               err.decode("utf-8", "replace"), seconds)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Nginx:
    """A real nginx on a free port; `server` is the inside of server { }."""

    def __init__(self, server, tls=None):
        self.folder = tempfile.mkdtemp(prefix="relevo-nginx-")
        self.port = free_port()
        listen = f"listen 127.0.0.1:{self.port}"
        if tls:
            listen += f" ssl; ssl_certificate {tls[0]}; ssl_certificate_key {tls[1]}"
        temp = "".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in
                       ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        pathlib.Path(self.folder, "nginx.conf").write_text(
            f"daemon off; master_process off; pid {self.folder}/pid;"
            f"error_log {self.folder}/error.log; events {{}}"
            f"http {{ access_log off; {temp} default_type application/json;"
            f"server {{ {listen}; {server} }} }}")
        self.child = subprocess.Popen(
            ["nginx", "-e", f"{self.folder}/error.log", "-p", self.folder,
             "-c", f"{self.folder}/nginx.conf"],
            env={"PATH": PATH}, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(self.port, self.child)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.terminate()
        self.child.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)


def wait_for_port(port, child):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if child.poll() is not None:
                break
            time.sleep(0.02)
    raise AssertionError(f"nothing listens on port {port}")


class Receiver:
    """Takes POSTs and answers with `status`, which may change; what came stands
    in `got`, what it was answered in `answers`."""

    def __init__(self, status=200, headers=None):
        self.got = got = []
        self.answers = answers = []
        self.status = status
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers.get("Content-Length", 0))
                got.append((self.path, dict(self.headers),
                            self.rfile.read(length)))
                answers.append(receiver.status)
                self.send_response(receiver.status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(
            target=lambda: self.server.serve_forever(0.02))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join(10)
        self.server.server_close()


def expired_certificate(folder):
    """(certificate, key) for localhost that ended in the past."""
    key, cert = f"{folder}/key.pem", f"{folder}/cert.pem"
    ext = pathlib.Path(folder, "ext.cnf")
    ext.write_text("basicConstraints=CA:TRUE\n"
                   "subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    pathlib.Path(folder, "index").touch()
    pathlib.Path(folder, "serial").write_text("01\n")
    conf = pathlib.Path(folder, "ca.cnf")
    conf.write_text(
        f"[ca]\ndefault_ca=d\n[d]\ndatabase={folder}/index\n"
        f"serial={folder}/serial\nnew_certs_dir={folder}\n"
        "default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n")
    quiet = {"check": True, "stdout": subprocess.DEVNULL,
             "stderr": subprocess.DEVNULL}
    subprocess.run(
        ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out",
         f"{folder}/csr.pem", "-subj", "/CN=localhost"], **quiet)
    subprocess.run(
        ["openssl", "ca", "-batch", "-selfsign", "-config", str(conf), "-in",
         f"{folder}/csr.pem", "-keyfile", key, "-out", cert, "-notext",
         "-extfile", str(ext), "-startdate", "20200101000000Z", "-enddate",
         "20200201000000Z"], **quiet)
    return cert, key


def naughty_strings():
    """Strings that broke other programs; skips the test where absent."""
    path = vectors("strings", "blns.json")
    if path is None:
        raise unittest.SkipTest("the naughty strings are not at hand")
    return json.loads(path.read_text(encoding="utf-8"))


# Each would leave its mark, were it ever read by a shell.
def shell_traps(mark):
    return [f"$(touch {mark})", f"`touch {mark}`", f"'; touch {mark}; '",
            f"\"; touch {mark}; \"", f"\n touch {mark}\n", f"| touch {mark}",
            f"$'\\n'touch {mark}", f"--output={mark}", f"-K{mark}", "%s%n%x",
            "@/etc/passwd", "\\(env)", "\x00", "\x1b[31m", "\u202e", "\ud7ff"]


def hostile_strings(mark):
    """The traps, and the naughty strings where they are at hand."""
    path = vectors("strings", "blns.json")
    found = json.loads(path.read_text(encoding="utf-8")) if path else []
    return shell_traps(mark) + found


LONG = bool(os.environ.get("RELEVO_LONG"))


def shares(strings, count):
    """So many lists, into which the strings are dealt out like cards: each has
    something of the beginning, where the traps are."""
    return [strings[at::count] for at in range(count)]


def seed():
    """Of the samples that stand for all where the version is not the long
    one."""
    number = int(os.environ.get("RELEVO_SEED") or os.getpid())
    print(f"RELEVO_SEED={number}", flush=True)
    return number


def main():
    program = unittest.main(exit=False, verbosity=1)
    if not program.result.wasSuccessful():
        raise SystemExit(1)
    raise SystemExit(0)
