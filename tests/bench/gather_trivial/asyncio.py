"""W3: runs many trivial tasks at once and waits for all of their results.

SPDX-License-Identifier: MIT
"""
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).parent.parent / "support")  # not this directory: it has an asyncio.py, this file
import asyncio

import measure


async def child(i):
    return i


async def parent(ops):
    return sum(await asyncio.gather(*(child(i) for i in range(ops))))


m = measure.Meter()
m.begin()
total = m.run(parent(m.ops))
m.end()
m.report(total == m.ops * (m.ops - 1) // 2)
