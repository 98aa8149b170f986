"""Figures: percentiles, ratios, and a table a person can read or paste into docs/benchmarks.md."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f}"


def times(value: float, floor: float) -> str:
    """How many times its floor."""
    return f"{value / floor:.1f}" if floor else "-"


def spread(values: Sequence[float]) -> str:
    """Lowest to highest of several rounds: how far a figure can be trusted."""
    return f"{min(values):.0f}-{max(values):.0f}"


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a Markdown table under its title, with when and on how busy a machine."""
    widths = [max(len(row[place]) for row in (columns, *rows)) for place in range(len(columns))]
    load, cores = os.getloadavg()[0], os.cpu_count()
    print(f"\n{title}\n{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {cores} cores, load {load:.1f}\n")
    for line in (columns, ["-" * width for width in widths], *rows):
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        print(f"| {' | '.join(cells)} |", flush=True)
