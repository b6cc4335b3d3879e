#!/usr/bin/python3
"""A way that messages take, on real servers: who publishes, a Redis, a gateway
that subscribes to it, and clients of WebSocket; and the checks that watch it.

    with RealTime() as way:
        way.checks()                    # for a configuration
        way.redis.pause(); way.redis.go_on(); way.redis.kill()
        way.gateway.lose_subscription(); way.gateway.subscribe_again()

As a program it is what `./dev run` watches: it writes both ports and serves until it
is told to end, or its parent has. Files in the folder break it, as long
as they are there.

    realtime.py FOLDER REDIS_PORT GATEWAY_PORT     # where these are free
"""
import contextlib
import os
import signal
import sys
import time

import founding
import gateway
from founding import free_port

CHANNEL = "events"
# Beside the journey each part is watched alone, so that a fault has one place.
CHECKS = """
  cache   = { %(more)surl = "redis://127.0.0.1:%(redis)d"; timeout = "1s"; };
  gateway = { %(more)surl = "ws://127.0.0.1:%(gateway)d/live"; timeout = "1s"; };
  live    = { %(more)surl = "ws://127.0.0.1:%(gateway)d/live"; timeout = "2s"; title = "From PUBLISH to the client";
              steps = ( { send_json = "{\\"subscribe\\": \\"events\\"}"; }, { receive_contains = "subscribed"; within = "1s"; } );
              trigger = "publish"; depends_on = ["cache", "gateway"]; };
  publish = { %(more)surl = "redis://127.0.0.1:%(redis)d"; timeout = "1s"; schedule = "manual";
              operations = ["publish"]; channel = "events"; message = "{{nonce}}"; allow_write = true; };
"""


class Redis(founding.Redis):
    """One that can also hang: its port takes connections, nobody answers."""

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)


class RealTime:
    def __init__(self, redis_port=None, gateway_port=None):
        self.redis = Redis()
        self.redis.port = redis_port or self.redis.port
        self.gateway = gateway.Gateway(self.redis.port, CHANNEL, gateway_port)

    @staticmethod
    def missing():
        return "" if founding.Redis.find() else "redis-server"

    def ports(self):
        return {"redis": self.redis.port, "gateway": self.gateway.port}

    def checks(self, more=""):
        """For a configuration; more: options that all of them have."""
        return CHECKS % dict(self.ports(), more=more)

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            stack.callback(self.redis.close)
            self.redis.start()
            stack.enter_context(self.gateway)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()


# ---------------------------------------------------------------- program ---

def ways_to_break(way):
    """File → what it does, and what undoes that."""
    return {"redis-paused": (way.redis.pause, way.redis.go_on),
            "redis-down": (way.redis.kill, way.redis.start),
            "gateway-deaf": (way.gateway.lose_subscription,
                             way.gateway.subscribe_again)}


def follow_files(way, folder):
    """Until whoever has started us is gone."""
    ways, broken, parent = ways_to_break(way), {}, os.getppid()
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
            contextlib.closing(founding.socket.create_server(
                ("127.0.0.1", port))):
        return port
    return free_port()


def main(folder, redis_port, gateway_port):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with RealTime(free_or_other(int(redis_port)),
                  free_or_other(int(gateway_port))) as way:
        print("%(redis)d %(gateway)d" % way.ports(), flush=True)
        follow_files(way, folder)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: realtime.py FOLDER REDIS_PORT GATEWAY_PORT")
    with contextlib.suppress(KeyboardInterrupt):
        main(*sys.argv[1:])
