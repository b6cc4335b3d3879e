"""A real nginx in a folder of its own, on ports that were free.

    with Nginx(folder, servers) as web: ... web.ports["http"] ...

servers is configuration text in which @name@ stands for a port; each name gets
one port. Where another process was quicker to take it, all is tried again.
"""
import os
import re
import shutil
import socket
import subprocess
import time

CONF = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    default_type text/plain;
{servers}
}}
"""


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def find():
    return shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin:/sbin")


class Nginx:
    def __init__(self, folder, servers):
        self.folder = os.path.join(folder, "nginx")
        self.servers = servers
        self.process = None
        os.mkdir(self.folder)

    def _start(self):
        names = sorted(set(re.findall(r"@(\w+)@", self.servers)))
        self.ports = {name: free_port() for name in names}
        text = self.servers
        for name, port in self.ports.items():
            text = text.replace("@%s@" % name, str(port))
        with open(os.path.join(self.folder, "nginx.conf"), "w") as f:
            f.write(CONF.format(folder=self.folder, servers=text))
        self._spawn()

    def _spawn(self):
        self.process = subprocess.Popen(
            [find(), "-e", os.path.join(self.folder, "error.log"), "-p",
             self.folder, "-c", os.path.join(self.folder, "nginx.conf")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    def _answers(self):
        for _ in range(200):
            if self.process.poll() is not None:
                return False
            try:
                for port in self.ports.values():
                    socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            except OSError:
                time.sleep(0.05)
        return False

    def __enter__(self):
        for _ in range(3):
            self._start()
            if self._answers():
                return self
            self.__exit__()
        with open(os.path.join(self.folder, "error.log")) as f:
            raise RuntimeError("nginx does not start: " + f.read()[-800:])

    def kill(self):
        """As kill -9: from now on its ports refuse."""
        self.process.kill()
        self.process.wait()

    def start_again(self):
        """On the ports that it had."""
        self._spawn()
        if not self._answers():
            raise RuntimeError("nginx does not start again")

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
