#!/usr/bin/env python3
"""Compares the C++ examples with the Python programs that they follow, byte for byte.

SPDX-License-Identifier: MIT

    compare_with_python.py FOLDER                  FOLDER holds the built count, count_sync and makerandom
    compare_with_python.py FOLDER --seeds 5000 6000
    compare_with_python.py --write-digests         renews makerandom.digests, which ctest checks without Python

The Python programs beside this file run as they are, in this process. Only their surroundings are replaced: sleeping
costs nothing, and the random generator starts from the seed that is asked for.
"""

import argparse
import asyncio
import contextlib
import hashlib
import io
import pathlib
import random
import runpy
import selectors
import subprocess
import sys
import time
from unittest import mock

if sys.version_info < (3, 12):
    sys.exit("compare_with_python.py needs Python 3.12 or later; weft follows CPython 3.13")

HERE = pathlib.Path(__file__).resolve().parent
DIGESTS = HERE / "makerandom.digests"

# Where the seed changes its length in 32-bit words, its sign, or has all its bits set. Python takes abs(seed).
SPECIAL_SEEDS = [2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**63 - 1, 2**63, 2**64 - 1, -1, -444, -(2**31), -(2**63)]

# A real clock never shows the same time twice, and so a program that really sleeps wakes its tasks in the order in which
# they fell asleep. Equal times would leave that order to the layout of asyncio's timer heap.
TICK = 1e-7


class VirtualTime:
    """A clock that jumps over the time which everyone sleeps through."""

    def __init__(self):
        self.now = 0.0

    def read(self):
        self.now += TICK
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class SleeplessSelector(selectors.DefaultSelector):
    """Lets the clock jump to where the event loop meant to wait for I/O."""

    def __init__(self, clock):
        super().__init__()
        self.clock = clock

    def select(self, timeout=None):
        if timeout is None:
            sys.exit("the program waits for ever")
        self.clock.sleep(max(timeout, 0))
        return super().select(0)


class SleeplessLoop(asyncio.SelectorEventLoop):
    def __init__(self, clock):
        self.time = clock.read
        super().__init__(SleeplessSelector(clock))


def python_output(name, seed=None):
    """What the Python program prints; `<program>` stands for its path."""
    clock = VirtualTime()
    path = str(HERE / f"{name}.py")
    real_seed = random.seed

    def run(main):
        with asyncio.Runner(loop_factory=lambda: SleeplessLoop(clock)) as runner:
            return runner.run(main)

    output = io.StringIO()
    with (
        contextlib.redirect_stdout(output),
        mock.patch.object(asyncio, "run", run),
        mock.patch.object(random, "seed", lambda _: real_seed(seed)),
        mock.patch.object(time, "perf_counter", clock.read),
        mock.patch.object(time, "sleep", clock.sleep),
    ):
        runpy.run_path(path, run_name="__main__")
    return output.getvalue().replace(path, "<program>").encode()


def weft_output(program, *arguments):
    """What the C++ program prints; `<program>` stands for its path."""
    command = [str(program), *map(str, arguments), "--virtual-time"]
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=60, check=True)
    return done.stdout.replace(str(program).encode(), b"<program>")


def write_digests():
    lines = [
        "# What CPython's makerandom prints: seed, first 16 hexadecimal digits of the output's SHA-256.",
        "# Made by compare_with_python.py --write-digests.",
    ]
    for seed in [*range(1000), *SPECIAL_SEEDS]:
        lines.append(f"{seed} {hashlib.sha256(python_output('makerandom', seed)).hexdigest()[:16]}")
    DIGESTS.write_text("\n".join(lines) + "\n")
    print(f"{DIGESTS}: {len(lines) - 2} seeds")


def compare(folder, seeds):
    runs = [("count", None), ("count_sync", None), *(("makerandom", seed) for seed in seeds)]
    different = 0
    for name, seed in runs:
        arguments = [] if seed is None else [seed]
        expected = python_output(name, seed)
        actual = weft_output(folder / name, *arguments)
        if actual == expected:
            continue
        different += 1
        print(f"{name} {seed if seed is not None else ''} differs from Python:")
        pairs = zip(expected.splitlines() + [b"(end)"], actual.splitlines() + [b"(end)"])
        for number, (python, weft) in enumerate(pairs, 1):
            if python != weft:
                print(f"  line {number}, Python: {python}\n  line {number}, weft:   {weft}")
                break
    print(f"{len(runs)} runs compared, {different} differ")
    return different == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=pathlib.Path, help="where the built examples are")
    parser.add_argument("--seeds", nargs=2, type=int, default=(0, 1000), metavar=("FIRST", "END"), help="default: 0 1000")
    parser.add_argument("--write-digests", action="store_true", help="renew makerandom.digests")
    options = parser.parse_args()
    if options.write_digests:
        write_digests()
    if options.folder and not (options.folder / "makerandom").is_file():
        parser.error(f"{options.folder} holds no program makerandom; build the examples, and name their folder")
    if options.folder:
        sys.exit(not compare(options.folder.resolve(), [*range(*options.seeds), *SPECIAL_SEEDS]))
    if not options.write_digests:
        parser.error("say where the built examples are, for example: compare_with_python.py build/examples")


if __name__ == "__main__":
    main()
