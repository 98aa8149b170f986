"""Which facts a call has surely found when it comes to a step, whatever way it came."""

from collections.abc import Iterator, Mapping

from ivr.dialogue.steps import ENTERED, Action, Ask, Do, Pick, Step, exits

Facts = frozenset[str]


def missing_facts(flow: Mapping[str, Step], first: str, actions: Mapping[str, Action]) -> list[str]:
    """One line for each action that may run without a fact it needs. Every exit must lead to a
    step of the flow.
    """
    undeclared = [
        f"{name}: the action {step.action} has no row that says what it needs"
        for name, step in flow.items()
        if isinstance(step, Do) and step.action not in actions
    ]
    if undeclared:
        return undeclared
    found = _found_at(flow, first, actions)
    return [
        f"{name}: {step.action} needs {need}, but on some way here no step has found it"
        for name, step in flow.items()
        if isinstance(step, Do)
        for need in sorted(actions[step.action].needs - found.get(name, frozenset()))
    ]


def _found_at(
    flow: Mapping[str, Step], first: str, actions: Mapping[str, Action]
) -> dict[str, Facts]:
    """Step -> what has been found on every way to it."""
    found: dict[str, Facts] = {first: frozenset()}
    ahead = [first]
    while ahead:
        name = ahead.pop()
        for target, facts in _onward(flow[name], found[name], actions):
            on_every_way = facts & found.get(target, facts)
            if found.get(target) != on_every_way:
                found[target] = on_every_way
                ahead.append(target)
    return found


def _onward(step: Step, facts: Facts, actions: Mapping[str, Action]) -> Iterator[tuple[str, Facts]]:
    """Every next step, with the facts known on arriving there."""
    for way, target in exits(step).items():
        match step:
            case Do():
                yield target, facts | actions[step.action].finds.get(way, frozenset())
            case Ask() if way == step.check:
                yield target, facts | {ENTERED}
            case Pick() if target == step.then:
                yield target, (facts | {step.fact}) - {ENTERED}
            case _:  # the caller was spoken to: a new turn
                yield target, facts - {ENTERED}
