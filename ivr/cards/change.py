"""What an act decides: what is stored, owed and journalled. Committed whole or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ivr.cards.block import Block
from ivr.cards.loss import LossReport, Suspension
from ivr.cards.notice import NEEDS_A_PERSON, Attempt, Notice, NoticeKind, NoticeState
from ivr.cards.records import Card, Holder


@dataclass(frozen=True)
class Owed:
    """A new notice to a bank or subscriber, or a text to a holder.

    bank: whom it is for: a bank's id, or what `subscriber` makes of a subscriber's.
    id: given by the act when the block names this notice; otherwise made when it is stored.
    body: what is told. Out of repr: it may hold an ID number.
    """

    kind: NoticeKind
    bank: str
    at: int
    body: Mapping[str, Any] = field(repr=False)
    report_number: str = ""
    card_ref: str = ""
    id: str = ""


@dataclass(frozen=True)
class NoticeChange:
    """What becomes of an existing notice. A field that is None changes nothing.

    attempt: one more was made, and this came of it.
    state: OPEN owes it again, anything else closes it.
    due: when it is tried next, unix seconds.
    since: what "given up after 72 hours" counts from, unix seconds.
    owed_since: what its age counts from, unix seconds.
    needs_person: put on, or taken off, the list of what operators must look at.
    is_dropped: whoever was about to send it does not.
    receipt: what the network says of a text.
    """

    notice: Notice
    attempt: Attempt | None = None
    state: NoticeState | None = None
    due: int | None = None
    since: int | None = None
    owed_since: int | None = None
    needs_person: bool | None = None
    is_dropped: bool = False
    receipt: str | None = None

    @property
    def is_by_its_claimer(self) -> bool:
        """Whether whoever claimed it is done with it. Others may close it while a request with it
        is still open at the bank, and that request counts until it ends.
        """
        return self.attempt is not None or self.is_dropped


@dataclass(frozen=True)
class Reminder:
    """When a bank that took a notice is asked about its block; `at` is None for never again."""

    notice_id: str
    at: int | None


@dataclass(frozen=True)
class Entry:
    """One line of the journal. Fields without a value are left out."""

    event: str
    fields: Mapping[str, str]


@dataclass(frozen=True)
class CallerReports:
    """The holders that a caller has reported lately, with the new one."""

    caller_ref: str
    text: str


@dataclass(frozen=True)
class Reissue:
    """A card of the directory gives its place to a new one, or to itself in another state.

    holder: as the record is then.
    """

    holder_ref: str
    holder: Holder
    card_ref: str
    new_card: Card


@dataclass(frozen=True)
class CardNews:
    """What became of a card's suspension, as subscribers are told; city: in 4 digits."""

    kind: NoticeKind
    city: str


@dataclass(frozen=True)
class Timed:
    """An end of the time from a report to its bank's word "blocked", by the notice that asks for
    it. `is_over`: the bank has said so; else the notice is owed now.
    """

    notice_id: str
    bank: str
    is_over: bool = False


@dataclass(frozen=True)
class Change:
    """All that one act changes; an empty one changes nothing.

    suspension, block, report: stored in place of the old ones. The store derives its lists (the
        release deadlines, the blocks of a bank, the reminders) from their states.
    lifted: the suspension ends now.
    superseded: the earlier report of the card, when `report` is a new one in its place.
    recorded: a report that was missing on record and is over.
    counted: a caller's reports, when they are limited.
    answered: whether the other side of an attempt answered at all; None when it was not asked.
    reissue: what the directory of cardholders says from now on.
    news: whether the card stands on its city's list of suspended ones from now on.
    timed: what the time to block is measured by; see store/block_times.py.
    unreported: the holder who is told of a call that ended too early. Told already today, nothing
        of the change is written.
    """

    suspension: Suspension | None = None
    lifted: bool = False
    block: Block | None = None
    report: LossReport | None = None
    superseded: LossReport | None = None
    recorded: LossReport | None = None
    owes: tuple[Owed, ...] = ()
    notice: NoticeChange | None = None
    reminder: Reminder | None = None
    answered: bool | None = None
    reissue: Reissue | None = None
    journal: tuple[Entry, ...] = ()
    counted: CallerReports | None = None
    news: CardNews | None = None
    timed: Timed | None = None
    unreported: str = ""


NOTHING = Change()


def owed_again(notice: Notice, at: int, *, since: int | None = None) -> NoticeChange:
    """A closed notice is due at `at`, and given up 72 hours after `since` (or `at`). One that was
    never delivered has been owed all the time.
    """
    return NoticeChange(
        notice,
        state=NoticeState.OPEN,
        due=at,
        since=at if since is None else since,
        owed_since=notice.created_at if notice.state in NEEDS_A_PERSON else at,
        needs_person=False,
    )


def text_about(report: LossReport, prompt: str, at: int) -> Owed:
    """A text to the holder of a report.

    It names prompt and report only: the phone number and the words are looked up when it is sent.
    """
    body = {"prompt": prompt, "report_number": report.number}
    return Owed(NoticeKind.TEXT, report.bank, at, body, report.number, report.card_ref)
