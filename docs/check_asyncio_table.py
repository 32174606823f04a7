#!/usr/bin/env python3.13
"""Checks that the table in how-to/asyncio-to-weft.md has all of asyncio's public names, and none that do not exist.

    python3.13 docs/check_asyncio_table.py            checks the page
    python3.13 docs/check_asyncio_table.py --test     checks that this check can fail

asyncio's names are those in __all__ of each of its submodules, and the public members of the classes that programs use
directly. Ends with 77 if it is not run by CPython 3.13.
"""
# SPDX-License-Identifier: MIT
import ast
import asyncio
import importlib
import pathlib
import re
import sys

PAGE = pathlib.Path(__file__).parent / "how-to" / "asyncio-to-weft.md"
HEADERS = pathlib.Path(__file__).parent.parent / "include" / "weft"
CLASSES = (
    "AbstractEventLoop Runner Handle TimerHandle Future Task TaskGroup Timeout "
    "Lock Event Condition Semaphore Barrier Queue Server StreamReader StreamWriter"
).split()


def exported_names():
    """__all__ of every submodule; what can be imported on another platform only is read."""
    names = set()
    for path in pathlib.Path(asyncio.__file__).parent.glob("*.py"):
        if path.stem.startswith("__"):
            continue
        try:
            exported = getattr(importlib.import_module(f"asyncio.{path.stem}"), "__all__", ())
        except ImportError:
            assigned = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Assign)]
            exported = next(ast.literal_eval(a.value) for a in assigned if getattr(a.targets[0], "id", "") == "__all__")
        names.update(name for name in exported if not name.startswith("_"))
    return names


def members():
    """The public members of CLASSES, as Class.member; of the first class among its bases that has it."""
    found = set()
    for name in CLASSES:
        cls = getattr(asyncio, name)
        has = cls() if name == "Condition" else cls  # gets its lock's methods when it is made
        found.update(f"{name}.{member}" for member in dir(has) if not member.startswith("_"))
    inherited = {m for m in found if m.startswith("TimerHandle.") and m.replace("Timer", "", 1) in found}
    return found - inherited


def rows(page):
    """The cells of the table of names."""
    table = page[page.index("\n## Name by name") :]
    for line in table.splitlines():
        if line.startswith("| ") and not line.startswith("| asyncio |"):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def problems(page):
    expected = exported_names() | members()
    listed = []
    source = "\n".join(header.read_text() for header in sorted(HEADERS.rglob("*.hpp")))
    words = set(re.findall(r"\w+", source))
    for cells in rows(page):
        if cells[0].startswith("**"):  # a topic
            continue
        if len(cells) != 3 or not cells[1]:
            yield f"a row should have three cells, and weft's name or a reason in the second: {cells}"
            continue
        listed += re.findall(r"`([\w.]+)`", cells[0])
        for name in re.findall(r"weft::(\w+)", cells[1] + cells[2]):
            if name not in words:
                yield f"no header has weft::{name}"
    for name in sorted(expected.difference(listed)):
        yield f"asyncio's {name} is missing"
    for name in sorted(set(listed).difference(expected)):
        yield f"asyncio has no {name}"
    for name in sorted({name for name in listed if listed.count(name) > 1}):
        yield f"{name} is there more than once"


def check_can_fail(page):
    """Pages with a mistake, and what should be said of each."""
    planted = {
        "asyncio's shield is missing": page.replace("| `shield` |", "| `wait_for` |"),
        "asyncio has no gather_all": page.replace("| `gather` |", "| `gather`, `gather_all` |"),
        "asyncio's Queue.qsize is missing": page.replace("`Queue.qsize`, ", ""),
        "asyncio's IocpProactor is missing": page.replace(", `IocpProactor`", ""),
        "no header has weft::no_such_name": page.replace("`weft::mutex`", "`weft::no_such_name`"),
        "Task is there more than once": page.replace("| `Event`, ", "| `Event`, `Task`, "),
        "a row should have": page.replace("| none: there is no TLS |", "| |"),
    }
    for complaint, mistaken in planted.items():
        if not any(problem.startswith(complaint) for problem in problems(mistaken)):
            yield f'nothing says "{complaint}" where it should'


def main():
    if sys.implementation.name != "cpython" or sys.version_info[:2] != (3, 13):
        print("this is not CPython 3.13")
        return 77
    page = PAGE.read_text(encoding="utf-8")
    testing = sys.argv[1:] == ["--test"]
    found = list(check_can_fail(page) if testing else problems(page))
    for problem in found:
        print(problem)
    if not found:
        seen = "every planted mistake" if testing else f"{len(exported_names())} names and {len(members())} members"
        print(f"{seen}: as it should be")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
