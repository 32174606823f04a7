"""The workloads of the benchmarks: their sizes, and what weft must reach.

Not run by itself. The goals were set on another day, on a machine with its own speed, beside peers that no distribution
packages. What carries over is the ratio to a yardstick that is measured again in each run: the floor. So a goal of
13.8 ns where the floor took 11 ns is a goal of 1.25 floors.

SPDX-License-Identifier: MIT
"""
from typing import NamedTuple, Optional


class Goal(NamedTuple):
    floors: Optional[float]  # time, in floors of this workload, or of `yardstick`; none where it is the kernel's
    instructions: Optional[int] = None
    allocations: Optional[int] = None
    bytes: Optional[int] = None  # peak memory a task
    yardstick: Optional[str] = None


class Workload(NamedTuple):
    label: str
    title: str
    ops: int  # of the C++ programs
    slow_ops: int  # of asyncio, uvloop and node
    counted: tuple  # two sizes for callgrind
    tasks: bool  # whether an operation is a task, so that memory can be told by task
    goal: Goal


# The quotients are (goal's ratio x best peer) / floor, as they were measured together.
WORKLOADS = {
    "await_child": Workload(
        "W1", "await a trivial child", 5_000_000, 300_000, (10_000, 60_000), False,
        Goal(0.6 * 23 / 11, instructions=140, allocations=0),
    ),
    "yield_many": Workload(
        "W2", "yield, 1000 tasks", 5_000_000, 200_000, (20_000, 70_000), False,
        Goal(0.65 * 10.7 / 5.1, instructions=75),
    ),
    "yield_lone": Workload(
        "W2", "yield, one lone task", 5_000_000, 200_000, (10_000, 60_000), False,
        Goal(0.65 * 11.0 / 5.6, instructions=75),
    ),
    "gather_trivial": Workload(
        "W3", "gather of trivial tasks", 1_000_000, 50_000, (10_000, 40_000), True,
        Goal(0.8 * 181 / 131, instructions=400, bytes=180),
    ),
    "sleep_random": Workload(
        "W4", "sleep a random time below 1 s", 1_000_000, 50_000, (5_000, 25_000), True,
        Goal(0.6 * 2.00 / 0.92, bytes=256),
    ),
    "timeout_lone": Workload(
        "W5", "timeout around a yield, lone task", 1_000_000, 50_000, (5_000, 25_000), False,
        Goal(85 / 64, allocations=0),
    ),
    "timeout_many": Workload(
        "W5", "timeout around a yield, 1000 tasks", 1_000_000, 50_000, (10_000, 30_000), False,
        Goal(0.6 * 148 / 72, allocations=0),
    ),
    "queue_round_trip": Workload(
        "W6", "round trip over two queues", 1_000_000, 30_000, (5_000, 25_000), False,
        Goal(0.6 * 59 / 20, allocations=0),
    ),
    "lock_yield": Workload(
        "W7", "lock held over a yield, 1000 tasks", 2_000_000, 30_000, (10_000, 30_000), False,
        Goal(20.8 / 5.1, yardstick="yield_many"),
    ),
    "cancel_sleeping": Workload(
        "W8", "cancel sleeping tasks and join them", 100_000, 30_000, (1_000, 4_000), False,
        Goal(800 / 112),
    ),
    "tcp_echo": Workload(
        "W9", "TCP echo, 50 connections", 200_000, 20_000, (5_000, 25_000), False,
        Goal(None, instructions=350, allocations=0),
    ),
}

SLOW = ("asyncio", "uvloop", "node")
