"""Whether a report of this call is on record: all that the table and the call say about it.

All of it is derived from the actions that file reports, so it stays right when the table changes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ivr.dialogue.steps import Do, Menu, Step, exits

FILES: Final = frozenset({"file_report", "file_all"})  # the actions that file
FACT: Final = "on_record"  # the fact of the call that remembers it


class OnRecord(StrEnum):
    """What a call knows about a report of its holder. The URLs of the call hold it too, because
    the stored call may be unreadable in the next turn.
    """

    NO = ""
    YES = "1"  # its number has been heard
    UNKNOWN = "unknown"  # the answer to the filing was lost


@dataclass(frozen=True)
class FilingSteps:
    """Where a table files reports.

    key_at: the step at which a key files -> that key.
    outcomes: the steps where a filing ends, each with words about what came of it.
    """

    key_at: Mapping[str, str]
    outcomes: frozenset[str]


def filing_steps_in(flow: Mapping[str, Step]) -> FilingSteps:
    """The steps of a table that file reports, and those where a filing ends."""
    filing = {n: s for n, s in flow.items() if isinstance(s, Do) and s.action in FILES}
    key_at = {
        name: key
        for name, step in flow.items()
        if isinstance(step, Menu)
        for key, target in step.choices.items()
        if target in filing
    }
    return FilingSteps(
        key_at, frozenset(t for step in filing.values() for t in exits(step).values())
    )
