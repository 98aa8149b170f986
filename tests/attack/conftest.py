"""One city for all attacks of a process: what one attack leaves behind the next one must bear."""

from collections.abc import Iterator

import pytest

from tests.attack.city import ProcfileCity, a_procfile_city


@pytest.fixture(scope="session")
def city() -> Iterator[ProcfileCity]:
    with a_procfile_city(30) as running:
        yield running
