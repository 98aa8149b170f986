"""A town with a hotline, people who call it, and banks that answer: what journeys are made of."""

import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from flask import Flask

from ivr.cards.bank_event import BankEvent
from ivr.cards.loss import LossReport
from ivr.cards.notice import Attempt, Outcome
from ivr.cards.records import Card, Holder
from ivr.cards.report_number import is_report_number
from ivr.prompts.catalogue import load_catalogue
from ivr.prompts.languages import LanguageCode
from ivr.prompts.speech import Spelled
from ivr.store import keys
from ivr.store.codec import load
from ivr.store.outbox import bank_queue
from simulator.engine import Call, FarEnd, Rules, WsgiTransport
from simulator.kit import Caller, Manners, phone_line
from tests.builders import BASE_URL, TWILIO_TOKEN, enrol, hotline_of
from tests.hotline import Hotline, leased

SEVEN_DAYS: Final = 604_800
BANKS: Final[Mapping[str, Mapping[str, str]]] = {
    "icbc": {"zh": "工商银行", "en": "ICBC", "phone": "95588"},
    "ccb": {"zh": "建设银行", "en": "CCB", "phone": "95533"},
}
# Sound -> what is meant by it; in Mandarin 1 is yāo on the phone. An ID number may end in X.
SOUNDS: Final[Mapping[LanguageCode, Mapping[str, str]]] = {
    "zh": dict(zip("零幺二三四五六七八九X", "0123456789X", strict=True)),
    "en": dict(zip("0123456789X", "0123456789X", strict=True)),
}
LANGUAGE_KEYS: Final[Mapping[str, str]] = {"zh": "1", "en": "2"}
WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


class Person(Caller):
    """A caller who knows the hotline's keys, and what to expect in which language."""

    def __init__(self, call: Call, language: LanguageCode, manners: Manners) -> None:
        super().__init__(call, strict=True, manners=manners)
        self.language: LanguageCode = language

    def hears_prompt(self, prompt: str, **values: str) -> Self:
        """The catalogue's words, as they sound."""
        return self.hears(self.words(prompt, **values))

    def does_not_hear_prompt(self, prompt: str, **values: str) -> Self:
        return self.does_not_hear(self.words(prompt, **values))

    def words(self, prompt: str, **values: str) -> str:
        """A prompt as it sounds to this person."""
        parts = load_catalogue().say(prompt, values, self.language)
        return "".join(p.alias if isinstance(p, Spelled) else p for p in parts)

    def calls(self) -> Self:
        """Dials and chooses the language."""
        return self.dials().presses(LANGUAGE_KEYS[self.language]).hears_prompt("main_menu")

    def keys_in(self, id_number: str) -> Self:
        """Keys an ID number; a keypad has no X."""
        return self.presses(id_number.replace("X", "*"))

    def asks_to_report(self, id_number: str) -> Self:
        """From the main menu to what comes after the ID number."""
        return self.presses("1").hears_prompt("id_entry").keys_in(id_number)

    def asks_for_status(self, id_number: str) -> Self:
        return self.presses("2").hears_prompt("id_entry").keys_in(id_number)

    def confirms(self) -> Self:
        return self.hears_prompt("confirm").presses("1")

    def confirms_while(self, happens: Callable[[], None]) -> Self:
        """Confirms, and something happens while the report number is being read."""
        self.hears_prompt("confirm")._act(False)
        self.call.press("1")
        happens()
        self.call.run_to_gather()
        return self._checked()

    def hears_number_and_deadline(self, report: LossReport) -> Self:
        """The report number twice, and the deadline with date and time and what one calls it."""
        number = spoken_number(report, self.language)
        self.hears(number).hears(number).hears(deadline(report, self.language))
        return self

    def hears_to_the_end(self) -> Self:
        """Stays silent as long as anything is said or waited for."""
        while not self.call.ended:
            self.waits()
        return self


