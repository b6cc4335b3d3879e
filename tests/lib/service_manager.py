"""A stand-in for a service manager: the socket that sd_notify talks to.

    with ServiceManager(folder) as manager:
        watch = Watch(folder, config, env=manager.env(watchdog=2.0))
        manager.wait("READY")
"""
import os
import socket
import threading
import time

from watch import until


class ServiceManager:
    def __init__(self, folder, abstract=False):
        name = "relevo-test-%d-%d" % (os.getpid(), time.monotonic_ns())
        self.name = "@" + name if abstract else os.path.join(folder, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + name if abstract else self.name)
        self.heard = []  # (when, {name: value}), oldest first
        self.thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.close()

    def _listen(self):
        while True:
            packet = self.socket.recv(4096)
            if not packet:
                return
            lines = packet.decode().splitlines()
            self.heard.append((time.monotonic(),
                               dict(line.split("=", 1) for line in lines)))

    def env(self, watchdog=None):
        env = {"NOTIFY_SOCKET": self.name}
        if watchdog:
            env["WATCHDOG_USEC"] = str(int(watchdog * 1e6))
        return env

    def all(self, name, since=0.0):
        return [said for at, said in list(self.heard)
                if at >= since and name in said]

    def wait(self, name, since=0.0):
        return until("the manager to hear " + name,
                     lambda: self.all(name, since))[0]

    def silent_for(self, seconds, name="WATCHDOG"):
        """Waits until that has not been said for so long."""
        def silent():
            spoken = [at for at, said in list(self.heard) if name in said]
            return spoken and time.monotonic() - spoken[-1] > seconds
        until("%g s without %s" % (seconds, name), silent, 60)
