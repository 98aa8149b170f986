"""Every path of the flow in every world: no offer is refused, nobody is left without the truth.

A path is what a caller presses, from the first ring to the end of the call or to a step that the
path has been at already. The business acts are the real ones; only Redis is left out.
"""

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Final

import pytest

import ivr.actions
from ivr.cards.acts.report import Origin, Refusal
from ivr.cards.block import BlockState
from ivr.cards.limits import SecondFactor
from ivr.cards.loss import ReportKind
from ivr.cards.records import CardState
from ivr.cards.words import BLOCK_WORDS
from ivr.conversation import CHECKS
from ivr.dialogue.call import ALL, Call, Choice, Line
from ivr.dialogue.flow import FLOW, START
from ivr.dialogue.steps import Ask, Do, End, Menu, Pick, Step, Tell, Transfer
from ivr.dialogue.turn import (
    MAX_TRIES,
    Judged,
    leave,
    offered,
    start,
    take_turn,
    without_person,
)
from ivr.prompts.catalogue import Catalogue, load_catalogue
from ivr.prompts.languages import LanguageCode
from ivr.spoken import BankNames
from ivr.store.block_times import Times
from tests.builders import settings
from tests.walk.world import CODE, TAIL, CardInWorld, Walked, World

DAY: Final = settings("unix:///unused", agent_hours="00:00-24:00")
NIGHT: Final = settings("unix:///unused", agent_hours="mon 08:30-17:30")
NAMES: Final = BankNames(DAY.banks, lambda _bank: None)
CARD_TAIL, TEXT_CODE = SecondFactor.CARD_TAIL, SecondFactor.TEXT_CODE
WANDERING: Final = {"0", "*"}  # from anywhere: once each in a path, or the paths have no end
GOOD: Final = "11010519491231002*"
CATALOGUE: Final = load_catalogue()
OFFERED_KEY: Final = {
    "zh": re.compile(r"按([0-9]|星号)"),
    "en": re.compile(r"(?:press|cancel,|report,) (\d|star)", re.I),
}

# Prompts that say whether a card is reported or blocked, and those that say what to do now.
SAY_WHETHER: Final = {
    "filed", "already_reported", "already_elsewhere", "already_formal", "nothing_reported",
    "cancelled", "cancelled_again", "not_confirmed", "not_confirmed_again", "not_by_phone",
    "phone_closed", "not_renewed", "under_16", "id_needs_person", "outcome_unknown",
    "outcome_unknown_now", "status_card",
    "filed_card", "not_filed_card", "formal_card", "unknown_card", "cancelled_all",
    "not_confirmed_all",
}  # fmt: skip
SAY_WHAT_NOW: Final = {
    "call_any_bank", "bank_blocked", "bank_waiting", "bank_waiting_untexted", "bank_failed",
    "bank_unreached",
    "already_elsewhere", "already_formal", "cancelled", "cancelled_again", "not_confirmed",
    "not_confirmed_again", "not_by_phone", "phone_closed", "under_16", "id_needs_person",
    "outcome_unknown",
    "outcome_unknown_now", "status_bank_waiting", "status_bank_blocked", "status_bank_failed",
    "status_bank_unreached", "status_bank_unblocked", "status_bank_blocked_formal",
    "status_bank_withdrawn", "status_bank_lapsed",
    "status_report", "all_blocked", "all_waiting", "all_failed", "all_unreached", "not_filed_card",
    "unknown_card", "formal_card", "cancelled_all", "not_confirmed_all",
}  # fmt: skip
# What is said of the bank's part -> the states of which it is true.
NOT_BLOCKED: Final = {BlockState.REFUSED, BlockState.UNBLOCKED, BlockState.LAPSED}
# While a report runs the card is not replaced: that ends the report.
WHILE_IT_RUNS: Final = [state for state in BlockState if state is not BlockState.REPLACED]
TRUE_OF: Final[Mapping[str, Set[BlockState | None]]] = {
    "bank_blocked": {BlockState.BLOCKED, BlockState.FORMAL_LOSS},
    "status_bank_blocked": {BlockState.BLOCKED},
    "status_bank_blocked_formal": {BlockState.FORMAL_LOSS},
    "bank_waiting": {BlockState.NOTIFIED, BlockState.RECEIVED},
    "status_bank_waiting": {BlockState.NOTIFIED, BlockState.RECEIVED},
    "bank_usually": {BlockState.NOTIFIED, BlockState.RECEIVED},
    "bank_failed": NOT_BLOCKED,
    "status_bank_failed": NOT_BLOCKED,
    "status_bank_unblocked": {BlockState.UNBLOCKED},
    "bank_unreached": {BlockState.UNDELIVERABLE, BlockState.WITHDRAWN},
    "status_bank_unreached": {BlockState.UNDELIVERABLE},
    "status_bank_withdrawn": {BlockState.WITHDRAWN},
    "status_bank_lapsed": {BlockState.LAPSED},
    "status_bank_normal": {None, BlockState.REPLACED},
}
# The same, said of one of several cards.
TRUE_OF_ONE: Final[Mapping[str, Set[BlockState | None]]] = {
    prompt.replace("bank", "all", 1): states
    for prompt, states in TRUE_OF.items()
    if prompt.startswith("bank")
}
# What is said of a card that is not reported: false of one that is.
SAY_NOT_REPORTED: Final = {
    "cancelled", "not_confirmed", "not_by_phone", "phone_closed", "not_renewed", "under_16",
}  # fmt: skip


