"""Draws charts as SVG, with nothing but strings. Not run by itself: bench.py and curves.py use it.

SPDX-License-Identifier: MIT
"""
import math
from xml.sax.saxutils import escape

COLOURS = ["#1b6ca8", "#9aa5b1", "#d1495b", "#edae49", "#3c8d5a", "#7b5ea7", "#8c6d4f"]


def bars(title, unit, groups, names):
    """Horizontal bars on a logarithmic scale. groups: [(label, {name: value})]."""
    values = [value for _, group in groups for value in group.values() if value and value > 0]
    if not values:
        return _svg(400, 60, [_text(10, 30, title)])
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)) + 0.01)
    left, width, bar = 250, 520, 11
    scale = width / (high - low)
    y, parts = 62, []
    for label, group in groups:
        shown = [name for name in names if group.get(name)]
        if not shown:
            continue
        middle = y + len(shown) * bar / 2 + 4
        parts.append(_text(left - 8, middle, label, anchor="end"))
        for name in shown:
            length = max((math.log10(group[name]) - low) * scale, 1)
            size = f'width="{length:.1f}" height="{bar - 2}"'
            parts.append(f'<rect x="{left}" y="{y}" {size} fill="{_colour(names, name)}"/>')
            parts.append(_text(left + length + 4, y + bar - 3, f"{group[name]:.3g}", size=9))
            y += bar
        y += 12
    grid = []
    for power in range(low, high + 1):
        x = left + (power - low) * scale
        grid.append(f'<line x1="{x:.1f}" y1="54" x2="{x:.1f}" y2="{y}" stroke="#ddd"/>')
        grid.append(_text(x, y + 14, _power(power), anchor="middle", size=10))
    head = [_text(10, 20, title, size=14), *_legend(names, 10, 40)]
    foot = _text(left + width / 2, y + 30, unit, anchor="middle")
    return _svg(left + width + 60, y + 36, [*grid, *head, *parts, foot])


def lines(title, unit, across, series):
    """Lines over a logarithmic x axis. series: {name: [(x, y)]}."""
    points = [point for line in series.values() for point in line]
    if not points:
        return _svg(400, 60, [_text(10, 30, title)])
    low = math.log10(min(x for x, _ in points))
    high = max(math.log10(max(x for x, _ in points)), low + 1)
    top = max(y for _, y in points) * 1.1 or 1
    left, width, height, foot = 70, 560, 300, 360
    to_x = lambda x: left + (math.log10(x) - low) / (high - low) * width
    to_y = lambda y: foot - y / top * height
    parts = [_text(10, 20, title, size=14), *_legend(list(series), 10, 40)]
    for power in range(math.ceil(low), math.floor(high) + 1):
        x = to_x(10**power)
        parts.append(f'<line x1="{x:.1f}" y1="{foot - height}" x2="{x:.1f}" y2="{foot}" stroke="#ddd"/>')
        parts.append(_text(x, foot + 16, _power(power), anchor="middle", size=10))
    for step in range(5):
        y = to_y(top * step / 4)
        parts.append(f'<line x1="{left}" y1="{y:.1f}" x2="{left + width}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(_text(left - 6, y + 4, f"{top * step / 4:.0f}", anchor="end", size=10))
    for name, line in series.items():
        path = " ".join(f"{to_x(x):.1f},{to_y(y):.1f}" for x, y in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{_colour(list(series), name)}" stroke-width="2"/>')
    parts.append(_text(left + width / 2, foot + 34, f"{unit}; across: {across}", anchor="middle"))
    return _svg(left + width + 30, foot + 46, parts)


def _power(power):
    return f"{10**power:g}" if -3 <= power <= 5 else f"1e{power}"


def _colour(names, name):
    return COLOURS[list(names).index(name) % len(COLOURS)]


def _legend(names, x, y):
    parts = []
    for name in names:
        parts.append(f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{_colour(names, name)}"/>')
        parts.append(_text(x + 14, y, name))
        x += 30 + 7 * len(name)
    return parts


def _text(x, y, text, anchor="start", size=11):
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(width, height, parts):
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
            f'width="{width:.0f}" height="{height:.0f}" font-family="sans-serif" fill="#222">',
            '<rect width="100%" height="100%" fill="#fff"/>',
            *parts,
            "</svg>",
            "",
        ]
    )
