"""What the subscribers of a card's city are told when its suspension begins, changes or ends.

It is read off the change itself, so no act can forget it.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from ivr.cards.case import Case
from ivr.cards.change import CardNews, Change, Owed
from ivr.cards.loss import ReportKind, ReportState
from ivr.cards.notice import NoticeKind
from ivr.cards.notice_bodies import iso
from ivr.cards.rules import Rules


@dataclass(frozen=True)
class Named:
    """A card as subscribers know it: its number and city. new_number: of the card that replaces it,
    when that is the news.
    """

    number: str = field(repr=False)
    city: str
    new_number: str = field(default="", repr=False)


def with_news(case: Case, change: Change, card: Named, rules: Rules, now: int) -> Change:
    """The same change, which also tells the subscribers of the card's city what it does to the
    card's suspension, each once; unchanged when it does nothing to it.
    """
    kind = _kind(case, change, card)
    if kind is None or not card.number:
        return change
    news = CardNews(kind, card.city)
    report = change.report or case.report
    number, body = report.number if report else "", _body(kind, change, card, now)
    told = tuple(
        Owed(kind, who, now, body, number, case.card_ref)
        for who, cities in rules.subscribers.items()
        if card.city in cities
    )
    return replace(change, owes=(*change.owes, *told), news=news)


def _kind(case: Case, change: Change, card: Named) -> NoticeKind | None:
    before, after, report = case.suspension, change.suspension, change.report
    ends_when = None if before is None else (before.kind, before.release_at)
    if change.reissue is not None and card.new_number:
        return NoticeKind.REPLACED
    if after is not None:
        if ends_when == (after.kind, after.release_at):
            return None
        is_formal = after.kind is ReportKind.FORMAL
        return NoticeKind.FORMAL_LOSS if is_formal else NoticeKind.SUSPENDED
    if change.lifted:
        is_withdrawn = report is not None and report.state is ReportState.WITHDRAWN
        return NoticeKind.REPORT_WITHDRAWN if is_withdrawn else NoticeKind.RELEASED
    ran_out = before is None and report is not None and report.state is ReportState.RELEASED
    return NoticeKind.RELEASED if ran_out else None


def _body(kind: NoticeKind, change: Change, card: Named, now: int) -> dict[str, Any]:
    """No name, no reason, no report's number. `at` is when it became so on our records."""
    told: dict[str, Any] = {"card_number": card.number, "at": iso(now)}
    if change.suspension is not None:
        until = change.suspension.release_at
        told["until"] = None if until is None else iso(until)
    if kind is NoticeKind.REPLACED:
        told["new_card_number"] = card.new_number
    return {"type": kind, "timestamp": iso(now), "data": told}
