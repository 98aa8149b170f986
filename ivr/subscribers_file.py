"""SUBSCRIBERS_FILE: who else must know of suspended cards, each those of its cities only."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from ivr.cards.notice import subscriber
from ivr.partner import Partner, ProtectedUrl, VisibleText, read_partners

City = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$")]


class Subscriber(Partner):
    """One subscriber: a card centre, a clinic's system, a pharmacy chain.

    cities: how the city codes of its cards begin. checks_per_minute: how often it may ask about a
    card. One without a notice_url is told nothing, it only asks.
    """

    name: VisibleText
    cities: tuple[City, ...] = Field(min_length=1)
    checks_per_minute: int = Field(default=600, ge=1, le=100_000)
    notice_url: ProtectedUrl = Field(default="", repr=False)

    @property
    def who(self) -> str:
        return subscriber(self.id)

    @property
    def place(self) -> str:
        return f"SUBSCRIBERS_FILE [subscribers.{self.id}]"


def read_subscribers(
    path: Path, environ: Mapping[str, str]
) -> tuple[dict[str, Subscriber], list[str]]:
    """The subscribers of the file with their secrets, and all that is wrong."""
    return read_partners(Subscriber, "SUBSCRIBERS_FILE", "subscribers", path, environ)
