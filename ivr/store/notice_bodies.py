"""What a notice to a bank says (design.md section 2, 'Notice to a bank')."""

from typing import Any

from ivr.cards.loss import LossReport, ReportKind
from ivr.cards.notice import NoticeKind
from ivr.cards.records import Card, Holder
from ivr.store.codec import iso


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


def core(report: LossReport) -> dict[str, Any]:
    """What every notice about a report says of it."""
    return {
        "report_number": report.number,
        "kind": ReportKind.TEMPORARY,
        "reported_at": iso(report.reported_at),
        "social_security_release_at": iso(report.release_at),
        "channel": report.channel,
    }
