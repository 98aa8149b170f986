"""`python -m bench` measures every row and writes docs/performance.md; `python -m bench turn
notice` measures some and prints them. With QUICK=1 everything is smaller and only printed, unless
WRITE=1 asks for the page.
"""

import importlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from typing import Final

from bench.machine import QUICK
from bench.performance import PAGE, write
from bench.table import Page

ROWS: Final = ("turn", "notice", "backlog", "cpu", "calls", "banks", "trips", "growth", "memory",
               "heal", "start")  # fmt: skip
LEFT_OUT_IF_QUICK: Final = {"growth", "start"}  # the long ones that cannot be made smaller


def main(arguments: Sequence[str]) -> int:
    """Measures one row after another. Returns 2 for an unknown name."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no program is left behind
    names = arguments or [name for name in ROWS if not (QUICK and name in LEFT_OUT_IF_QUICK)]
    if unknown := set(names) - set(ROWS):
        print(f"Unknown: {', '.join(unknown)}. There are: {' '.join(ROWS)}", file=sys.stderr)
        return 2
    page, begun, load = Page(), time.monotonic(), os.getloadavg()[0]
    rows = [importlib.import_module(f"bench.{name}") for name in names]
    for name, row in zip(names, rows, strict=True):
        started = time.monotonic()
        page.begin(name)
        try:
            row.measure(page)
        except Exception as error:  # the other rows are still worth having
            traceback.print_exc()
            page.could_not(error)
        print(f"\n({name}: {time.monotonic() - started:.0f} s)", flush=True)
    seconds = time.monotonic() - begun
    print(f"\n{page.summary()}\n\n{seconds:.0f} s in all", flush=True)
    if "WRITE" in os.environ or not (arguments or QUICK):
        write(page, rows, load, seconds)
        print(f"Written: {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
