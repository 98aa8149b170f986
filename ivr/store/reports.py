"""Loss reports: filed in one transaction, found again, and released when Redis ends them."""

from dataclasses import dataclass, replace
from typing import Final, Literal

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError, WatchError

from ivr.cards.block import Block, BlockState
from ivr.cards.errors import CardNotReportableError
from ivr.cards.loss import LossReport, ReportKind, Suspension
from ivr.cards.notice import NoticeKind
from ivr.cards.records import Card, CardState, Holder
from ivr.cards.report_number import new_report_number
from ivr.errors import HotlineError
from ivr.store import keys
from ivr.store.codec import dump, load
from ivr.store.connection import DurabilityGuard, is_cut
from ivr.store.journal import Journal
from ivr.store.notice_bodies import reported_body
from ivr.store.notices import TEXTS_QUEUE, Outbox, bank_queue
from ivr.store.vault import Vault

ASK_AGAIN_AFTER: Final = 600  # seconds for a bank to say "blocked" after it took a notice
REPLICA_MILLISECONDS: Final = 1000  # a caller is waiting


class OutcomeUnknownError(HotlineError):
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
        durability: DurabilityGuard,
        *,
        suspension_seconds: int,
        retention_seconds: int,
        replicas: int,
    ) -> None:
        self._redis = redis
        self._vault = vault
        self._outbox = outbox
        self._journal = journal
        self._durability = durability
        self._suspension_seconds = suspension_seconds
        self._retention_seconds = retention_seconds
        self._replicas = replicas

    def report_loss(self, request: Request) -> Filing:
        """Suspends the social security function and owes the bank its notice: all or nothing.

        A second report changes nothing and extends nothing (domain section 1). When this
        returns "filed", the transaction is on disk (append-only file, fsync always), and on as
        many replicas as the deployment asks for.

        Raises:
            UnsafeRedisError: this Redis could lose the report; nothing was filed.
            OutcomeUnknownError: the connection broke during EXEC, or the replicas did not answer.
            CardNotReportableError: the card is not in its normal state.
            redis.RedisError: Redis did not answer or refused; nothing was filed.
        """
        card_ref = self._vault.ref("card", request.card.number)
        while True:
            with self._redis.pipeline() as pipe:
                try:
                    filing = self._try_to_file(pipe, request, card_ref)
                except WatchError:
                    continue  # somebody filed for this card, or took this number, just now
            if filing.outcome == "filed":
                self._wait_for_replicas(filing.suspension.report_number)
            return filing

    def find(self, number: str) -> LossReport | None:
        """The report of a number, or None."""
        text = self._redis.get(keys.report(number))
        return None if text is None else load(LossReport, text)

    def _try_to_file(self, pipe: "Pipeline", request: Request, card_ref: str) -> Filing:
        number = new_report_number()
        pipe.watch(keys.loss(card_ref), keys.report(number))
        found, taken = pipe.mget(keys.loss(card_ref), keys.report(number))
        if found is not None:
            return _stands_in_the_way(load(Suspension, found), request.origin)
        if request.card.state is not CardState.NORMAL:
            raise CardNotReportableError
        if taken is not None:
            raise WatchError("this number belongs to another report")
        self._durability.make_sure()
        now, _ = pipe.time()
        report = self._new_report(request, card_ref, number, now)
        self._write(pipe, request, report)
        try:
            pipe.execute()
        except WatchError as error:
            if is_cut(error):
                raise OutcomeUnknownError from error
            raise
        return Filing("filed", _suspension(report))

    def _wait_for_replicas(self, number: str) -> None:
        """WAIT covers what its own connection wrote, so a small write goes before it: replicas
        that have that one have the report, which came earlier. Unless another primary without it
        took over in between: so this one is asked for the report too.
        """
        if not self._replicas:
            return
        try:
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.hincrby(keys.COUNTERS, "waited_for_replicas", 1)
                pipe.execute_command("WAIT", self._replicas, REPLICA_MILLISECONDS)
                pipe.exists(keys.report(number))
                _, reached, is_there = pipe.execute()
        except RedisError as error:
            raise OutcomeUnknownError from error
        if reached < self._replicas or not is_there:
            raise OutcomeUnknownError

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
        """Everything a report is, in one MULTI: none of it ever exists without the rest.

        The block begins anew, whatever the bank confirmed for an earlier report: since then the
        card may have been unblocked, or moved to another bank, without our knowing yet.
        """
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
        write_block(pipe, block)
        pipe.set(keys.report(number), dump(report), ex=self._retention_seconds)
        pipe.zadd(keys.DEADLINES, {number: report.release_at})
        self._outbox.owe(pipe, notice)
        owe_text(pipe, self._outbox, report, "text_filed", now)
        self._journal.write(
            pipe, "loss_reported", report=number, card=card_ref, bank=report.bank,
            channel=report.channel, origin=report.origin,
        )  # fmt: skip


def write_block(pipe: "Pipeline", block: Block, unblocked_seconds: int | None = None) -> None:
    """Stores a block and keeps the bank's list of them, in the caller's MULTI.

    A block is kept without end until it is unblocked, then `unblocked_seconds`.
    """
    if block.state is BlockState.RECEIVED:
        pipe.zadd(keys.AWAITING, {block.notice_id: block.changed_at + ASK_AGAIN_AFTER})
    elif block.notice_id:
        pipe.zrem(keys.AWAITING, block.notice_id)
    if block.state is BlockState.UNBLOCKED:
        pipe.set(keys.block(block.card_ref), dump(block), ex=unblocked_seconds)
        pipe.zrem(keys.blocks(block.bank), block.card_ref)
    else:
        pipe.set(keys.block(block.card_ref), dump(block))
        pipe.zadd(keys.blocks(block.bank), {block.card_ref: 0})  # by name: pages need an order


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


def _suspension(report: LossReport) -> Suspension:
    return Suspension(ReportKind.TEMPORARY, report.number, report.origin, report.release_at)


def _stands_in_the_way(suspension: Suspension, origin: str) -> Filing:
    if suspension.kind is ReportKind.FORMAL:
        return Filing("formal", suspension)
    return Filing("filed" if suspension.origin == origin else "already", suspension)
