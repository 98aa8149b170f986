"""What the hotline sends, written by the hotline's own functions, about people who do not exist.

The only module of the simulator that imports the hotline: a kit with bodies of its own could agree
with a bank on something that the hotline does not send.
"""

import csv
import io
import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from random import Random
from typing import Any, Final

from ivr.cards.loss import LossReport
from ivr.cards.notice import TO_BANKS, NoticeKind
from ivr.cards.notice_bodies import iso, later_body, reported_body
from ivr.cards.records import Holder
from ivr.cards.report_number import new_report_number
from ivr.cards.trial_bodies import trial_bodies
from ivr.made_up import holder_rows, made_up_holder

KINDS: Final = TO_BANKS
REPORTED: Final = NoticeKind.LOSS_REPORTED
RELEASED: Final = NoticeKind.LOSS_RELEASED
WITHDRAWN: Final = NoticeKind.REPORT_WITHDRAWN
PING: Final = NoticeKind.PING
PEOPLE: Final = 60
_SEED: Final = 12333  # always the same people, so that a bank can open accounts for them
_DAYS: Final = 86400

Json = dict[str, Any]


@dataclass(frozen=True)
class MadeUpReport:
    """A loss report of somebody made up, as notices tell of it."""

    loss: LossReport
    holder: Holder = field(repr=False)

    def body(self, kind: str = REPORTED) -> Json:
        """A notice of one of KINDS. All that follow a report say the same of it, but their type."""
        if kind == PING:
            return {"type": PING, "timestamp": iso(time.time()), "data": {}}
        first = reported_body(self.loss, self.holder, self.holder.cards[0])
        if kind == REPORTED:
            return first
        return later_body(NoticeKind(kind), self.loss, first["data"], int(time.time()))


def made_up_people() -> list[Holder]:
    """The people whose cards the kit reports lost, each with one card."""
    rng = Random(_SEED)
    return [made_up_holder(rng, ["bank"]) for _ in range(PEOPLE)]


def made_up_reports() -> Iterator[MadeUpReport]:
    """Without end: another person's each time, under a number that is new in every run. The last
    of the people is kept for `a_withdrawn_report`.
    """
    for holder in cycle(made_up_people()[:-1]):
        yield _a_report_of(holder)


def a_withdrawn_report() -> MadeUpReport:
    """Of the last of the people, whose card no other notice of the kit tells of."""
    return _a_report_of(made_up_people()[-1])


def a_trial() -> Json:
    """A loss report as a bank's developers send it to themselves from their own page."""
    return trial_bodies("bank", int(time.time()))[0]


def people_as_csv() -> str:
    """Who they are, as lines of a cardholders CSV (docs/cardholders.md)."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    names = "id_number,name,phone,card_number,bank,bank_account,city_code,card_state"
    rows.writerow(names.split(","))
    rows.writerows(row for holder in made_up_people() for row in holder_rows(holder))
    return text.getvalue()


def new_webhook_id() -> str:
    """As the hotline's own look."""
    return f"ntc-{secrets.token_hex(16)}"


def as_sent(content: Json) -> str:
    """The JSON of a notice, byte for byte as the hotline writes it."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _a_report_of(holder: Holder) -> MadeUpReport:
    return MadeUpReport(_a_loss(holder, int(time.time())), holder)


def _a_loss(holder: Holder, now: int) -> LossReport:
    return LossReport(
        number=new_report_number(),
        holder_ref="",
        card_ref="",
        bank="bank",
        reported_at=now,
        release_at=now + 7 * _DAYS,
        channel="phone",
        origin="",
        notice_id="",
        card_last4=holder.cards[0].last4,
        holder_last4=holder.last4,
        language="zh",
    )
