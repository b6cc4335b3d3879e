"""WebSocket as bytes: what a server of tests says, well or badly formed.

    conn.read_request(); conn.send(upgrade(conn.request) + text("hello"))
"""
import base64
import hashlib

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def header(request, name):
    """A header's value in the bytes of a request; b"" where it is missing."""
    for line in request.split(b"\r\n"):
        key, _, value = line.partition(b":")
        if key.strip().lower() == name.lower().encode():
            return value.strip()
    return b""


def accept(request):
    key = header(request, "sec-websocket-key")
    return base64.b64encode(hashlib.sha1(key + GUID).digest())


def upgrade(request, *headers):
    """The answer that lets a client in; more headers as bytes."""
    lines = [b"HTTP/1.1 101 Switching Protocols", b"Upgrade: websocket",
             b"Connection: Upgrade", b"Sec-WebSocket-Accept: " +
             accept(request), *headers, b"", b""]
    return b"\r\n".join(lines)


def frame(opcode, payload, fin=1, rsv=0, mask=None):
    head = bytes([fin << 7 | rsv << 4 | opcode])
    n, bit = len(payload), 0 if mask is None else 128
    if n < 126:
        head += bytes([bit | n])
    elif n < 65536:
        head += bytes([bit | 126]) + n.to_bytes(2, "big")
    else:
        head += bytes([bit | 127]) + n.to_bytes(8, "big")
    if mask is not None:
        payload = mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
    return head + payload


def text(words):
    return frame(TEXT, words.encode())


def close(code, reason=""):
    return frame(CLOSE, code.to_bytes(2, "big") + reason.encode())
