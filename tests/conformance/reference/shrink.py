# SPDX-License-Identifier: MIT
"""Makes a program smaller while two commands still give different traces for it.  A command gets the path of the program
as its last argument and prints the trace."""
import copy
import json
import os
import shlex
import subprocess
import tempfile
from compare import key

UNWRAP = ('try', 'timeout', 'lock', 'sem', 'repeat', 'cond_hold', 'group')      # may be replaced by their body


def run(command, prog):
    with tempfile.NamedTemporaryFile('w', suffix='.json', delete=False) as f:
        json.dump(prog, f)
    try:
        r = subprocess.run(shlex.split(command) + [f.name], capture_output=True, text=True, timeout=20)
        return r.stdout.splitlines() if r.returncode == 0 else [f'CRASH {r.returncode}']
    except subprocess.TimeoutExpired:
        return ['HANG']
    finally:
        os.unlink(f.name)


def is_list(x, what):
    return isinstance(x, list) and x and all(isinstance(i, list) and len(i) >= 2 and what(i) for i in x)


def is_body(x):
    return is_list(x, lambda i: isinstance(i[0], str) and isinstance(i[1], int))


def is_children(x):
    return is_list(x, lambda i: i[0] in ('T', 'ref'))


def lists(node, path):
    """The paths of all statement lists and child lists."""
    if is_body(node) or is_children(node):
        yield path
    for k, x in enumerate(node) if isinstance(node, list) else node.items() if isinstance(node, dict) else ():
        yield from lists(x, path + (k,))


def at(node, path):
    for p in path:
        node = node[p]
    return node


def shrink(prog, a, b, level):
    def outcome(p):
        return run(a, p), run(b, p)

    def failure(t):
        return t[0] if t and t[0].startswith(('CRASH', 'HANG')) else None
    ta, tb = outcome(prog)
    kind = failure(ta), failure(tb)

    def differs(p):
        x, y = outcome(p)
        return key(x, level) != key(y, level) and (failure(x), failure(y)) == kind
    if key(ta, level) == key(tb, level):
        print('the traces do not differ')
        return 2
    again = True
    while again:
        again = False
        for path in sorted(lists(prog['main'], ('main',)), key=len):
            try:
                size = len(at(prog, path))
            except (KeyError, IndexError, TypeError):
                continue                                    # was inside something that is gone
            while size:                                     # remove runs of 'size' items
                i = 0
                while i < len(at(prog, path)):
                    p = copy.deepcopy(prog)
                    del at(p, path)[i:i + size]
                    if differs(p):
                        prog, again = p, True
                    else:
                        i += size
                size //= 2
            i = 0
            while i < len(at(prog, path)):
                st = at(prog, path)[i]
                inner = next((x for x in st[2:] if is_body(x)), None)
                if st[0] in UNWRAP and inner:
                    p = copy.deepcopy(prog)
                    at(p, path)[i:i + 1] = copy.deepcopy(inner)
                    if differs(p):
                        prog, again = p, True
                        continue
                i += 1
    for kind_of_object in list(prog['objs']):
        p = copy.deepcopy(prog)
        del p['objs'][kind_of_object]
        if differs(p):
            prog = p
    print(json.dumps(prog, separators=(',', ':')))
    for name, t in zip('AB', outcome(prog)):
        print(f'--- {name}')
        print('\n'.join(t))
    return 0
