"""Measures weft beside what people would use instead.

    python3 tests/bench/bench.py                                          everything, some six minutes
    python3 tests/bench/bench.py --scale 0.01 --rounds 3 --no-count       does it all work?
    python3 tests/bench/bench.py --page docs/explanation/performance.md   puts the tables and the chart into the page

One workload after the other; in each round every peer runs once, on one core, beginning with another one each time, so
that whatever the machine does meets all of them alike. Then callgrind counts the instructions and the allocations of
the C++ programs. Writes bench.json, bench.md and bench.svg. What the numbers mean: docs/explanation/performance.md.

SPDX-License-Identifier: MIT
"""
import argparse
import datetime
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import chart
import programs
from workloads import SLOW, WORKLOADS

PEERS = ["weft", "floor", "asio", "uv", "asyncio", "uvloop", "node"]
# With a blank before it: a comment at the beginning of a line says what the next block of code is (docs/check_page.sh).
BEGIN, END = " <!-- bench.py: begin -->", " <!-- bench.py: end -->"


# ---- who is there ----


def succeeds(command):
    try:
        return subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def interpreters():
    """{peer: command} of the peers that are interpreted and are here. asyncio: CPython 3.13, if there is one."""
    folders = sorted(Path.home().glob(".pyenv/versions/3.13.*/bin/python3.13"))
    pythons = [shutil.which("python3.13"), *map(str, folders), sys.executable, shutil.which("python3")]
    pythons.append("/usr/bin/python3")  # where a distribution puts its uvloop
    # A shim of pyenv's can be there and lead nowhere.
    pythons = [p for p in pythons if p and succeeds([p, "-c", "import asyncio; asyncio.Runner"])]
    with_uvloop = [p for p in pythons if succeeds([p, "-c", "import uvloop"])]
    node = shutil.which("node") or shutil.which("nodejs")
    found = {}
    if pythons:
        found["asyncio"] = [pythons[0]]
    if with_uvloop:
        found["uvloop"] = [with_uvloop[0]]
    if node:
        found["node"] = [node]
    return found


def has_header(compiler, header):
    command = [*compiler, "-std=c++20", "-fsyntax-only", "-x", "c++", "-include", header, os.devnull]
    return succeeds(command)


def collect(names, peers, compiler, folder, failures):
    """{workload: {peer: Program}} of all that there is; builds the C++ ones."""
    scripts = interpreters()
    missing = [peer for peer in ("asyncio", "uvloop", "node") if peer not in scripts]
    missing += [peer for peer, header in (("asio", "asio.hpp"), ("uv", "uv.h")) if not has_header(compiler, header)]
    for peer in set(missing) & set(peers):
        print(f"{peer} is not here: left out", file=sys.stderr)
    peers = [peer for peer in peers if peer not in missing]

    found = {workload: {} for workload in names}
    built = {}
    sources = [programs.HERE / w / f"{p}.cpp" for w in names for p in peers]
    sources = [source for source in sources if source.exists()]

    def build_one(source):
        try:
            built.update(programs.build([source], compiler, folder, 1))
        except programs.Failed as failure:
            failures.append(str(failure))

    programs.run_all([lambda s=source: build_one(s) for source in sources])
    for workload in names:
        for peer in peers:
            here = programs.HERE / workload
            if here / f"{peer}.cpp" in built:
                command = [built[here / f"{peer}.cpp"]]
            elif peer == "node" and (here / "node.js").exists():
                command = [*scripts["node"], here / "node.js"]
            elif peer == "asyncio" and (here / "asyncio.py").exists():
                command = [*scripts["asyncio"], here / "asyncio.py"]
            elif peer == "uvloop" and (here / "asyncio.py").exists():
                command = [*scripts["uvloop"], here / "asyncio.py", "--uvloop"]
            else:
                continue
            found[workload][peer] = programs.Program(workload, peer, command)
    return found


# ---- measuring ----


def operations(workload, peer, scale):
    size = WORKLOADS[workload]
    return max(int((size.slow_ops if peer in SLOW else size.ops) * scale), 1000)


def measure(found, rounds, scale, core, failures):
    """{workload: {peer: figures}}."""
    results = {}
    for workload, peers in found.items():
        say(f"{WORKLOADS[workload].label} {workload}: {', '.join(peers)}")
        runs = {peer: [] for peer in peers}
        for turn in range(rounds):
            order = list(runs)
            turn %= max(len(order), 1)
            for peer in order[turn:] + order[:turn]:
                try:
                    ops = operations(workload, peer, scale)
                    runs[peer].append(programs.run(peers[peer], ops, core))
                except programs.Failed as failure:
                    failures.append(str(failure))
                    del runs[peer]
        results[workload] = {peer: figures(WORKLOADS[workload], done) for peer, done in runs.items() if done}
    return results


