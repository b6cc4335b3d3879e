"""What `./dev run` watches beside its nginx: a PostgreSQL with a backup, a Redis,
a gateway, and a job that makes the backup anew as a cron job would, and reports
itself by `relevo beat`. Writes the ports and the folder of the database, then
serves until it is told to end, or its parent has. Files in the folder break them,
as long as they are there.

    dev_servers.py FOLDER RELEVO REDIS_PORT GATEWAY_PORT     # where these are free
"""
import contextlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time

import pg
from founding import free_port, socket
from realtime import RealTime


@contextlib.contextmanager
def database():
    """In a folder that the server's user can enter, and short enough for the
    name of a socket, which the tree's may not be."""
    with tempfile.TemporaryDirectory(prefix="relevo-db-") as folder, \
            pg.Postgres(folder) as server:
        server.dump(os.path.join(folder, "backups"), "db.dump")
        yield server


class Cron:
    """Every 20 seconds the backup is made anew, by the command that a crontab
    would have; suspended, the job just does not run."""

    FIRST_S, EVERY_S = 4, 20

    def __init__(self, relevo, config, db):
        new = os.path.join(db.where, "backups", "db.dump.new")
        self.command = [relevo, "-c", config, "beat", "backup", "--", "sh", "-c",
                        "%s -w -h 127.0.0.1 -p %d -U postgres -Fc -f %s && mv %s %s" % (
                            shlex.quote(pg.find("pg_dump")), db.port,
                            shlex.quote(new), shlex.quote(new),
                            shlex.quote(new[:-len(".new")]))]
        self.suspended, self.over = False, threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        wait = self.FIRST_S
        while not self.over.wait(wait):
            wait = self.EVERY_S
            if not self.suspended:
                subprocess.run(self.command, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=sys.stderr,
                               check=False)

    def suspend(self):
        self.suspended = True

    def go_on(self):
        self.suspended = False

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join(60)


def ways_to_break(db, way, cron):
    """File → what it does, and what undoes that."""
    return {"db-down": (db.kill, db.again),
            "backup-stops": (cron.suspend, cron.go_on),
            "redis-paused": (way.redis.pause, way.redis.go_on),
            "redis-down": (way.redis.kill, way.redis.start),
            "gateway-deaf": (way.gateway.lose_subscription,
                             way.gateway.subscribe_again)}


def follow_files(ways, folder):
    """Until whoever has started us is gone."""
    broken, parent = {}, os.getppid()
    while os.getppid() == parent:
        for name, acts in ways.items():
            there = os.path.exists(os.path.join(folder, name))
            if there != broken.get(name, False):
                broken[name] = there
                acts[0 if there else 1]()
        time.sleep(0.1)


def free_or_other(port):
    """That one, if nobody has it."""
    with contextlib.suppress(OSError, OverflowError), \
            contextlib.closing(socket.create_server(("127.0.0.1", port))):
        return port
    return free_port()


def main(folder, relevo, redis_port, gateway_port):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with database() as db, RealTime(free_or_other(int(redis_port)),
                                    free_or_other(int(gateway_port))) as way, \
            Cron(relevo, os.path.join(folder, "relevo.cfg"), db) as cron:
        print("%d" % db.port, "%(redis)d %(gateway)d" % way.ports(), db.where,
              flush=True)
        follow_files(ways_to_break(db, way, cron), folder)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit("usage: dev_servers.py FOLDER RELEVO REDIS_PORT GATEWAY_PORT")
    with contextlib.suppress(KeyboardInterrupt):
        main(*sys.argv[1:])