def worlds() -> Iterator[World]:
    """Every card state and what the bank said of it, by day and by night; and who answers."""
    hours = [(True, True), (True, False), (False, True)]
    for is_open, answers in hours:
        for cards in (*((card,) for card in _single_cards()), *_wallets()):
            yield World(cards, is_open, answers)
        yield World(None, is_open, answers)
        yield World((CardInWorld(),), is_open, answers, is_child=True)
        yield World((CardInWorld(),), is_open, answers, answer_is_lost=True)
        yield World((CardInWorld(),), is_open, answers, phone="")
        for cards in ((CardInWorld(),), (_reported(),), (_unblocked(),)):
            yield World(cards, is_open, answers, caller=World.phone)
        yield World((CardInWorld(),), is_open, answers, takes_reports=False)
        yield World((CardInWorld(),), is_open, answers, usual=Times(20, 5, 120, asked=20))
        yield from _proving(is_open, answers)
        for whose in ((CardInWorld(),), (CardInWorld(CardState.LOCKED),), None):
            for caller in (World.caller, ""):
                yield World(whose, is_open, answers, caller=caller, is_called_back=True)
        for said in WHILE_IT_RUNS:
            yield World((CardInWorld(),), is_open, answers, bank_says=said)
            yield World((_unblocked(),), is_open, answers, bank_says=said)


def _proving(is_open: bool, answers: bool) -> Iterator[World]:
    """A caller over a limit, and deployments that ask everybody for a second factor."""
    for cards in ((CardInWorld(),), (CardInWorld(CardState.LOCKED),), None):
        for met in ("caller", "number"):
            yield World(cards, is_open, answers, met=met)
        for factor, phone in ((CARD_TAIL, ""), (TEXT_CODE, "+8613800138001"), (TEXT_CODE, "")):
            yield World(cards, is_open, answers, phone=phone, factor=factor)
    yield World((CardInWorld(),), is_open, answers, met="number", factor=TEXT_CODE)


def _single_cards() -> Iterator[CardInWorld]:
    yield from (CardInWorld(state) for state in CardState)
    yield CardInWorld(bank="gone")
    yield CardInWorld(bank="gone", kind=ReportKind.TEMPORARY, block=BlockState.BLOCKED)
    yield from (CardInWorld(kind=ReportKind.TEMPORARY, block=state) for state in WHILE_IT_RUNS)
    yield from (CardInWorld(block=state) for state in BlockState)  # the 7 days are over
    yield CardInWorld(kind=ReportKind.FORMAL, block=BlockState.FORMAL_LOSS)


