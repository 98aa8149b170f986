"""Worlds to walk through: a holder's cards, a bank, the hour. The business acts are real."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import cast

from ivr.actions import Directory, Turn, run_action
from ivr.cards.acts import report as reporting
from ivr.cards.acts.dispute import Objection
from ivr.cards.acts.report import Filing, Fresh, Origin, Refusal, ReportRequest
from ivr.cards.block import Block, BlockState
from ivr.cards.case import Case
from ivr.cards.change import Owed
from ivr.cards.limits import Caller, SecondFactor
from ivr.cards.loss import LossReport, ReportKind, Suspension
from ivr.cards.notice import NoticeKind
from ivr.cards.records import Card, CardState, Holder
from ivr.cards.report_number import new_report_number
from ivr.cards.rules import Rules
from ivr.cards.status import Status, status_of
from ivr.dialogue.call import Call
from ivr.dialogue.turn import Result
from ivr.prompts.places import Place
from ivr.service import CardService
from ivr.settings import Settings
from ivr.spoken import BankNames
from ivr.store.assurance import OutcomeUnknownError
from ivr.store.block_times import Times
from ivr.store.callbacks import Callback
from ivr.store.cases import Reading
from ivr.store.known import WAITING, KnownHolder
from tests.builders import a_place

NOW = 1_795_000_000  # Wednesday 2026-11-18 19:06:40 in Beijing
WEEK = 604_800
NUMBER = "12345670"
CODE = "246810"  # what is texted
TAIL = "340000"  # the last places of the first card


@dataclass(frozen=True)
class CardInWorld:
    """A card and how it stands: suspended by a report or not, and the bank's part."""

    state: CardState = CardState.NORMAL
    bank: str = "icbc"
    kind: ReportKind | None = None
    block: BlockState | None = None


@dataclass(frozen=True)
class World:
    """What a caller meets. `cards` is None when nobody has the number."""

    cards: tuple[CardInWorld, ...] | None
    is_open: bool = True
    person_answers: bool = True
    is_child: bool = False
    bank_says: BlockState = BlockState.NOTIFIED  # after a report of this call
    answer_is_lost: bool = False  # of the filing
    phone: str = "+8613800138001"
    caller: str = "+8613900139009"
    met: str = ""  # the limit that each look-up of the caller meets
    factor: SecondFactor = SecondFactor.NONE  # asked of everybody
    takes_reports: bool = True  # the phone, by the city's rules
    usual: Times | None = None  # how long the bank took lately
    is_called_back: bool = False  # whether the caller may want it: else the paths have no end


