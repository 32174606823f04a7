"""W6: two tasks send an item there and back over two queues of capacity 1.

SPDX-License-Identifier: MIT
"""
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).parent.parent / "support")  # not this directory: it has an asyncio.py, this file
import asyncio

import measure


async def client(requests, replies, turns):
    total = 0
    for i in range(turns):
        await requests.put(i)
        total += await replies.get()
    return total


async def server(requests, replies, turns):
    for _ in range(turns):
        item = await requests.get()
        await replies.put(item)


async def both(turns):
    requests = asyncio.Queue(1)
    replies = asyncio.Queue(1)
    total, _ = await asyncio.gather(client(requests, replies, turns), server(requests, replies, turns))
    return total


m = measure.Meter()
m.begin()
total = m.run(both(m.ops))
m.end()
m.report(total == m.ops * (m.ops - 1) // 2)