def figures(workload, runs):
    """What the runs of one program come to, per operation."""
    times = [run["cpu_ns"] / run["ops"] for run in runs]
    result = {"ops": runs[0]["ops"], "ns": times, "median_ns": statistics.median(times), "spread": spread(times)}
    if workload.tasks:
        grown = [(run["peak_rss_kb"] - run["start_rss_kb"]) * 1024 / run["ops"] for run in runs]
        result["bytes"] = statistics.median(grown)
    return result


def spread(values):
    """The distance between the quartiles, as a part of the median."""
    if len(values) < 2:
        return 0.0
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return (high - low) / middle if middle else 0.0


def count(found, results, failures):
    """Adds instructions and allocations to the figures of the C++ programs."""
    todo = [p for w, peers in found.items() for peer, p in peers.items() if peer not in SLOW and peer in results[w]]
    say(f"callgrind: {len(todo)} programs")

    def count_one(program):
        try:
            workload = WORKLOADS[program.workload]
            counted = programs.per_operation(program, *workload.counted)
            results[program.workload][program.peer].update(counted)
        except programs.Failed as failure:
            failures.append(str(failure))

    programs.run_all([lambda p=program: count_one(p) for program in todo])


def judge(results):
    """{workload: how weft stands to its goal and to the best peer}."""
    return {w: judge_one(w, results) for w in results if "weft" in results[w]}


def judge_one(workload, results):
    goal, peers = WORKLOADS[workload].goal, results[workload]
    weft = peers["weft"]
    verdict = {"missed": []}
    floor = results.get(goal.yardstick or workload, {}).get("floor")
    if floor and goal.floors is not None:
        verdict["goal_ns"] = goal.floors * floor["median_ns"]
        verdict["to_goal"] = weft["median_ns"] / verdict["goal_ns"]
        if verdict["to_goal"] > 1:
            verdict["missed"].append("time")
    others = {peer: f["median_ns"] for peer, f in peers.items() if peer not in ("weft", "floor")}
    if others:
        best = min(others, key=others.get)
        verdict.update(best=best, to_best=weft["median_ns"] / others[best])
    for what in ("instructions", "allocations", "bytes"):
        limit = getattr(goal, what)
        if limit is not None and weft.get(what) is not None and weft[what] > limit + 0.005:
            verdict["missed"].append(what)
    return verdict


# ---- telling ----


def say(text):
    print(text, file=sys.stderr, flush=True)


def number(value):
    if value is None:
        return ""
    if abs(value) < 0.005:
        return "0"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}"


def timed(figure):
    return f"{number(figure['median_ns'])} ± {figure['spread']:.0%}"


def with_goal(value, goal):
    return number(value) + (f" (≤ {goal})" if goal is not None and value is not None else "")


def table(head, rows):
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def markdown(report):
    results, verdicts = report["results"], report["verdicts"]
    name = lambda w: f"{WORKLOADS[w].label} {WORKLOADS[w].title}"
    shown = [peer for peer in PEERS if any(peer in peers for peers in results.values())]

    def cells(what, peers):
        return [number(peers[peer].get(what)) if peer in peers else "" for peer in shown]

    head = ["workload", "ns", "goal ns", "of goal", "of best peer", "instructions", "allocations", "bytes a task", ""]
    goals = []
    for w, v in verdicts.items():
        weft, goal = results[w]["weft"], WORKLOADS[w].goal
        goals.append([
            name(w),
            timed(weft),
            number(v.get("goal_ns")),
            number(v.get("to_goal")),
            f"{number(v['to_best'])} × {v['best']}" if "best" in v else "",
            with_goal(weft.get("instructions"), goal.instructions),
            with_goal(weft.get("allocations"), goal.allocations),
            with_goal(weft.get("bytes"), goal.bytes),
            "missed: " + ", ".join(v["missed"]) if v["missed"] else "reached",
        ])
    times = [
        [name(w), *(timed(p[peer]) if peer in p else "" for peer in shown)] for w, p in results.items()
    ]
    compiled = [peer for peer in shown if peer not in SLOW]
    per_task = [w for w in results if WORKLOADS[w].tasks]
    parts = [
        f"{report['date']}, {report['machine']}, {report['compiler']}, {' '.join(programs.FLAGS[1:3])}; "
        f"median of {report['rounds']} runs each, ± the distance between the quartiles.",
        "weft and its goals:",
        table(head, goals),
        "CPU time per operation, ns:",
        table(["workload", *shown], times),
    ]
    if any("instructions" in f for p in results.values() for f in p.values()):
        rows = [
            [name(w), *(f"{number(p[peer].get('instructions'))} / {number(p[peer].get('allocations'))}"
                        if peer in p else "" for peer in compiled)]
            for w, p in results.items()
        ]
        parts += ["Instructions / allocations per operation:", table(["workload", *compiled], rows)]
    if per_task:
        rows = [[name(w), *cells("bytes", results[w])] for w in per_task]
        parts += ["Peak memory, bytes a task:", table(["workload", *shown], rows)]
    return "\n\n".join(parts) + "\n"


