"""Claims: a notice is attempted by one worker at a time, and no bank gets more than its share."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis

from ivr.cards.bank_event import FORMAL_LOSS, BankEvent
from ivr.cards.notice import Attempt, Notice, NoticeKind, NoticeState, Outcome
from ivr.store import keys
from ivr.store.bank_health import PAUSE_AFTER, PAUSE_AFTER_SECONDS
from ivr.store.claims import Claim, Made
from ivr.store.outbox import TEXTS_QUEUE
from ivr.store.unreadable import list_unreadable
from tests.hotline import Hotline, claimed, ringing
from tests.store.conftest import HOLDER, close, filed, the_notice
from tests.workers.builders import owe

QUEUE = "bank-icbc"
FAR = 4_000_000_000


@pytest.fixture
def notice(hotline: Hotline) -> Notice:
    """The notice to the bank of a fresh report."""
    filed(hotline)
    return the_notice(hotline)


def ids(claims: tuple[Claim, ...]) -> list[str]:
    return [claim.notice.id for claim in claims]


def settle(hotline: Hotline, claim: Claim, outcome: Outcome = Outcome.BLOCKED) -> None:
    attempt = Attempt(0, outcome, 200, 12, "", claim=claim.id)
    hotline.service.settle_all([Made(claim, attempt)])


def test_one_of_many_workers_gets_a_notice(hotline: Hotline, notice: Notice) -> None:
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: claimed(hotline), range(16)))
    assert [claim.notice for claims in found for claim in claims] == [notice]


def test_a_lease_that_ends_makes_the_notice_due_again(
    hotline: Hotline, redis: Redis, notice: Notice
) -> None:
    """The worker was killed: nobody settles, and its share comes back with the notice."""
    (first,) = claimed(hotline, most=1, lease=0.05)
    while not (again := claimed(hotline, most=1, lease=25)):
        assert redis.zcard(keys.in_flight(QUEUE)) <= 1
    assert again[0].notice == first.notice == notice
    assert again[0].id != first.id
    due = redis.zscore(keys.NOTICES_OPEN, notice.id)
    assert due is not None
    assert 23 < float(due) - hotline.outbox.now() <= 25
    assert claimed(hotline) == ()


def test_no_more_are_on_their_way_than_the_share_whoever_asks(
    hotline: Hotline, redis: Redis
) -> None:
    owed = [owe(hotline, age_seconds=age).id for age in range(10, 0, -1)]
    first, second = claimed(hotline, most=3), claimed(hotline, most=4)
    assert ids(first) + ids(second) == owed[:4], "those that are due longest"
    assert claimed(hotline, most=4) == ()
    settle(hotline, first[0])
    assert ids(claimed(hotline, most=4)) == owed[4:5]
    assert redis.zcard(keys.in_flight(QUEUE)) == 4


@pytest.mark.parametrize("outcome", [*Outcome])
def test_an_attempt_that_is_written_down_gives_its_share_back(
    hotline: Hotline, redis: Redis, notice: Notice, outcome: Outcome
) -> None:
    (claim,) = claimed(hotline)
    attempt = Attempt(0, outcome, 503, 12, "", claim=claim.id)
    hotline.service.settle_all([Made(claim, attempt, FAR)])
    assert redis.zcard(keys.in_flight(QUEUE)) == 0
    assert hotline.outbox.attempts(notice.id) == [attempt]


def test_an_attempt_is_written_down_once(hotline: Hotline, notice: Notice) -> None:
    """The answer of the first time was lost with the connection."""
    (claim,) = claimed(hotline)
    for _ in range(2):
        settle(hotline, claim)
    assert len(hotline.outbox.attempts(notice.id)) == 1


def test_news_that_came_meanwhile_is_not_overwritten(hotline: Hotline, notice: Notice) -> None:
    """What was read with the claim is out of date: it is decided again."""
    (claim,) = claimed(hotline)
    settle(hotline, claim, Outcome.BLOCKED)
    late = Attempt(0, Outcome.FAILED, None, 12, "read_timeout", claim="another")
    hotline.service.settle_all([Made(claim, late)])
    block = hotline.cases.of_card(notice.card_ref).case.block
    assert block is not None
    assert block.state == "blocked"
    assert len(hotline.outbox.attempts(notice.id)) == 2


def test_one_that_cannot_be_written_down_stops_no_other(hotline: Hotline, redis: Redis) -> None:
    filed(hotline)
    bad, good = the_notice(hotline), owe(hotline)
    claims = claimed(hotline)
    redis.set(keys.block(bad.card_ref), "spoiled")
    made = [Made(c, Attempt(0, Outcome.RECEIVED, 200, 9, "", claim=c.id)) for c in claims]
    hotline.service.settle_all(made)
    found = hotline.outbox.find(good.id)
    assert found is not None
    assert found.state is NoticeState.DELIVERED
    assert hotline.outbox.attempts(bad.id) == []


def test_a_case_nobody_can_read_keeps_no_notice_back(hotline: Hotline, redis: Redis) -> None:
    filed(hotline)
    redis.set(keys.block(the_notice(hotline).card_ref), "spoiled")
    (claim,) = claimed(hotline)
    assert claim.reading is None


@pytest.mark.parametrize("state", [s for s in NoticeState if s is not NoticeState.OPEN])
def test_a_closed_notice_is_never_claimed(
    hotline: Hotline, redis: Redis, notice: Notice, state: NoticeState
) -> None:
    close(hotline, notice, state)
    assert claimed(hotline) == ()
    assert hotline.outbox.due(notice.queue, FAR, 100) == []
    assert 0 < redis.ttl(keys.notice(notice.id)) <= keys.CLOSED_NOTICE_SECONDS


def test_nothing_is_claimed_of_a_queue_without_notices(hotline: Hotline) -> None:
    assert claimed(hotline, "bank-nobody") == ()


def test_what_the_list_of_a_queue_has_too_much_is_taken_off(
    hotline: Hotline, redis: Redis, notice: Notice
) -> None:
    later = hotline.outbox.now() + 100
    waiting = owe(hotline)
    redis.zadd(keys.NOTICES_OPEN, {waiting.id: later})
    redis.zadd(keys.open_in(QUEUE), {"ntc-closed": 1, waiting.id: 1})
    assert ids(claimed(hotline)) == [notice.id]
    assert redis.zscore(keys.open_in(QUEUE), "ntc-closed") is None
    assert redis.zscore(keys.open_in(QUEUE), waiting.id) == pytest.approx(later)


def test_a_notice_whose_record_is_gone_is_owed_no_more(
    hotline: Hotline, redis: Redis, notice: Notice
) -> None:
    gone = owe(hotline, age_seconds=9)
    redis.delete(keys.notice(gone.id))
    assert ids(claimed(hotline)) == [notice.id]
    for listed in (keys.NOTICES_OPEN, keys.open_in(QUEUE), keys.owed(QUEUE)):
        assert redis.zscore(listed, gone.id) is None
    assert redis.hget(keys.COUNTERS, "event:notice_lost") == b"1"


def fails_for_long(hotline: Hotline, redis: Redis, who: str) -> None:
    long_ago = int(hotline.outbox.now()) - PAUSE_AFTER_SECONDS
    for _ in range(PAUSE_AFTER):
        for words in hotline.bank_health.count_failure(who, long_ago):
            redis.execute_command(*words)


def test_a_paused_bank_gets_one_probe_until_it_answers(hotline: Hotline, redis: Redis) -> None:
    for _ in range(3):
        owe(hotline)
    fails_for_long(hotline, redis, "icbc")
    (probe,) = claimed(hotline)
    assert claimed(hotline) == ()
    settle(hotline, probe, Outcome.RECEIVED)
    assert len(claimed(hotline)) == 2


def test_no_probe_is_used_up_while_nothing_is_due(hotline: Hotline, redis: Redis) -> None:
    fails_for_long(hotline, redis, "icbc")
    assert claimed(hotline) == ()
    owe(hotline)
    assert len(claimed(hotline)) == 1


def test_a_bank_that_speaks_of_a_card_frees_no_share_of_it(hotline: Hotline, redis: Redis) -> None:
    """The request is still open: whoever closed its notice did not end it."""
    filed(hotline)
    (claim,) = claimed(hotline)
    card, at = HOLDER.cards[0].number, claim.notice.created_at
    told = BankEvent("evt-1", "icbc", FORMAL_LOSS, at, card_number=card)
    assert hotline.service.hear(told) == "applied"
    assert redis.zcard(keys.in_flight(QUEUE)) == 1
    settle(hotline, claim, Outcome.RECEIVED)
    assert redis.zcard(keys.in_flight(QUEUE)) == 0


def test_a_lease_from_before_the_clock_was_set_back_holds_no_share(
    hotline: Hotline, redis: Redis, notice: Notice
) -> None:
    ahead = hotline.outbox.now() + 600
    redis.zadd(keys.in_flight(QUEUE), {f"ntc-{n}": ahead for n in range(64)} | {"ntc-x": "inf"})
    assert ids(claimed(hotline)) == [notice.id]
    assert redis.zcard(keys.in_flight(QUEUE)) == 1


def test_the_share_in_use_is_counted_anew_when_nobody_can_read_it(
    hotline: Hotline, redis: Redis
) -> None:
    for _ in range(9):
        owe(hotline)
    redis.set(keys.in_flight(QUEUE), "no list")
    assert len(claimed(hotline)) == 8
    assert claimed(hotline) == ()
    assert keys.in_flight(QUEUE) in list_unreadable(redis)


def test_texts_are_never_paused(hotline: Hotline, redis: Redis) -> None:
    filed(hotline)
    fails_for_long(hotline, redis, "texts")
    assert ids(claimed(hotline, TEXTS_QUEUE)) == [the_notice(hotline, NoticeKind.TEXT).id]


def test_nothing_is_claimed_while_rq_is_suspended(
    hotline: Hotline, redis: Redis, notice: Notice
) -> None:
    redis.set("rq:suspended", 1)
    assert claimed(hotline) == ()
    redis.delete("rq:suspended")
    assert ids(claimed(hotline)) == [notice.id]


def test_all_bells_of_a_queue_are_heard_at_once(hotline: Hotline, redis: Redis) -> None:
    for _ in range(3):
        owe(hotline)
    claimed(hotline)
    assert ringing(hotline, QUEUE) == []
    assert redis.keys("rq:job:*") == []
