"""W7: a thousand tasks hold one lock over a yield, again and again.

SPDX-License-Identifier: MIT
"""
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).parent.parent / "support")  # not this directory: it has an asyncio.py, this file
import asyncio

import measure


done = 0


async def worker(lock, turns):
    global done
    for _ in range(turns):
        async with lock:
            before = done
            await asyncio.sleep(0)
            done = before + 1  # nobody came between


async def all_workers(ops):
    lock = asyncio.Lock()
    await asyncio.gather(*(worker(lock, measure.share(ops, i)) for i in range(measure.MANY)))


m = measure.Meter()
m.begin()
m.run(all_workers(m.ops))
m.end()
m.report(done == m.ops)
