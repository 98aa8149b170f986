"""What a notice to a bank says (design.md section 2, 'Notice to a bank')."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ivr.cards.loss import LossReport, ReportKind
from ivr.cards.notice import NoticeKind
from ivr.cards.records import Card, Holder


def reported_body(report: LossReport, holder: Holder, card: Card) -> dict[str, Any]:
    """`card.loss_reported`: all a bank needs to find the account and block it."""
    return {
        "type": NoticeKind.LOSS_REPORTED,
        "timestamp": iso(report.reported_at),
        "data": {
            **core(report),
            "action": "block_financial_function",
            "card": {
                "number": card.number,
                "bank_account": card.bank_account,
                "city_code": card.city_code,
            },
            "holder": {"social_security_number": holder.id_number, "name": holder.name},
        },
    }


def later_body(
    kind: NoticeKind, report: LossReport, first_told: Mapping[str, Any], now: int
) -> dict[str, Any]:
    """What became of a report: the data of the first notice, so that the bank finds the account the
    same way. The action is left out, because the bank must do nothing, and must not block again.

    `first_told` is the first notice's `data`, or empty when it cannot be read any more.
    """
    told = {name: value for name, value in first_told.items() if name != "action"}
    return {
        "type": kind,
        "timestamp": iso(now),
        "data": told or core(report),
    }


def core(report: LossReport) -> dict[str, Any]:
    """What every notice about a report says of it."""
    return {
        "report_number": report.number,
        "kind": ReportKind.TEMPORARY,
        "reported_at": iso(report.reported_at),
        "social_security_release_at": iso(report.release_at),
        "channel": report.channel,
    }


def iso(unix_seconds: float) -> str:
    """RFC 3339 in UTC, as both sides of the bank contract write times."""
    return datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
