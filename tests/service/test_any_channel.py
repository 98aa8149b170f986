"""A channel of twenty lines, without phone or web server: it speaks, and the service decides."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis

from ivr.cards.acts.report import Refusal
from ivr.cards.block import BlockState
from ivr.cards.loss import LossReport
from ivr.cards.notice import Attempt, Outcome
from ivr.cards.records import CardState, Holder
from ivr.cards.status import Social
from ivr.service import CardService
from ivr.store.codec import plain
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
        request = known.request(card_ref, "counter", f"visit-{self.visits}", "zh")
        filing = self.service.report_loss(request, known.readings[card_ref])
        return str(filing.refusal or f"reported {filing.report_number}")

    def asks(self, id_number: str) -> tuple[Social, BlockState | None]:
        known = self.service.look_up(id_number)
        assert known is not None
        status = self.service.status(known, next(iter(known.cards)))
        return status.social, status.block


@pytest.fixture
def hotline(redis_server: RedisServer, redis: Redis) -> Hotline:
    assert redis.dbsize() == 0
    return open_hotline(settings(redis_server.url), redis)


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


def test_not_even_by_making_the_request_itself(hotline: Hotline) -> None:
    """What a channel says of a card is not believed further than the rules allow."""
    enrol(hotline, CHILD)
    known = hotline.service.look_up(CHILD.id_number)
    assert known is not None
    request = known.request(next(iter(known.cards)), "website", "visit-1", "zh")
    assert hotline.service.report_loss(request).refusal is Refusal.UNDER_16
    assert on_record(hotline) == []


def test_how_another_card_stands_is_not_taken_for_this_ones(hotline: Hotline) -> None:
    """A channel that mixes two cards up reports the one it names, and no other."""
    enrol(hotline, holder := a_holder(a_card("1111"), a_card("2222", "ccb")))
    known = hotline.service.look_up(holder.id_number)
    assert known is not None
    first, second = known.cards
    request = known.request(first, "counter", "visit-1", "zh")
    report = reported(
        hotline, hotline.service.report_loss(request, known.readings[second]).report_number
    )
    assert (report.card_ref, report.card_last4) == (first, "1111")


def test_a_number_nobody_holds(counter: Counter) -> None:
    assert counter.reports(an_id_number()) == "nobody"


def test_two_channels_at_the_same_instant_make_one_report(hotline: Hotline) -> None:
    """All looked before any filed."""
    enrol(hotline, holder := a_holder())
    known = hotline.service.look_up(holder.id_number)
    assert known is not None
    card_ref = next(iter(known.cards))
    requests = [known.request(card_ref, f"channel-{n}", f"visit-{n}", "zh") for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        filings = list(
            pool.map(lambda r: hotline.service.report_loss(r, known.readings[card_ref]), requests)
        )
    assert sorted(str(filing.refusal) for filing in filings) == ["None"] + ["already"] * 7
    assert len({filing.report_number for filing in filings}) == 1
    assert len(hotline.redis.keys("report:*")) == 1
