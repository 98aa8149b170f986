"""The kinds of step a call is made of. Plain frozen values: flow.py is the table of them.

`says` is heard to the end; `asks` may be cut short by a key (Twilio: barge-in). Both name
prompts of the catalogue. Exits name steps.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ivr.dialogue.call import ALL

Prompts = tuple[str, ...]

PERSON: Final = "person"  # the step that key 0 and too many tries lead to
ONLY_PERSON: Final = "only_person"  # the same for whom self-service can do nothing more
MAIN_MENU: Final = "main_menu"

ENTERED: Final = "what was entered"

SLOWLY: Final = "6"
# 6 only where a menu asks: elsewhere it is a digit or a card.
UNIVERSAL_KEYS: Final = {"0": "a person", "9": "repeat", "*": "back", SLOWLY: "slowly"}


@dataclass(frozen=True)
class Menu:
    """One key, named choices. Three wrong or missing keys lead to `gives_up`.

    `languages` switches the language with a key (key -> the language's code); `silence` makes
    silence a choice of its own; `in_every_language` speaks each prompt in all of them. `lists`: the
    call's choices are said after `says`, each by its own prompt.
    """

    asks: Prompts
    choices: Mapping[str, str]
    says: Prompts = ()
    back: str = MAIN_MENU
    gives_up: str = PERSON
    silence: str | None = None
    languages: Mapping[str, str] = field(default_factory=dict)
    in_every_language: bool = False
    lists: bool = False


@dataclass(frozen=True)
class Pick:
    """One key out of a list built during the call; the chosen item's value becomes a fact.

    `takes_all`: where the item ALL leads; without it that item is not offered.
    """

    asks: Prompts
    item: str  # the prompt for one item, with {key}
    fact: str
    then: str
    says: Prompts = ()
    takes_all: str = ""
    back: str = MAIN_MENU
    gives_up: str = PERSON


@dataclass(frozen=True)
class Ask:
    """A row of digits, judged by one named check. The check's verdict names the prompt to say;
    the verdict None means that the entry is good.

    `exits` sends some of the check's verdicts elsewhere instead of asking again. `no_digits` is
    where key 0 leads: to a person, for a number that cannot be keyed in. `looks_up`: what for, when
    the entry names a holder to be looked up.
    """

    asks: Prompts
    digits: int
    check: str
    then: str
    says: Prompts = ()
    exits: Mapping[str, str] = field(default_factory=dict)
    back: str = MAIN_MENU
    gives_up: str = ONLY_PERSON
    no_digits: str = PERSON
    looks_up: str = ""


@dataclass(frozen=True)
class Tell:
    """Says something that must be heard, then goes on by itself in a turn of its own. `lists`: the
    call's choices, each by its own prompt.
    """

    says: Prompts
    then: str
    lists: bool = False


@dataclass(frozen=True)
class Do:
    """No input: runs one named action and leaves by its outcome, within the same turn."""

    action: str
    exits: Mapping[str, str]


@dataclass(frozen=True)
class Action:
    """What a `Do` step runs: the facts of the call it needs, and those it finds by outcome.

    `ENTERED` is what an Ask took: it is there in the same turn only, until the caller is spoken
    to, and is never remembered.
    """

    needs: frozenset[str] = frozenset()
    finds: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Transfer:
    """Puts the caller through to a person; the next step depends on whether one answered."""

    says: Prompts
    answered: str
    unanswered: str


@dataclass(frozen=True)
class End:
    """Says its prompts and hangs up."""

    says: Prompts


Step = Menu | Pick | Ask | Tell | Do | Transfer | End


def exits(step: Step) -> dict[str, str]:
    """Every way out of a step: what leads there -> the step it leads to."""
    match step:
        case Menu():
            silent = {"silence": step.silence} if step.silence else {}
            return {**step.choices, **silent, **_shared(step)}
        case Pick():
            takes_all = {ALL: step.takes_all} if step.takes_all else {}
            return {"1 to 8": step.then, **takes_all, **_shared(step)}
        case Ask():
            return {step.check: step.then, **step.exits, **_shared(step)}
        case Tell():
            return {"": step.then}
        case Do():
            return dict(step.exits)
        case Transfer():
            return {"answered": step.answered, "unanswered": step.unanswered}
        case End():
            return {}


def _shared(step: Menu | Pick | Ask) -> dict[str, str]:
    """The keys that belong to the flow, not to each step, and the way out after three tries."""
    own = step.choices if isinstance(step, Menu) else {}
    person = step.no_digits if isinstance(step, Ask) else PERSON
    keys = {"0": person, "*": step.back, "3 tries": step.gives_up}
    return {key: target for key, target in keys.items() if key not in own}


def prompts(step: Step) -> Prompts:
    """Every prompt a step names."""
    match step:
        case Menu() | Ask():
            return step.says + step.asks
        case Pick():
            return (*step.says, *step.asks, step.item)
        case Tell() | Transfer() | End():
            return step.says
        case Do():
            return ()
