"""The regression gate: instructions per operation of the weft programs, compared with the committed baseline.

Instructions, not time: they do not depend on the machine's mood, and two runs agree to a few digits. A change of more
than 5 percent fails in both directions, since a gain that is not written down can be lost again unseen.

    python3 tests/bench/check_instructions.py                      with CXX, or g++
    CXX=clang++-16 python3 tests/bench/check_instructions.py
    python3 tests/bench/check_instructions.py --write              this is the new baseline

Exit status: 0 all is as it was; 1 something differs; 2 it could not be found out.
SPDX-License-Identifier: MIT
"""
import argparse
import json
import sys

import programs
from workloads import WORKLOADS

BASELINE = programs.HERE / "baseline.json"
TOLERANCE = 0.05


def measured(compiler, folder, jobs):
    """{workload: instructions per operation} of the weft programs."""
    sources = [programs.HERE / workload / "weft.cpp" for workload in WORKLOADS]
    built = programs.build(sources, compiler, folder, jobs)
    todo = [
        lambda p=programs.Program(workload, "weft", [built[source]]), sizes=WORKLOADS[workload].counted: (
            programs.per_operation(p, *sizes)["instructions"]
        )
        for workload, source in zip(WORKLOADS, sources)
    ]
    return dict(zip(WORKLOADS, (round(n, 1) for n in programs.run_all(todo, jobs))))


def differences(baseline, now):
    """One line for each workload that differs from the baseline, or is in one of the two only."""
    lines = []
    for workload in sorted({*baseline, *now}):
        if workload not in now:
            lines.append(f"{workload}: in the baseline, but there is no such workload")
        elif workload not in baseline:
            lines.append(f"{workload}: {now[workload]} instructions, not in the baseline")
        else:
            was, is_now = baseline[workload], now[workload]
            change = is_now / was - 1
            if abs(change) > TOLERANCE:
                lines.append(f"{workload}: {is_now} instructions, {was} in the baseline ({change:+.1%})")
    return lines


def test():
    """The gate has to close."""
    assert differences({"a": 100.0}, {"a": 100.0}) == []
    assert differences({"a": 100.0}, {"a": 104.9}) == []
    assert differences({"a": 100.0}, {"a": 95.1}) == []
    assert differences({"a": 100.0}, {"a": 106.0}) == ["a: 106.0 instructions, 100.0 in the baseline (+6.0%)"]
    assert differences({"a": 100.0}, {"a": 90.0}) == ["a: 90.0 instructions, 100.0 in the baseline (-10.0%)"]
    assert differences({}, {"a": 1.0}) == ["a: 1.0 instructions, not in the baseline"]
    assert differences({"a": 1.0}, {}) == ["a: in the baseline, but there is no such workload"]
    print("check_instructions.py: right")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="make what is measured the baseline of this compiler")
    parser.add_argument("--test", action="store_true", help="test this script, without measuring")
    parser.add_argument("--baseline", default=BASELINE, help="another file than tests/bench/baseline.json")
    parser.add_argument("--build", help="where the programs are built (default: build/bench/COMPILER)")
    parser.add_argument("--jobs", type=int)
    arguments = parser.parse_args()
    if arguments.test:
        return test()

    compiler = programs.default_compiler()
    name = programs.compiler_name(compiler)
    folder = arguments.build or programs.ROOT / "build" / "bench" / name.replace(" ", "-")
    now = measured(compiler, folder, arguments.jobs)
    for workload, instructions in now.items():
        print(f"{WORKLOADS[workload].label} {workload:18} {instructions:8} instructions per operation")

    try:
        with open(arguments.baseline, encoding="utf-8") as file:
            baselines = json.load(file)
    except FileNotFoundError:
        baselines = {}
    if arguments.write:
        baselines[name] = now
        with open(arguments.baseline, "w", encoding="utf-8") as file:
            file.write(json.dumps(baselines, indent=2, sort_keys=True) + "\n")
        print(f"written: the baseline of {name}")
        return 0
    if name not in baselines:
        print(f"there is no baseline for {name}, only for: {', '.join(sorted(baselines)) or 'none'}", file=sys.stderr)
        return 2
    lines = differences(baselines[name], now)
    for line in lines:
        print(line, file=sys.stderr)
    if lines:
        print(f"{name}: {len(lines)} differ by more than {TOLERANCE:.0%}. If that is meant, write a new baseline: "
              "python3 tests/bench/check_instructions.py --write", file=sys.stderr)
        return 1
    print(f"{name}: all within {TOLERANCE:.0%} of the baseline")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except programs.Failed as failure:
        print(failure, file=sys.stderr)
        sys.exit(2)
