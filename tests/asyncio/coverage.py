#!/usr/bin/env python3
"""Which tests of CPython's test_asyncio have a counterpart here: writes docs/explanation/asyncio-tests.md.

    coverage.py            writes the page
    coverage.py --check    exits with 1 if the page is not what it would write, or a behaviour is in neither list

census.json lists the test methods of CPython 3.13's test_asyncio that state behaviour which any language can have. A
test here names those that it covers in comments, `// CPython: MODULE Class.test_name`; not_covered.MODULE.txt gives the
reason for each of the others, `MODULE Class.test_name: reason`.
"""
# SPDX-License-Identifier: MIT
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE.parent.parent / 'docs' / 'explanation' / 'asyncio-tests.md'
TAG = re.compile(r'^\s*// CPython: (\w+) (\w+\.\w+)\s*$')
CASE = re.compile(r'^\s*TEST_CASE(?:_METHOD\(\w+,|\()\s*"((?:[^"\\]|\\.)*)"')
CASE_OPEN = re.compile(r'^\s*TEST_CASE(?:_METHOD\(\w+,|\()$')


def covered():
    """{(module, method): sentence} from the comments above the test cases, and what is wrong with them."""
    found, problems = {}, []
    for path in sorted(HERE.glob('*.test.cpp')):
        waiting, opened = [], False
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if tag := TAG.match(line):
                waiting.append(tag.groups())
                continue
            if CASE_OPEN.match(line):
                opened = True
                continue
            sentence = re.match(r'^\s*"((?:[^"\\]|\\.)*)"', line) if opened else CASE.match(line)
            opened = False
            if sentence:
                for method in waiting:
                    found[method] = sentence.group(1).replace('\\"', '"')
                waiting = []
            elif waiting and not line.lstrip().startswith('//'):
                problems.append(f'{path.name}:{number}: a CPython comment stands above no TEST_CASE')
                waiting = []
            elif '// CPython:' in line:
                problems.append(f'{path.name}:{number}: not "// CPython: MODULE Class.test_name"')
    return found, problems


def reasons():
    found, problems = {}, []
    for path in sorted(HERE.glob('not_covered.*.txt')):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if not line.strip() or line.startswith('#'):
                continue
            entry = re.match(r'^(\w+) (\w+\.\w+): (.+)$', line)
            if entry:
                found[entry.group(1), entry.group(2)] = entry.group(3)
            else:
                problems.append(f'{path.name}:{number}: not "MODULE Class.test_name: reason"')
    return found, problems


def page(census, tests, missing):
    lines = [
        '# The tests of asyncio itself',
        '',
        "CPython's own tests of asyncio say what asyncio does. Those that state behaviour which any language can have",
        'have a counterpart in `tests/asyncio/`, written from the behaviour. This page lists them, and for the others the',
        'reason. `tests/asyncio/coverage.py` writes it from the comments in the tests.',
        '',
        '| Module | Behaviours | Covered | Not covered |',
        '|---|---|---|---|',
    ]
    for module, methods in census.items():
        done = sum((module, m) in tests for m in methods)
        lines.append(f'| {module} | {len(methods)} | {done} | {len(methods) - done} |')
    total = sum(len(m) for m in census.values())
    done = sum((module, m) in tests for module, methods in census.items() for m in methods)
    lines += [f'| all | {total} | {done} | {total - done} |', '']
    for module, methods in census.items():
        lines += [f'## {module}', '', '| CPython | here |', '|---|---|']
        for m in methods:
            text = tests.get((module, m)) or 'not covered: ' + missing[module, m]
            lines.append(f'| `{m}` | {text.replace("|", chr(92) + "|")} |')
        lines.append('')
    return '\n'.join(lines).rstrip() + '\n'


def main():
    census = json.loads((HERE / 'census.json').read_text())
    known = {(module, m) for module, methods in census.items() for m in methods}
    tests, problems = covered()
    missing, more = reasons()
    problems += more
    problems += [f'{a} {b}: in neither list' for a, b in sorted(known - tests.keys() - missing.keys())]
    problems += [f'{a} {b}: in both lists' for a, b in sorted(tests.keys() & missing.keys())]
    problems += [f'{a} {b}: not in census.json' for a, b in sorted((tests.keys() | missing.keys()) - known)]
    if problems:
        print('\n'.join(problems))
        return 1
    text = page(census, tests, missing)
    if sys.argv[1:] == ['--check']:
        if not PAGE.exists() or PAGE.read_text() != text:
            print(f'{PAGE} is out of date: run {pathlib.Path(__file__).name}')
            return 1
        return 0
    PAGE.write_text(text)
    print(f'{PAGE}: {len(tests)} of {len(known)} covered')
    return 0


sys.exit(main())
