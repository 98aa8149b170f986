"""The network is cut under callers, in nine ways: nothing that was told is lost.

Needs root, for namespaces (network.py). `make faults` makes every cut twice, `make test` the first
one once and shorter.
"""

import json
import tempfile
import threading
import time
from pathlib import Path

import pytest

from tests.faults.network import why_impossible
from tests.faults.scale import LONG, SEED
from tests.faults.split_city import SITES, Promise, SplitCity
from tests.faults.splits import CUTS, calls_at, outcome
from tests.faults.storm import prints

IMPOSSIBLE = why_impossible()
pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(600),
    pytest.mark.skipif(bool(IMPOSSIBLE), reason=IMPOSSIBLE),
]

TIMES = 2 if LONG else 1
CUT_SECONDS = 25.0 if LONG else 10.0
AFTER_SECONDS = 15.0 if LONG else 5.0
HOLDERS = 400 if LONG else 160


@pytest.mark.parametrize("run", range(TIMES))
@pytest.mark.parametrize("name", CUTS if LONG else ["1"])
def test_nothing_told_is_lost(name: str, run: int) -> None:
    promise = Promise(wait_for=2, least=2) if name == "5" else Promise()
    with (
        tempfile.TemporaryDirectory(prefix="split-", ignore_cleanup_errors=True) as folder,
        SplitCity(Path(folder), HOLDERS, SEED + run, promise) as city,
    ):
        with calls_at(city) as sites:
            time.sleep(3)
            cut = threading.Thread(target=CUTS[name], args=(city, CUT_SECONDS))
            cut.start()
            time.sleep(CUT_SECONDS - 3)
            ready = {site: city.ready(site)[0] for site in SITES}
            cut.join()
            time.sleep(AFTER_SECONDS)
        city.wait_until_whole()
        city.wait_until_calm()
        came_to = outcome(city, sites)
        heard = {name: site.tally.heard for name, site in sites.items()}
    figures = {name: len(found) for name, found in came_to.found.items()}
    prints(
        f"cut {name}",
        json.dumps({"told": came_to.told, **figures, "busy_seconds": came_to.busy,
                    "heard": heard, "ready_in_the_cut": ready}),
    )  # fmt: skip
    assert not any(figures.values()), came_to.found
    assert came_to.told, "nobody was told anything"
