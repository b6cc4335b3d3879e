"""What the measurements share: processes and their CPU and memory, the servers,
a running relevo.

CPU time is the sum over all threads of a process tree, from
/proc/PID/task/*/schedstat (nanoseconds), else /proc/PID/stat (ticks).
"""
import contextlib
import glob
import os
import re
import signal
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request

BUILD = os.environ.get("RELEVO_BUILD", "build/release")
PROGRAM = os.path.join(BUILD, "relevo")
TICKS = os.sysconf("SC_CLK_TCK")
HOSTS = 50


def bench(name):
    return os.path.join(BUILD, "bench", "bench_" + name)


def quantile(values, q):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


# ------------------------------------------------------------- processes ---

def tree(pid):
    """The process and all below it."""
    parents = {}
    for path in glob.glob("/proc/[0-9]*/stat"):
        with contextlib.suppress(OSError):
            with open(path) as f:
                text = f.read()
            fields = text.rsplit(")", 1)[1].split()
            parents.setdefault(int(fields[1]), []).append(int(text.split()[0]))
    found = [pid]
    for p in found:
        found += parents.get(p, [])
    return found


def cpu_of(pid):
    total = 0
    with contextlib.suppress(OSError):
        for path in glob.glob("/proc/%d/task/*/schedstat" % pid):
            with open(path) as f:
                total += int(f.read().split()[0])
    if total == 0:
        with open("/proc/%d/stat" % pid) as f:
            fields = f.read().rsplit(")", 1)[1].split()
        total = (int(fields[11]) + int(fields[12])) * 1_000_000_000 // TICKS
    return total / 1e3


def cpu_us(pids):
    return sum(cpu_of(pid) for pid in pids)


def pss_mib(pids):
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            with open("/proc/%d/smaps_rollup" % pid) as f:
                total += int(re.search(r"^Pss:\s+(\d+)", f.read(), re.M)[1])
    return total / 1024


def role(pid):
    """"main", "worker", "runner"."""
    with open("/proc/%d/cmdline" % pid) as f:
        argv = f.read().split("\0")
    return argv[argv.index("--role") + 1] if "--role" in argv else "main"


def end(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def until(what, probe, limit=30.0, every=0.02):
    stop = time.monotonic() + limit
    while not probe():
        if time.monotonic() > stop:
            raise SystemExit("waited %g s for %s" % (limit, what))
        time.sleep(every)


# --------------------------------------------------------------- servers ---

NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
worker_rlimit_nofile 65536;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    keepalive_requests 10000000;
    keepalive_timeout 75s;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
{listen}
        location / {{ return 200 "ok\\n"; }}
        location = /status {{ stub_status; }}
    }}
}}
"""


@contextlib.contextmanager
def nginx(folder):
    """Its port. A free one may be taken by another in between: once more."""
    program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    if program is None:
        raise SystemExit("nginx is not installed: ./dev deps test")
    for _ in range(3):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        conf = os.path.join(folder, "nginx.conf")
        with open(conf, "w") as f:
            f.write(NGINX.format(folder=folder, listen="\n".join(
                "        listen %s:%d backlog=1024;" % (host(i), port)
                for i in range(HOSTS))))
        process = subprocess.Popen([program, "-e", folder + "/error.log", "-p",
                                    folder, "-c", conf],
                                   stdin=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                requests(port)
                break
            except OSError:
                time.sleep(0.05)
        if process.poll() is None:
            break
    try:
        yield port
    finally:
        end(process)


def requests(port):
    """Requests that nginx has had, this question left out."""
    with urllib.request.urlopen("http://127.0.0.1:%d/status" % port) as r:
        text = r.read().decode()
    requests.asked = getattr(requests, "asked", {})
    asked = requests.asked[port] = requests.asked.get(port, 0) + 1
    return int(text.split()[9]) - asked


class Target:
    """bench_target: notes when it was asked for what."""

    GOOD, FAIL, HANG = 0, 1, 2

    def __init__(self, folder):
        self.log = os.path.join(folder, "arrivals")
        self.process = subprocess.Popen([bench("target"), self.log],
                                        stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())

    def set(self, name, mode):
        url = "http://127.0.0.1:%d/set/%d/%d" % (self.port, name, mode)
        urllib.request.urlopen(url).close()

    def size(self):
        return os.path.getsize(self.log)

    def quiet(self):
        """Waits until the rush of first probes is over, by the log's growth."""
        for _ in range(60):
            before = self.size()
            time.sleep(2)
            if self.size() - before < 40000:
                return
        raise AssertionError("the rush of first probes has no end")

    def arrivals(self):
        """(monotonic ns, wall ns, check, status) of each request so far."""
        with open(self.log) as f:
            lines = f.read().splitlines(True)
        return [tuple(map(int, line.split())) for line in lines
                if line.endswith("\n")]

    def close(self):
        end(self.process)


# ---------------------------------------------------------------- relevo ---

def host(i):
    """Checks are spread over targets, and a target over checks."""
    return "127.0.0.%d" % (1 + i % HOSTS)


def checks(port, n, interval, alone=(), also=""):
    """Those of `alone` have a target each; `also` is said of all."""
    lines = ["  c%d = { url = \"http://%s:%d/c/%d\"; };"
             % (i, "127.0.1.%d" % (1 + alone.index(i)) if i in alone
                else host(i), port, i) for i in range(n)]
    return ("defaults = { interval = \"%s\"; timeout = \"5s\"; "
            "expect = [\"status == 200\"]; %s};\nchecks = {\n%s\n};\n"
            % (interval, also, "\n".join(lines)))


class Relevo:
    def __init__(self, folder, config):
        self.folder = folder
        self.state = os.path.join(folder, "state")
        self.config = os.path.join(folder, "relevo.cfg")
        self.process = None
        self.write(config)

    def write(self, config):
        with open(self.config + ".new", "w") as f:
            f.write("state_dir = \"%s\";\n%s" % (self.state, config))
        os.rename(self.config + ".new", self.config)

    def start(self):
        env = {k: v for k, v in os.environ.items()
               if k not in ("RELEVO_CONFIG", "RELEVO_STATE_DIR")}
        env["RELEVO_WEB"] = "127.0.0.1:0"  # beside others on the machine
        env["RELEVO_DUMPABLE"] = "1"  # its memory is measured, not only by root
        self.out = open(os.path.join(self.folder, "out.log"), "ab")
        self.started_ns = time.monotonic_ns()
        self.process = subprocess.Popen(
            [PROGRAM, "-c", self.config, "run"], stdin=subprocess.DEVNULL,
            stdout=self.out, stderr=subprocess.STDOUT, env=env)
        return self

    def watching(self):
        """Waits until the watch has begun."""
        until("relevo to watch", lambda: self.process.poll() is not None or
              os.path.exists(os.path.join(self.state, "control.sock")))
        if self.process.poll() is not None:
            with open(self.out.name) as f:
                raise SystemExit("relevo ended: " + f.read())

    def pids(self):
        return tree(self.process.pid)

    def stop(self):
        if self.process is not None:
            end(self.process)
            self.process = None
            self.out.close()

    def forget(self):
        shutil.rmtree(self.state, ignore_errors=True)

    def sql(self, query):
        done = subprocess.run(
            ["sqlite3", "-readonly", "-batch",
             os.path.join(self.state, "history.db"), query],
            stdout=subprocess.PIPE, check=True)
        return [line.split("|") for line in done.stdout.decode().splitlines()]


@contextlib.contextmanager
def folder():
    path = tempfile.mkdtemp(prefix="relevo-bench-")
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
