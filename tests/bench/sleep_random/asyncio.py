"""W4: many tasks sleep a random time below a second.

SPDX-License-Identifier: MIT
"""
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).parent.parent / "support")  # not this directory: it has an asyncio.py, this file
import asyncio

import measure


async def sleeper(delay):
    await asyncio.sleep(delay)
    return 1


async def all_sleepers(ops):
    delays = measure.delays()
    return sum(await asyncio.gather(*(sleeper(next(delays)) for _ in range(ops))))


m = measure.Meter()
m.begin()
done = m.run(all_sleepers(m.ops))
m.end()
m.report(done == m.ops)
