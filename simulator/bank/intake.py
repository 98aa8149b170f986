"""What a notice does to the ledger, all in one transaction with the record of its arrival.

Effects: `blocked` · `late` and `formal` (recorded, nothing blocked again) · `noted` (released, a
test, or of an unknown type) · `pong` · `duplicate` (this webhook-id was carried out before) ·
`refused` (signature, body, or told to refuse) · `none` (its behaviour carries nothing out).
"""

import json
import logging
from dataclasses import replace
from sqlite3 import Connection

from flask import Response

from simulator.bank import accounts, outbox, receipts
from simulator.bank.behaviour import AcknowledgeLater, Behaviour, Refuse
from simulator.bank.broken_answers import BrokenAnswer
from simulator.bank.ledger import Ledger
from simulator.bank.receipts import Arrival, CarriedOut
from simulator.bank.received_notices import (
    LossReported,
    ReceivedNotice,
    UnreadableNoticeError,
    read_notice,
)

log = logging.getLogger(__name__)


def take(ledger: Ledger, arrival: Arrival, body: bytes, behaviour: Behaviour) -> Response:
    """Carries out a genuine notice. -> the answer to send, once all of it is on disk."""
    try:
        notice = read_notice(body)
    except UnreadableNoticeError as error:
        return _unreadable(ledger, arrival, error, behaviour)
    told = replace(arrival, type=notice.type, report_number=notice.report_number())
    if not behaviour.is_carried_out():
        effect = "refused" if isinstance(behaviour, Refuse) else "none"
        return note(ledger, told, effect, behaviour.answer(Response()))
    with ledger.transaction() as transaction:
        before = receipts.find_carried_out(transaction, told.bank, told.webhook_id)
        done = before or _carry_out(transaction, told, notice, behaviour)
        answer = behaviour.answer(_own_answer(done))
        effect = "duplicate" if before else done.effect
        receipts.note_arrival(transaction, told, effect, _status(answer))
    _log(told, effect)
    return answer


def note(ledger: Ledger, arrival: Arrival, effect: str, answer: Response) -> Response:
    """Records an arrival that does nothing. -> the answer, once the record is on disk."""
    with ledger.transaction() as transaction:
        receipts.note_arrival(transaction, arrival, effect, _status(answer))
    _log(arrival, effect)
    return answer


def problem(status: int, title: str, errors: list[dict[str, str]] | None = None) -> Response:
    """application/problem+json (RFC 9457)."""
    told = {"type": "about:blank", "title": title, "status": status}
    body = json.dumps({**told, **({"errors": errors} if errors else {})})
    return Response(body, status, mimetype="application/problem+json")


def _carry_out(
    ledger: Connection, arrival: Arrival, notice: ReceivedNotice, behaviour: Behaviour
) -> CarriedOut:
    effect = _effect_of(ledger, arrival, notice)
    status, word = _answer_to(effect)
    if effect == "blocked" and isinstance(behaviour, AcknowledgeLater):
        status, word = 202, "received"
        blocked = {"report_number": str(arrival.report_number)}
        outbox.owe(
            ledger,
            arrival.bank,
            "financial_function.blocked",
            blocked,
            behaviour.after_seconds,
        )
    done = CarriedOut(effect, status, json.dumps({"status": word}))
    receipts.note_carried_out(ledger, arrival, done)
    return done


def _effect_of(ledger: Connection, arrival: Arrival, notice: ReceivedNotice) -> str:
    if isinstance(notice, LossReported) and not notice.data.test:
        return _block(ledger, arrival, notice)
    return "pong" if notice.type == "ping" else "noted"


def _block(ledger: Connection, arrival: Arrival, notice: LossReported) -> str:
    report = notice.data
    account = accounts.NewAccount(
        report.card.number,
        report.card.bank_account,
        report.holder.name,
        report.holder.social_security_number,
    )
    accounts.open_account(ledger, arrival.bank, account)
    effect = accounts.block(
        ledger, arrival.bank, report.card.number, report.report_number, report.reported_at
    )
    if effect == "blocked":
        receipts.note_block(ledger, arrival)
    return effect


def _answer_to(effect: str) -> tuple[int, str]:
    """A formally lost account is blocked already, so "blocked" is the truth there too."""
    words = {"blocked": "blocked", "formal": "blocked", "late": "late", "pong": "ok"}
    return 200, words.get(effect, "noted")


def _own_answer(done: CarriedOut) -> Response:
    return Response(done.answer, done.status, mimetype="application/json")


def _unreadable(
    ledger: Ledger, arrival: Arrival, error: UnreadableNoticeError, behaviour: Behaviour
) -> Response:
    answer = behaviour.answer(problem(422, "not a notice of the contract", error.faults))
    return note(ledger, arrival, "refused", answer)


def _status(answer: Response) -> int | None:
    return None if isinstance(answer, BrokenAnswer) else answer.status_code


def _log(arrival: Arrival, effect: str) -> None:
    log.info(
        "%s notice %.80r report %s: %s",
        arrival.bank,
        arrival.webhook_id,
        arrival.report_number,
        effect,
    )
