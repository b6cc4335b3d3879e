"""What the http, the redis, the postgres and the websocket plugin themselves cost:
their probes in the least host there is (bench_plugin), beside a bare program that
does the same: libcurl's multi interface; hiredis' asynchronous one; libpq's; the plugins' own stream,
without the plugin."""
import json
import os
import subprocess
import sys

import conditions
from figures import figure, say
from measure import BUILD, bench, folder, nginx

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import pg  # noqa: E402
import redis_server  # noqa: E402

COUNT, RATE, IN_FLIGHT = 4000, 2000, 32


def spent(program, *args):
    """Microseconds of CPU a probe; all of them must have been good."""
    done = subprocess.run([bench(program), *map(str, args)],
                          stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)["cpu_us"]


def plugin(name, count, rate, *settings):
    path = os.path.join(os.path.abspath(BUILD), "plugins", name + ".so")
    return spent("plugin", path, count, IN_FLIGHT, rate, *settings)


def tell(name, rounds):
    figure(name + ".ratio", [r[0] / r[1] for r in rounds])
    figure(name + ".each", [r[0] for r in rounds], "µs a probe")
    figure(name + ".floor", [r[1] for r in rounds], "µs a probe")
    say("%s: %s" % (name, rounds))


def http(how_often):
    """One GET, on a new connection and on a kept one."""
    new, kept = [], []
    with folder() as place, nginx(place) as port:
        url = "http://127.0.0.1:%d/c/1" % port
        for _ in range(how_often):
            conditions.settle()
            for mode, rounds in (("new", new), ("keep", kept)):
                own = plugin("http", COUNT, RATE, "url=" + url, "keep_alive=" +
                             ("true" if mode == "keep" else "false"))
                rounds.append((own, spent("curl_multi", url, COUNT, IN_FLIGHT,
                                          RATE, mode)))
    tell("http.new", new)
    tell("http.kept", kept)


def redis(how_often):
    """One PING, on a new connection and on a kept one."""
    new, kept = [], []
    with folder() as place, redis_server.Redis(place) as server:
        url = "url=redis://127.0.0.1:%d" % server.port
        for _ in range(how_often):
            conditions.settle()
            for mode, rounds in (("new", new), ("keep", kept)):
                own = plugin("redis", COUNT, RATE, url, "pings=1",
                             "client_name=", "keep_alive=" +
                             ("true" if mode == "keep" else "false"))
                rounds.append((own, spent("redis_async", server.port, COUNT,
                                          IN_FLIGHT, RATE, mode)))
    tell("redis.new", new)
    tell("redis.kept", kept)


def postgres(how_often):
    """SELECT 1, in a new session (the server forks for each) and in a kept
    one; without a password, TLS or GSSAPI on either side."""
    new, kept = [], []
    with folder() as place, pg.Postgres(place, "max_connections = 100") as server:
        conninfo = "host=127.0.0.1 port=%d user=postgres sslmode=disable " \
            "gssencmode=disable" % server.port
        for _ in range(how_often):
            conditions.settle()
            for mode, rounds, count, rate in (
                    ("new", new, COUNT // 8, RATE // 20),
                    ("keep", kept, COUNT, RATE)):
                own = plugin("postgres", count, rate, "url=" + server.url() +
                             "?sslmode=disable", "keep_connection=" +
                             ("true" if mode == "keep" else "false"))
                rounds.append((own, spent("libpq_async", conninfo, count,
                                          IN_FLIGHT, rate, mode)))
    tell("postgres.new", new)
    tell("postgres.kept", kept)


GATEWAY = """
import asyncio, websockets
async def echo(socket, path):
    async for message in socket:
        await socket.send(message)
async def main():
    server = await websockets.serve(echo, "127.0.0.1", 0, compression=None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Future()
asyncio.run(main())
"""


def websocket(how_often):
    """A connection, the upgrade, one message echoed, the close."""
    rounds, count, rate = [], COUNT // 4, RATE // 4
    gateway = subprocess.Popen(["/usr/bin/python3", "-c", GATEWAY],
                               stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
    try:
        port = int(gateway.stdout.readline())
        for _ in range(how_often):
            conditions.settle()
            own = plugin("websocket", count, rate,
                         "url=ws://127.0.0.1:%d/" % port,
                         "steps={send=hello}{receive=hello}")
            rounds.append((own, spent("stream", port, count, IN_FLIGHT, rate)))
    finally:
        gateway.kill()
        gateway.wait()
    tell("websocket", rounds)
