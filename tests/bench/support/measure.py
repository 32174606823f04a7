"""What the asyncio benchmarks share: the arguments, the meter, the line of JSON. See measure.hpp.

SPDX-License-Identifier: MIT
"""
import asyncio
import json
import sys
import time

MANY = 1000  # how many tasks the workloads with "many" have


def share(ops, i):
    """How many of `ops` operations fall to task i of MANY."""
    return ops // MANY + (i < ops % MANY)


def delays():
    """Pseudo-random delays below a second: the same ones in all languages."""
    state = 1
    while True:
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        yield state / 2**32


class Meter:
    """Reads OPS [--uvloop]; begin(), end() and report() as in measure.hpp."""

    def __init__(self):
        words = sys.argv[1:]
        uses_uvloop = "--uvloop" in words
        if uses_uvloop:
            words.remove("--uvloop")
        if len(words) != 1 or not words[0].isdecimal() or int(words[0]) == 0:
            sys.exit(f"usage: {sys.argv[0]} OPS [--uvloop]")
        self.ops = int(words[0])
        self.loop_factory = None
        if uses_uvloop:
            import uvloop

            self.loop_factory = uvloop.new_event_loop

    def run(self, main):
        """asyncio.run(), on uvloop's loop if that was asked for."""
        with asyncio.Runner(loop_factory=self.loop_factory) as runner:
            return runner.run(main)

    def begin(self):
        self.start_rss_kb = _status("VmRSS:")
        self.cpu_ns = time.process_time_ns()

    def end(self):
        self.cpu_ns = time.process_time_ns() - self.cpu_ns
        self.peak_rss_kb = _status("VmHWM:")

    def report(self, correct):
        if not correct:
            sys.exit("the result of the work is wrong")
        figures = {
            "ops": self.ops,
            "cpu_ns": self.cpu_ns,
            "allocations": None,
            "peak_rss_kb": self.peak_rss_kb,
            "start_rss_kb": self.start_rss_kb,
        }
        print(json.dumps(figures))


def _status(field):
    with open("/proc/self/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(field))
