"""Loss reports: filed in one transaction, found again, and released when Redis ends them."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.exceptions import WatchError

from ivr.cards.block import Block, BlockState
from ivr.cards.loss import LossReport, ReportKind, ReportState, Suspension
from ivr.cards.records import Card, Holder
from ivr.cards.report_number import new_report_number
from ivr.store import keys
from ivr.store.codec import dump, load, plain
from ivr.store.journal import Journal
from ivr.store.notices import TEXTS_QUEUE, NoticeKind, Outbox, bank_queue
from ivr.store.vault import Vault

RELEASES_A_LOOK: Final = 500  # open reports looked at in one round


class OutcomeUnknownError(Exception):
    """The connection broke while the transaction was on its way: it may or may not be on disk."""


@dataclass(frozen=True)
class Filing:
    """What came of a report: newly filed, or what stood in its way."""

    outcome: Literal["filed", "already", "formal"]
    suspension: Suspension


@dataclass(frozen=True)
class Request:
    """Who asks for a report, and through which channel.

    `origin` is the request's idempotency key (a call's id): asked twice, filed once.
    """

    holder_ref: str
    holder: Holder
    card: Card
    channel: str
    origin: str
    language: str


class ReportBook:
    """The temporary loss reports of this Redis."""

    def __init__(
        self,
        redis: "Redis",
        vault: Vault,
        outbox: Outbox,
        journal: Journal,
        *,
        suspension_seconds: int,
        retention_seconds: int,
    ) -> None:
        self._redis = redis
        self._vault = vault
        self._outbox = outbox
        self._journal = journal
        self._suspension_seconds = suspension_seconds
        self._retention_seconds = retention_seconds

    def report_loss(self, request: Request) -> Filing:
        """Suspends the social security function and owes the bank its notice: all or nothing.

        A second report changes nothing and extends nothing (domain section 1). When this
        returns "filed", the transaction is on disk (append-only file, fsync always).

        Raises:
            OutcomeUnknownError: the connection broke during EXEC.
            redis.RedisError: Redis did not answer or refused; nothing was filed.
        """
        card_ref = self._vault.ref("card", request.card.number)
        while True:
            with self._redis.pipeline() as pipe:
                try:
                    return self._try_to_file(pipe, request, card_ref)
                except WatchError:
                    continue  # somebody filed for this card, or took this number, just now

    def find(self, number: str) -> LossReport | None:
        """The report of a number, or None."""
        text = self._redis.get(keys.report(number))
        return None if text is None else load(LossReport, text)

    def release_due(self, limit: int = RELEASES_A_LOOK) -> int:
        """Follows up on suspensions that Redis has ended: journal, bank and holder, once each.

        The `loss:` key is the truth, not the deadline: a key that is gone early counts too.
        Looks at the `limit` earliest deadlines; returns how many were released.
        """
        numbers = [plain(n) for n in self._redis.zrange(keys.DEADLINES, 0, limit - 1)]
        return sum(self._release(number) for number in numbers if self._has_ended(number))

    def _try_to_file(self, pipe: "Pipeline", request: Request, card_ref: str) -> Filing:
        number = new_report_number()
        pipe.watch(keys.loss(card_ref), keys.report(number))
        found, taken = pipe.mget(keys.loss(card_ref), keys.report(number))
        if found is not None:
            return _stands_in_the_way(load(Suspension, found), request.origin)
        if taken is not None:
            raise WatchError("this number belongs to another report")
        now, _ = pipe.time()
        report = self._new_report(request, card_ref, number, now)
        self._write(pipe, request, report)
        try:
            pipe.execute()
        except (RedisConnectionError, RedisTimeoutError) as error:
            raise OutcomeUnknownError from error
        return Filing("filed", _suspension(report))

    def _new_report(self, request: Request, card_ref: str, number: str, now: int) -> LossReport:
        return LossReport(
            number=number,
            holder_ref=request.holder_ref,
            card_ref=card_ref,
            bank=request.card.bank,
            reported_at=now,
            release_at=now + self._suspension_seconds,
            channel=request.channel,
            origin=request.origin,
            notice_id="",
            card_last4=request.card.last4,
            holder_last4=request.holder.last4,
            language=request.language,
        )

    def _write(self, pipe: "Pipeline", request: Request, report: LossReport) -> None:
        """Everything a report is, in one MULTI: none of it ever exists without the rest."""
        notice = self._outbox.new_notice(
            NoticeKind.LOSS_REPORTED,
            bank_queue(report.bank),
            reported_body(report, request.holder, request.card),
            at=report.reported_at,
            bank=report.bank,
            report_number=report.number,
            card_ref=report.card_ref,
        )
        report = replace(report, notice_id=notice.id)
        now, number, card_ref = report.reported_at, report.number, report.card_ref
        block = Block(card_ref, report.bank, BlockState.NOTIFIED, number, notice.id, now)
        pipe.multi()
        pipe.set(keys.loss(card_ref), dump(_suspension(report)), ex=self._suspension_seconds)
        pipe.set(keys.block(card_ref), dump(block))
        pipe.set(keys.report(number), dump(report), ex=self._retention_seconds)
        pipe.zadd(keys.DEADLINES, {number: report.release_at})
        self._outbox.owe(pipe, notice)
        self._owe_text(pipe, report, "text_filed", now)
        self._journal.write(
            pipe, "loss_reported", report=number, card=card_ref, bank=report.bank,
            channel=report.channel, origin=report.origin,
        )  # fmt: skip

    def _has_ended(self, number: str) -> bool:
        report = self.find(number)
        return report is None or not self._redis.exists(keys.loss(report.card_ref))

    def _release(self, number: str) -> bool:
        """One release in one transaction: only the sweep that removes the deadline tells of it."""
        report = self.find(number)
        with self._redis.pipeline() as pipe:
            try:
                pipe.watch(keys.DEADLINES, keys.report(number))
                if pipe.zscore(keys.DEADLINES, number) is None:
                    return False
                now, _ = pipe.time()
                pipe.multi()
                pipe.zrem(keys.DEADLINES, number)
                if report is not None and report.state is ReportState.ACTIVE:
                    self._write_release(pipe, report, now)
                pipe.execute()
            except WatchError:
                return False  # another sweep was faster, or it was superseded: the next look tells
        return report is not None

    def _write_release(self, pipe: "Pipeline", report: LossReport, now: int) -> None:
        released = replace(report, state=ReportState.RELEASED)
        pipe.set(keys.report(report.number), dump(released), keepttl=True)
        notice = self._outbox.new_notice(
            NoticeKind.LOSS_RELEASED,
            bank_queue(report.bank),
            self._released_body(report, now),
            at=now,
            bank=report.bank,
            report_number=report.number,
            card_ref=report.card_ref,
        )
        self._outbox.owe(pipe, notice)
        self._owe_text(pipe, report, "text_released", now)
        self._journal.write(
            pipe, "loss_released", report=report.number, card=report.card_ref, bank=report.bank
        )

    def _released_body(self, report: LossReport, now: int) -> dict[str, Any]:
        """The first notice's body with the new type: the bank finds the account the same way."""
        reported = self._outbox.find(report.notice_id)
        body = self._outbox.body(reported) if reported is not None else {"data": _core(report)}
        return {**body, "type": NoticeKind.LOSS_RELEASED, "timestamp": iso(now)}

    def _owe_text(self, pipe: "Pipeline", report: LossReport, prompt: str, at: int) -> None:
        owe_text(pipe, self._outbox, report, prompt, at)


