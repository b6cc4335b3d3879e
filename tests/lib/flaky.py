"""HTTP targets that change their mind: each on an address of its own.

    with Flaky(20, chance=0.03) as flaky:
        flaky.targets      →  ["127.0.0.2:40001", …]
        flaky.settle()     from now on all are well

Each answer is 200 or, after a target has changed its mind, 503 until it does
so again; `delay` makes all of them slow. One thread serves all."""
import asyncio
import random
import threading
import time


class Flaky:
    def __init__(self, count, chance, seed=1, delay=0):
        self.random = random.Random(seed)
        self.chance = chance
        self.bad = [False] * count
        self.delay = delay  # seconds before each answer
        self.body = b"ok"  # of a bad one
        self.requests = 0
        self.seen = [[] for _ in range(count)]
        self.targets = []
        self.servers = []
        self.loop = asyncio.new_event_loop()
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        self.ready.wait(10)

    def settle(self):
        self.chance = 0
        self.bad = [False] * len(self.bad)

    def _status(self, i):
        self.requests += 1
        self.seen[i].append(time.monotonic())
        if self.random.random() < self.chance:
            self.bad[i] = not self.bad[i]
        return b"503 Service Unavailable" if self.bad[i] else b"200 OK"

    async def _serve(self, i, reader, writer):
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                status = self._status(i)
                body = self.body if self.bad[i] else b"ok"
                if self.delay:
                    await asyncio.sleep(self.delay)
                writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s"
                             % (status, len(body), body))
                await writer.drain()
        except (OSError, EOFError, asyncio.IncompleteReadError,
                asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _listen(self):
        for i in range(len(self.bad)):
            def client(reader, writer, i=i):
                return self._serve(i, reader, writer)
            server = await asyncio.start_server(
                client, "127.0.0.%d" % (i + 2), 0, backlog=256)
            self.servers.append(server)
            self.targets.append(
                "%s:%d" % server.sockets[0].getsockname()[:2])
        self.ready.set()

    def _run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self._listen())
        self.loop.run_forever()
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()

    def _end(self):
        for server in self.servers:
            server.close()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.call_soon(self.loop.stop)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self._end)
        self.thread.join(5)
        self.loop.close()
