"""One bank for all tests that do not need their own; it behaves normally when a test begins."""

from collections.abc import Iterator

import pytest
import requests

from simulator.bank.client import SandboxBank
from simulator.bank.pytest_plugin import start_bank
from simulator.bank.running import RunningBank, new_secret
from tests.simulator.bank.builders import Sender
from tests.simulator.bank.hotline import ToyHotline

__all__ = ["start_bank"]


@pytest.fixture(scope="session")
def secret() -> str:
    return new_secret()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBank]:
    """Its hotline is a port where nobody listens."""
    with RunningBank(tmp_path_factory.mktemp("bank"), "http://127.0.0.1:9") as started:
        yield started


@pytest.fixture
def bank(running: RunningBank) -> Iterator[SandboxBank]:
    yield running.client
    running.client.mixes("icbc", [])


@pytest.fixture
def hotline_sends(running: RunningBank, bank: SandboxBank) -> Iterator[Sender]:  # noqa: ARG001
    with Sender(running) as sender:
        yield sender


@pytest.fixture
def web() -> Iterator[requests.Session]:
    """As a browser on this machine: no proxy, whatever the environment says."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture
def hotline(secret: str) -> Iterator[ToyHotline]:
    with ToyHotline(secret) as started:
        yield started
