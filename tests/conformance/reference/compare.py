# SPDX-License-Identifier: MIT
"""Compares traces at four levels, the first being the one that counts:
exact  the whole trace
tick   the order of the lines inside one millisecond is ignored
task   each task's own lines and the summary; order between tasks and callbacks ignored
final  only the summary"""
import collections
import os

LEVELS = ('exact', 'tick', 'task', 'final')


def key(trace, level):
    if level == 'exact':
        return trace
    events = [l for l in trace if l[:1].isdigit()]
    final = [l for l in trace if not l[:1].isdigit()]
    if level == 'final':
        return final
    if level == 'tick':
        return sorted(events), final
    tasks = collections.defaultdict(list)
    for l in events:
        tasks[l.split(' ', 2)[1]].append(l)
    tasks.pop('-', None)
    return tasks, final


def directories(a, b):
    """Every A/NAME.trace with B/NAME.trace; a trace that is only in A counts as different."""
    names = sorted((f[:-6] for f in os.listdir(a) if f.endswith('.trace')), key=lambda n: (len(n), n))
    equal, missing, different = collections.Counter(), [], []
    for n in names:
        if not os.path.exists(f'{b}/{n}.trace'):
            missing.append(n)
            continue
        ta, tb = (open(f'{d}/{n}.trace').read().splitlines() for d in (a, b))
        for level in LEVELS:
            equal[level] += key(ta, level) == key(tb, level)
        if ta != tb:
            different.append(n)
    print(f'{len(names)} traces; equal: ' + ', '.join(f'{l} {equal[l]}' for l in LEVELS))
    if missing:
        print(f'missing in {b}: {len(missing)}: {" ".join(missing[:10])}')
    if different:
        print(f'different: {len(different)}: {" ".join(different[:10])}')
        ta, tb = (open(f'{d}/{different[0]}.trace').read().splitlines() + ['(end)'] for d in (a, b))
        i = next(i for i in range(len(ta)) if ta[i] != tb[i])
        print(f'{different[0]}, line {i + 1}:\n  A {ta[i]}\n  B {tb[i]}')
    return 1 if missing or different or not names else 0