def _unblocked() -> CardInWorld:
    """Found, unblocked at the bank, and lost again within its 7 days."""
    return CardInWorld(kind=ReportKind.TEMPORARY, block=BlockState.UNBLOCKED)


def _reported() -> CardInWorld:
    return CardInWorld(kind=ReportKind.TEMPORARY, block=BlockState.BLOCKED)


def _wallets() -> Iterator[tuple[CardInWorld, ...]]:
    others = [CardInWorld(state) for state in CardState if state is not CardState.NORMAL]
    yield (CardInWorld(), CardInWorld(bank="ccb"), CardInWorld(CardState.LOCKED))
    for second in (CardInWorld(bank="ccb"), _reported(), _unblocked(), *others):
        yield (CardInWorld(), second)


@dataclass(frozen=True)
class Path:
    """A call so far: where it stands, what was said and pressed, and the steps it has been at."""

    call: Call
    said: tuple[Line, ...]
    pressed: tuple[str, ...]
    steps: tuple[str, ...]
    filed: int = 0

    def heard(self) -> set[str]:
        return {line.prompt for line in self.said}

    def is_refused(self) -> bool:
        """Whether self-service has refused the number that was keyed last."""
        told = [line.prompt for line in self.said]
        since = told[len(told) - told[::-1].index("id_entry") :] if "id_entry" in told else []
        return bool({"not_by_phone", "under_16", "id_needs_person"} & set(since))

    def tells(self) -> str:
        """For a person: every step with the key that led on."""
        ways = zip(self.steps, [*self.pressed, ""], strict=False)
        return " ".join(f"{step} -{key or '…'}->" for step, key in ways)


