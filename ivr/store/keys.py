"""Every key the hotline writes to Redis, with how long it lives. Nothing else names a key.

`<ref>` is a keyed hash (see vault.py): ID numbers and card numbers never appear in a key.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

DAY: Final = 24 * 3600

CALL_SECONDS: Final = 3600
VISIT_SECONDS: Final = 20 * 60
LONG_VISIT_SECONDS: Final = 10 * VISIT_SECONDS
PLAN_SECONDS: Final = 3600
CLOSED_NOTICE_SECONDS: Final = 90 * DAY
CLOSED_CODE_SECONDS: Final = 3600  # of a text that is about no report: a code
NOTICES_OF_SECONDS: Final = 91 * DAY  # a little longer than the last of them
SEEN_EVENT_SECONDS: Final = 30 * DAY  # far longer than the 5 minutes a signature is good for
HEARD_LATELY_SECONDS: Final = 60
ASKED_LATELY_SECONDS: Final = 60
TESTED_SECONDS: Final = 10
CLOSED_TEST_SECONDS: Final = DAY
SIGNATURE_FAULTS_SECONDS: Final = 7 * DAY
BREAKER_SECONDS: Final = 15 * 60
BLOCK_HOUR_SECONDS: Final = 25 * 3600  # so the last 24 are there until an hour is over
TEXTING_SECONDS: Final = 30 * 60  # a yes counts for 10 minutes; later it is told to be too late
ANSWERED_SECONDS: Final = DAY
SLOW_SECONDS: Final = 365 * DAY
CALLBACK_SECONDS: Final = 30 * DAY
SPEAKS_SECONDS: Final = 365 * DAY

VAULT: Final = "vault"  # for ever: without it no ref can be made again
NOTICES_OPEN: Final = "notices:open"  # for ever: what is still owed; score = due, unix seconds
NOTICE_QUEUES: Final = "notices:queues"  # for ever: every queue that was ever owed a notice
AWAITING: Final = "notices:awaiting"  # until "blocked" is said, or 3 days; score = ask again at
NOTICES_STUCK: Final = "notices:stuck"  # until a person acts, or 90 days; score = closed at
UNREADABLE: Final = "unreadable"  # while met within the last hour; score = when, unix seconds
RUNNING_SECONDS: Final = 180  # longer than any job of a worker, in which it gives no sign
UNREADABLE_SECONDS: Final = 3600
BANKS_BACK: Final = "banks:back"  # until the sweep makes all that waits for these (TEXTS too) due
BANKS_ANSWERED: Final = "banks:answered"  # for ever: each one's last to no test (TEXTS too)
BANKS_KNOWN: Final = "banks:known"  # for ever: the last name and phone of each bank there was
BANKS_FAILING: Final = "banks:failing"  # until they answer: whose failing the sweep has told of
SUSPENDED: Final = "suspended"  # each until released: suspended cards by city; `loss:` is the truth
PLACES: Final = "places"  # for ever: where new cards are had, by city and bank
DEADLINES: Final = "deadlines"  # for ever: report number by release time, unix seconds
REPORTS_DISPUTED: Final = "reports:disputed"  # until somebody decides; score = since
CALLBACKS: Final = "callbacks"  # each until it is taken; who waits; score = left at, unix seconds
CALLBACKS_TAKEN: Final = "callbacks:taken"  # each until it is done; score = taken at, unix seconds
JOURNAL: Final = "journal"  # moved to files (JOURNAL_IN_REDIS_DAYS), else JOURNAL_RETENTION_DAYS
ARCHIVE: Final = "archive"  # for ever: whose files have the journal until when, and their hashes
COUNTERS: Final = "counters"  # for ever: what /metrics shows
TEXTS_REFUSED: Final = "texts:refused"  # until Twilio takes a text, or 7 days without an attempt
TEXTS_REFUSED_SECONDS: Final = 7 * DAY
MADE_SURE: Final = "made_sure"  # for ever: written before replicas are waited for, never read
ANNOUNCEMENTS: Final = "announcements"  # until the last of them ends; by bank, "" for all callers
SWEEP_ALIVE: Final = "sweep:alive"  # 15 s: the clock process renews it; what of it fails
BREAKER: Final = "breaker"  # 15 minutes from when its condition last held: a second factor for all
BREAKER_TOLD: Final = "breaker:told"  # until it closes: that the sweep has told of its opening
WATCHED: Final = "watched"  # each for as long as the breaker looks back: totals by minute and hour

# Counted, or listed again: a change of a case is written without them when nobody can write to
# them. Whole names, or the kind before the colon; what is RQ's rings only, and the sweep rings too.
BESIDE: Final = (
    *(COUNTERS, NOTICE_QUEUES, BANKS_BACK, BANKS_ANSWERED, SUSPENDED),
    *("bank_health:", "owed:", "open:", "in_flight:", "notices_of:", "notices_to:", "heard:"),
    "rq:",
    *("block_times:", "block_hour:"),
)

# What is sealed (vault.py): the whole name, or the kind before the colon; and the field (None where
# the record is one text). `flask keys rotate` follows this.
SEALED: Final[Mapping[str, str | None]] = {
    VAULT: None,
    "holder": None,
    "callback": None,
    "notice": "sealed_body",
}


def _safe(name: str) -> str:
    """A name that others gave (a call's id, an event's id) as one plain word of a key."""
    return quote(name, safe="")


def call(call_sid: str) -> str:
    """A call in progress; expires after an hour without a turn."""
    return f"call:{_safe(call_sid)}"


def visit(ref: str) -> str:
    """A visit of the website, by the keyed hash of its cookie.

    It expires 20 minutes after its last request (200 where the visitor wants more time), and a day
    after it began.
    """
    return f"visit:{ref}"


def running(name: str) -> str:
    """The fingerprints of a running process' DATA_KEYS; expires 3 minutes after its last sign."""
    return f"running:{name}"


