"""Launches for these tests. None outlives its test, whatever happens."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from simulator.stack.ports import Ports
from tests.simulator.stack.launches import MakeRun

NewLaunch = Callable[..., MakeRun]


@pytest.fixture(scope="module")
def hotline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeRun]:
    """A hotline that is going, with the embedded server, shared by the tests of a module."""
    launch = MakeRun(tmp_path_factory.mktemp("hotline") / "var").start()
    try:
        yield launch.until_ready()
    finally:
        launch.ends_whatever_happens()


@pytest.fixture
def new_launch(tmp_path: Path) -> Iterator[NewLaunch]:
    """`new_launch(SETTING="…")` starts one more in this test's data directory."""
    launches: list[MakeRun] = []

    def start(ports: Ports | None = None, folder: str = "var", **settings: str) -> MakeRun:
        launches.append(MakeRun(tmp_path / folder, ports, **settings).start())
        return launches[-1]

    yield start
    for launch in launches:
        launch.ends_whatever_happens()
