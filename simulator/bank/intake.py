"""What a notice does to the ledger, all in one transaction with the record of its arrival.

Effects: `blocked` · `late` and `formal` (recorded, nothing blocked again) · `noted` (released, or
of an unknown type) · `pong` · `duplicate` (this webhook-id was carried out before) · `refused`
(signature, body, or told to refuse) · `none` (told to behave so that nothing is carried out).
"""

import json
import logging
from dataclasses import replace
from sqlite3 import Connection

from flask import Response

from simulator.bank import accounts, outbox, receipts
from simulator.bank.behaviour import AcknowledgeLater, Behaviour, Refuse
from simulator.bank.ledger import Ledger
from simulator.bank.notices import LossReported, Notice, UnreadableNoticeError, read_notice
from simulator.bank.receipts import Arrival, Outcome
from simulator.bank.wire import BrokenAnswer

log = logging.getLogger(__name__)


def takes(ledger: Ledger, arrival: Arrival, body: bytes, behaviour: Behaviour) -> Response:
    """A genuine notice -> the answer to send, once everything it does is on disk."""
    try:
        notice = read_notice(body)
    except UnreadableNoticeError as error:
        return _unreadable(ledger, arrival, error, behaviour)
    told = replace(arrival, type=notice.type, report_number=notice.report_number())
    if not behaviour.acts():
        effect = "refused" if isinstance(behaviour, Refuse) else "none"
        return notes(ledger, told, effect, behaviour.answer(Response()))
    with ledger.transaction() as transaction:
        before = receipts.outcome_before(transaction, told.bank, told.webhook_id)
        outcome = before or _carries_out(transaction, told, notice, behaviour)
        answer = behaviour.answer(_own_answer(outcome))
        effect = "duplicate" if before else outcome.effect
        receipts.notes_arrival(transaction, told, effect, _status(answer))
    _logs(told, effect)
    return answer


def notes(ledger: Ledger, arrival: Arrival, effect: str, answer: Response) -> Response:
    """An arrival that does nothing; -> the answer, once it is on disk."""
    with ledger.transaction() as transaction:
        receipts.notes_arrival(transaction, arrival, effect, _status(answer))
    _logs(arrival, effect)
    return answer


def problem(status: int, title: str, errors: list[dict[str, str]] | None = None) -> Response:
    """application/problem+json (RFC 9457)."""
    told = {"type": "about:blank", "title": title, "status": status}
    body = json.dumps({**told, **({"errors": errors} if errors else {})})
    return Response(body, status, mimetype="application/problem+json")


def _carries_out(
    ledger: Connection, arrival: Arrival, notice: Notice, behaviour: Behaviour
) -> Outcome:
    effect = _effect_of(ledger, arrival, notice)
    status, word = _answer_to(effect)
    if effect == "blocked" and isinstance(behaviour, AcknowledgeLater):
        status, word = 202, "received"
        blocked = {"report_number": str(arrival.report_number)}
        outbox.owes(
            ledger,
            arrival.bank,
            "financial_function.blocked",
            blocked,
            behaviour.after_seconds,
        )
    outcome = Outcome(effect, status, json.dumps({"status": word}))
    receipts.notes_outcome(ledger, arrival, outcome)
    return outcome


def _effect_of(ledger: Connection, arrival: Arrival, notice: Notice) -> str:
    if isinstance(notice, LossReported):
        return _blocks(ledger, arrival, notice)
    return "pong" if notice.type == "ping" else "noted"


def _blocks(ledger: Connection, arrival: Arrival, notice: LossReported) -> str:
    report = notice.data
    account = accounts.NewAccount(
        report.card.number,
        report.card.bank_account,
        report.holder.name,
        report.holder.social_security_number,
    )
    accounts.opens(ledger, arrival.bank, account)
    effect = accounts.blocks(
        ledger, arrival.bank, report.card.number, report.report_number, report.reported_at
    )
    if effect == "blocked":
        receipts.notes_block(ledger, arrival)
    return effect


def _answer_to(effect: str) -> tuple[int, str]:
    """A formally lost account is blocked already, so "blocked" is the truth there too."""
    words = {"blocked": "blocked", "formal": "blocked", "late": "late", "pong": "ok"}
    return 200, words.get(effect, "noted")


def _own_answer(outcome: Outcome) -> Response:
    return Response(outcome.answer, outcome.status, mimetype="application/json")


def _unreadable(
    ledger: Ledger, arrival: Arrival, error: UnreadableNoticeError, behaviour: Behaviour
) -> Response:
    answer = behaviour.answer(problem(422, "not a notice of the contract", error.faults))
    return notes(ledger, arrival, "refused", answer)


def _status(answer: Response) -> int | None:
    return None if isinstance(answer, BrokenAnswer) else answer.status_code


def _logs(arrival: Arrival, effect: str) -> None:
    log.info(
        "%s notice %.80r report %s: %s",
        arrival.bank,
        arrival.webhook_id,
        arrival.report_number,
        effect,
    )
