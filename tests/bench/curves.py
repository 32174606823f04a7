"""How weft's cost per task grows with the number of tasks: 100 to a million, for sleep, gather, queue fan-in, timers.

    python3 tests/bench/curves.py             some two minutes
    python3 tests/bench/curves.py --to 7      up to ten millions

Two numbers a size: the CPU time per task (median; it also grows when the tasks no longer fit into the caches), and the
instructions per task (up to 10^5; what the algorithm costs). Fails where the instructions grow faster than log n.
Writes curves.json, curves.md and curves.svg.

SPDX-License-Identifier: MIT
"""
import argparse
import json
import math
import shutil
import statistics
import sys
from pathlib import Path

import chart
import programs

CURVES = ["sleep", "gather", "queue_fan_in", "timers"]
SLACK = 1.15  # growth beyond log n that is noise, or a vector that doubled
COUNTED_TO = 5  # callgrind takes too long beyond


def grows_too_fast(counted):
    """[(n, instructions per task)]: a pair of sizes between which it grows faster than log n, or None.

    Neighbours too: beside a large constant, a small part that is linear shows at the largest sizes only.
    """
    for i, (n, cost) in enumerate(counted[1:]):
        for fewer, less in (counted[0], counted[i]):
            if cost / less > SLACK * math.log(n) / math.log(fewer):
                return (fewer, n)
    return None


def test():
    assert grows_too_fast([(100, 50.0), (1000, 50.0)]) is None
    assert grows_too_fast([(100, 50.0), (1000, 75.0), (10000, 100.0)]) is None
    assert grows_too_fast([(100, 50.0), (1000, 75.0), (10000, 150.0)]) == (100, 10000)
    assert grows_too_fast([(10**3, 1400.0), (10**4, 1500.0), (10**5, 2400.0)]) == (10**4, 10**5)
    print("curves.py: right")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=int, default=6, choices=range(2, 8), help="the power of ten to end with")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-count", action="store_true", help="without callgrind")
    parser.add_argument("--core", type=int, default=programs.last_core())
    parser.add_argument("--out", type=Path, help="for programs and results (default: build/bench/COMPILER)")
    parser.add_argument("--test", action="store_true", help="test this script, without measuring")
    arguments = parser.parse_args()
    if arguments.test:
        return test()

    compiler = programs.default_compiler()
    name = programs.compiler_name(compiler)
    out = arguments.out or programs.ROOT / "build" / "bench" / name.replace(" ", "-")
    sources = {curve: programs.HERE / "curves" / f"weft_{curve}.cpp" for curve in CURVES}
    built = programs.build(list(sources.values()), compiler, out)
    todo = {curve: programs.Program("curves", curve, [built[source]]) for curve, source in sources.items()}
    sizes = [10**power for power in range(2, arguments.to + 1)]
    times = {curve: [] for curve in CURVES}
    counted = {curve: [] for curve in CURVES}
    for curve, program in todo.items():
        for n in sizes:
            runs = [programs.run(program, n, arguments.core)["cpu_ns"] / n for _ in range(arguments.rounds)]
            times[curve].append((n, statistics.median(runs)))
    if not arguments.no_count and shutil.which("valgrind"):
        work = [(curve, n) for n in reversed(sizes) if n <= 10**COUNTED_TO for curve in CURVES]
        counts = programs.run_all([lambda c=c, n=n: programs.count(todo[c], n)["instructions"] / n for c, n in work])
        for (curve, n), cost in sorted(zip(work, counts)):
            counted[curve].append((n, cost))

    rows = ["| tasks | " + " | ".join(CURVES) + " |", "| --: |" + " --: |" * len(CURVES)]
    for i, n in enumerate(sizes):
        cells = []
        for curve in CURVES:
            instructions = dict(counted[curve]).get(n)
            cells.append(f"{times[curve][i][1]:.0f}" + (f" / {instructions:.0f}" if instructions is not None else ""))
        rows.append(f"| {n} | " + " | ".join(cells) + " |")
    text = f"{name}: ns / instructions per task\n\n" + "\n".join(rows) + "\n"
    print(text)
    out.mkdir(parents=True, exist_ok=True)
    report = {"compiler": name, "rounds": arguments.rounds, "ns": times, "instructions": counted}
    (out / "curves.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    (out / "curves.md").write_text(text, encoding="utf-8")
    svg = chart.lines("Cost per task, from few tasks to many", "ns of CPU time per task", "tasks", times)
    (out / "curves.svg").write_text(svg, encoding="utf-8")

    failed = 0
    for curve in CURVES:
        pair = grows_too_fast(counted[curve]) if counted[curve] else None
        if pair:
            failed = 1
            print(f"{curve}: from {pair[0]} to {pair[1]} tasks, instructions grow faster than log n", file=sys.stderr)
    return failed


if __name__ == "__main__":
    try:
        sys.exit(main())
    except programs.Failed as failure:
        sys.exit(str(failure))
