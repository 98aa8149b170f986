"""Announcements: with an end, in every language, short enough to be listened to."""

import pytest
from redis import Redis

from ivr.store import keys
from ivr.store.announcements import (
    LONGEST,
    LONGEST_DAYS,
    Announcement,
    AnnouncementError,
    checked,
)
from tests.hotline import Hotline

TEXTS = {"zh": "今晚系统维护。", "en": "Maintenance tonight."}
NOW = 1_800_000_000
DAY = 24 * 3600


def an_announcement(hotline: Hotline, bank: str = "", seconds: int = 60) -> Announcement:
    now = hotline.outbox.now()
    return checked(bank, TEXTS, now + seconds, now)


@pytest.mark.parametrize(
    ("texts", "until", "why"),
    [
        ({"zh": "好"}, NOW + 1, "no text in en"),
        ({"en": "good"}, NOW + 1, "no text in zh"),
        ({**TEXTS, "zh": " \n\u3000"}, NOW + 1, "no text in zh"),
        ({**TEXTS, "en": "a\x00b"}, NOW + 1, "cannot be spoken"),
        ({**TEXTS, "en": "a\ue000b"}, NOW + 1, "cannot be spoken"),
        ({**TEXTS, "en": "a\u202eb"}, NOW + 1, "cannot be spoken"),
        ({**TEXTS, "en": "a" * (LONGEST + 1)}, NOW + 1, "too long"),
        ({**TEXTS, "zh": "好" * (LONGEST // 3 + 1)}, NOW + 1, "too long"),
        (TEXTS, NOW, "its end has passed"),
        (TEXTS, NOW + (LONGEST_DAYS + 1) * DAY, "365 days"),
    ],
)
def test_what_nobody_could_listen_to_is_refused(
    texts: dict[str, str], until: int, why: str
) -> None:
    with pytest.raises(AnnouncementError, match=why):
        checked("", texts, until, NOW)


def test_the_longest_are_taken_and_blanks_made_one() -> None:
    texts = {"zh": "好" * (LONGEST // 3), "en": "a\n b"}
    assert checked("icbc", texts, NOW + 1, NOW).texts == {"zh": texts["zh"], "en": "a b"}


def test_one_for_everybody_and_one_for_each_bank(hotline: Hotline) -> None:
    store = hotline.announcements
    for bank in ("icbc", "", "ccb", "icbc"):
        store.put(an_announcement(hotline, bank))
    assert [each.bank for each in store.standing()] == ["", "ccb", "icbc"]
    assert store.clear("ccb")
    assert not store.clear("ccb")
    assert [each.bank for each in store.standing()] == ["", "icbc"]


def test_it_ends_by_itself(hotline: Hotline, redis: Redis) -> None:
    store = hotline.announcements
    store.put(an_announcement(hotline, "icbc", seconds=5000))
    store.put(an_announcement(hotline, seconds=60))
    assert 4990 < redis.ttl(keys.ANNOUNCEMENTS) <= 5000
    redis.hset(keys.ANNOUNCEMENTS, "", b'["",{"zh":"x","en":"x"},1]')
    assert [each.bank for each in store.standing()] == ["icbc"]
    assert [each.bank for each in hotline.calls.read("CA1").announcements] == ["icbc"]


def test_one_that_cannot_be_read_is_not_heard(hotline: Hotline, redis: Redis) -> None:
    hotline.announcements.put(an_announcement(hotline, "icbc"))
    redis.hset(keys.ANNOUNCEMENTS, "", "no announcement")
    assert [each.bank for each in hotline.calls.read("CA1").announcements] == ["icbc"]
    assert redis.zscore(keys.UNREADABLE, keys.ANNOUNCEMENTS) is not None


def test_a_key_of_another_kind_stops_no_call(hotline: Hotline, redis: Redis) -> None:
    redis.set(keys.ANNOUNCEMENTS, "x")
    assert hotline.calls.read("CA1").announcements == ()
