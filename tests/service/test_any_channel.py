"""A channel of twenty lines, without phone or web server: it speaks, and the service decides."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from redis import Redis

from ivr.cards.acts.report import Refusal, ReportRequest
from ivr.cards.block import BlockState
from ivr.cards.change import Change
from ivr.cards.errors import UnknownCardError
from ivr.cards.loss import LossReport
from ivr.cards.notice import Attempt, NoticeState, Outcome
from ivr.cards.records import CardState, Holder
from ivr.cards.status import Social
from ivr.ciphers import SUITES
from ivr.service import CardService
from ivr.store.cases import Cases, Reading
from ivr.store.codec import plain
from ivr.store.keys import DAY
from ivr.store.known import KnownHolder
from tests.builders import a_card, a_holder, an_id_number, enrol, settings
from tests.hotline import Hotline, open_hotline
from tests.redis_server import RedisServer


class Counter:
    """Somebody at a counter types an ID number and a card's last 4 digits."""

    def __init__(self, service: CardService) -> None:
        self.service = service
        self.visits = 0

    def reports(self, id_number: str, last4: str = "5678") -> str:
        self.visits += 1
        if (known := self.service.look_up(id_number)) is None:
            return "nobody"
        card_ref = next(ref for ref, card in known.cards.items() if card.last4 == last4)
        request = ReportRequest(known.ref, card_ref, "counter", f"visit-{self.visits}", "zh")
        filing = self.service.report_loss(request, known)
        return str(filing.refusal or f"reported {filing.report_number}")

    def asks(self, id_number: str) -> tuple[Social, BlockState | None]:
        known = self.service.look_up(id_number)
        assert known is not None
        status = self.service.status(known, next(iter(known.cards)))
        return status.social, status.block


@pytest.fixture(params=SUITES)
def hotline(redis_server: RedisServer, redis: Redis, request: pytest.FixtureRequest) -> Hotline:
    assert redis.dbsize() == 0
    return open_hotline(settings(redis_server.url, crypto=request.param), redis)


@pytest.fixture
def counter(hotline: Hotline) -> Counter:
    return Counter(hotline.service)


def on_record(hotline: Hotline) -> list[str]:
    """Whatever a report leaves in Redis."""
    kinds = ("loss", "block", "report", "notice", "journal", "rq")
    return [plain(key) for kind in kinds for key in hotline.redis.keys(f"{kind}*")]


def reported(hotline: Hotline, answer: str) -> LossReport:
    report = hotline.cases.find_report(answer.removeprefix("reported "))
    assert report is not None
    return report


def test_a_card_is_reported_and_its_status_read(hotline: Hotline, counter: Counter) -> None:
    enrol(hotline, holder := a_holder())
    assert counter.asks(holder.id_number) == (Social.ACTIVE, None)

    report = reported(hotline, counter.reports(holder.id_number))

    assert (report.channel, report.origin) == ("counter", "visit-1")
    assert counter.asks(holder.id_number) == (Social.SUSPENDED, BlockState.NOTIFIED)
    attempt = Attempt(report.reported_at, Outcome.BLOCKED, 200, 12, "")
    hotline.service.settle(report.notice_id, attempt, None)
    assert counter.asks(holder.id_number) == (Social.SUSPENDED, BlockState.BLOCKED)
    assert counter.reports(holder.id_number) == Refusal.ALREADY


CHILD = a_holder(id_number=an_id_number("20200601"))


