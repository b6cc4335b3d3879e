#!/usr/bin/python3
"""A way that messages take, on real servers: who publishes, a Redis, a gateway
that subscribes to it, and clients of WebSocket; and the checks that watch it.

    with RealTime() as way:
        way.checks()                    # for a configuration
        way.redis.pause(); way.redis.go_on(); way.redis.kill()
        way.gateway.lose_subscription(); way.gateway.subscribe_again()

Used by tests/e2e, `./dev demo` and, through dev_servers.py, `./dev run`.
"""
import contextlib
import signal

import founding
import gateway

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
