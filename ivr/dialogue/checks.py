"""The checks that a table of steps must pass before calls may use it."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Final

from ivr.dialogue.call import Call
from ivr.dialogue.facts import missing_facts
from ivr.dialogue.steps import (
    MAIN_MENU,
    ONLY_PERSON,
    PERSON,
    UNIVERSAL_KEYS,
    Action,
    Do,
    Menu,
    Step,
    Tell,
    exits,
)
from ivr.errors import HotlineError

KEYS: Final = frozenset("0123456789*#")
MOST_OPTIONS: Final = 4  # and 0, a person: callers remember five at most (domain section 5)
# Steps are named in URLs (/voice/<step>), and these URLs are Twilio's own.
NOT_STEPS: Final = frozenset({"status", "fallback", "agent", "whisper", "take"})


class FlowError(HotlineError):
    """The table is wrong; every fault is named."""


def check_flow(flow: Mapping[str, Step], first: str, actions: Mapping[str, Action]) -> None:
    """Checks that every exit leads to a step, every step can be reached, every key exists, 0 is a
    person everywhere, no loop runs without the caller, and that the steps before an action have
    found every fact it needs.

    Raises:
        FlowError: listing all that is wrong.
    """
    faults = [fault for check in _CHECKS for fault in check(flow, first)]
    if not faults:  # facts can be checked only when every exit leads to a step
        faults = missing_facts(flow, first, actions)
    if faults:
        raise FlowError("\n".join(faults))


def language_faults(flow: Mapping[str, Step], languages: Collection[str]) -> list[str]:
    """One line for each language code that no key chooses, or that is chosen but has no row."""
    ways = {
        f"key {key} of {name}": code
        for name, step in flow.items()
        if isinstance(step, Menu)
        for key, code in step.languages.items()
    }
    faults = [f"{code}: no key chooses it" for code in languages if code not in ways.values()]
    ways["silence"] = Call.language
    return faults + [
        f"{code}: {way} chooses it, but it has no row"
        for way, code in ways.items()
        if code not in languages
    ]


def _dead_ends(flow: Mapping[str, Step], first: str) -> Iterator[str]:
    yield from (f"{name} is no step" for name in (first, MAIN_MENU, PERSON) if name not in flow)
    for name, step in flow.items():
        for way, target in exits(step).items():
            if target not in flow:
                yield f"{name}: {way or 'then'} leads to {target}, which is no step"


def _islands(flow: Mapping[str, Step], first: str) -> Iterator[str]:
    reached = _reached(flow, first, lambda step: exits(step).values())
    yield from (f"{name}: no way leads here" for name in flow if name not in reached | {first})


def _wrong_keys(flow: Mapping[str, Step], _first: str) -> Iterator[str]:
    for name, step in flow.items():
        if isinstance(step, Menu):
            yield from (f"{name}: {fault}" for fault in _menu_faults(step))


def _menu_faults(step: Menu) -> Iterator[str]:
    yield from (f"{key} is no key" for key in step.choices if key not in KEYS)
    yield from (f"language key {k} is no choice" for k in step.languages if k not in step.choices)
    if step.choices.get("0", PERSON) not in (PERSON, ONLY_PERSON):
        yield "key 0 is a person everywhere"
    if len(step.choices.keys() - UNIVERSAL_KEYS) > MOST_OPTIONS:
        yield "more than 5 options"


def _circles(flow: Mapping[str, Step], _first: str) -> Iterator[str]:
    """Tell and Do steps go on by themselves: a loop of them would never ask the caller."""
    for name in flow:
        if name in _reached(flow, name, _unasked):
            yield f"{name}: may loop for ever without the caller"


def _unasked(step: Step) -> list[str]:
    return list(exits(step).values()) if isinstance(step, Tell | Do) else []


def _wrong_names(flow: Mapping[str, Step], _first: str) -> Iterator[str]:
    yield from (f"{name}: this URL is Twilio's own" for name in flow if name in NOT_STEPS)


def _reached(
    flow: Mapping[str, Step], name: str, ways: Callable[[Step], Iterable[str]]
) -> set[str]:
    """Every step that `ways` lead to from one step, at once or later."""
    seen: set[str] = set()
    ahead = list(ways(flow[name])) if name in flow else []
    while ahead:
        target = ahead.pop()
        if target in flow and target not in seen:
            seen.add(target)
            ahead.extend(ways(flow[target]))
    return seen


_CHECKS: Final = (_dead_ends, _islands, _wrong_keys, _circles, _wrong_names)
