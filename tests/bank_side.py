"""The banks' side of the contract: signs and sends as a bank's computer would, and what is on
record when it asks. Everything behind it is the real hotline on a real Redis.
"""

import base64
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import Client, TestResponse

from ivr.cards.acts.report import ReportRequest
from ivr.cards.acts.withdraw import Decision
from ivr.cards.block import Block, BlockState
from ivr.cards.loss import LossReport, ReportState, Suspension
from ivr.cards.notice import Attempt, Notice, NoticeKind, NoticeState, Outcome
from ivr.cards.notice_bodies import iso
from ivr.cards.records import Card, Holder
from ivr.store import keys
from ivr.store.codec import load
from ivr.store.outbox import TEXTS_QUEUE
from tests.builders import enrol, hotline_of
from tests.hotline import Hotline, leased

Json = dict[str, Any]


def reissued(card: Card, number: str = "") -> Card:
    """A new card in its place, with a new account; with another number, if one is given."""
    return replace(card, number=number or card.number, bank_account="6222029999990000")


# How a block gets into each state, by what its notice came to.
WAY_INTO: Final[Mapping[BlockState, Outcome]] = {
    BlockState.RECEIVED: Outcome.RECEIVED,
    BlockState.BLOCKED: Outcome.BLOCKED,
    BlockState.REFUSED: Outcome.REFUSED,
    BlockState.UNDELIVERABLE: Outcome.FAILED,
}


def signed(secret: str, content: bytes, event_id: str, at: float | None = None) -> dict[str, str]:
    """The three headers over a body (or over a request's target), made at `at` (unix; now)."""
    moment = str(int(time.time() if at is None else at))
    return {
        "webhook-id": event_id,
        "webhook-timestamp": moment,
        "webhook-signature": f"v1,{_sum(secret, event_id, moment, content)}",
    }


def _sum(secret: str, event_id: str, moment: str, content: bytes) -> str:
    """By hand, for a body may be any bytes; the package's own `sign` takes text only."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join([event_id.encode("latin-1"), moment.encode(), content])
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def new_id() -> str:
    return f"evt_{secrets.token_hex(8)}"


class BankSide:
    """One bank's computer."""

    def __init__(self, app: Flask, bank: str, secret: str = "") -> None:
        self.client = Client(app, use_cookies=False)
        self.bank = bank
        known = hotline_of(app).settings.banks[bank].secrets
        self.secret = secret or known[0].get_secret_value()

    def tells(self, kind: str, data: Json, event_id: str = "", **more: Any) -> TestResponse:
        """An event made now: `tells("financial_function.blocked", {"report_number": "…"})`."""
        body = {"type": kind, "timestamp": iso(datetime.now(UTC).timestamp()), "data": data}
        return self.sends(json.dumps(body).encode(), event_id, **more)

    def blocked(self, report: LossReport, event_id: str = "") -> TestResponse:
        told = {"report_number": report.number}
        return self.tells("financial_function.blocked", told, event_id)

    def unblocked(self, card: Card, at: float, event_id: str = "") -> TestResponse:
        return self.tells("financial_function.unblocked", self._at_outlet(card, at), event_id)

    def formally_lost(self, card: Card, at: float, event_id: str = "") -> TestResponse:
        return self.tells("formal_loss.reported", self._at_outlet(card, at), event_id)

    def takes_report(self, card: Card, at: float, event_id: str = "") -> TestResponse:
        """Its own service line took a report, and it has blocked."""
        told = {"card_number": card.number, "at": iso(at)}
        return self.tells("temporary_loss.reported", told, event_id)

    def lets_block_lapse(self, card: Card, at: float, event_id: str = "") -> TestResponse:
        told = {"card_number": card.number, "at": iso(at)}
        return self.tells("financial_function.block_lapsed", told, event_id)

    def formal_loss_withdrawn(self, card: Card, at: float, event_id: str = "") -> TestResponse:
        return self.tells("formal_loss.withdrawn", self._at_outlet(card, at), event_id)

    def replaced(self, card: Card, new: Card, at: float, event_id: str = "") -> TestResponse:
        told = {"card_number": card.number, "at": iso(at), "new_card_number": new.number,
                "new_bank_account": new.bank_account}  # fmt: skip
        return self.tells("card.replaced", told, event_id)

    def sends(
        self,
        body: bytes,
        event_id: str = "",
        *,
        at: float | None = None,
        secret: str = "",
        bank: str = "",
    ) -> TestResponse:
        """Any body, signed."""
        headers = signed(secret or self.secret, body, event_id or new_id(), at)
        return self.posts(body, headers, bank)

    def posts(self, body: bytes, headers: Mapping[str, str], bank: str = "") -> TestResponse:
        """A request with these headers and no others."""
        target = f"/banks/{bank or self.bank}/events"
        return self.client.post(target, data=body, headers=dict(headers))

    def asks_for_blocks(self, query: str = "", signed_target: str = "") -> TestResponse:
        """A page of the reconciliation list; the target stands in the body's place."""
        target = f"/banks/{self.bank}/blocks{query}"
        content = (signed_target or target).encode()
        return self.client.get(target, headers=signed(self.secret, content, new_id()))

    def every_block(self) -> list[Json]:
        """All pages."""
        blocks: list[Json] = []
        query = ""
        while True:
            page = self.asks_for_blocks(query).get_json()
            blocks += page["blocks"]
            if page["next"] is None:
                return blocks
            query = f"?after={page['next']}"

    def _at_outlet(self, card: Card, at: float) -> Json:
        return {"card_number": card.number, "at": iso(at), "outlet": "Outlet 7"}


