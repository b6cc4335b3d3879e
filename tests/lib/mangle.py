"""A relay that spoils what a real server answers, from a seed.

    with Relay(target, seed, hosts=["127.0.0.11", "127.0.0.12"]) as relay:
        ... relay.port on each of them, relay.served ...

Each connection is passed on to the real server, and gets the next number; the
number and the seed decide what is done to the answer, and where in it. What a
peer, or a box on the way, may do: bits are flipped, bytes are lost, doubled,
invented, lengths become enormous, the answer breaks off, stops, drips, never
ends. relay.clean = True passes all on as it is.
"""
import asyncio
import random
import re
import socket
import struct
import threading

HUGE = [b"0", b"-1", b"-2", b"1", b"65536", b"2147483648", b"4294967296",
        b"9223372036854775807", b"9223372036854775808", b"1" * 60, b"007",
        b"+3", b"1e9", b"0x10", b" "]


class Break(Exception):
    """The answer goes on no further."""


# Each takes (r, data, at) and returns what becomes of the data.

def flip(r, data, at):
    out = bytearray(data)
    for i in range(at, min(at + r.choice((1, 1, 2, 8)), len(out))):
        out[i] ^= 1 << r.randrange(8)
    return bytes(out)


def put(r, data, at):
    out = bytearray(data)
    out[at] = r.randrange(256)
    return bytes(out)


def lose(r, data, at):
    return data[:at] + data[at + r.choice((1, 2, 7, 60, 1000)):]


def double(r, data, at):
    piece = data[at:at + r.choice((1, 4, 30, 500))]
    return data[:at] + piece * r.choice((2, 2, 3, 50)) + data[at:]


def invent(r, data, at):
    n = r.choice((1, 2, 16, 300))
    return data[:at] + bytes(r.randrange(256) for _ in range(n)) + data[at:]


def number(r, data, at):
    """The next number in the text is another one."""
    found = re.compile(rb"-?\d+").search(data, at)
    if not found:
        return flip(r, data, at)
    return data[:found.start()] + r.choice(HUGE) + data[found.end():]


def line(r, data, at):
    """A line's end is another one, or none."""
    found = data.find(b"\r\n", at)
    if found < 0:
        return lose(r, data, at)
    return data[:found] + r.choice((b"", b"\n", b"\r", b"\0", b"\r\n\r\n")) + \
        data[found + 2:]


def kind(r, data, at):
    """Another type of reply, or of frame, at the beginning of what comes."""
    first = r.choice(b"+-:$*_#,(!=%~>|\x00\x81\x82\x80\x01\x88\x89\x8a\xf1\xff")
    return bytes([first]) + data[1:]


def nest(r, data, at):
    return data[:at] + b"*1\r\n" * r.choice((3, 8, 500, 20000)) + data[at:]


def flood(r, data, at):
    return data[:at] + bytes([r.choice(b"0a*\r\n\x89\x00")]) * 200000 + data[at:]


def huge_frame(r, data, at):
    return data[:at] + b"\x82\x7f" + struct.pack(
        ">Q", r.choice((1 << 63, (1 << 63) - 1, 1 << 32, 70000))) + data[at:]


def control(r, data, at):
    """A frame of control in between: ping, pong, close, some of them broken."""
    frame = r.choice((b"\x89\x00", b"\x8a\x05hello", b"\x88\x02\x03\xe8",
                      b"\x88\x01\x03", b"\x88\x02\x00\x00", b"\x09\x01x",
                      b"\x89\x7e\x00\x80" + b"x" * 128, b"\x80\x03abc",
                      b"\x01\x03abc", b"\xc1\x01x", b"\x81\x81abcdx"))
    return data[:at] + frame * r.choice((1, 1, 3, 2000)) + data[at:]


