"""The outbox: owed until closed, attempted by one worker at a time, settled in one transaction."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from ivr.cards.block import Block, BlockEvent, BlockState, after
from ivr.cards.loss import LossReport
from ivr.cards.notice import Notice, NoticeKind, NoticeState, Outcome
from ivr.store import keys
from ivr.store.codec import dump, load
from ivr.store.vault import WrongDataKeysError
from tests.builders import enrol, settings
from tests.hotline import Hotline, claimed, leased, open_hotline
from tests.redis_server import RedisServer
from tests.store.conftest import (
    HOLDER,
    an_attempt,
    end_suspension,
    filed,
    notices_of,
    the_notice,
)
from tests.web.conftest import Cut, Wire

FAR = 4_000_000_000
LEASE = 25


@pytest.fixture
def notice(hotline: Hotline) -> Notice:
    """The notice to the bank of a fresh report."""
    filed(hotline)
    return the_notice(hotline)


def block_of(redis: Redis, notice: Notice) -> Block:
    return load(Block, redis.get(keys.block(notice.card_ref)) or b"")


def set_block(redis: Redis, notice: Notice, state: BlockState) -> None:
    block = block_of(redis, notice)
    redis.set(keys.block(notice.card_ref), dump(Block(**{**vars(block), "state": state})))


def now_of(hotline: Hotline, notice: Notice) -> Notice:
    found = hotline.outbox.find(notice.id)
    assert found is not None
    return found


def due(hotline: Hotline, redis: Redis, notice: Notice) -> float | None:
    score = redis.zscore(keys.NOTICES_OPEN, notice.id)
    return None if score is None else float(score) - hotline.outbox.now()


# --- settling --------------------------------------------------------------------------------

SETTLED = [
    (Outcome.RECEIVED, NoticeState.DELIVERED, BlockState.RECEIVED),
    (Outcome.BLOCKED, NoticeState.DELIVERED, BlockState.BLOCKED),
    (Outcome.REFUSED, NoticeState.REFUSED, BlockState.REFUSED),
    (Outcome.FAILED, NoticeState.UNDELIVERABLE, BlockState.UNDELIVERABLE),
]


@pytest.mark.parametrize(("outcome", "state", "block"), SETTLED)
def test_each_outcome_closes_the_notice_and_steps_the_block(
    hotline: Hotline,
    redis: Redis,
    notice: Notice,
    outcome: Outcome,
    state: NoticeState,
    block: BlockState,
) -> None:
    leased(hotline, notice.id, LEASE)
    attempt = an_attempt(outcome)
    hotline.service.settle(notice.id, attempt, None)

    settled = now_of(hotline, notice)
    assert (settled.state, settled.attempts_made) == (state, 1)
    assert hotline.outbox.attempts(notice.id) == [attempt]
    assert due(hotline, redis, notice) is None
    assert block_of(redis, notice).state is block
    assert redis.ttl(keys.attempts(notice.id)) > 0
    assert claimed(hotline) == ()


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        (Outcome.RECEIVED, None),
        (Outcome.BLOCKED, "text_blocked"),
        (Outcome.REFUSED, "text_failed"),
        (Outcome.FAILED, "text_unreached"),
    ],
)
def test_the_holder_hears_what_came_of_it(
    hotline: Hotline, notice: Notice, outcome: Outcome, text: str | None
) -> None:
    hotline.service.settle(notice.id, an_attempt(outcome), None)

    prompts = {hotline.outbox.body(n)["prompt"] for n in notices_of(hotline, NoticeKind.TEXT)}
    assert prompts == {"text_filed", *([text] if text else [])}


def test_a_failure_is_tried_again_when_it_is_due(
    hotline: Hotline, redis: Redis, notice: Notice
) -> None:
    leased(hotline, notice.id, LEASE)
    then = int(hotline.outbox.now()) + 600
    hotline.service.settle(notice.id, an_attempt(Outcome.FAILED), then)

    again = now_of(hotline, notice)
    assert (again.state, again.attempts_made) == (NoticeState.OPEN, 1)
    assert redis.zscore(keys.NOTICES_OPEN, notice.id) == then
    assert leased(hotline, notice.id, LEASE) is None
    assert block_of(redis, notice).state is BlockState.NOTIFIED
    assert redis.ttl(keys.notice(notice.id)) == -1, "owed for ever"
    assert len(notices_of(hotline, NoticeKind.TEXT)) == 1, "no text about a failure that may heal"


def test_a_notice_given_up_is_seen_by_a_person(
    hotline: Hotline, redis: Redis, notice: Notice
) -> None:
    hotline.service.settle(notice.id, an_attempt(Outcome.FAILED), None)
    assert redis.zrange(keys.NOTICES_STUCK, 0, -1) == [notice.id.encode()]


@pytest.mark.parametrize("state", list(BlockState))
@pytest.mark.parametrize("outcome", list(Outcome))
def test_late_news_does_what_the_table_says(
    hotline: Hotline, redis: Redis, notice: Notice, state: BlockState, outcome: Outcome
) -> None:
    """Every state a block may have reached meanwhile, and every outcome of a slow attempt."""
    event = BlockEvent.GAVE_UP if outcome is Outcome.FAILED else BlockEvent(outcome.value)
    set_block(redis, notice, state)
    before = block_of(redis, notice)
    hotline.service.settle(notice.id, an_attempt(outcome), None)

    expected = after(before, event, before.changed_at).state
    assert block_of(redis, notice).state is expected
    if expected is state:
        assert block_of(redis, notice) == before, "not even its time"


def test_news_of_an_earlier_report_leaves_the_new_block_alone(
    hotline: Hotline, redis: Redis, notice: Notice
) -> None:
    end_suspension(redis, filed_of(hotline, notice))
    filed(hotline, "CA2")
    before = block_of(redis, notice)

    hotline.service.settle(notice.id, an_attempt(Outcome.BLOCKED), None)
    assert block_of(redis, notice) == before


def filed_of(hotline: Hotline, notice: Notice) -> LossReport:
    report = hotline.cases.find_report(notice.report_number)
    assert report is not None
    return report


def test_a_failure_after_the_delivery_does_not_open_the_notice_again(
    hotline: Hotline, redis: Redis, notice: Notice
) -> None:
    """Two attempts overlapped, for a lease had ended: the slower one failed."""
    hotline.service.settle(notice.id, an_attempt(Outcome.RECEIVED), None)
    hotline.service.settle(notice.id, an_attempt(Outcome.FAILED), int(hotline.outbox.now()) + 5)

    assert now_of(hotline, notice).state is NoticeState.DELIVERED
    assert due(hotline, redis, notice) is None
    assert redis.ttl(keys.attempts(notice.id)) > 0


def test_giving_up_after_the_delivery_changes_nothing(hotline: Hotline, notice: Notice) -> None:
    hotline.service.settle(notice.id, an_attempt(Outcome.BLOCKED), None)
    hotline.service.settle(notice.id, an_attempt(Outcome.FAILED), None)

    assert now_of(hotline, notice).state is NoticeState.DELIVERED
    assert len(hotline.outbox.attempts(notice.id)) == 2, "every attempt is on record"


def test_good_news_of_a_slower_attempt_counts(
    hotline: Hotline, redis: Redis, notice: Notice
) -> None:
    hotline.service.settle(notice.id, an_attempt(Outcome.FAILED), None)
    hotline.service.settle(notice.id, an_attempt(Outcome.BLOCKED), None)

    assert now_of(hotline, notice).state is NoticeState.DELIVERED
    assert block_of(redis, notice).state is BlockState.BLOCKED


def test_a_refusal_after_the_delivery_frightens_nobody(
    hotline: Hotline, redis: Redis, notice: Notice
) -> None:
    hotline.service.settle(notice.id, an_attempt(Outcome.RECEIVED), None)
    hotline.service.settle(notice.id, an_attempt(Outcome.REFUSED), None)

    assert block_of(redis, notice).state is BlockState.RECEIVED
    assert len(notices_of(hotline, NoticeKind.TEXT)) == 1, "no text says that nothing is blocked"


@pytest.mark.parametrize("cut", ["before", "after"])
def test_an_attempt_is_recorded_once_although_the_line_broke(
    own_server: RedisServer, cut: Cut
) -> None:
    wire = Wire(own_server, own_server.directory)
    try:
        hotline = open_hotline(settings(wire.url))
        enrol(hotline, HOLDER)
        filed(hotline)
        notice = the_notice(hotline)
        wire.at_commit, wire.cuts_left = cut, 1
        attempt = replace(an_attempt(Outcome.BLOCKED), claim="c1")
        with pytest.raises(RedisConnectionError):
            hotline.service.settle(notice.id, attempt, None)
        hotline.service.settle(notice.id, attempt, None)

        assert hotline.outbox.attempts(notice.id) == [attempt]
        assert now_of(hotline, notice).attempts_made == 1
        assert now_of(hotline, notice).state is NoticeState.DELIVERED
    finally:
        wire.close()


def test_workers_settling_at_once_lose_no_attempt(hotline: Hotline, notice: Notice) -> None:
    attempts = [an_attempt(Outcome.FAILED, at) for at in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda a: hotline.service.settle(notice.id, a, FAR), attempts))

    assert sorted(a.at for a in hotline.outbox.attempts(notice.id)) == list(range(8))
    assert now_of(hotline, notice).attempts_made == 8


def test_a_text_steps_no_block(hotline: Hotline, redis: Redis, notice: Notice) -> None:
    before = block_of(redis, notice)
    hotline.service.settle(
        the_notice(hotline, NoticeKind.TEXT).id, an_attempt(Outcome.REFUSED), None
    )

    assert block_of(redis, notice) == before


# --- sent again ------------------------------------------------------------------------------


def test_a_notice_sent_again_is_due_at_once(hotline: Hotline, redis: Redis, notice: Notice) -> None:
    hotline.service.settle(notice.id, an_attempt(Outcome.REFUSED), None)
    assert hotline.service.send_again(notice.id)

    assert redis.ttl(keys.notice(notice.id)) == -1
    (claim,) = claimed(hotline)
    assert (claim.notice.id, claim.notice.sealed_body) == (notice.id, notice.sealed_body)


def test_a_body_copied_to_another_notice_does_not_open(hotline: Hotline, notice: Notice) -> None:
    text = the_notice(hotline, NoticeKind.TEXT)
    with pytest.raises(WrongDataKeysError):
        hotline.outbox.body(replace(text, sealed_body=notice.sealed_body))
