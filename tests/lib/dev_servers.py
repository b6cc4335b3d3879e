"""The servers that `./dev run` watches beside its nginx: a PostgreSQL with a
backup, a Redis, a gateway. Writes their ports and the folder of the database,
then serves until it is told to end, or its parent has. Files in the folder break
them, as long as they are there.

    dev_servers.py FOLDER REDIS_PORT GATEWAY_PORT     # where these are free
"""
import contextlib
import os
import signal
import sys
import tempfile
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


def ways_to_break(db, way):
    """File → what it does, and what undoes that."""
    return {"db-down": (db.kill, db.again),
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


def main(folder, redis_port, gateway_port):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with database() as db, RealTime(free_or_other(int(redis_port)),
                                    free_or_other(int(gateway_port))) as way:
        print("%d" % db.port, "%(redis)d %(gateway)d" % way.ports(), db.where,
              flush=True)
        follow_files(ways_to_break(db, way), folder)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: dev_servers.py FOLDER REDIS_PORT GATEWAY_PORT")
    with contextlib.suppress(KeyboardInterrupt):
        main(*sys.argv[1:])