@pytest.mark.parametrize(
    ("holder", "refusal"),
    [
        (CHILD, Refusal.UNDER_16),
        (a_holder(a_card(state=CardState.LOCKED)), Refusal.NEEDS_A_PERSON),
        (a_holder(a_card(state=CardState.SEALED)), Refusal.NEEDS_A_PERSON),
        (a_holder(a_card(state=CardState.CANCELLED)), Refusal.NEEDS_A_PERSON),
        (a_holder(a_card(state=CardState.FORMAL_LOSS)), Refusal.FORMAL),
        (a_holder(a_card(state=CardState.TEMPORARY_LOSS)), Refusal.ELSEWHERE),
        (a_holder(a_card(bank="gone")), Refusal.NEEDS_A_PERSON),
    ],
)
def test_a_channel_cannot_go_round_the_rules(
    hotline: Hotline, counter: Counter, holder: Holder, refusal: Refusal
) -> None:
    """A child of six; a locked card; a bank nobody can tell: refused, and nothing is on record."""
    enrol(hotline, holder)
    assert counter.reports(holder.id_number) == refusal
    assert on_record(hotline) == []


def wish(known: KnownHolder, card_ref: str = "", visit: str = "visit-1") -> ReportRequest:
    return ReportRequest(known.ref, card_ref or next(iter(known.cards)), "website", visit, "zh")


def looked_up(hotline: Hotline, holder: Holder) -> KnownHolder:
    known = hotline.service.look_up(holder.id_number)
    assert known is not None
    return known


def test_not_even_by_never_looking(hotline: Hotline) -> None:
    """The service looks itself."""
    enrol(hotline, CHILD)
    request = wish(looked_up(hotline, CHILD))
    assert hotline.service.report_loss(request).refusal is Refusal.UNDER_16
    assert on_record(hotline) == []


@pytest.mark.parametrize(
    ("state", "refusal"),
    [(CardState.LOCKED, Refusal.NEEDS_A_PERSON), (CardState.FORMAL_LOSS, Refusal.FORMAL)],
)
def test_what_an_import_says_meanwhile_counts(
    hotline: Hotline, state: CardState, refusal: Refusal
) -> None:
    """The card was in order when the channel looked, and is not when the report comes."""
    enrol(hotline, holder := a_holder())
    known = looked_up(hotline, holder)
    enrol(hotline, a_holder(a_card(state=state)))
    assert hotline.service.report_loss(wish(known), known).refusal is refusal
    assert on_record(hotline) == []


