"""One city for all attacks of a process: what one attack leaves behind the next one must bear."""

from collections.abc import Iterator

import pytest

from tests.attack.city import ProcfileCity, a_procfile_city
from tests.attack.scale import SEED


@pytest.fixture(scope="session")
def city() -> Iterator[ProcfileCity]:
    print(f"\nATTACK_SEED={SEED}", flush=True)
    with a_procfile_city(30) as running:
        yield running
