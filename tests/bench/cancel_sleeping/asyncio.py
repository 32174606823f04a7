"""W8: cancels many sleeping tasks and waits until they have ended. That they are started is not measured.

SPDX-License-Identifier: MIT
"""
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).parent.parent / "support")  # not this directory: it has an asyncio.py, this file
import asyncio

import measure


async def sleeper():
    await asyncio.sleep(3600)


async def cancel_all(m):
    tasks = [asyncio.create_task(sleeper()) for _ in range(m.ops)]
    await asyncio.sleep(0)  # now they sleep
    m.begin()
    for task in tasks:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    m.end()
    return sum(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)


m = measure.Meter()
cancelled = m.run(cancel_all(m))
m.report(cancelled == m.ops)