def owe_text(pipe: "Pipeline", outbox: Outbox, report: LossReport, prompt: str, at: int) -> None:
    """Owes the holder a text about a report, in the caller's MULTI.

    The body names prompt and report only: number and words are looked up when it is sent.
    """
    body = {"prompt": prompt, "report_number": report.number}
    notice = outbox.new_notice(
        NoticeKind.TEXT, TEXTS_QUEUE, body, at=at, bank=report.bank,
        report_number=report.number, card_ref=report.card_ref,
    )  # fmt: skip
    outbox.owe(pipe, notice)


def reported_body(report: LossReport, holder: Holder, card: Card) -> dict[str, Any]:
    """The notice of design.md section 2 ('Notice to a bank')."""
    return {
        "type": NoticeKind.LOSS_REPORTED,
        "timestamp": iso(report.reported_at),
        "data": {
            **_core(report),
            "action": "block_financial_function",
            "card": {
                "number": card.number,
                "bank_account": card.bank_account,
                "city_code": card.city_code,
            },
            "holder": {"social_security_number": holder.id_number, "name": holder.name},
        },
    }


def iso(unix_seconds: float) -> str:
    """RFC 3339 in UTC, as both sides of the bank contract write times."""
    return datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _core(report: LossReport) -> dict[str, Any]:
    return {
        "report_number": report.number,
        "kind": ReportKind.TEMPORARY,
        "reported_at": iso(report.reported_at),
        "social_security_release_at": iso(report.release_at),
        "channel": report.channel,
    }


def _suspension(report: LossReport) -> Suspension:
    return Suspension(ReportKind.TEMPORARY, report.number, report.origin, report.release_at)


def _stands_in_the_way(suspension: Suspension, origin: str) -> Filing:
    if suspension.kind is ReportKind.FORMAL:
        return Filing("formal", suspension)
    return Filing("filed" if suspension.origin == origin else "already", suspension)
