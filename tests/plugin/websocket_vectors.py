#!/usr/bin/python3
"""All cases of Autobahn's test suite for clients, sent as exact bytes.

shared/vectors/websocket holds what a hostile server sends, and how a strict
client must end. One peer speaks all of them, each at a path of its own; all
checks run in one `relevo test`, so that it takes seconds. For each case three
things are looked at: the messages that the client took, the close that it
sent, and the pongs.

    websocket_vectors.py [ID…]

Skips (77) where the vectors are absent.
"""
import asyncio
import json
import os
import socket
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import vectors  # noqa: E402
from probe import literal  # noqa: E402
from wsframes import CLOSE, PONG, TEXT, close, frame, upgrade  # noqa: E402

PAUSE_S = 0.05  # what the suite calls a second


def bytes_of(op):
    if op["op"] == "send":
        return bytes.fromhex(op["hex"])
    unit = op["repeat"].encode("utf-8" if op["opcode"] == TEXT else "latin-1")
    payload = (unit * (op["len"] // len(unit) + 1))[:op["len"]]
    return frame(op["opcode"], payload, op["fin"], op["rsv"])


class Conn:
    """A bare socket: what came before a reset can still be read from it."""

    def __init__(self, sock):
        self.sock = sock
        self.loop = asyncio.get_running_loop()
        self.buffer = b""

    async def more(self):
        piece = await self.loop.sock_recv(self.sock, 65536)
        if not piece:
            raise EOFError
        self.buffer += piece

    async def exactly(self, n):
        while len(self.buffer) < n:
            await self.more()
        out, self.buffer = self.buffer[:n], self.buffer[n:]
        return out

    async def head(self):
        while b"\r\n\r\n" not in self.buffer:
            await self.more()
        out, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        return out

    async def send(self, data):
        await self.loop.sock_sendall(self.sock, data)


async def client_frames(conn, seen):
    """What the client sends: masked frames, or it is noted as broken."""
    while True:
        head = await conn.exactly(2)
        n = head[1] & 127
        if n >= 126:
            n = int.from_bytes(await conn.exactly(2 if n == 126 else 8), "big")
        if not head[1] & 128:
            seen["broken"] = "a frame without a mask"
            return
        mask = await conn.exactly(4)
        data = await conn.exactly(n)
        data = bytes(b ^ mask[i % 4] for i, b in enumerate(data))
        opcode = head[0] & 15
        if opcode == PONG:
            seen["pongs"].append(data)
        elif opcode == CLOSE:
            seen["close"] = int.from_bytes(data[:2], "big") if n else None
            return


async def speak(case, conn, seen):
    for op in case["ops"]:
        if "close" in seen:
            return
        if op["op"] in ("send", "frame_gen"):
            data = bytes_of(op)
            chop = op.get("chop") or len(data) or 1
            for at in range(0, len(data), chop):
                await conn.send(data[at:at + chop])
        elif op["op"] == "wait":
            await asyncio.sleep(PAUSE_S)
    await asyncio.sleep(PAUSE_S)
    if "close" not in seen:
        await conn.send(close(1000))


class Peer:
    def __init__(self, cases):
        self.cases = {case["id"]: case for case in cases}
        self.seen = {case["id"]: {"pongs": []} for case in cases}

    async def serve(self, sock):
        conn = Conn(sock)
        head = await conn.head()
        name = head.split()[1].decode().strip("/")
        await conn.send(upgrade(head))
        seen = self.seen[name]
        with sock:
            reading = asyncio.ensure_future(client_frames(conn, seen))
            try:
                await speak(self.cases[name], conn, seen)
            except OSError:
                pass  # it has ended already: what did it say?
            await asyncio.wait([reading], timeout=20)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def listen(self, sock):
        loop = asyncio.get_running_loop()
        tasks = []
        while True:
            other, _ = await loop.sock_accept(sock)
            other.setblocking(False)
            tasks.append(asyncio.ensure_future(self.serve(other)))


# --------------------------------------------------------------- wanted ---

def expected(case, sort):
    """What comes of the case, of one sort: message, pong."""
    return [m for m in next(iter(case["expected"].values()), [])
            if m[0] == sort]


def unmangled(text):
    """The suite writes most texts byte by byte, some as they are."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def receive(message, others):
    """A step that takes this message; others: whether any may come before."""
    _, text, binary = message
    if text.endswith(" bytes>"):  # a long one, not written out
        return {"receive_any": "true"}
    if binary:
        step = {"receive_hex": text.encode("latin-1").hex()}
    elif text.isascii() and text.isprintable():
        step = {"receive": text}
    else:
        step = {"receive_regex": "^%s$" % "".join(
            "\\x{%x}" % ord(c) for c in unmangled(text))}
    return dict(step, ignore_others=others)


def check_of(case, port):
    """Receives all messages, then waits for the end of the connection."""
    return {"url": "ws://127.0.0.1:%d/%s" % (port, case["id"]),
            "max_message": "32MiB", "timeout": "60s",
            "steps": [receive(m, "true" if case["id"] == "7.1.6" else "false")
                      for m in expected(case, "message")] +
                     [{"expect_close": "true"}]}


def config(cases, port, folder):
    lines = ["state_dir = %s;" % literal(os.path.join(folder, "state")),
             "checks = {"]
    for case in cases:
        check = check_of(case, port)
        lines.append("  c%s = %s;" % (case["id"].replace(".", "-"),
                                      literal(check)))
    path = os.path.join(folder, "relevo.cfg")
    with open(path, "w") as f:
        f.write("\n".join(lines + ["};", ""]))
    return path


async def probe_all(cases, folder):
    peer = Peer(cases)
    server = socket.create_server(("127.0.0.1", 0), backlog=1000)
    server.setblocking(False)
    port = server.getsockname()[1]
    listening = asyncio.ensure_future(peer.listen(server))
    results = await vectors.results(config(cases, port, folder))
    listening.cancel()
    server.close()
    return peer.seen, results


def flaw(case, seen, result):
    """None, or what is wrong with how the client ended."""
    codes = case["expectedClose"]["closeCode"]
    if "broken" in seen:
        return seen["broken"]
    if seen.get("close", "none") not in codes and not (
            seen.get("close", 0) is None and case["id"] == "7.3.1"):
        # (a close without a code is answered by one without)
        return "closed with %s, wanted one of %s" % (seen.get("close", "none"),
                                                     codes)
    wanted = [m[1].encode("latin-1") for m in expected(case, "pong")]
    if wanted and seen["pongs"] != wanted:
        return "pongs %s, wanted %s" % (seen["pongs"], wanted)
    # Where either will do, the outcome must be that of the close sent.
    violation = seen.get("close") == 1002 and codes != [1000, 1002] or (
        1000 not in codes)
    outcome = "fail" if violation else "ok"
    if result["outcome"] != outcome:
        return "%s, wanted %s: %s" % (result["outcome"], outcome,
                                      result["message"])
    if violation and (result["fault"] != "protocol" or
                      result["code"] != str(seen["close"])):
        return "fault %s %s" % (result["fault"], result["code"])
    return None


def main():
    path = vectors.find("websocket/autobahn_server_frames.json")
    if not path:
        return 77
    with open(path) as f:
        cases = json.load(f)
    if sys.argv[1:]:
        cases = [case for case in cases if case["id"] in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as folder:
        seen, results = asyncio.run(probe_all(cases, folder))
    bad = 0
    for case in cases:
        name = case["id"]
        what = flaw(case, seen[name], results["c" + name.replace(".", "-")])
        if what:
            bad += 1
            print("FAIL %s: %s\n     %s" % (name, what, case["description"]))
    print("%d of %d cases end as they must" % (len(cases) - bad, len(cases)))
    return 1 if bad or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
