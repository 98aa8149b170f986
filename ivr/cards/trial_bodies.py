"""The notices that a bank's developers send themselves: each just as it would be, about nobody.

The card, the account and the number of the report are of zeros, the holder was born in 1900, and
each says `"test": true`, so that no receiver blocks anything because of it.
"""

from typing import Any, Final

from ivr.cards.loss import LossReport
from ivr.cards.notice import NoticeKind
from ivr.cards.notice_bodies import iso, later_body, reported_body
from ivr.cards.records import Card, Holder

REPORT_NUMBER: Final = "00000000"
LATER: Final = (
    NoticeKind.LOSS_RELEASED, NoticeKind.REPORT_DISPUTED, NoticeKind.REPORT_WITHDRAWN,
)  # fmt: skip
_SUSPENDED_SECONDS: Final = 7 * 24 * 3600
_ID_NUMBER: Final = "110105190001010028"


def trial_bodies(bank: str, now: int) -> list[dict[str, Any]]:
    """One of each type a bank is told, in the order of a report's life. `now`: unix seconds."""
    card = Card("A00000000", bank, "6222020000000000000", "110100")
    holder = Holder(_ID_NUMBER, "测试", "", (card,))
    report = _report(card, holder, now)
    first = reported_body(report, holder, card)
    later = [later_body(kind, report, first["data"], now) for kind in LATER]
    ping = {"type": NoticeKind.PING, "timestamp": iso(now), "data": {}}
    return [{**body, "data": {**body["data"], "test": True}} for body in (first, *later, ping)]


def _report(card: Card, holder: Holder, now: int) -> LossReport:
    return LossReport(
        number=REPORT_NUMBER,
        holder_ref="",
        card_ref="",
        bank=card.bank,
        reported_at=now,
        release_at=now + _SUSPENDED_SECONDS,
        channel="phone",
        origin="",
        notice_id="",
        card_last4=card.last4,
        holder_last4=holder.last4,
        language="",
    )
