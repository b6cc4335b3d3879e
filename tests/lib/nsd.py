"""A real DNS server for tests: Debian's nsd with zones of its own, on a port of
its own.

    with Nsd(folder, {"example.test": ZONE}) as server:
        ... server.port ...

A zone whose text is None has no file: the server answers SERVFAIL for it.
"""
import os
import shutil
import socket
import subprocess
import tempfile
import time

PROGRAM = shutil.which("nsd", path=os.environ.get("PATH", "") + ":/usr/sbin")

CONF = """
server:
  ip-address: 127.0.0.1
  ip-address: ::1
  port: {port}
  username: ""
  zonesdir: "{folder}"
  database: ""
  pidfile: "{folder}/pid"
  xfrdfile: "{folder}/xfrd"
  zonelistfile: "{folder}/zones"
  logfile: "{folder}/log"
  server-count: 1
  round-robin: yes
  rrl-ratelimit: 0
remote-control:
  control-enable: no
"""


def free_port():
    """Free for UDP and TCP."""
    while True:
        with socket.socket() as tcp, \
                socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            try:
                udp.bind(tcp.getsockname())
            except OSError:
                continue
            return tcp.getsockname()[1]


class Nsd:
    def __init__(self, folder, zones):
        self.folder = tempfile.mkdtemp(dir=folder)
        self.port = free_port()
        conf = CONF.format(port=self.port, folder=self.folder)
        for name, text in zones.items():
            conf += 'zone:\n  name: "%s"\n  zonefile: "%s.zone"\n' % (name,
                                                                     name)
            if text is not None:
                with open(os.path.join(self.folder, name + ".zone"), "w") as f:
                    f.write(text)
        self.conf = os.path.join(self.folder, "nsd.conf")
        with open(self.conf, "w") as f:
            f.write(conf)

    def __enter__(self):
        self.process = subprocess.Popen(
            [PROGRAM, "-d", "-c", self.conf], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 30
        while time.monotonic() < end and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.02)
        with open(os.path.join(self.folder, "log")) as f:
            raise RuntimeError("nsd does not start: " + f.read())

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