def test_an_import_while_the_report_is_committed_counts(
    hotline: Hotline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the service's own look and its commit."""
    enrol(hotline, holder := a_holder())
    request = wish(looked_up(hotline, holder))
    commit, locked = Cases.file, a_holder(a_card(state=CardState.LOCKED))

    def after_an_import(cases: Cases, change: Change, reading: Reading) -> bool:
        enrol(hotline, locked)
        return commit(cases, change, reading)

    monkeypatch.setattr(Cases, "file", after_an_import)
    assert hotline.service.report_loss(request).refusal is Refusal.NEEDS_A_PERSON
    assert on_record(hotline) == []


def test_the_notice_goes_to_the_bank_the_card_has_now(hotline: Hotline) -> None:
    enrol(hotline, holder := a_holder())
    known = looked_up(hotline, holder)
    enrol(hotline, a_holder(a_card(bank="ccb")))
    filing = hotline.service.report_loss(wish(known), known)
    assert reported(hotline, filing.report_number).bank == "ccb"


def test_nobody_is_refused_on_what_was_seen_a_moment_ago(hotline: Hotline) -> None:
    """The card was locked when the channel looked, and is in order when the report comes."""
    enrol(hotline, holder := a_holder(a_card(state=CardState.LOCKED)))
    known = looked_up(hotline, holder)
    enrol(hotline, a_holder())
    assert hotline.service.report_loss(wish(known), known).refusal is None


def test_times_are_never_those_of_an_old_look(hotline: Hotline) -> None:
    """A page that was open for three days: nothing on record has changed meanwhile."""
    enrol(hotline, holder := a_holder())
    known = looked_up(hotline, holder)
    old = {ref: replace(r, now=r.now - 3 * DAY) for ref, r in known.readings.items()}
    seen = replace(known, readings=old, read_at=known.read_at - 3 * DAY)
    filing = hotline.service.report_loss(wish(known), seen)
    report = reported(hotline, filing.report_number)
    now = hotline.redis.time()[0]
    assert abs(report.reported_at - now) <= 2
    assert abs(report.release_at - now - 7 * DAY) <= 2


@pytest.mark.parametrize("has_looked", [True, False])
def test_the_notice_of_an_earlier_block_is_overtaken(hotline: Hotline, *, has_looked: bool) -> None:
    """The first bank never answered, and the 7 days are over: its notice must not block later."""
    enrol(hotline, holder := a_holder())
    known = looked_up(hotline, holder)
    first = reported(hotline, hotline.service.report_loss(wish(known), known).report_number)
    hotline.redis.delete(*hotline.redis.keys("loss:*"))
    seen = looked_up(hotline, holder) if has_looked else None
    hotline.service.report_loss(wish(known, visit="visit-2"), seen)
    notice = hotline.outbox.find(first.notice_id)
    assert notice is not None
    assert notice.state is NoticeState.CLOSED


def test_two_channels_may_number_their_requests_alike(hotline: Hotline) -> None:
    enrol(hotline, holder := a_holder())
    request = wish(looked_up(hotline, holder), visit="1")
    number = hotline.service.report_loss(request).report_number
    other = hotline.service.report_loss(replace(request, channel="counter"))
    assert (other.refusal, other.report_number) == (Refusal.ALREADY, number)


def test_nobody_is_refused_on_what_was_seen_long_ago(hotline: Hotline) -> None:
    """A page that was open while the first report ended."""
    enrol(hotline, holder := a_holder())
    hotline.service.report_loss(wish(looked_up(hotline, holder)))
    known = looked_up(hotline, holder)
    hotline.redis.delete(*hotline.redis.keys("loss:*"))  # the 7 days are over
    assert hotline.service.report_loss(wish(known, visit="visit-2"), known).refusal is None


@pytest.mark.parametrize("has_looked", [True, False])
def test_a_holder_who_left_the_directory_meanwhile(hotline: Hotline, *, has_looked: bool) -> None:
    enrol(hotline, holder := a_holder())
    known = looked_up(hotline, holder)
    hotline.redis.delete(*hotline.redis.keys("holder:*"), *hotline.redis.keys("card:*"))
    with pytest.raises(UnknownCardError):
        hotline.service.report_loss(wish(known), known if has_looked else None)
    assert on_record(hotline) == []


@pytest.mark.parametrize("has_looked", [True, False])
def test_somebody_elses_card(hotline: Hotline, *, has_looked: bool) -> None:
    enrol(hotline, a_holder(a_card("9999")), CHILD)
    known, child = looked_up(hotline, a_holder()), looked_up(hotline, CHILD)
    (others,) = child.cards
    with pytest.raises(UnknownCardError):
        hotline.service.report_loss(wish(known, others), known if has_looked else None)
    # what was found of another holder is not taken for this one's
    with pytest.raises(UnknownCardError):
        hotline.service.report_loss(wish(child, next(iter(known.cards))), known)
    assert hotline.service.report_loss(wish(child), known).refusal is Refusal.UNDER_16
    assert on_record(hotline) == []


def test_a_number_nobody_holds(counter: Counter) -> None:
    assert counter.reports(an_id_number()) == "nobody"


def test_two_channels_at_the_same_instant_make_one_report(hotline: Hotline) -> None:
    """All looked before any filed."""
    enrol(hotline, holder := a_holder())
    known = looked_up(hotline, holder)
    requests = [wish(known, visit=f"visit-{n}") for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        filings = list(pool.map(lambda r: hotline.service.report_loss(r, known), requests))
    assert sorted(str(filing.refusal) for filing in filings) == ["None"] + ["already"] * 7
    assert len({filing.report_number for filing in filings}) == 1
    assert len(hotline.redis.keys("report:*")) == 1
