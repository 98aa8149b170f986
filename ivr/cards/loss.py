"""Loss reports: when the social security function is suspended, and until when."""

from dataclasses import dataclass
from enum import StrEnum


class ReportKind(StrEnum):
    """Temporary ends by itself after the 7 days; formal lasts until the card is replaced."""

    TEMPORARY = "temporary"
    FORMAL = "formal"


class ReportState(StrEnum):
    """The life of a temporary report."""

    ACTIVE = "active"
    RELEASED = "released"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"  # an operator took it back
    CLOSED = "closed"  # its card was replaced


@dataclass(frozen=True)
class LossReport:
    """A temporary loss report. Times are unix seconds by Redis' clock.

    `origin` names the call that filed it: the same call asking again gets the same report.
    `card_last4` and `holder_last4` are all that is kept in clear of the two numbers.
    `disputed_at`: when the holder said "it was not me"; 0 when not, or when that was dismissed.
    `reminded_at`: when the holder was told that the days end; 0 when not.
    """

    number: str
    holder_ref: str
    card_ref: str
    bank: str
    reported_at: int
    release_at: int
    channel: str
    origin: str
    notice_id: str
    card_last4: str
    holder_last4: str
    language: str
    state: ReportState = ReportState.ACTIVE
    disputed_at: int = 0
    reminded_at: int = 0


@dataclass(frozen=True)
class Suspension:
    """What the `loss:` key says: why the social security function is off, and until when.

    `release_at` is None for a formal report: no end.
    """

    kind: ReportKind
    report_number: str
    origin: str
    release_at: int | None

    @property
    def number_told(self) -> str:
        """The report's number as callers hear it; empty for a formal report, of which none does."""
        return "" if self.release_at is None else self.report_number
