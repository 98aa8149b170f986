"""How much one caller may ask and report, and when the whole line asks for a second factor.

Over a limit nobody is refused: the caller proves more, or gets a person (docs/decisions/0012).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from ivr.cards.records import Holder

HIDDEN: Final = "hidden"  # all callers whose number is withheld, or cannot be believed
DAY_SECONDS: Final = 24 * 3600
TIMES_THE_USUAL_HOUR: Final = 5
MOST_MISTAKES: Final = 9  # wrong second factors for one ID number in 24 h, of all callers


class SecondFactor(StrEnum):
    """What a deployment asks of everybody besides the ID number."""

    NONE = "none"
    CARD_TAIL = "card_tail"
    TEXT_CODE = "text_code"


@dataclass(frozen=True)
class Limits:
    """The measures; each is off with 0. The names are those of the settings. are_codes_texted:
    whether a look-up may text the holder.
    """

    id_numbers_per_caller: int = 0
    id_numbers_per_hidden_call: int = 0
    id_numbers_per_address: int = 0
    misses_per_hour: int = 0
    misses_per_day: int = 0
    lookups_per_id_number: int = 0
    holders_reported_per_caller: int = 0
    breaker_lookups: int = 0
    breaker_reports: int = 0
    are_codes_texted: bool = False


@dataclass(frozen=True)
class Caller:
    """Who asks, on any channel.

    ref: a keyed hash of the calling number, or HIDDEN.
    number: the calling number in E.164; empty when it is hidden.
    reported: the holders reported by it lately, as `and_reported` wrote them.
    is_proven: whether it has passed a second factor for the holder it asks about.
    """

    ref: str = HIDDEN
    number: str = field(default="", repr=False)
    reported: str = ""
    is_proven: bool = False

    def is_phone_of(self, holder: Holder) -> bool:
        """Whether this is the holder's registered phone, which no limit holds back."""
        return self.number != "" and self.number == holder.phone


def reported_lately(reported: str, now: int) -> dict[str, int]:
    """Holder reference -> when the caller reported a card of theirs, within the last 24 hours."""
    pairs = (entry.partition(":")[::2] for entry in reported.split())
    found = {ref: int(at) for at, ref in pairs if at.isdecimal()}
    return {ref: at for ref, at in found.items() if at > now - DAY_SECONDS}


def and_reported(reported: str, holder_ref: str, now: int) -> str:
    """The record of a caller's reports with one more."""
    found = {**reported_lately(reported, now), holder_ref: now}
    return " ".join(f"{at}:{ref}" for ref, at in found.items())


def may_report(caller: Caller, holder: Holder, holder_ref: str, limits: Limits, now: int) -> bool:
    """Whether the caller's reports of other people leave room for this holder."""
    most = limits.holders_reported_per_caller
    if not most or caller.is_proven or caller.is_phone_of(holder):
        return True
    return len(reported_lately(caller.reported, now).keys() - {holder_ref}) < most


def is_search(found: int, missed: int, limits: Limits) -> bool:
    """Whether the line's look-ups of the last 15 minutes look like somebody who tries numbers."""
    least = limits.breaker_lookups
    return 0 < least <= found + missed and missed > found


def is_wave(this_hour: int, earlier: Sequence[int], limits: Limits) -> bool:
    """Whether this hour's reports are far more than usual. `earlier`: those of each hour of the
    last 7 days that had data; without any nobody knows what is usual.
    """
    least = limits.breaker_reports
    if not earlier or not 0 < least <= this_hour:
        return False
    return this_hour * len(earlier) >= TIMES_THE_USUAL_HOUR * sum(earlier)


def hours_of(totals: Mapping[int, int], hour: int) -> list[int]:
    """What came in each full hour before `hour`, from the running total at the start of each. An
    hour has data when its start and its end were seen; a total that was lost counts as none.
    """
    return [
        totals[h + 1] - totals[h]
        for h in sorted(totals)
        if h < hour and totals.get(h + 1, -1) >= totals[h]
    ]
