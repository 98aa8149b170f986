"""One turn of a call as a pure function: where we stand and what came in -> where we go.

An action (a `Do` step) is not run here: `arrive` stops at it. The code that runs it then calls
`leave` with the outcome.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from ivr.dialogue.call import ALL, Call, Choice, Line
from ivr.dialogue.steps import (
    MAIN_MENU,
    ONLY_PERSON,
    PERSON,
    SLOWLY,
    Ask,
    Do,
    Menu,
    Pick,
    Prompts,
    Step,
    Tell,
    Transfer,
)

MAX_TRIES: Final = 3
NOT_UNDERSTOOD: Final = "?"  # in place of a key: something was said
HELP: Final = (
    Line("menu_help", asked=True),
    Line("for_a_person", asked=True),
    Line("slow_offer", asked=True),  # in the menu itself it would cost everybody a second
)
_SLOW_END: Final = Line("slow_end", asked=True)
ENTRY_HELP: Final = (Line("entry_help", asked=True),)  # a lone key waits for more digits, or hash
OFFERS_OF_A_PERSON: Final = ("for_a_person", "wait_for_person")
# Said on the way to a person: whom self-service could not help must know what to do at any hour.
GIVEN_UP: Final = {
    PERSON: (Line("too_many_tries"),),
    ONLY_PERSON: (Line("too_many_tries"), Line("call_any_bank")),
}
Flow = Mapping[str, Step]


@dataclass(frozen=True)
class Judged:
    """What a check says of the keys: `verdict` names what is wrong with them, None means good.
    `entered` is the good value, in the form the next action needs.
    """

    verdict: str | None
    entered: str = field(default="", repr=False)


Check = Callable[[str], Judged]


@dataclass(frozen=True)
class Result:
    """The result of an action: the exit to take, facts to remember, lines to say first."""

    outcome: str
    facts: Mapping[str, str] = field(default_factory=dict)
    lines: tuple[Line, ...] = ()
    choices: tuple[Choice, ...] = ()


def start(flow: Flow, sid: str, first: str) -> Call:
    """A new call, with its first step's prompts."""
    return arrive(flow, Call(sid=sid, step=first), first, ())


def take_turn(flow: Flow, call: Call, keys: str | None, checks: Mapping[str, Check]) -> Call:
    """The call after the caller pressed `keys` (None or empty: silence) at its present step.

    The returned call may stand at a `Do` step: then its action has to be run.
    """
    step = flow[call.step]
    call = replace(call, turn=call.turn + 1, entered="")
    match step:
        case Menu() | Pick() | Ask():
            return _hear(flow, call, step, keys or "", checks)
        case Tell():
            return arrive(flow, call, step.then, ())
        case Transfer():
            return arrive(flow, call, step.answered if keys else step.unanswered, ())
        case _:
            return call


def leave(flow: Flow, call: Call, result: Result) -> Call:
    """The call after the action of its `Do` step ended with `result`."""
    step = flow[call.step]
    if not isinstance(step, Do):
        raise TypeError(f"{call.step} runs no action")
    facts = {**call.facts, **result.facts}
    call = replace(call, facts=facts, choices=result.choices or call.choices)
    return arrive(flow, call, step.exits[result.outcome], (*call.said, *result.lines))


def arrive(flow: Flow, call: Call, name: str, before: tuple[Line, ...]) -> Call:
    """The call at a step, with what is said there after the lines `before`, nothing twice."""
    own = _own_lines(flow[name], call)
    told = {line.prompt for line in own}
    said = tuple(line for line in before if line.prompt not in told) + own
    return replace(call, step=name, tries=0, said=said)


def offered(step: Pick, call: Call) -> tuple[Choice, ...]:
    """The choices of the call that a key leads to at this step, in the order of the keys."""
    return tuple(choice for choice in call.choices if choice.value != ALL or step.takes_all)


def without_person(call: Call) -> Call:
    """The call while no person answers: nobody is told to press a key for one."""
    said = tuple(line for line in call.said if line.prompt not in OFFERS_OF_A_PERSON)
    return replace(call, said=said)


def person_first(call: Call) -> Call:
    """The call of somebody for whom all is said slowly: before any other choice a person, and at
    the end how to have it as before.
    """
    asked = [line for line in call.said if line.asked]
    offers = [line for line in asked if line.prompt in OFFERS_OF_A_PERSON]
    others = [
        _SLOW_END if line.prompt == "slow_offer" else line for line in asked if line not in offers
    ]
    if call.step == MAIN_MENU and _SLOW_END not in others:
        others.append(_SLOW_END)
    told = [line for line in call.said if not line.asked]
    return replace(call, said=(*told, *offers, *others))