def message(r, data, at):
    """A message of PostgreSQL in between, and at times very often."""
    body = r.choice((b"", b"\0", b"\0\0\0\0", b"I", b"\0\0\0\x0b" + b"r=x,s=eA==,i=9"
                     b"99999999", b"\0\0\0\x0aSCRAM-SHA-256\0\0", b"\0\0\0\x07",
                     b"\xff\xff", b"\0\1\xff\xff\xff\xff", b"name\0value\0",
                     b"SFATAL\0C57P01\0Mgone\0\0", b"C\0\0", b"x" * 5000))
    size = r.choice((len(body) + 4,) * 4 + (0, 3, 4, 1 << 30, 0x7fffffff,
                                            0xffffffff))
    whole = r.choice(b"RESNAKGHWTDCIsZtv123dcE").to_bytes(1, "big") + \
        struct.pack(">I", size) + body
    return data[:at] + whole * r.choice((1, 1, 2, 3000)) + data[at:]


CHANGES = [flip, flip, put, lose, lose, double, invent, number, number, number,
           line, kind, nest, flood, huge_frame, control, control,
           message, message, message]
ENDS = ["close", "close", "reset", "silence", "drip", None, None, None, None,
        None]


class Spoiler:
    """What is done to the answer of one connection."""

    def __init__(self, r, span):
        self.r = r
        self.places = sorted(int(span * r.random() ** 2)
                             for _ in range(r.choice((1, 1, 2, 5))))
        self.end = r.choice(ENDS)
        self.done = 0

    def spoil(self, data):
        """Returns what is passed on of this piece; the end, if it is there."""
        start, self.done = self.done, self.done + len(data)
        end = None
        while self.places and self.places[0] < self.done:
            at = min(max(self.places.pop(0) - start, 0), max(len(data) - 1, 0))
            if self.end and not self.places:
                end = self.end
                return data if end == "drip" else data[:at], end
            if data:
                data = self.r.choice(CHANGES)(self.r, data, at)
        return data, end


class Relay:
    """target: (host, port), or the path of a unix socket. span: how long the
    server's answer usually is."""

    def __init__(self, target, seed, hosts, span):
        self.target = target
        self.seed = seed
        self.hosts = hosts
        self.span = span
        self.port = None
        self.clean = False
        self.served = 0
        self.ready = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()),
                                       daemon=True)

    async def _open(self):
        if isinstance(self.target, str):
            return await asyncio.open_unix_connection(self.target)
        return await asyncio.open_connection(*self.target)

    async def _pump(self, reader, writer):
        """What the client says goes on as it is."""
        while True:
            data = await reader.read(65536)
            if not data:
                return
            writer.write(data)
            await writer.drain()

    async def _spoil(self, spoiler, reader, writer):
        while True:
            data = await reader.read(65536)
            if not data:
                return
            end = None
            if not self.clean:
                data, end = spoiler.spoil(data)
            if end == "drip":
                for i in range(min(len(data), 200)):
                    writer.write(data[i:i + 1])
                    await writer.drain()
                    await asyncio.sleep(0.001)
                data = data[200:]
            writer.write(data)
            await writer.drain()
            if end in ("close", "reset", "silence"):
                await self._finish(end, writer)

    async def _finish(self, end, writer):
        if end == "silence":
            await asyncio.sleep(60)
        if end == "reset":
            writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Break

    async def _serve(self, reader, writer):
        spoiler = Spoiler(random.Random("%s:%d" % (self.seed, self.served)),
                          self.span)
        self.served += 0 if self.clean else 1
        far_writer = None
        try:
            far_reader, far_writer = await self._open()
            pumps = [asyncio.ensure_future(p) for p in (
                self._pump(reader, far_writer),
                self._spoil(spoiler, far_reader, writer))]
            _, waiting = await asyncio.wait(
                pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in waiting:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        except OSError:
            pass
        finally:
            writer.close()
            if far_writer:
                far_writer.close()

    async def _run(self):
        self.loop = asyncio.get_running_loop()
        self.stop = asyncio.Event()
        server = await asyncio.start_server(self._serve, self.hosts[0], 0)
        self.port = server.sockets[0].getsockname()[1]
        for host in self.hosts[1:]:
            await asyncio.start_server(self._serve, host, self.port)
        self.ready.set()
        await self.stop.wait()

    def __enter__(self):
        self.thread.start()
        if not self.ready.wait(20):
            raise AssertionError("the relay does not start")
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.stop.set)
        self.thread.join(10)
