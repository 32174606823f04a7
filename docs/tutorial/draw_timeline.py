#!/usr/bin/env python3
"""Draws who ran when, from what programs have recorded: an SVG picture for the tutorial.

    draw_timeline.py OUT.svg TITLE=PROGRAM [TITLE=PROGRAM ...]

Each PROGRAM is run with --record (examples/makespan_*.cpp). It prints a headline, then a line `WORKER JOB BEGIN END` for
each job, in milliseconds, and `took MILLISECONDS`.
"""
# SPDX-License-Identifier: MIT
import subprocess
import sys
from typing import NamedTuple

COLOURS = {'a': '#4269d0', 'b': '#efb118', 'c': '#ff725c', 'd': '#6cc5b0', 'e': '#a463f2', 'f': '#97bbf5'}
LEFT, WIDTH, LANE, GAP, TOP = 110, 560, 22, 34, 14


class Bar(NamedTuple):
    worker: int
    job: str
    begin: float
    end: float


def record(program):
    """The bars and the whole time of one run."""
    lines = subprocess.run([program, '--record'], check=True, capture_output=True, text=True).stdout.splitlines()[1:]
    took = [float(line.split()[1]) for line in lines if line.startswith('took ')]
    bars = [Bar(int(w), j, float(b), float(e)) for w, j, b, e in (line.split() for line in lines if line[0].isdigit())]
    if not bars or len(took) != 1:
        raise SystemExit(f'{program}: printed no record')
    return bars, took[0]


def draw(runs):
    longest = max(took for _, _, took in runs)
    x = lambda ms: LEFT + ms / longest * WIDTH
    out, y = [], TOP
    for title, bars, took in runs:
        lanes = 1 + max(bar.worker for bar in bars)
        out.append(f'<text x="{LEFT - 10}" y="{y + lanes * LANE / 2 + 4:.0f}" text-anchor="end">{title}</text>')
        for bar in bars:
            left, top, width = x(bar.begin), y + bar.worker * LANE, max(1, x(bar.end) - x(bar.begin) - 1)
            out.append(f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{LANE - 3}" rx="2" '
                       f'fill="{COLOURS.get(bar.job, "#888")}"><title>worker {bar.worker}: {bar.job}, '
                       f'{bar.begin:.0f} to {bar.end:.0f} ms</title></rect>')
            out.append(f'<text class="job" x="{left + width / 2:.1f}" y="{top + 14}" text-anchor="middle">{bar.job}</text>')
        out.append(f'<text x="{x(took) + 6:.1f}" y="{y + lanes * LANE / 2 + 4:.0f}">{took:.0f} ms</text>')
        y += lanes * LANE + GAP - LANE
    height = y + 6
    style = ('<style>text{font:13px sans-serif;fill:#555}.job{fill:#fff;font-weight:bold}'
             '@media(prefers-color-scheme:dark){text{fill:#bbb}}</style>')
    size = f'width="{LEFT + WIDTH + 80}" height="{height}"'
    return '\n'.join([f'<svg xmlns="http://www.w3.org/2000/svg" {size}>', style, *out, '</svg>', ''])


def main():
    if len(sys.argv) < 3 or any('=' not in word for word in sys.argv[2:]):
        raise SystemExit(__doc__)
    runs = [(title, *record(program)) for title, program in (word.split('=', 1) for word in sys.argv[2:])]
    with open(sys.argv[1], 'w', encoding='utf-8') as svg:
        svg.write(draw(runs))


if __name__ == '__main__':
    main()