class MemoryService:
    """The service's answers from the business acts alone, on cases kept here."""

    def __init__(self, world: World, holder: Holder, rules: Rules) -> None:
        self._world = world
        self._holder = holder
        self._rules = rules
        self.cases = {_ref(n): _case(n, card) for n, card in enumerate(world.cards or ())}
        self.filed: list[str] = []
        self.disputed: list[str] = []
        self.callbacks: list[Callback] = []

    def holder_ref(self, _id_number: str) -> str:
        return "holder"

    def holder(self, _ref: str) -> KnownHolder | None:
        if self._world.cards is None:
            return None
        cards = dict(zip(self.cases, self._holder.cards, strict=True))
        readings = {ref: self._reading(case) for ref, case in self.cases.items()}
        return KnownHolder("holder", self._holder, cards, readings, (("GET", ""), b""), 0.0)

    def _reading(self, case: Case) -> Reading:
        waits = case.block is not None and case.block.state in WAITING
        return Reading(NOW, case, (), usual=self._world.usual if waits else None)

    def refusal(
        self, known: KnownHolder, card_ref: str, by: Origin | None = None
    ) -> Refusal | None:
        card, case = known.cards[card_ref], known.readings[card_ref].case
        return reporting.refusal(case, known.holder, card, self._rules, NOW, by)

    def status(self, known: KnownHolder, card_ref: str) -> Status:
        return status_of(known.readings[card_ref].case, known.cards[card_ref])

    def make_sure(self, _number: str) -> None:
        """One Redis alone."""

    def dispute(self, number: str, _channel: str) -> Objection:
        self.disputed.append(number)
        return "recorded"

    def may_report(self, _caller: Caller, _known: KnownHolder, _now: int) -> bool:
        return True

    def callback_ref(self, number: str) -> str:
        return number

    def leave_callback(self, wish: Callback) -> None:
        self.callbacks.append(wish)

    def text_code(self, _holder_ref: str, _asked_by: str) -> str:
        return CODE

    def proven_by(
        self, known: KnownHolder, keyed: str, codes: Collection[tuple[str, int]], now: int
    ) -> str:
        return CardService.proven_by(cast("CardService", self), known, keyed, codes, now)

    def code_owed(self, _holder_ref: str, _asked_by: str, _language: str, now: int) -> Owed:
        return Owed(NoticeKind.TEXT, "", now, {})

    def place(self, card: Card) -> Place | None:
        return a_place() if card.bank == "icbc" else None

    def place_owed(
        self, _ref: str, _sentences: object, _asked_by: str, _language: str, now: int
    ) -> Owed:
        return Owed(NoticeKind.TEXT, "", now, {})

    def report_loss(self, request: ReportRequest, _seen: KnownHolder, _caller: Caller) -> Filing:
        if self._world.answer_is_lost:
            raise OutcomeUnknownError
        fresh = Fresh(new_report_number(), "ntc-1")
        case = self.cases[request.card_ref]
        card = dict(zip(self.cases, self._holder.cards, strict=True))[request.card_ref]
        filing, change = reporting.report(
            case, self._holder, card, request, fresh, self._rules, NOW
        )
        if change.report is not None and change.block is not None:
            block = replace(change.block, state=self._world.bank_says)
            case = Case(case.card_ref, change.suspension, block, change.report)
            self.cases[case.card_ref] = case
            self.filed.append(case.card_ref)
        return filing


@dataclass
class Walked:
    """One call through a world."""

    world: World
    settings: Settings
    banks: BankNames
    service: MemoryService = field(init=False)

    def __post_init__(self) -> None:
        id_number = "110105202001010013" if self.world.is_child else "11010519491231002X"
        cards = tuple(_card(n, c) for n, c in enumerate(self.world.cards or ()))
        holder = Holder(id_number, "张三", self.world.phone, cards)
        channels = None if self.world.takes_reports else ("text", "web")
        rules = Rules(self.settings.banks.keys(), WEEK, channels=channels)
        self.service = MemoryService(self.world, holder, rules)

    def runs(self, action: str, call: Call) -> Result:
        """What an action of the flow comes to in this world."""
        service = cast("CardService", self.service)
        directory, caller = Directory(service, {}), Caller("caller", self.world.caller)
        settings = self.settings.model_copy(update={"second_factor": self.world.factor})
        turn = Turn(service, settings, self.banks, directory, call, NOW, caller, met=self.world.met)
        return run_action(action, turn)


def _ref(number: int) -> str:
    return f"card-{number}"


def _card(number: int, card: CardInWorld) -> Card:
    return Card(f"A1234{number:04}", card.bank, "622202", "110100", card.state)


def _case(number: int, card: CardInWorld) -> Case:
    ref, until = _ref(number), NOW + 1000
    suspension = report = block = None
    if card.kind is not None:
        end = until if card.kind is ReportKind.TEMPORARY else None
        suspension = Suspension(card.kind, NUMBER, "an earlier call", end)
    if card.block is not None:
        block = Block(ref, card.bank, card.block, NUMBER, "ntc-0", NOW - 1000)
        report = LossReport(
            NUMBER, "holder", ref, card.bank, NOW - 1000, until, "phone", "an earlier call",
            "ntc-0", "0000", "002X", "zh",
        )  # fmt: skip
    return Case(ref, suspension, block, report)