@dataclass
class Town:
    """One deployment on a clean Redis."""

    app: Flask
    people: list[Person] = field(default_factory=list)

    @property
    def hotline(self) -> Hotline:
        return hotline_of(self.app)

    def someone(
        self,
        language: LanguageCode = "zh",
        *,
        rules: Rules | None = None,
        far_end: FarEnd | None = None,
        manners: Manners | None = None,
        caller: str = "+8613800138000",
    ) -> Person:
        """A person about to call from some number, keying a digit in 0.7 s."""
        line = phone_line(BASE_URL, status="/voice/status", auth_token=TWILIO_TOKEN)
        call = Call(line, WsgiTransport(self.app), caller, rules=rules, far_end=far_end)
        return Person(call, language, manners or Manners(between_keys=0.7))

    def knows(self, *holders: Holder) -> None:
        enrol(self.hotline, *holders)

    # What is on record

    def reports(self) -> list[LossReport]:
        """Every report on record, oldest first."""
        found = self.hotline.redis.keys(keys.report("*"))
        reports = [load(LossReport, self.hotline.redis.get(name) or b"") for name in found]
        return sorted(reports, key=lambda report: report.reported_at)

    def keeps_whole_deadlines(self) -> bool:
        """Whether every report ends after 7 days, or when the one it took the place of would."""
        ends = {report.reported_at + SEVEN_DAYS for report in self.reports()}
        return all(report.release_at in ends for report in self.reports())

    def the_report(self) -> LossReport:
        """The one report there is, whose number and deadline are as they must be."""
        (report,) = self.reports()
        assert is_report_number(report.number)
        assert report.release_at == report.reported_at + SEVEN_DAYS
        return report

    def seconds_left(self, report: LossReport) -> int:
        """The TTL of the suspension."""
        return int(self.hotline.redis.ttl(keys.loss(report.card_ref)))

    def days_pass(self, report: LossReport) -> None:
        """The 7 days are over: Redis ends the suspension by itself."""
        name = keys.loss(report.card_ref)
        self.hotline.redis.pexpire(name, 1)
        until = time.monotonic() + 10
        while self.hotline.redis.exists(name):
            assert time.monotonic() < until, "the suspension has not ended"

    # What the bank does

    def bank_answers(self, report: LossReport, outcome: Outcome) -> None:
        """The worker's one attempt to tell the bank comes to `outcome`, and no other follows."""
        notice = leased(self.hotline, report.notice_id, 30)
        assert notice is not None
        assert notice.queue == bank_queue(report.bank)
        at = int(self.hotline.outbox.now())
        self.hotline.service.settle(notice.id, Attempt(at, outcome, 200, 12, ""), None)

    def bank_tells(self, card: Card, event: str) -> None:
        """An event of the card's own bank, such as `financial_function.unblocked`."""
        at = int(self.hotline.outbox.now()) + 1
        told = BankEvent(
            secrets.token_hex(8), card.bank, event, at, card_number=card.number, outlet="001"
        )
        assert self.hotline.service.hear(told) == "applied"

    # What may be written in a transcript

    def steady(self, person: Person) -> dict[str, str]:
        """What differs from day to day, checked to be true, and what a transcript says instead."""
        changes: dict[str, str] = {r"(?m)^ *\d+\.\d  ": ""}  # a deadline's length moves the rest
        assert self.keeps_whole_deadlines()
        for report in self.reports():
            assert is_report_number(report.number)
            changes[re.escape(spoken_number(report, person.language))] = "{report number}"
            changes[rf"report_number {report.number}\b"] = "report_number {report number}"
            changes[re.escape(deadline(report, person.language))] = "{deadline}"
        return changes


def bank_values(bank: str, language: LanguageCode) -> dict[str, Any]:
    """How a bank is named and called, for prompts."""
    return {"bank": BANKS[bank][language], "bank_phone": BANKS[bank]["phone"]}


def card_values(language: LanguageCode, bank: str = "icbc", last4: str = "5678") -> dict[str, Any]:
    """The same of one card."""
    return {**bank_values(bank, language), "card_last4": last4}


def spoken_number(report: LossReport, language: LanguageCode) -> str:
    """One by one, with a rest in the middle that cannot be seen here."""
    sound_of = {digit: sound for sound, digit in SOUNDS[language].items()}
    return " ".join(sound_of[digit] for digit in report.number)


def deadline(report: LossReport, language: LanguageCode) -> str:
    """The moment the suspension ends, by a Beijing clock: UTC+8 all year round."""
    at = datetime.fromtimestamp(report.release_at, UTC) + timedelta(hours=8)
    if language == "zh":
        day = "一二三四五六日"[at.weekday()]
        return f"{at.month}月{at.day}日星期{day}{_clock_zh(at)}"
    return f"{WEEKDAYS[at.weekday()]}, {MONTHS[at.month - 1]} {at.day}, {_clock_en(at)}"


def _clock_zh(at: datetime) -> str:
    begins = {0: "凌晨", 6: "上午", 12: "中午", 13: "下午", 18: "晚上"}
    part = begins[max(hour for hour in begins if hour <= at.hour)]
    hour = "零" if at.hour == 0 else str((at.hour - 1) % 12 + 1)
    minutes = {0: "", 30: "半"}.get(at.minute, f"{at.minute:02d}分")
    return f"{part}{hour}点{minutes}"


def _clock_en(at: datetime) -> str:
    half = "a.m." if at.hour < 12 else "p.m."
    minutes = f":{at.minute:02d}" if at.minute else ""
    return f"{(at.hour - 1) % 12 + 1}{minutes} {half}"
