"""The table of steps as a picture (Mermaid) and as a page to read: docs/call-flow.md.

Pure: the words of the prompts come from outside, because the dialogue knows only their names.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from ivr.dialogue.flow import START
from ivr.dialogue.steps import (
    MAIN_MENU,
    PERSON,
    Ask,
    Do,
    End,
    Menu,
    Pick,
    Step,
    Tell,
    Transfer,
    exits,
    prompts,
)

Flow = Mapping[str, Step]
Words = Callable[[str], Sequence[str]]  # a prompt's name -> its text in each language

TITLE: Final = "The call, step by step"
INTRODUCTION: Final = """\
Every step of a call and every way between them, drawn from the table in `ivr/dialogue/flow.py`.
Square boxes ask for a key and slanted ones for a row of digits; rounded ones say something and go
on by themselves; diamonds ask the records; the last two, with round ends, put the call through or
end it.

Everywhere **0** is a person, **9** repeats and **\\*** goes back (to the main menu where the list
below names nothing else). In a menu **6** says everything slowly, and offers a person first.
Silence and wrong keys have different words, and the third one in a row leads to a person unless a
`3 tries` way says otherwise. These ways are not drawn."""
MADE_BY: Final = "<!-- Written by `flask flow draw`; change the table, not this file. -->"

BRANCHES: Final[Mapping[str, str]] = {
    "report_id": "report a lost card",
    "status_id": "how a card stands",
    "card_services": "formal loss, unblocking, new card",
    "first_card": "first card",
    PERSON: "a person",
}

_SHAPES: Final[Mapping[type[Step], str]] = {
    Menu: '["{}"]',
    Pick: '["{}"]',
    Tell: '("{}")',
    Ask: '[/"{}"/]',
    Do: '{{"{}"}}',
    Transfer: '(["{}"])',
    End: '(["{}"])',
}


def page(flow: Flow, words: Words) -> str:
    """The whole of docs/call-flow.md."""
    parts = [MADE_BY, f"# {TITLE}", INTRODUCTION, f"```mermaid\n{chart(flow)}\n```"]
    return "\n\n".join([*parts, "\n".join(_table(flow, words))]) + "\n"


def chart(flow: Flow) -> str:
    """A Mermaid flowchart: a group for each branch of the main menu, keys on the arrows."""
    lines = ["flowchart TD"]
    for title, names in branches(flow).items():
        lines.append(f'  subgraph {_group_id(title)}["{title}"]')
        lines += [f"    {name}{_box(name, flow[name])}" for name in names]
        lines.append("  end")
    return "\n".join([*lines, *_arrows(flow)])


def branches(flow: Flow) -> dict[str, list[str]]:
    """Group title -> its steps, in the table's order: each step belongs to the branch of the
    main menu that reaches it in the fewest steps.
    """
    menu = flow[MAIN_MENU]
    keys = dict(menu.choices) if isinstance(menu, Menu) else {}
    roots = {START: "Start", MAIN_MENU: "Start"}
    roots |= {step: _branch(key, step) for key, step in {**keys, "0": PERSON}.items()}
    owner = nearest(flow, roots)
    return {
        title: [name for name in flow if owner[name] == title]
        for title in dict.fromkeys(roots.values())
    }


def _branch(key: str, step: str) -> str:
    return f"{key} · {BRANCHES.get(step, _title(step))}"


def nearest(flow: Flow, roots: Mapping[str, str]) -> dict[str, str]:
    """Every step's group: that of the root with the fewest steps to it."""
    owner = dict(roots)
    ahead = list(roots)
    while ahead:
        name = ahead.pop(0)
        for target in _own_ways(flow[name]).values():
            if target not in owner:
                owner[target] = owner[name]
                ahead.append(target)
    return owner


def _own_ways(step: Step) -> dict[str, str]:
    """The ways that belong to the step itself, not to the universal keys."""
    own = step.choices if isinstance(step, Menu) else {}
    universal = {"0", "*"} - own.keys()
    ways = {way: target for way, target in exits(step).items() if way not in universal}
    if ways.get("3 tries") == PERSON:
        del ways["3 tries"]
    return ways


def _arrows(flow: Flow) -> Iterator[str]:
    for name, step in flow.items():
        joined: dict[str, list[str]] = {}
        for way, target in _own_ways(step).items():
            joined.setdefault(target, []).append(way)
        for target, ways in joined.items():
            label = _label(ways)
            yield f'  {name} -->|"{label}"| {target}' if label else f"  {name} --> {target}"


def _label(ways: list[str]) -> str:
    return ", ".join(way.replace("_", " ") for way in ways if way)


def _box(name: str, step: Step) -> str:
    return _SHAPES[type(step)].format(_title(name))


def _title(name: str) -> str:
    return name.replace("_", " ")


def _group_id(title: str) -> str:
    return "branch_" + title[0].lower()


def _table(flow: Flow, words: Words) -> Iterator[str]:
    yield "| step | what is said first | keys and ways on |"
    yield "|---|---|---|"
    for name, step in flow.items():
        yield f"| `{name}` | {_said(step, words)} | {_keys(step)} |"


def _said(step: Step, words: Words) -> str:
    if isinstance(step, Do):
        return f"(asks the records: {_title(step.action)})"
    if not prompts(step):
        return "(tells of each card)"
    return "<br>".join(_cell(text) for text in words(prompts(step)[0]))


def _keys(step: Step) -> str:
    ways = _own_ways(step)
    back = getattr(step, "back", MAIN_MENU)
    if back != MAIN_MENU:
        ways = {**ways, "*": back}
    return "<br>".join(f"{_cell(_title(way))} → `{target}`".strip() for way, target in ways.items())


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")