def holder(ref: str) -> str:
    """A cardholder's sealed record, after the cards' references in the record's order.

    It is kept until replaced or removed.
    """
    return f"holder:{ref}"


def card(ref: str) -> str:
    """The holder and bank a card belongs to, "<ref> <bank id>"; kept until replaced or removed."""
    return f"card:{ref}"


def speaks(holder_ref: str) -> str:
    """The language of a holder's last contact with us; expires a year after it."""
    return f"speaks:{holder_ref}"


def phones(bucket: str) -> str:
    """Part of the index from registered phones to holders, both by reference: see phones.py.

    Each entry is kept until replaced or removed with its holder.
    """
    return f"phones:{bucket}"


def texting(phone_ref: str) -> str:
    """A question that a phone was texted and that waits for its yes; expires after half an hour."""
    return f"texting:{phone_ref}"


def answered(phone_ref: str, text_id: str) -> str:
    """What a text of a phone to the line was answered, so that it is answered once, and nobody else
    reads it; expires after a day.
    """
    return f"answered:{phone_ref}:{_safe(text_id)}"


def texts_answered(phone_ref: str) -> str:
    """How many texts of a phone were answered; expires 24 hours after the first of them."""
    return f"texts_answered:{phone_ref}"


def texts_missed(phone_ref: str) -> str:
    """How many texts of a phone led nowhere; expires 24 hours after the first of them."""
    return f"texts_missed:{phone_ref}"


def told_unreported(holder_ref: str) -> str:
    """That a holder was told of a call that ended too early; expires after 24 hours."""
    return f"told_unreported:{holder_ref}"


def loss(card_ref: str) -> str:
    """The suspension itself: the social security function is off exactly while this exists.

    Expires after the 7 days of a temporary report; a formal report has no end. A new card, or what
    the city's rules say, ends it sooner.
    """
    return f"loss:{card_ref}"


def block(card_ref: str) -> str:
    """What we believe of the card's financial function; kept until unblocked, then retention.

    So is one that has lapsed, or whose card was replaced.
    """
    return f"block:{card_ref}"


def blocks(bank: str) -> str:
    """The cards of a bank whose financial function we believe blocked or about to be; for ever."""
    return f"blocks:{bank}"


def bank_health(bank: str) -> str:
    """A bank's failures in a row (`texts`: of all texts); kept until it answers."""
    return f"bank_health:{bank}"


def probe(bank: str) -> str:
    """Held by the one attempt a paused bank gets; expires after 10 s."""
    return f"probe:{bank}"


def block_times(bank: str) -> str:
    """How long the bank took to say "blocked": how often each interval, and the sum; for ever."""
    return f"block_times:{bank}"


def block_hour(bank: str, hour: int | str) -> str:
    """The same of one hour (unix seconds / 3600), with how many reports it was asked to block
    instead of the sum; expires after 25 hours.
    """
    return f"block_hour:{bank}:{hour}"


def owed(queue: str) -> str:
    """Open notices of one queue; each until it is closed. Score = owed since, unix seconds."""
    return f"owed:{queue}"


def stuck(queue: str) -> str:
    """Those of notices:stuck in one queue that the sweep has told of; each until it is not stuck.

    Score = told at, unix seconds.
    """
    return f"stuck:{queue}"


