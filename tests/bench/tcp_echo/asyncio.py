"""W9: a TCP server that sends back what it is sent, 50 connections.

SPDX-License-Identifier: MIT
"""
import os
import socket
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).parent.parent / "support")  # not this directory: it has an asyncio.py, this file
import asyncio

import measure

CONNECTIONS = 50


def client(port, ops):
    """As echo_client.hpp does it."""
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
    for s in sockets:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    done = 0
    while done < ops:
        now = sockets[: ops - done]
        for i, s in enumerate(now):
            s.sendall(bytes([(done + i) % 256]) * 64)
        for i, s in enumerate(now):
            if s.recv(64, socket.MSG_WAITALL) != bytes([(done + i) % 256]) * 64:
                return 1
        done += len(now)
    return 0


async def serve(ops):
    ended = 0
    all_ended = asyncio.Event()

    async def echo(reader, writer):
        nonlocal ended
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()
        writer.close()
        ended += 1
        if ended == CONNECTIONS:
            all_ended.set()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    child = os.fork()
    if child == 0:
        os._exit(client(server.sockets[0].getsockname()[1], ops))
    await all_ended.wait()
    server.close()
    return os.waitpid(child, 0)[1] == 0


m = measure.Meter()
m.begin()
content = m.run(serve(m.ops))
m.end()
m.report(content)
