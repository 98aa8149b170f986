"""`python -m bench` measures every row and writes docs/performance.md; `python -m bench turn notice`
measures and prints some. With QUICK=1 everything is smaller and only printed.
"""

import importlib
import signal
import sys
import time
from collections.abc import Sequence
from typing import Final

from bench.table import Page

ROWS: Final = ("turn", "notice", "backlog", "cpu", "calls", "banks", "trips", "growth", "memory",
               "heal", "start")  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    """Measures one row after another. Returns 2 for an unknown name."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no program is left behind
    names = arguments or ROWS
    if unknown := set(names) - set(ROWS):
        print(f"Unknown: {', '.join(unknown)}. There are: {' '.join(ROWS)}", file=sys.stderr)
        return 2
    page = Page()
    begun = time.monotonic()
    for name in names:
        page.row = name
        page.say(f"\n## {name}")
        started = time.monotonic()
        importlib.import_module(f"bench.{name}").measure(page)
        print(f"\n({time.monotonic() - started:.0f} s)", flush=True)
    print(f"\n{page.summary()}\n\n{time.monotonic() - begun:.0f} s in all", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