class Walk:
    """All paths through one world."""

    def __init__(self, world: World, flow: Mapping[str, Step] = FLOW) -> None:
        self.world = world
        self.flow = flow
        self.ends = 0
        self.paths = 0
        self.faults: list[str] = []

    def run(self) -> None:
        walked = self._a_call()
        call = self._spoken(start(self.flow, "CA1", START))
        self._go_on(Path(call, call.said, (), (START,)), walked)

    def _a_call(self) -> Walked:
        return Walked(self.world, DAY if self.world.is_open else NIGHT, NAMES)

    def _go_on(self, path: Path, walked: Walked) -> None:
        step = self.flow[path.call.step]
        self._check_offers(path, step, walked)
        if isinstance(step, End):
            self.paths, self.ends = self.paths + 1, self.ends + 1
            self._check_end(path)
            return
        for keys in inputs(step, path.call):
            if self._is_tried(path, step, keys):
                self._press(path, keys, walked)

    def _is_tried(self, path: Path, step: Step, keys: str) -> bool:
        """What the paths would have no end with is tried once in each, or in few worlds."""
        if isinstance(step, Menu) and step.choices.get(keys) == "callback":
            return self.world.is_called_back and keys not in path.pressed
        return keys not in WANDERING or keys not in path.pressed

    def _press(self, path: Path, keys: str, walked: Walked) -> None:
        """One input in a copy of the world, for the other inputs find it as it was."""
        here = self._a_call()
        here.service.cases = dict(walked.service.cases)
        call, said = path.call, path.said
        for key in keys.split("|"):
            call = self._turn(call, key, here)
            said += call.said
        filed = path.filed + len(here.service.filed)
        steps = (*path.steps, call.step)
        after = Path(call, said, (*path.pressed, keys), steps, filed)
        self._check_truth(after, here)
        if call.step in path.steps:
            self.paths += 1
        else:
            self._go_on(after, here)

    def _turn(self, call: Call, keys: str, walked: Walked) -> Call:
        call = take_turn(self.flow, call, keys, {**CHECKS, "id_number": judge})
        while isinstance(step := self.flow[call.step], Do):
            call = leave(self.flow, call, walked.runs(step.action, call))
        return self._spoken(call)

    def _spoken(self, call: Call) -> Call:
        return call if self.world.is_open else without_person(call)

    def _check_offers(self, path: Path, step: Step, walked: Walked) -> None:
        """What is offered is there: the key leads somewhere, and not to a refusal."""
        now = {line.prompt for line in path.call.said if line.asked}
        if not self.world.is_open and now & {"for_a_person", "wait_for_person"}:
            self._fault(path, "offers a person while nobody is there")
        if "self_service" in now and (path.is_refused() or self._would_refuse(path, walked)):
            self._fault(path, "offers what it has refused")
        if "not_me" in now:
            self._check_not_me(path, walked)
        for choice in offered(step, path.call) if isinstance(step, Pick) else ():
            self._check_item(path, choice, walked)
        if isinstance(step, Menu):
            known = {*step.choices, "0", "6", "9", "star", "星号"}
            for language, pattern in OFFERED_KEY.items():
                told = set(pattern.findall(_spoken_in(language, path.call)))
                if told - known:
                    self._fault(path, f"offers {sorted(told - known)}, which do nothing")

    def _check_not_me(self, path: Path, walked: Walked) -> None:
        """ "It was not me" is offered on the holder's own phone, of a report that runs."""
        case = walked.service.cases[path.call.facts["card_ref"]]
        runs = case.suspension is not None and case.suspension.number_told
        if not runs or self.world.caller != self.world.phone:
            self._fault(path, "offers an objection to somebody else, or to nothing")

    def _would_refuse(self, path: Path, walked: Walked) -> bool:
        """Whether the card that the call is about, or each card of its holder, is refused."""
        known = walked.service.holder("holder") if path.call.facts.get("holder_ref") else None
        if known is None:
            return False
        chosen = path.call.facts.get("card_ref")
        cards = [chosen] if chosen else list(known.cards)
        return all(walked.service.refusal(known, card, Origin("phone", "CA1")) for card in cards)

    def _check_item(self, path: Path, choice: Choice, walked: Walked) -> None:
        """The list says of a card that is reported that it is, and of no other. All are offered
        where there are several to report.
        """
        known = walked.service.holder("holder")
        if choice.value == ALL:
            free = [ref for ref in known.cards if self._is_free(ref, walked)] if known else []
            if len(free) < 2:
                self._fault(path, "offers to report all of too few")
            return
        why = known and walked.service.refusal(known, choice.value, Origin("phone", "CA1"))
        is_lost = why in (Refusal.ALREADY, Refusal.ELSEWHERE, Refusal.FORMAL)
        if (choice.prompt == "pick_item_reported") is not is_lost:
            self._fault(path, "the list is wrong about what is reported")

    def _is_free(self, card_ref: str, walked: Walked) -> bool:
        """Whether this card can be reported, and nothing suspends it."""
        known = walked.service.holder("holder")
        suspension = walked.service.cases[card_ref].suspension
        by = Origin("phone", "CA1")
        if known is None or suspension is not None:
            return False
        return walked.service.refusal(known, card_ref, by) is None

    def _check_list(self, path: Path, walked: Walked) -> None:
        """What is said of each of several cards is true of it."""
        if not getattr(self.flow[path.call.step], "lists", False):
            return
        for choice in path.call.choices:
            is_reported = walked.service.cases[choice.value].suspension is not None
            if is_reported is not (choice.prompt in ("filed_card", "already_reported")):
                self._fault(path, f"says {choice.prompt} of a card, and that is not so")

    def _check_banks(self, path: Path, walked: Walked) -> None:
        """What each bank has said of one of several cards is told of that card."""
        cards = {c.values.get("card_last4"): c.value for c in path.call.choices}
        for line in path.call.said:
            if line.prompt in TRUE_OF_ONE:
                block = walked.service.cases[cards[line.values["card_last4"]]].block
                if (block.state if block else None) not in TRUE_OF_ONE[line.prompt]:
                    self._fault(path, f"says {line.prompt} of another card's block")

    def _check_end(self, path: Path) -> None:
        """We hang up: the caller knows whether the card is reported, and what to do."""
        if "answered" in path.pressed:
            return  # a person took over
        if not path.heard() & SAY_WHETHER:
            self._fault(path, "ends without saying whether the card is reported")
        if not path.heard() & SAY_WHAT_NOW:
            self._fault(path, "ends without saying what to do now")

    def _check_truth(self, path: Path, walked: Walked) -> None:
        now, told = {line.prompt for line in path.call.said}, path.call.facts
        self._check_list(path, walked)
        self._check_banks(path, walked)
        if path.filed and "nothing_reported" in now:
            self._fault(path, "denies a report of this call")
        if now & {"filed", "filed_card"} and not path.filed:
            self._fault(path, "speaks of a report that is not there")
        case = walked.service.cases.get(path.call.facts.get("card_ref", ""))
        if case and case.suspension and now & SAY_NOT_REPORTED:
            self._fault(path, "says that a reported card is not")
        state = case.block.state if case and case.block else None
        if "callback_left" in now and not (walked.service.callbacks or "called_back" in told):
            self._fault(path, "promises to call back nobody")
        if "disputed" in now and not walked.service.disputed:
            self._fault(path, "speaks of an objection that is not there")
        wrong = [prompt for prompt in now & TRUE_OF.keys() if state not in TRUE_OF[prompt]]
        if case and wrong:
            self._fault(path, f"says {wrong[0]} of a block that is {state}")
        asked = path.steps[-2] == "status_reportable" and path.pressed[-1] == "1"
        if asked and path.call.step not in ("confirm", "confirm_again"):
            self._fault(path, "offered to report a card and refuses")

    def _fault(self, path: Path, what: str) -> None:
        self.faults.append(f"{what}: {path.tells()} in {self.world}")


