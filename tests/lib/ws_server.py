#!/usr/bin/python3
"""A real WebSocket server on python3-websockets, for tests: it echoes.

ws_server.py [CERT KEY] prints its port, and serves until stdin ends. It lives
by what the client sends: "close CODE REASON" closes, "ping" pings, "who" asks
for the Authorization header, "to all TEXT" goes to every client, "ticks" begins
a numbered message each 20 ms, anything else comes back.
"""
import asyncio
import contextlib
import datetime
import http
import json
import ssl
import sys

import websockets

clients = set()


async def tick(client):
    for number in range(1000):
        if client.closed:
            return
        at = datetime.datetime.now(datetime.timezone.utc).isoformat()
        with contextlib.suppress(websockets.ConnectionClosed):
            await client.send(json.dumps({"seq": number, "at": at}))
        await asyncio.sleep(0.02)


async def obey(client, message):
    if isinstance(message, bytes):
        await client.send(message)
    elif message.startswith("close "):
        _, code, reason = (message + " ").split(" ", 2)
        await client.close(int(code), reason.strip())
    elif message == "ping":
        await client.ping(b"from the server")
    elif message == "who":
        await client.send(client.request_headers.get("Authorization",
                                                     "nobody"))
    elif message.startswith("to all "):
        websockets.broadcast(clients, message[7:])
    elif message == "ticks":
        asyncio.ensure_future(tick(client))
    else:
        await client.send(message)


async def serve(client):
    clients.add(client)
    try:
        async for message in client:
            await obey(client, message)
    except websockets.ConnectionClosed:
        pass  # as was asked for
    finally:
        clients.remove(client)


async def gate(_, headers):
    if headers.get("Origin") == "https://evil.example.com":
        return http.HTTPStatus.FORBIDDEN, [], b"origin not allowed\n"
    return None


async def main():
    tls = None
    if len(sys.argv) > 2:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(sys.argv[1], sys.argv[2])
    async with websockets.serve(serve, "127.0.0.1", 0, ssl=tls,
                                subprotocols=["chat.v2"],
                                process_request=gate) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
