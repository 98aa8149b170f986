"""Fixtures for tests that need a bank: import `start_bank` into a conftest.py."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from simulator.bank.running import RunningBank


class StartBank(Protocol):
    """`start_bank(hotline_url, banks=…, options=…)` -> a RunningBank, stopped after the test."""

    def __call__(self, hotline_url: str, **settings: Any) -> RunningBank: ...


@pytest.fixture
def start_bank(tmp_path: Path) -> Iterator[StartBank]:
    """Each call starts another sandbox bank on a free port, with a ledger of its own."""
    with ExitStack() as started:

        def start(hotline_url: str, **settings: Any) -> RunningBank:
            folder = tmp_path / f"sandbox{len(list(tmp_path.glob('sandbox*')))}"
            return started.enter_context(RunningBank(folder, hotline_url, **settings))

        yield start
