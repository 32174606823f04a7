"""W5: a thousand tasks set a limit of 30 seconds to a single yield, again and again.

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
        async with asyncio.timeout(30):
            await asyncio.sleep(0)
        done += 1
    return done


async def all_workers(ops):
    workers = (worker(measure.share(ops, i)) for i in range(measure.MANY))
    return sum(await asyncio.gather(*workers))


m = measure.Meter()
m.begin()
done = m.run(all_workers(m.ops))
m.end()
m.report(done == m.ops)
