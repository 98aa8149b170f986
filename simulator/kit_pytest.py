"""The test kit as a pytest plugin: `pytest_plugins = ["simulator.kit_pytest"]` in a conftest.

Fixtures `phone` (makes callers) and `journey` (compares a call with its reviewed transcript); flag
`--regenerate-journeys` rewrites the transcripts.
"""

from collections.abc import Callable
from typing import Protocol

import pytest

from .kit import Caller, Retold, a_caller

_FLAG = "--regenerate-journeys"


class Told(Protocol):
    """A call, or a longer story, that can be told as text."""

    def journey(self, title: str, steady: dict[str, str] | None, retold: Retold) -> str: ...


class KeepsJourney(Protocol):
    """What the `journey` fixture offers."""

    def __call__(
        self,
        caller: Told,
        name: str,
        title: str = "",
        steady: dict[str, str] | None = None,
        retold: Retold = list,
    ) -> None: ...


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(_FLAG, action="store_true", help="rewrite the reviewed call transcripts")


@pytest.fixture
def phone() -> Callable[..., Caller]:
    """`phone(app_or_url, line, ...)` is a caller; the arguments are those of `a_caller`."""
    return a_caller


@pytest.fixture
def journey(request: pytest.FixtureRequest) -> KeepsJourney:
    """`journey(caller, "lost card")` compares with `journeys/lost card.txt` beside the test."""
    folder = request.path.parent / "journeys"
    regenerate = request.config.getoption(_FLAG, default=False)

    def keep(
        caller: Told,
        name: str,
        title: str = "",
        steady: dict[str, str] | None = None,
        retold: Retold = list,
    ) -> None:
        text = caller.journey(title or name, steady, retold)
        path = folder / f"{name}.txt"
        if regenerate:
            folder.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"no {path}; run pytest {_FLAG} and review the new file"
        assert text == path.read_text(encoding="utf-8"), f"reviewed otherwise; see pytest {_FLAG}"

    return keep
