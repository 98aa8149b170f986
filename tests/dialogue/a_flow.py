"""A small flow with one step of every kind, and verbs to walk through it."""

from collections.abc import Mapping
from typing import Final

from ivr.dialogue.call import Call, Choice
from ivr.dialogue.steps import Ask, Do, End, Menu, Pick, Step, Tell, Transfer
from ivr.dialogue.turn import Check, Judged, Result, leave, start, take_turn

SHORT: Final = 3

SMALL: Final[Mapping[str, Step]] = {
    "language": Menu(
        asks=("which_language",),
        choices={"1": "main_menu", "2": "main_menu"},
        languages={"1": "zh", "2": "en"},
        silence="main_menu",
        back="language",
    ),
    "main_menu": Menu(asks=("menu",), choices={"1": "number", "2": "list"}, back="language"),
    "number": Ask(
        asks=("number_please",),
        digits=SHORT,
        check="number",
        then="look",
        exits={"old": "told"},
        no_digits="told",
    ),
    "look": Do("look", {"none": "main_menu", "several": "list", "one": "sure"}),
    "list": Pick(asks=("which",), item="item", fact="chosen", then="sure"),
    "sure": Menu(
        says=("this_is_it",), asks=("sure",), choices={"1": "told", "9": "number"}, back="list",
        gives_up="goodbye",
    ),
    "told": Tell(says=("done",), then="goodbye"),
    "person": Transfer(says=("hold_the_line",), answered="goodbye", unanswered="main_menu"),
    "only_person": Transfer(says=("hold_on",), answered="goodbye", unanswered="goodbye"),
    "goodbye": End(says=("bye",)),
}  # fmt: skip


def judge(keys: str) -> Judged:
    """The small flow's own check: 123 is good, 15 is an old number, a row too short says so."""
    if keys == "15":
        return Judged("old")
    if keys == "123":
        return Judged(None, keys)
    return Judged("too_short" if len(keys) < SHORT else "wrong")


CHECKS: Final[Mapping[str, Check]] = {"number": judge}

TWO_CARDS: Final = (Choice("ref-a", {"bank": "ICBC"}), Choice("ref-b", {"bank": "CCB"}))


def call_at(step: str, **fields: object) -> Call:
    """A call in the middle of the small flow."""
    return Call(sid="CA1", step=step, **fields)  # type: ignore[arg-type]


def press(call: Call, *inputs: str | None) -> Call:
    """One turn for each input; None is silence."""
    for keys in inputs:
        call = take_turn(SMALL, call, keys, CHECKS)
    return call


def finish(call: Call, outcome: str, **result: object) -> Call:
    """The action of the call's `Do` step comes to `outcome`."""
    return leave(SMALL, call, Result(outcome, **result))  # type: ignore[arg-type]


def new_call() -> Call:
    """A call that has just come in."""
    return start(SMALL, "CA1", "language")


def prompts_of(call: Call) -> list[str]:
    """What is said, by prompt."""
    return [line.prompt for line in call.said]
