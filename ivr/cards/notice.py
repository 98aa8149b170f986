"""A notice: something owed to a bank or a holder until it is delivered or overtaken."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

TEXTS: Final = "texts"  # the texts to holders, where banks are named: one more who may fail


_SUBSCRIBER: Final = "subscriber:"  # the colon: no bank's id has one


def subscriber(name: str) -> str:
    """What a subscriber is called where banks are named."""
    return f"{_SUBSCRIBER}{name}"


def subscriber_in(who: str) -> str:
    """The id of the subscriber that is called so; empty for a bank, and for TEXTS."""
    return who.removeprefix(_SUBSCRIBER) if who.startswith(_SUBSCRIBER) else ""


class NoticeKind(StrEnum):
    """What is told. A text goes to the holder's own phone, all others to a bank or subscriber."""

    LOSS_REPORTED = "card.loss_reported"
    LOSS_RELEASED = "card.loss_released"
    REPORT_DISPUTED = "card.report_disputed"
    REPORT_WITHDRAWN = "card.report_withdrawn"
    SUSPENDED = "card.suspended"
    RELEASED = "card.released"
    FORMAL_LOSS = "card.formal_loss"
    REPLACED = "card.replaced"
    PING = "ping"
    TEST = "test"  # one of the others as a bank sends it to itself; its body says which
    TEXT = "text"


_K = NoticeKind
TO_SUBSCRIBERS: Final = (
    *(_K.SUSPENDED, _K.RELEASED, _K.FORMAL_LOSS, _K.REPLACED, _K.REPORT_WITHDRAWN, _K.PING),
)
TO_BANKS: Final = (
    *(_K.LOSS_REPORTED, _K.LOSS_RELEASED, _K.REPORT_DISPUTED, _K.REPORT_WITHDRAWN, _K.PING),
)


class NoticeState(StrEnum):
    """Open while anything is owed; the others are final (a person may send again)."""

    OPEN = "open"
    DELIVERED = "delivered"
    REFUSED = "refused"
    UNDELIVERABLE = "undeliverable"
    CLOSED = "closed"  # overtaken by events: nothing is owed any more


NEEDS_A_PERSON: Final = (NoticeState.REFUSED, NoticeState.UNDELIVERABLE)


class Outcome(StrEnum):
    """The result of one attempt."""

    RECEIVED = "received"  # 2xx
    BLOCKED = "blocked"  # 2xx with {"status": "blocked"}
    REFUSED = "refused"  # the other side said no for good
    FAILED = "failed"  # may work later: try again


UNREADABLE: Final = "unreadable"  # the answer of an attempt that had nothing to send


@dataclass(frozen=True)
class Attempt:
    """One try to deliver: when (unix seconds), what came of it, and how long it took.

    `claim` names the claim it was made under, so that one attempt is written down once.
    """

    at: int
    outcome: Outcome
    status: int | None  # the HTTP status; None when no answer came
    milliseconds: int
    answer: str  # a known word of the answer, or our name for what failed; never free text
    retry_after: int | None = None  # seconds the other side asked us to wait
    claim: str = ""

    @property
    def was_sent(self) -> bool:
        """False when the notice could not be read: the other side never heard of it."""
        return self.status is not None or self.answer != UNREADABLE


@dataclass(frozen=True)
class Notice:
    """Something owed. `sealed_body` is what is to be told; it opens only with DATA_KEYS.

    tried_since: what "given up after 72 hours" counts from, unix seconds: `created_at`, until it is
        sent again.
    """

    id: str
    kind: NoticeKind
    queue: str  # bank-<bank id>, subscriber-<its id> or texts
    bank: str  # or `subscriber`
    report_number: str
    card_ref: str
    sealed_body: bytes
    created_at: int
    tried_since: int
    state: NoticeState = NoticeState.OPEN
    attempts_made: int = 0
