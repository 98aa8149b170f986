"""Cities for the fault tests: one each, or one for a whole module where the deeds are exact."""

from collections.abc import Iterator
from tempfile import TemporaryDirectory

import pytest

from tests.faults.callers import Tally
from tests.faults.city import City, a_city
from tests.faults.scale import SEED


@pytest.fixture(scope="module")
def wired_city() -> Iterator[City]:
    """One whose processes can be killed at an exact line; its tests share it."""
    with (
        TemporaryDirectory(prefix="journal-") as journal,
        a_city(40, SEED, wired=True, environ={"JOURNAL_DIR": journal}) as city,
    ):
        yield city


@pytest.fixture(scope="module")
def wired_tally() -> Tally:
    """What everybody was told who called in the `wired_city`."""
    return Tally()