def judge(keys: str) -> Judged:
    if keys == GOOD:
        return Judged(None, "11010519491231002X")
    return Judged("fifteen_places" if len(keys) == 15 else "too_short")


def inputs(step: Step, call: Call) -> list[str]:
    """What a caller may do at a step; `|` parts the turns of one who gives up trying."""
    silence, wrong = "|".join([""] * MAX_TRIES), "|".join(["12"] * MAX_TRIES)
    match step:
        case Menu() if step.languages:
            return ["1", "0"]  # any language: the paths are the same
        case Menu():
            quiet = "" if step.silence else silence
            return [*step.choices, *({"0", "*"} - step.choices.keys()), quiet]
        case Pick():
            return [*(str(n) for n, _ in enumerate(offered(step, call), 1)), "0", "*", silence]
        case Ask() if step.check == "proof":
            return [TAIL, CODE, "0", "*", silence, "|".join(["123456"] * MAX_TRIES)]
        case Ask() if step.check == "phone":
            return ["13800138000", silence]
        case Ask():
            return [GOOD, "1" * 15, "0", "*", silence, wrong]
        case Transfer():
            return ["answered", ""]
        case _:
            return [""]


def _spoken_in(language: LanguageCode, call: Call) -> str:
    texts = [
        CATALOGUE.text(line.prompt, {**call.facts, **line.values}, language)
        for line in call.said
        if line.asked
    ]
    return " ".join(texts)


@pytest.mark.timeout(600)  # 20 s of work, on a machine that may have little to give
@pytest.mark.parametrize("is_open", [True, False])
def test_every_path(is_open: bool) -> None:
    paths = ends = 0
    faults: list[str] = []
    for world in worlds():
        if world.is_open is is_open:
            walk = Walk(world)
            walk.run()
            paths, ends, faults = paths + walk.paths, ends + walk.ends, faults + walk.faults
    assert faults == [], f"{len(faults)} of {paths} paths:\n" + "\n".join(sorted(set(faults))[:30])
    assert ends > 1000, "nothing was walked"
    print(f"{'day' if is_open else 'night'}: {paths} paths, {ends} ends")


# The walk itself can fail: each fault, planted, is found.

LOCKED: Final = (CardInWorld(CardState.LOCKED),)
NORMAL: Final = (CardInWorld(),)


