"""A notice nobody can open is not tried for ever: a person sees it, and the truth is told of it."""

import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis

from ivr.cards.notice import NoticeKind, NoticeState
from ivr.store import keys
from ivr.store.bank_health import PAUSE_AFTER
from ivr.store.outbox import TEXTS_QUEUE
from ivr.store.vault import Vault
from tests.builders import a_holder, enrol, settings
from tests.hotline import Hotline, is_paused, open_hotline
from tests.redis_server import RedisServer
from tests.store.conftest import filed, notices_of, the_notice
from tests.workers.builders import DATA_KEY, Nobody, a_bank, a_delivery, an_environment, deliver
from workers.deliver import as_json

CHECKOUT = Path(__file__).parent.parent.parent


@pytest.fixture
def hotline(redis: Redis, redis_server: RedisServer) -> Hotline:
    books = open_hotline(settings(redis_server.url), redis)
    enrol(books, a_holder())
    return books


@pytest.mark.parametrize("kind", [NoticeKind.LOSS_REPORTED, NoticeKind.TEXT])
def test_a_notice_whose_key_is_gone_is_stuck(hotline: Hotline, kind: NoticeKind) -> None:
    filed(hotline)
    notice = the_notice(hotline, kind)
    place = keys.notice(notice.id)
    stranger = Vault(hotline.redis, [DATA_KEY])
    good = notice.sealed_body
    hotline.redis.hset(place, "sealed_body", stranger.seal({}, place))
    deliver(hotline, a_delivery(hotline, notice.queue, Nobody(), as_json))

    assert hotline.redis.zrange(keys.NOTICES_STUCK, 0, -1) == [notice.id.encode()]
    assert hotline.redis.zscore(keys.NOTICES_OPEN, notice.id) is None
    (told,) = hotline.condition.news()
    assert (told.event, told.fields["notice"]) == ("notice_stuck", notice.id)
    figures = hotline.condition.figures().standings
    assert figures[notice.queue.removeprefix("bank-")].stuck == 1
    (attempt,) = hotline.outbox.attempts(notice.id)
    assert (attempt.answer, attempt.status) == ("unreadable", None)
    assert not hotline.redis.exists(keys.bank_health("icbc")), "the bank did not fail"

    hotline.redis.hset(place, "sealed_body", good)  # the key is back
    assert hotline.service.send_again(notice.id)
    found = hotline.outbox.find(notice.id)
    assert found is not None
    assert found.state is NoticeState.OPEN
    assert hotline.redis.zcard(keys.NOTICES_STUCK) == 0


def test_the_holder_hears_that_the_bank_has_not_confirmed(hotline: Hotline) -> None:
    """Nothing is said of a refusal: the bank was never asked."""
    filed(hotline)
    notice = the_notice(hotline)
    hotline.redis.hset(keys.notice(notice.id), "sealed_body", "unsealed")
    for _ in range(PAUSE_AFTER):
        deliver(hotline, a_delivery(hotline, notice.queue, Nobody(), as_json))
    texts = [hotline.outbox.body(n)["prompt"] for n in notices_of(hotline, NoticeKind.TEXT)]
    assert sorted(texts) == ["text_filed", "text_unreached"]
    assert not is_paused(hotline, "icbc")
    assert hotline.outbox.due(TEXTS_QUEUE, hotline.outbox.now() + 1, 10)


def test_no_worker_starts_with_other_data_keys_or_without_the_reference_key(
    hotline: Hotline, redis_server: RedisServer, tmp_path: Path
) -> None:
    """It would take every notice for one that nobody can open."""
    environ = an_environment(tmp_path, redis_server.url, a_bank("https://bank.example"))
    for said in ("add the old key back", "from a backup"):
        for worker in ("workers.sweep", "workers.deliver"):
            command = [sys.executable, "-m", worker]
            ended = subprocess.run(
                command, env=environ, cwd=CHECKOUT, capture_output=True, text=True, check=False
            )
            assert ended.returncode == 2
            assert said in ended.stderr
        hotline.redis.delete(keys.VAULT)