@dataclass
class Records:
    """What the hotline has on record, and the things that happen to it."""

    hotline: Hotline

    def reports_lost(self, holder: Holder, card: Card | None = None) -> LossReport:
        """A caller reports a card (their first one)."""
        card = card or holder.cards[0]
        ref = self.hotline.vault.ref("id", holder.id_number)
        card_ref = self.hotline.holders.card_ref(card.number)
        asked = ReportRequest(ref, card_ref, "phone", secrets.token_hex(4), "zh")
        filing = self.hotline.service.report_loss(asked)
        assert filing.refusal is None
        return self.report(filing.report_number)

    def enrols(self, *holders: Holder) -> None:
        enrol(self.hotline, *holders)

    def bank_answers(
        self, report: LossReport, outcome: Outcome, again_in: int | None = None
    ) -> Notice:
        """One attempt to deliver the report's notice comes to `outcome`."""
        notice = leased(self.hotline, report.notice_id, 30)
        assert notice is not None, "the notice is not due"
        self.settles(notice, outcome, again_in)
        return notice

    def settles(self, notice: Notice, outcome: Outcome, again_in: int | None = None) -> None:
        """What an attempt came to is written down."""
        now = int(self.hotline.outbox.now())
        due = None if again_in is None else now + again_in
        self.hotline.service.settle(notice.id, Attempt(now, outcome, 200, 12, ""), due)

    def brings_to(self, state: BlockState, report: LossReport, bank: BankSide, card: Card) -> None:
        """The block of a report just filed gets into a state, as it would in life."""
        if state in WAY_INTO:
            self.bank_answers(report, WAY_INTO[state])
        elif state is BlockState.UNBLOCKED:
            assert bank.unblocked(card, report.reported_at + 1).status_code == 200
        elif state is BlockState.FORMAL_LOSS:
            assert bank.formally_lost(card, report.reported_at + 1).status_code == 200
        elif state is BlockState.LAPSED:
            self.bank_answers(report, Outcome.BLOCKED)
            assert bank.lets_block_lapse(card, report.reported_at + 1).status_code == 200
        elif state is BlockState.REPLACED:  # by one of the same number
            answer = bank.replaced(card, reissued(card), report.reported_at + 1)
            assert answer.status_code == 200
        elif state is BlockState.WITHDRAWN:
            self.hotline.service.withdraw(report.number, Decision("Li", "why"))
        assert self.state(report) == state

    def took(self, bank: str, confirmed: Mapping[float, int]) -> None:
        """The bank has lately said "blocked" so often after at most so many seconds."""
        hour = int(self.hotline.outbox.now()) // 3600
        for seconds, often in confirmed.items():
            interval = str(round(1000 * seconds))
            self.hotline.redis.hincrby(keys.block_hour(bank, hour), interval, often)

    def seven_days_pass(self, report: LossReport) -> None:
        """Redis ends the suspension, and the sweep finds out."""
        self.hotline.redis.delete(keys.loss(report.card_ref))
        self.hotline.service.release_due()

    def report(self, number: str) -> LossReport:
        found = self.hotline.cases.find_report(number)
        assert found is not None
        return found

    def reports(self) -> list[LossReport]:
        found = self.hotline.redis.keys(keys.report("*"))
        return [load(LossReport, self.hotline.redis.get(name) or b"") for name in found]

    def block(self, card: Card | LossReport) -> Block | None:
        ref = card.card_ref if isinstance(card, LossReport) else self.card_ref(card)
        text = self.hotline.redis.get(keys.block(ref))
        return None if text is None else load(Block, text)

    def state(self, card: Card | LossReport) -> BlockState | None:
        block = self.block(card)
        return None if block is None else block.state

    def suspension(self, card: Card | LossReport) -> Suspension | None:
        ref = card.card_ref if isinstance(card, LossReport) else self.card_ref(card)
        text = self.hotline.redis.get(keys.loss(ref))
        return None if text is None else load(Suspension, text)

    def report_state(self, report: LossReport) -> ReportState:
        return self.report(report.number).state

    def card_ref(self, card: Card) -> str:
        return self.hotline.vault.ref("card", card.number)

    def notice(self, notice_id: str) -> Notice:
        found = self.hotline.outbox.find(notice_id)
        assert found is not None
        return found

    def notice_state(self, report: LossReport) -> NoticeState:
        return self.notice(report.notice_id).state

    def is_owed(self, notice_id: str) -> bool:
        """Whether anybody may still send it."""
        return self.hotline.redis.zscore(keys.NOTICES_OPEN, notice_id) is not None

    def notices(self, kind: NoticeKind) -> list[Notice]:
        outbox = self.hotline.outbox
        return [n for n in outbox.find_all(list(outbox.every_id())) if n.kind is kind]

    def texts(self) -> list[str]:
        """The prompts of all texts owed to holders, sorted."""
        owed = [n for n in self.notices(NoticeKind.TEXT) if n.queue == TEXTS_QUEUE]
        return sorted(self.hotline.outbox.body(notice)["prompt"] for notice in owed)

    def journal(self) -> list[str]:
        """The events in the journal, oldest first."""
        entries: Any = self.hotline.redis.xrange(keys.JOURNAL)
        return [fields[b"event"].decode() for _, fields in entries]


class _Silent(WSGIRequestHandler):
    """Says nothing of each request."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@contextmanager
def listening(app: Callable[..., Any]) -> Iterator[str]:
    """A WSGI application on a free loopback port -> its URL."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Silent)
    serving = threading.Thread(target=server.serve_forever, args=(0.02,))
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    serving.join()
    server.server_close()