def report(number: str) -> str:
    """A loss report for status queries and audit; expires after REPORT_RETENTION_DAYS."""
    return f"report:{number}"


def plan(name: str) -> str:
    """A withdrawal of many reports that waits for a second operator; expires after an hour."""
    return f"plan:{_safe(name)}"


def request(ref: str) -> str:
    """What a request (a call) filed, so that it files each card once and none much later: the
    moment of its first report, unix seconds, and the cards; lives as long as its last report.
    """
    return f"request:{ref}"


def notice(notice_id: str) -> str:
    """A notice with all its attempts; without end while open, 90 days once closed (the text with a
    code: an hour; a test: a day).
    """
    return f"notice:{notice_id}"


def open_in(queue: str) -> str:
    """What `notices:open` has of one queue, with the same scores; for ever."""
    return f"open:{queue}"


def in_flight(queue: str) -> str:
    """The notices of a queue that are attempted just now, on whatever machine.

    Each until its lease ends. Score = that moment, unix seconds.
    """
    return f"in_flight:{queue}"


def callback(ref: str) -> str:
    """A call-back that somebody left: the sealed number, and what the call was about.

    Deleted when it is done; expires 30 days after it was left.
    """
    return f"callback:{_safe(ref)}"


def rung(queue: str) -> str:
    """RQ's own list of a queue's waiting jobs; each until it is heard."""
    return f"rq:queue:{queue}"


def job(job_id: str) -> str:
    """RQ's own record of a job; until it is heard."""
    return f"rq:job:{job_id}"


def attempts(notice_id: str) -> str:
    """Every attempt to deliver a notice, in order; lives as long as the notice."""
    return f"attempts:{notice_id}"


def notices_of(report_number: str) -> str:
    """The ids of all notices and texts of a report; expires 91 days after one of them changed."""
    return f"notices_of:{report_number}"


def notices_to(bank: str) -> str:
    """The latest 5000 notices to a bank, those to itself among them; for ever, the oldest give
    place. Score = owed since, unix seconds.
    """
    return f"notices_to:{bank}"


def tested(bank: str) -> str:
    """That a bank was sent one of each type as a test; expires after 10 s, then it may again."""
    return f"tested:{bank}"


def seen_event(bank: str, ref: str) -> str:
    """A bank event, by the reference of its webhook-id: our answer and a digest of the event;
    expires after 30 days.
    """
    return f"seen:{bank}:{ref}"


def suspended_card(city: str, card_ref: str) -> str:
    """A member of `suspended`: a card's city in 4 digits, and the card; until it is released."""
    return f"{city}:{card_ref}"


def asked_lately(subscriber: str) -> str:
    """How many cards a subscriber asked about; expires after the minute it counts."""
    return f"asked:{subscriber}"


def heard_lately(bank: str) -> str:
    """How many events of a bank were written down; expires after the minute it counts."""
    return f"heard:{bank}"


def signature_faults(sender: str) -> str:
    """Why a sender's latest signatures did not hold; expires 7 days after the last."""
    return f"signature_faults:{sender}"


def keyed(ref: str) -> str:
    """The ID numbers (by reference) that a caller keyed lately; score = when, unix seconds. Of a
    hidden caller: that one call keyed. Expires 24 hours after the last.
    """
    return f"keyed:{ref}"


def missed(ref: str) -> str:
    """A caller's look-ups of numbers that nobody has, and wrong second factors; score = when, unix
    seconds. Expires 24 hours after the last.
    """
    return f"missed:{ref}"


def mistaken(ref: str) -> str:
    """The turns in which a wrong second factor was keyed for an ID number, by whatever caller;
    score = when, unix seconds. Expires 24 hours after the last.
    """
    return f"mistaken:{ref}"


def looked_up(ref: str) -> str:
    """The calls that looked up an ID number, of all callers (where they are texted codes: each
    look-up of all channels, and each code sent again); score = when, unix seconds.

    Expires 24 hours after the last.
    """
    return f"looked_up:{ref}"


def code_asked(ref: str) -> str:
    """The look-ups of an ID number on the website, and its codes sent again, while callers are
    texted none; score = when, unix seconds. Expires 24 hours after the last.
    """
    return f"code_asked:{ref}"


def slow_phone(ref: str) -> str:
    """That everything is said slowly to whoever calls from this phone (by reference).

    Expires a year after it was chosen.
    """
    return f"slow:{ref}"


def reported_by(ref: str) -> str:
    """The holders whose cards a caller reported lately, each with the moment, unix seconds.

    Expires 24 hours after the last.
    """
    return f"reported_by:{ref}"
