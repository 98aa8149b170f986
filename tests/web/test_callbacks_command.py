"""`flask callbacks`: operators call back who has waited longest."""

import pytest
from click.testing import Result
from flask import Flask
from redis import Redis

from ivr.store import keys
from ivr.store.callbacks import Callback
from ivr.store.unreadable import list_unreadable
from tests.builders import an_app, hotline_of, settings
from tests.redis_server import RedisServer


@pytest.fixture
def app(redis: Redis, redis_server: RedisServer) -> Flask:
    assert redis.dbsize() == 0
    return an_app(settings(redis_server.url))


def typed(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(args=["callbacks", *words])


def waits(app: Flask, number: str, left_at: int) -> str:
    store = hotline_of(app).callbacks
    wish = Callback(store.ref(number), number, "en", "topic_status", "002X", "12345670", left_at)
    store.leave(wish)
    return wish.id


def test_nobody_waits(app: Flask) -> None:
    assert typed(app, "list").output == "0 waiting, 0 taken and not done\n"
    refused = typed(app, "take", "--by", "Li")
    assert (refused.exit_code, "Nobody waits." in refused.output) == (1, True)


def test_the_longest_wait_is_taken_first_and_then_done(app: Flask) -> None:
    later, first = waits(app, "+8613900139009", 2000), waits(app, "+8613800138000", 1000)
    listed = typed(app, "list").output
    assert listed.index(first) < listed.index(later)
    assert "8613800138000" not in listed

    taken = typed(app, "take", "--by", "Li").output
    assert taken.splitlines()[1:] == [
        "number  +8613800138000",
        "speaks  英语",
        "about   正在查询卡的状态。",
    ]
    assert "ID …002X  report 12345670" in taken
    assert "by Li" in typed(app, "list").output
    assert typed(app, "done", first, "--by", "Li").output == f"{first} is done\n"
    assert typed(app, "list").output.endswith("1 waiting, 0 taken and not done\n")
    assert typed(app, "done", first).exit_code == 1


def test_who_did_not_answer_waits_in_the_old_place(app: Flask) -> None:
    first, _ = waits(app, "+8613800138000", 1000), waits(app, "+8613900139009", 2000)
    typed(app, "take", "--by", "Li")
    assert typed(app, "back", first).output == f"{first} waits again\n"
    assert typed(app, "back", first).exit_code == 1
    assert first in typed(app, "take").output


def test_an_id_that_begins_like_an_option_is_an_id(app: Flask) -> None:
    """One of 64 does: they are references, and no option has a single dash."""
    numbers = (f"+8613{place:09}" for place in range(800_000_000, 900_000_000))
    number = next(each for each in numbers if hotline_of(app).callbacks.ref(each)[0] == "-")
    first = waits(app, number, 1000)
    assert number in typed(app, "take", first, "--by", "Li").output
    assert typed(app, "back", first, "--by", "Li").output == f"{first} waits again\n"
    assert typed(app, "done", first).output == f"{first} is done\n"


@pytest.mark.parametrize("deed", ["take", "back", "done"])
@pytest.mark.parametrize("words", ["nobody", "110101199001011237", "--buy", "-x"])
def test_what_is_no_id_is_told_so_and_not_shown(app: Flask, deed: str, words: str) -> None:
    refused = typed(app, deed, words)
    assert refused.exit_code == 2
    assert "no call-back's id" in refused.output
    assert words not in refused.output


def test_a_colleague_s_may_be_taken_by_its_id(app: Flask) -> None:
    first = waits(app, "+8613800138000", 1000)
    typed(app, "take", "--by", "Li")
    assert "+8613800138000" in typed(app, "take", first, "--by", "Wang").output
    assert "by Wang" in typed(app, "list").output
    assert typed(app, "take", hotline_of(app).callbacks.ref("+8613900139009")).exit_code == 1


def test_each_step_is_journalled_without_the_number(app: Flask) -> None:
    first = waits(app, "+8613800138000", 1000)
    typed(app, "take", "--by", "Li")
    typed(app, "back", first, "--by", "Li")
    typed(app, "done", first, "--by", "Li")
    journal = [entry for _, entry in hotline_of(app).journal.between(0, 2**40)]
    assert [entry.event for entry in journal] == [
        "callback_left", "callback_taken", "callback_given_back", "callback_done",
    ]  # fmt: skip
    assert not any("13800138000" in str(entry.fields) for entry in journal)


def test_who_waits_is_counted(app: Flask) -> None:
    condition = hotline_of(app).condition
    assert condition.figures().callbacks_waiting == 0
    now = int(hotline_of(app).outbox.now())
    waits(app, "+8613800138000", now - 600)
    waits(app, "+8613900139009", now - 60)
    seen = condition.figures()
    assert seen.callbacks_waiting == 2
    assert 600 <= seen.callback_seconds < 700
    typed(app, "take")
    assert condition.figures().callbacks_waiting == 1


def test_what_has_ended_is_not_counted(app: Flask, redis: Redis) -> None:
    """30 days after it was left nobody can be called any more."""
    hotline, now = hotline_of(app), int(hotline_of(app).outbox.now())
    ended, taken = waits(app, "+8613800138000", now - 600), waits(app, "+8613700137000", now - 300)
    typed(app, "take", taken)
    waits(app, "+8613900139009", now - 60)
    redis.delete(keys.callback(ended), keys.callback(taken))
    seen = hotline.condition.figures()
    assert seen.callbacks_waiting == 1
    assert 60 <= seen.callback_seconds < 160
    assert redis.zcard(keys.CALLBACKS_TAKEN) == 0
    assert typed(app, "list").output.endswith("1 waiting, 0 taken and not done\n")


def test_a_take_that_was_killed_says_when_and_not_by_whom(app: Flask, redis: Redis) -> None:
    """Between taking it off the queue and writing down who did."""
    store, now = hotline_of(app).callbacks, int(hotline_of(app).outbox.now())
    first = waits(app, "+8613800138000", now - 600)
    before = redis.get(keys.callback(first))
    typed(app, "take", "--by", "Li")
    assert before is not None
    redis.set(keys.callback(first), before, keepttl=True)
    listed = typed(app, "list").output
    assert "1970" not in listed
    assert "by nobody knows whom" in listed
    (taken,) = store.taken()
    assert now <= taken.taken_at < now + 100
    typed(app, "take", first, "--by", "Wang")
    assert "by Wang" in typed(app, "list").output


def test_one_that_cannot_be_read_stops_no_other(app: Flask, redis: Redis) -> None:
    """It is named, and waits until its key is found."""
    shut, second = waits(app, "+8613800138000", 1000), waits(app, "+8613900139009", 2000)
    place = keys.callback(shut)
    sealed = redis.get(place)
    redis.set(place, b"A sealed by nobody's key", keepttl=True)
    assert typed(app, "list").output.endswith("1 waiting, 0 taken and not done\n")
    assert list_unreadable(redis) == [place]
    assert "+8613900139009" in typed(app, "take").output
    assert typed(app, "take").exit_code == 1
    assert f"{place} is opened by none of DATA_KEYS" in typed(app, "take", shut).output
    assert sealed is not None
    redis.set(place, sealed, keepttl=True)
    assert "+8613800138000" in typed(app, "take").output
    assert second in typed(app, "list").output
