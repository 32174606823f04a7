"""The programs of the benchmarks: finds, builds and runs them, and counts their instructions.

Not run by itself; bench.py, check_instructions.py and curves.py share it. A program lies in WORKLOAD/PEER.{cpp,py,js},
takes the number of operations, and prints one line of JSON (support/measure.hpp).

SPDX-License-Identifier: MIT
"""
import concurrent.futures
import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FLAGS = ["-std=c++20", "-O3", "-DNDEBUG", "-pthread", "-I", str(ROOT / "include")]
LIBRARIES = {"uv": ["-luv"]}
CORES = itertools.cycle(sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0])


class Failed(Exception):
    """A program did not build, did not end well, or said something odd."""


class Program:
    """One program: what starts it, and which peer and workload it is."""

    def __init__(self, workload, peer, command):
        self.workload = workload
        self.peer = peer
        self.command = [str(word) for word in command]

    def __repr__(self):
        return f"{self.workload}/{self.peer}"


# ---- building ----


def default_compiler():
    return shlex.split(os.environ.get("CXX", "g++"))


def compiler_name(compiler):
    """What the compiler's figures belong to: "g++ 12 x86_64", "clang++ 16 x86_64 -stdlib=libc++"."""
    macros = _output([*compiler, "-dM", "-E", "-x", "c++", os.devnull])
    defined = dict(re.findall(r"^#define (\w+) (.*)$", macros, re.MULTILINE))
    if "__clang__" in defined:
        name, version = "clang++", defined["__clang_major__"]
    else:
        name, version = "g++", defined["__GNUC__"]
    return " ".join([name, version, os.uname().machine, *compiler[1:]])


def build(sources, compiler, folder, jobs=None):
    """Compiles each source to a program of its own in folder, unless it is up to date. Gives {source: program}."""
    headers = [*(ROOT / "include").rglob("*.hpp"), *(HERE / "support").glob("*.hpp")]
    newest_header = max(header.stat().st_mtime for header in headers)
    programs = {}

    def compile_one(source):
        program = programs[source]
        command = [*compiler, *FLAGS, str(source), "-o", str(program), *LIBRARIES.get(source.stem, [])]
        note = program.with_suffix(".command")
        written = shlex.join(command)
        newest = max(newest_header, source.stat().st_mtime)
        if program.exists() and program.stat().st_mtime > newest and note.exists() and note.read_text() == written:
            return
        program.parent.mkdir(parents=True, exist_ok=True)
        _output(command)
        note.write_text(written)

    for source in sources:
        # with_suffix(".command") has to keep what is in the name, so there are no dots in it.
        programs[source] = Path(folder) / source.parent.name / source.stem
    with concurrent.futures.ThreadPoolExecutor(jobs or os.cpu_count()) as pool:
        list(pool.map(compile_one, sources))  # list(): an error is thrown here
    return programs


# ---- running ----


def pinned(core):
    """The words before a command that keep it on one core."""
    return ["taskset", "-c", str(core)] if core is not None and shutil.which("taskset") else []


def taking_turns():
    """The words before a command whose processes share one core and leave it to each other only when they wait.

    A program that talks to a child of its own then finds the same at each step, in every run: all that the child had to
    say. Cores are dealt out in turn.
    """
    if not shutil.which("taskset") or not shutil.which("chrt"):
        return []
    return [*pinned(next(CORES)), "chrt", "--batch", "0"]


def last_core():
    """The last core that we may use: the first ones tend to serve the interrupts."""
    return max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def run(program, ops, core=None, limit=120):
    """One run: what the program printed, as a dict."""
    return _figures(program, ops, _output([*pinned(core), *program.command, str(ops)], limit))


def count(program, ops, limit=600):
    """One run under callgrind: what the program printed, and "instructions" of the work."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "callgrind.out"
        # The timers of --virtual-time expire in the same order and number in every run.
        command = [*program.command, str(ops), "--virtual-time"]
        valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]
        figures = _figures(program, ops, _output([*taking_turns(), *valgrind, *command], limit))
        totals = re.search(r"^totals: (\d+)$", out.read_text(errors="replace"), re.MULTILINE)
    if totals is None:
        raise Failed(f"{program}: callgrind wrote no totals")
    figures["instructions"] = int(totals[1])
    return figures


def per_operation(program, small, large):
    """Instructions and allocations per operation, as the difference of two sizes: what is there once does not count."""
    few, many = count(program, small), count(program, large)
    return {kind: (many[kind] - few[kind]) / (large - small) for kind in ("instructions", "allocations")}


def run_all(work, jobs=None):
    """Calls the functions, some at once (for counting, not for timing). Gives the results in order."""
    with concurrent.futures.ThreadPoolExecutor(jobs or os.cpu_count()) as pool:
        return list(pool.map(lambda function: function(), work))


# ---- details ----


def _output(command, limit=600):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise Failed(f"{shlex.join(command)}: not done after {limit} s") from None
    except OSError as error:
        raise Failed(f"{shlex.join(command)}: {error}") from None
    if done.returncode != 0:
        raise Failed(f"{shlex.join(command)}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def _figures(program, ops, printed):
    try:
        figures = json.loads(printed)
    except ValueError:
        raise Failed(f"{program}: printed {printed!r} instead of a line of JSON") from None
    if figures.get("ops") != ops:
        raise Failed(f"{program}: was asked for {ops} operations and did {figures.get('ops')}")
    return figures
