"""W2: a lone task yields, again and again.

SPDX-License-Identifier: MIT
"""
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).parent.parent / "support")  # not this directory: it has an asyncio.py, this file
import asyncio

import measure


async def worker(turns):
    done = 0
    for _ in range(turns):
        await asyncio.sleep(0)
        done += 1
    return done


m = measure.Meter()
m.begin()
done = m.run(worker(m.ops))
m.end()
m.report(done == m.ops)