def _hear(
    flow: Flow, call: Call, step: Menu | Pick | Ask, keys: str, checks: Mapping[str, Check]
) -> Call:
    if not keys:
        return _on_silence(flow, call, step)
    own = step.choices if isinstance(step, Menu) else {}
    if keys not in own and keys in ("0", "9", "*", "#"):
        return _universal(flow, call, step, keys)
    if keys not in own and keys == SLOWLY and isinstance(step, Menu):
        told = Line("slow_off" if call.slow else "slow_on")
        return replace(call, slow=not call.slow, said=(told, *_own_lines(step, call)))
    match step:
        case Menu():
            return _choose(flow, call, step, keys)
        case Pick():
            return _pick(flow, call, step, keys)
        case Ask():
            return _judge(flow, call, step, keys, checks)


def _on_silence(flow: Flow, call: Call, step: Menu | Pick | Ask) -> Call:
    if isinstance(step, Menu) and step.silence:
        return arrive(flow, call, step.silence, ())
    return _again(flow, call, step, ("no_input",), helped=True)


def _universal(flow: Flow, call: Call, step: Menu | Pick | Ask, key: str) -> Call:
    if key == "0":
        return arrive(flow, call, step.no_digits if isinstance(step, Ask) else PERSON, ())
    if key == "*":
        return arrive(flow, call, step.back, ())
    lines = _own_lines(step, call)
    if key == "9":
        return replace(call, said=lines)
    # Many callers press # after an 18-digit entry. A # that arrives late and alone is neither a
    # choice nor a mistake (twilio-voice: 'keys pressed outside a Gather'). It has cut short only
    # what was asked.
    return replace(call, said=tuple(line for line in lines if line.asked))


def _choose(flow: Flow, call: Call, step: Menu, key: str) -> Call:
    if key not in step.choices:
        return _again(flow, call, step, (_wrong(key),))
    call = replace(call, language=step.languages.get(key, call.language))
    return arrive(flow, call, step.choices[key], ())


def _pick(flow: Flow, call: Call, step: Pick, key: str) -> Call:
    choices = offered(step, call)
    if not (key.isascii() and key.isdigit() and 1 <= int(key) <= len(choices)):
        return _again(flow, call, step, (_wrong(key),))
    value = choices[int(key) - 1].value
    if value == ALL:
        return arrive(flow, call, step.takes_all, ())
    return arrive(flow, replace(call, facts={**call.facts, step.fact: value}), step.then, ())


def _wrong(key: str) -> str:
    return "not_understood" if key == NOT_UNDERSTOOD else "bad_key"


def _judge(flow: Flow, call: Call, step: Ask, keys: str, checks: Mapping[str, Check]) -> Call:
    judged = checks[step.check](keys)
    if judged.verdict is None:
        return arrive(flow, replace(call, entered=judged.entered), step.then, ())
    if judged.verdict in step.exits:
        return arrive(flow, call, step.exits[judged.verdict], ())
    return _again(flow, call, step, (f"{step.check}_{judged.verdict}",))


def _again(
    flow: Flow, call: Call, step: Menu | Pick | Ask, first: Prompts, *, helped: bool = False
) -> Call:
    """The same step again, with other words before it; after the third try, `gives_up`."""
    tries = call.tries + 1
    before = tuple(Line(p) for p in first)
    if tries >= MAX_TRIES:
        # `first` may ask to try again, which is over now.
        return arrive(flow, call, step.gives_up, GIVEN_UP.get(step.gives_up, before))
    lines = _own_lines(step, call)
    if helped:
        more = ENTRY_HELP if isinstance(step, Ask) else HELP
        lines += tuple(line for line in more if line not in lines)
    return replace(call, tries=tries, said=before + lines)


def _own_lines(step: Step, call: Call) -> tuple[Line, ...]:
    listed: tuple[Line, ...] = ()
    if isinstance(step, Menu | Tell) and step.lists:
        listed = tuple(Line(choice.prompt, choice.values) for choice in call.choices)
    match step:
        case Do():
            return ()
        case Menu() | Ask():
            asks = tuple(Line(p, asked=True) for p in step.asks)
        case Pick():
            asks = tuple(Line(p, asked=True) for p in step.asks) + tuple(
                Line(choice.prompt or step.item, {**choice.values, "key": str(number)}, asked=True)
                for number, choice in enumerate(offered(step, call), 1)
            )
        case _:
            asks = ()
    return tuple(Line(p) for p in step.says) + listed + asks
