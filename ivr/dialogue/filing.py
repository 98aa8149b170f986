"""Is a report of this call on record? All that the table and the call say about it, in one place.

Everything follows from which action files, so a changed table cannot contradict it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ivr.dialogue.steps import Do, Menu, Step, exits

FILES: Final = "file_report"  # the action that files
FACT: Final = "on_record"  # the fact of the call that remembers


class OnRecord(StrEnum):
    """What a call knows about a report of its holder. It travels in the URLs of the call too,
    for the turn in which the call cannot be read.
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


def filing_in(flow: Mapping[str, Step]) -> FilingSteps:
    """Reads it off a table."""
    filing = {n: s for n, s in flow.items() if isinstance(s, Do) and s.action == FILES}
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
