"""Why people call, what they press at each step for it, and how they go wrong."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

HANG_UP: Final = "hang up"
SILENCE: Final = ""
ID: Final = "their ID number"
CARD: Final = "one of their cards"


class Errand(StrEnum):
    """What somebody calls for; `wrong` wants to report a card and does little right."""

    REPORT = "report"
    STATUS = "status"
    GUIDANCE = "guidance"
    AGENT = "agent"
    WRONG = "wrong"


Wishes = Mapping[str, tuple[str, ...]]

# Step (as /voice/<step> names it) -> what a caller may press there; one is drawn. A step that is
# not listed ends the call: the caller got what there was, or not what was wanted.
_REPORT: Final[Wishes] = {
    "main_menu": ("1",),
    "report_id": (ID,),
    "pick_card": (CARD,),
    "confirm": ("1",) * 9 + ("2",),
    "not_found": ("1", "0"),
    "already_reported": (HANG_UP, "2", SILENCE, "9"),
    "after_report": (HANG_UP, HANG_UP, "9", "1", SILENCE),
    "outcome_unknown": ("2",),
    "status_told": (HANG_UP, "9"),
    "status_reportable": (HANG_UP, "1"),
    "cancelled": (HANG_UP, "1"),
    "person_closed": (HANG_UP, "1"),
    "person_busy": ("0", "1", HANG_UP),
    "nobody_there": ("9", HANG_UP, SILENCE),
    "nobody_answers": ("0", HANG_UP, SILENCE),
}
_STATUS: Final[Wishes] = {
    "main_menu": ("2",),
    "status_id": (ID,),
    "status_pick": (CARD,),
    "status_not_found": ("1",),
    "status_told": (HANG_UP, HANG_UP, "9", "3", "*"),
    "status_reportable": (HANG_UP, HANG_UP, "9", "3", "*"),
    "card_services": ("1", "2", "3"),
}
_GUIDANCE: Final[Wishes] = {
    "main_menu": ("3", "4"),
    "card_services": ("1", "2", "3", "*"),
    "formal_loss": ("*", HANG_UP, "9"),
    "decoupling": ("*", HANG_UP, "9"),
    "reissue": ("*", HANG_UP, SILENCE),
    "first_card": ("1", "2"),
    "first_worker": (HANG_UP, "9", "*"),
    "first_resident": (HANG_UP, "9", "*"),
}
_AGENT: Final[Wishes] = {
    "main_menu": ("0",),
    "person_closed": (HANG_UP, SILENCE),
    "person_busy": ("0", HANG_UP, SILENCE),
}
WISHES: Final[Mapping[Errand, Wishes]] = {
    Errand.REPORT: _REPORT,
    Errand.STATUS: _STATUS,
    Errand.GUIDANCE: _GUIDANCE,
    Errand.AGENT: _AGENT,
    Errand.WRONG: _REPORT,
}


@dataclass(frozen=True)
class Habits:
    """Probabilities: of a slip at each step, of interrupting a prompt, of leaving at any moment;
    of a request that the network delivers once more.
    """

    slips: float
    interrupts: float
    leaves: float
    repeats: float


_ORDINARY: Final = Habits(slips=0.05, interrupts=0.4, leaves=0.05, repeats=0.04)
_CARELESS: Final = Habits(slips=0.4, interrupts=0.5, leaves=0.25, repeats=0.2)


def habits_of(errand: Errand) -> Habits:
    """Whoever calls may err; some do little else."""
    return _CARELESS if errand is Errand.WRONG else _ORDINARY


def _one_wrong(keys: str, rng: Random) -> str:
    """One digit is wrong; ISO 7064 MOD 11-2 catches every single wrong key."""
    place = rng.randrange(17)
    other = str((int(keys[place]) + rng.randint(1, 9)) % 10)
    return keys[:place] + other + keys[place + 1 :]


_ID_SLIPS: Final[tuple[Callable[[str, Random], str], ...]] = (
    _one_wrong,
    lambda keys, rng: keys[: rng.randint(1, 17)],  # stops in the middle
    lambda keys, rng: keys[: rng.randint(1, 17)] + "#",
    lambda keys, rng: keys[: rng.randint(1, 16)] + "*" + keys[:3] + "#",
    lambda keys, _: keys + "#",  # a late #, which the next prompt receives
    lambda keys, _: keys[:6] + keys[8:17],  # an old number of 15 places, without its #
    lambda _keys, _rng: "#",
    lambda _keys, _rng: SILENCE,
)


def slipped(keys: str, rng: Random) -> str:
    """What is pressed instead of `keys`."""
    if len(keys) == 18:
        return rng.choice(_ID_SLIPS)(keys, rng)
    return rng.choice((SILENCE, rng.choice("0123456789*#"), keys + "#", keys + keys))
