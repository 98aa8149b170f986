"""Figures and the page they are put on: tables, and each reach beside what was measured."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f}"


def ratios(values: Sequence[float], floors: Sequence[float]) -> float:
    """The median of the rounds' own ratios: what slowed one round slowed its floor too."""
    return median(value / floor for value, floor in zip(values, floors, strict=True))


def spread(values: Sequence[float]) -> str:
    """Lowest to highest of several rounds: how far a figure can be trusted."""
    return f"{min(values):.0f}-{max(values):.0f}"


@dataclass(frozen=True)
class Verdict:
    """`share`: how many times as good as the reach it is; 1 or more reaches it."""

    row: str
    what: str
    reach: str
    measured: str
    share: float

    @property
    def reached(self) -> str:
        return "yes" if self.share >= 1 else "**no**"


@dataclass
class Page:
    """What is printed at once, and kept as Markdown for docs/performance.md."""

    row: str = ""
    lines: dict[str, list[str]] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)

    def begin(self, row: str) -> None:
        """What is said from now on belongs to this row."""
        self.row = row
        self.lines[row] = []
        print(f"\n## {row}", flush=True)

    def told(self, row: str) -> str:
        """All that a row has said, as Markdown."""
        return "\n".join(self.lines[row])

    def _say(self, text: str) -> None:
        self.lines[self.row].append(text)
        print(text, flush=True)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """A Markdown table under its title, with when and on how busy a machine."""
        now, load = datetime.now(UTC), os.getloadavg()[0]
        self._say(f"\n{title}\n{now:%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, load {load:.1f}\n")
        self._say(markdown(columns, rows))

    def at_least(
        self, what: str, value: float, reach: float, unit: str = "", *, digits: int = 2
    ) -> None:
        self._judge(what, ">=", value, reach, unit, value / reach, digits)

    def at_most(
        self, what: str, value: float, reach: float, unit: str = "", *, digits: int = 2
    ) -> None:
        self._judge(what, "<=", value, reach, unit, reach / value if value else 2.0, digits)

    def could_not(self, error: Exception) -> None:
        """The row could not be measured."""
        self.verdicts.append(Verdict(self.row, f"not measured: {type(error).__name__}", "", "", 0))

    def _judge(
        self, what: str, sign: str, value: float, reach: float, unit: str, share: float, digits: int
    ) -> None:
        measured, wanted = f"{value:.{digits}f}{unit}", f"{sign} {reach:g}{unit}"
        self.verdicts.append(Verdict(self.row, what, wanted, measured, share))

    def summary(self) -> str:
        """Every reach beside what was measured."""
        rows = [(v.row, v.what, v.reach, v.measured, v.reached) for v in self.verdicts]
        return markdown(("row", "what", "reach", "measured", "reached"), rows)


def markdown(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table whose columns line up."""
    cells = [[str(cell) for cell in row] for row in (columns, *rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(columns))]
    cells.insert(1, ["-" * width for width in widths])
    lines = [
        " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in cells
    ]
    return "\n".join(f"| {line} |" for line in lines)