@pytest.mark.parametrize(
    ("step", "planted", "cards", "is_open", "fault"),
    [
        ("only_person", FLOW["person"], LOCKED, False, "offers what it has refused"),
        ("part", Tell(says=(), then="goodbye"), NORMAL, False, "ends without saying whether"),
        ("ask_bank", Tell(says=(), then="after_report"), NORMAL, True, "without saying what to do"),
        (
            "cancelled",
            Menu(asks=("cancelled", "status_report"), choices={"2": "report_id"}),
            NORMAL,
            True,
            "which do nothing",
        ),
        (
            "after_report",
            Tell(says=("nothing_reported", "call_any_bank"), then="goodbye"),
            NORMAL,
            True,
            "denies a report",
        ),
        ("confirm", Tell(says=(), then="filed"), NORMAL, True, "a report that is not there"),
        ("confirm_again", Tell(says=("cancelled",), then="goodbye"), (_unblocked(),), True,
         "says that a reported card is not"),
        ("look_at_card", Tell(says=(), then="not_by_phone"), NORMAL, True, "offered to report"),
        ("status_told", FLOW["status_own"], (_reported(),), True, "an objection to somebody else"),
        ("status_told", Tell(says=("disputed",), then="goodbye"), (_reported(),), True,
         "an objection that is not there"),
    ],
)  # fmt: skip
def test_a_planted_fault_is_found(
    step: str, planted: Step, cards: tuple[CardInWorld, ...], is_open: bool, fault: str
) -> None:
    walk = Walk(World(cards, is_open, person_answers=False), {**FLOW, step: planted})
    walk.run()
    assert any(fault in found for found in walk.faults)


def test_a_person_offered_at_night_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    walk = Walk(World(NORMAL, is_open=False))
    monkeypatch.setattr(walk, "_spoken", lambda call: call)
    walk.run()
    assert any("offers a person while nobody is there" in found for found in walk.faults)


@pytest.mark.parametrize("said", WHILE_IT_RUNS)
def test_a_word_of_the_bank_that_is_not_true_is_found(
    monkeypatch: pytest.MonkeyPatch, said: BlockState
) -> None:
    """Every other state's words in the place of this one's, unless they are true of it too."""
    world = World(NORMAL, bank_says=said)
    for other, words in BLOCK_WORDS.items():
        if said in TRUE_OF[words.status] and said in TRUE_OF[f"bank_{words.outcome}"]:
            continue
        with monkeypatch.context() as planted:
            planted.setattr("ivr.actions.BLOCK_WORDS", {**BLOCK_WORDS, said: words})
            walk = Walk(world)
            walk.run()
        assert any(f"of a block that is {said}" in found for found in walk.faults), other


def test_a_word_of_one_bank_that_is_not_true_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ivr.actions._BANK_OF_ONE, "waiting", "all_blocked")
    walk = Walk(World((CardInWorld(), CardInWorld(bank="ccb"))))
    walk.run()
    assert any("says all_blocked of another card's block" in found for found in walk.faults)


def test_a_report_of_one_card_that_is_not_there_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ivr.actions._file_one", lambda *_: ("filed_card", {}))
    walk = Walk(World((CardInWorld(), CardInWorld(bank="ccb"))))
    walk.run()
    assert any("says filed_card of a card" in found for found in walk.faults)


def test_a_key_offered_in_one_language_only_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    speak = Catalogue.text

    def planted(
        catalogue: Catalogue, prompt: str, values: Mapping[str, str], language: LanguageCode
    ) -> str:
        more = "投诉请按5。" if (prompt, language) == ("main_menu", "zh") else ""
        return speak(catalogue, prompt, values, language) + more

    monkeypatch.setattr(Catalogue, "text", planted)
    walk = Walk(World(NORMAL))
    walk.run()
    assert any("offers ['5'], which do nothing" in found for found in walk.faults)


def test_self_service_offered_to_whom_it_refuses_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ivr.actions._would_be_refused", lambda _turn: False)
    walk = Walk(World(LOCKED, is_open=False))
    walk.run()
    assert any("offers what it has refused" in found for found in walk.faults)


def test_a_list_that_calls_a_lost_card_sound_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ivr.actions.REPORTED", set())
    walk = Walk(World((*NORMAL, CardInWorld(CardState.TEMPORARY_LOSS))))
    walk.run()
    assert any("the list is wrong" in found for found in walk.faults)
