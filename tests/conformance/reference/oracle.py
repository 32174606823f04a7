#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reference oracle for asyncio semantics: makes programs, runs them on CPython 3.13's asyncio, compares traces."""
import argparse
import collections
import hashlib
import json
import os
import platform
import re
import sys

if '--pure' in sys.argv:
    sys.modules['_asyncio'] = None          # asyncio's own Python implementation of Task and Future

import compare
import shrink
from gen import PROFILES, generate, ops_of
from interp import run_program


def text(prog):
    return '\n'.join(run_program(prog)[0]) + '\n'


def dump(prog):
    return json.dumps(prog, separators=(',', ':'))


def cmd_gen(a):
    print(dump(generate(a.seed, a.profile)))


def cmd_run(a):
    prog = generate(int(a.program), a.profile) if a.program.isdigit() else json.load(open(a.program))
    sys.stdout.write(text(prog))


def cmd_golden(a):
    os.makedirs(a.dir, exist_ok=True)
    for s in range(a.first, a.end):
        prog = generate(s, a.profile)
        with open(f'{a.dir}/{s}.json', 'w') as f:
            f.write(dump(prog) + '\n')
        with open(f'{a.dir}/{s}.trace', 'w') as f:
            f.write(text(prog))


def lines_of(prog):
    """The program with a line for each of main's statements, so that a difference between two versions can be read."""
    head = dump({k: v for k, v in prog.items() if k != 'main'})
    return head[:-1] + ',"main":[\n' + ',\n'.join(map(dump, prog['main'])) + '\n]}\n'


def cmd_bundle(a):
    """The format is described in ../collection.hpp, which reads it."""
    if a.end <= a.first:
        sys.exit('oracle.py: a bundle needs at least one seed')
    parts, total = [], hashlib.sha1()
    for s in range(a.first, a.end):
        prog = generate(s, a.profile)
        trace = text(prog)
        total.update(trace.encode())
        parts.append(f'=== {s}\n{lines_of(prog)}---\n{trace}')
    with open(a.file, 'w') as f:
        f.write('weft conformance bundle 1\n')
        f.write(f'{len(parts)} programs: profile {a.profile}, seeds {a.first} to {a.end - 1}, '
                f'CPython {platform.python_version()}, digest {total.hexdigest()[:16]}\n')
        f.writelines(parts)


def cmd_hash(a):
    total = hashlib.sha1()
    for s in range(a.first, a.end):
        try:
            t = text(generate(s, a.profile)).encode()
        except Exception as e:                              # a mutant may break the loop itself
            t = f'{type(e).__name__}\n'.encode()
        total.update(t)
        if not a.total:
            print(s, hashlib.sha1(t).hexdigest()[:16])
    if a.total:
        print(total.hexdigest()[:16])


def cmd_check(a):
    """Each seed twice: the same trace, and it ends; then statistics."""
    unstable, endless, lines, tasks, left, stalls, unhandled = [], [], [], 0, 0, 0, 0
    seen = collections.Counter()
    for s in range(a.first, a.end):
        prog = generate(s, a.profile)
        trace, it = run_program(prog)
        junk = [object() for _ in range(s % 977)]           # another heap layout for the second run
        if run_program(json.loads(dump(prog)))[0] != trace:
            unstable.append(s)
        if it.limit:
            endless.append(s)
        lines.append(len(trace))
        tasks += len(it.tasks)
        for l in trace:
            w = l.split()
            stalls += ' stall ' in l
            unhandled += ' unhandled ' in l
            left += w[0] == 'task' and w[2] == 'pending'
            if w[0].isdigit() and w[2] != '-':
                how = re.sub(r'[(\[].*', '', w[4]) if len(w) > 4 and w[4][0] == '!' else \
                    w[-1] if w[-1] in ('skip', 'refused', 'invalid', 'full', 'empty', 'down') else ''
                seen[f'{w[3]} {how}'.strip()] += 1
    lines.sort()
    print(f'{a.profile}: {len(lines)} seeds, unstable {len(unstable)} {unstable[:5]}, endless {len(endless)} {endless[:5]}')
    print(f'trace lines {sum(lines)}, median {lines[len(lines) // 2]}, longest {lines[-1]}; tasks {tasks}, left pending '
          f'{left}; stalls {stalls}; unhandled {unhandled}')
    if a.verbose:
        print(', '.join(f'{k} {n}' for k, n in seen.most_common()))
    return 1 if unstable or endless else 0


def cmd_profiles(a):
    for name in PROFILES:
        ops = ops_of(name)
        print(f'{name:22s} {len(ops):2d} ops: {" ".join(ops)}')


def cmd_compare(a):
    return compare.directories(a.dir_a, a.dir_b)


def cmd_shrink(a):
    return shrink.shrink(json.load(open(a.program)), a.command_a, a.command_b, a.level)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('--any-version', action='store_true', help='run on a Python other than 3.13 (the traces will differ)')
    p.add_argument('--pure', action='store_true', help="use asyncio's Python implementation, not its C module")
    sub = p.add_subparsers(required=True, metavar='command')

    def command(name, fn, help, *args):
        c = sub.add_parser(name, help=help)
        c.set_defaults(fn=fn)
        for n, kw in args:
            c.add_argument(n, **kw)
    profile = ('--profile', dict(default='mixed', choices=PROFILES, metavar='NAME', help='see the command profiles'))
    span = ('first', dict(type=int)), ('end', dict(type=int, help='first seed not done'))
    command('gen', cmd_gen, 'print the program of a seed', ('seed', dict(type=int)), profile)
    command('run', cmd_run, 'print the trace of a program', ('program', dict(help='FILE.json or a seed')), profile)
    command('golden', cmd_golden, 'write DIR/SEED.json and DIR/SEED.trace', *span, ('dir', {}), profile)
    command('bundle', cmd_bundle, 'write the programs and their traces into one file', *span, ('file', {}), profile)
    command('compare', cmd_compare, 'compare the traces of two directories', ('dir_a', {}), ('dir_b', {}))
    command('shrink', cmd_shrink, 'make a program smaller while two commands give different traces for it',
            ('program', dict(help='FILE.json')), ('command_a', {}), ('command_b', {}),
            ('--level', dict(default='exact', choices=compare.LEVELS)))
    command('check', cmd_check, 'run each seed twice: stable? ends?', *span, profile,
            ('--verbose', dict(action='store_true', help='count the outcomes of each op')))
    command('hash', cmd_hash, 'print a digest of each trace', *span, profile,
            ('--total', dict(action='store_true', help='only one digest, of all traces')))
    command('profiles', cmd_profiles, 'list the profiles and their ops')
    a = p.parse_args()
    if sys.version_info[:2] != (3, 13) and not a.any_version and a.fn not in (cmd_gen, cmd_compare, cmd_profiles):
        sys.exit('oracle.py: the reference is asyncio of CPython 3.13, this is Python %d.%d.%d; run it with python3.13, or '
                 'with --any-version before the command if you want this one\'s behaviour' % sys.version_info[:3])
    return a.fn(a)


if __name__ == '__main__':
    sys.exit(main())
