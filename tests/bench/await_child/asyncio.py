"""W1: a task awaits a trivial child, again and again.

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
    total = 0
    for i in range(ops):
        total += await child(i)
    return total


m = measure.Meter()
m.begin()
total = m.run(parent(m.ops))
m.end()
m.report(total == m.ops * (m.ops - 1) // 2)