def drawing(report):
    groups = [
        (f"{WORKLOADS[w].label} {WORKLOADS[w].title}", {peer: f["median_ns"] for peer, f in peers.items()})
        for w, peers in report["results"].items()
    ]
    shown = [peer for peer in PEERS if any(peer in group for _, group in groups)]
    return chart.bars("CPU time per operation: shorter is better", "ns, logarithmic", groups, shown)


def fill(page, text):
    """The page with text between the two comments."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"the page has no {BEGIN} ... {END}")
    return f"{before}{begin}\n\n{text}\n{end}{after}"


def machine():
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    except OSError:
        pass
    return f"{model}, {os.cpu_count()} cores"


# ---- the script ----


def test():
    """What can be wrong without a measurement that shows it."""
    assert spread([5.0]) == 0 and spread([1.0, 2.0, 3.0]) == 0.5
    assert fill(f"a\n{BEGIN}\nold\n{END}\nb\n", "new\n") == f"a\n{BEGIN}\n\nnew\n\n{END}\nb\n"
    figure = lambda ns, **more: {"median_ns": ns, "spread": 0.0, **more}
    one = {"await_child": {"weft": figure(10.0, instructions=141), "floor": figure(11.0), "asio": figure(20.0)}}
    verdict = judge_one("await_child", one)
    assert verdict["best"] == "asio" and verdict["to_best"] == 0.5
    assert abs(verdict["goal_ns"] - 13.8) < 1e-9 and verdict["missed"] == ["instructions"]
    one["await_child"]["weft"] = figure(14.0, instructions=140, allocations=0.0)
    assert judge_one("await_child", one)["missed"] == ["time"]
    lock = {"lock_yield": {"weft": figure(20.0)}, "yield_many": {"floor": figure(5.1)}}
    assert abs(judge_one("lock_yield", lock)["goal_ns"] - 20.8) < 1e-9
    assert number(None) == "" and number(0.001) == "0" and number(12.34) == "12.3"
    runs = [{"ops": 1000, "cpu_ns": 2000, "peak_rss_kb": 300, "start_rss_kb": 100}]
    assert figures(WORKLOADS["gather_trivial"], runs)["bytes"] == 204.8
    print("bench.py: right")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--scale", type=float, default=1.0, help="of the sizes")
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=PEERS)
    parser.add_argument("--no-count", action="store_true", help="without callgrind")
    parser.add_argument("--core", type=int, default=programs.last_core())
    parser.add_argument("--out", type=Path, help="for programs and results (default: build/bench/COMPILER)")
    parser.add_argument("--page", type=Path, help="a Markdown page to fill in; the chart goes beside it, as .svg")
    parser.add_argument("--test", action="store_true", help="test this script, without measuring")
    arguments = parser.parse_args()
    if arguments.test:
        return test()
    if arguments.rounds < 1 or arguments.scale <= 0:
        parser.error("--rounds and --scale are above 0")
    if arguments.rounds < 7:
        say("fewer than 7 rounds: good for a try, not for the page")

    compiler = programs.default_compiler()
    name = programs.compiler_name(compiler)
    out = arguments.out or programs.ROOT / "build" / "bench" / name.replace(" ", "-")
    out.mkdir(parents=True, exist_ok=True)
    failures = []
    say(f"building with {name} in {out}")
    found = collect(arguments.workloads, arguments.peers, compiler, out, failures)
    results = measure(found, arguments.rounds, arguments.scale, arguments.core, failures)
    if not arguments.no_count:
        if shutil.which("valgrind"):
            count(found, results, failures)
        else:
            say("valgrind is not here: no instructions, no allocations")

    report = {
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "compiler": name,
        "rounds": arguments.rounds,
        "scale": arguments.scale,
        "failures": failures,
        "results": results,
        "verdicts": judge(results),
    }
    text = markdown(report)
    svg = drawing(report)
    (out / "bench.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    (out / "bench.md").write_text(text, encoding="utf-8")
    (out / "bench.svg").write_text(svg, encoding="utf-8")
    print(text)
    if arguments.page and not failures:
        picture = arguments.page.with_suffix(".svg")
        picture.write_text(svg, encoding="utf-8")
        link = f"![CPU time per operation of weft and its peers]({picture.name})\n"
        page = fill(arguments.page.read_text(encoding="utf-8"), text + "\n" + link)
        arguments.page.write_text(page, encoding="utf-8")
    for failure in failures:
        say(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except programs.Failed as failure:
        sys.exit(str(failure))
