"""What callers look up is counted in the turn's own script, once, and the breaker by the sweep."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from redis import Redis

from ivr.cards.limits import Caller
from ivr.dialogue.call import Call
from ivr.store import keys
from ivr.store.calls import Mistake
from ivr.store.limits import LookUp
from tests.builders import a_card, a_holder, an_id_number, enrol, settings
from tests.hotline import Hotline, open_hotline
from tests.redis_server import RedisServer

NUMBER = "+8613900139000"


@pytest.fixture
def hotline(redis_server: RedisServer, redis: Redis) -> Iterator[Hotline]:
    assert redis.dbsize() == 0
    opened = open_hotline(settings(redis_server.url))
    enrol(opened, a_holder())
    yield opened
    opened.redis.close()


class Asker:
    """Somebody who keys one number after another, each in a turn of its own."""

    def __init__(self, hotline: Hotline, caller: Caller | None = None, sid: str = "CA1") -> None:
        self.hotline = hotline
        self.caller = caller or hotline.limiting.caller(NUMBER)
        self.sid = sid
        self.turn = 0

    def keys(self, id_number: str) -> str:
        """The limit that is met."""
        self.turn += 1
        self.hotline.calls.save(Call(self.sid, "report_id", self.turn), "x")
        return self.repeats(id_number)

    def repeats(self, id_number: str) -> str:
        ref = self.hotline.service.holder_ref(id_number)
        look_up = LookUp(ref, self.caller, "phone", "report")
        return self.hotline.calls.look_up(self.sid, "report_id", self.turn, look_up).met


def somebody(serial: int) -> str:
    """A number that nobody has."""
    return an_id_number(serial=f"{serial:03d}")


def found_once(hotline: Hotline, *serials: str) -> list[str]:
    holders = [
        a_holder(a_card(f"1{serial}"), id_number=an_id_number(serial=serial)) for serial in serials
    ]
    enrol(hotline, *holders)
    return [holder.id_number for holder in holders]


def test_the_fourth_id_number_of_a_day_meets_the_limit(hotline: Hotline) -> None:
    first, *others = found_once(hotline, "100", "102", "104", "106", "108")
    asker = Asker(hotline)
    assert [asker.keys(number) for number in (first, *others)] == ["", "", "", "caller", "caller"]
    assert asker.keys(first) == "", "who was keyed before is no further number"
    assert Asker(hotline, Caller("another"), "CA2").keys(others[-1]) == ""


def test_the_fourth_miss_of_an_hour_meets_the_limit_even_for_a_holder(hotline: Hotline) -> None:
    asker = Asker(hotline)
    assert [asker.keys(somebody(2 * n)) for n in range(50, 53)] == ["", "", ""]
    assert asker.keys(somebody(100)) == "caller"
    assert asker.keys(a_holder().id_number) == "caller"


def test_what_meets_a_limit_fills_none(hotline: Hotline, redis: Redis) -> None:
    asker = Asker(hotline)
    for n in range(50, 60):
        asker.keys(somebody(2 * n))
    assert redis.zcard(keys.keyed(asker.caller.ref)) == 3
    assert redis.zcard(keys.missed(asker.caller.ref)) == 3
    assert redis.hmget(keys.COUNTERS, "lookup:missed", "limit:caller") == [b"3", b"7"]


def test_misses_are_forgotten_after_an_hour_but_six_hold_for_a_day(
    hotline: Hotline, redis: Redis
) -> None:
    asker = Asker(hotline)
    place, now = keys.missed(asker.caller.ref), redis.time()[0]
    redis.zadd(place, {f"a{n}": now - 3600 for n in range(5)})
    assert asker.keys(somebody(100)) == ""
    assert asker.keys(somebody(100)) == "caller"
    redis.zadd(place, dict.fromkeys(["a0"], now - keys.DAY))
    assert asker.keys(somebody(100)) == ""


def test_one_id_number_is_looked_up_six_times_a_day_by_all_callers(hotline: Hotline) -> None:
    for wanted in (a_holder().id_number, somebody(100)):
        met = [Asker(hotline, Caller(f"c{n}"), f"CA{wanted}{n}").keys(wanted) for n in range(8)]
        assert met == [""] * 6 + ["number"] * 2


def test_a_number_keyed_again_in_a_call_is_no_further_look_up(hotline: Hotline) -> None:
    asker = Asker(hotline)
    assert [asker.keys(a_holder().id_number) for _ in range(9)] == [""] * 9
    others = [Asker(hotline, Caller(f"c{n}"), f"CB{n}") for n in range(6)]
    met = [other.keys(a_holder().id_number) for other in others]
    assert met == [""] * 5 + ["number"]
    assert asker.keys(a_holder().id_number) == ""


def test_a_hidden_caller_gets_one_id_number_a_call(hotline: Hotline) -> None:
    first, second, third = found_once(hotline, "100", "102", "104")
    for sid in ("CA1", "CA2", "CA3", "CA4"):
        asker = Asker(hotline, Caller(), sid)
        assert [asker.keys(n) for n in (first, first, second, third)][1:] == [
            "",
            "caller",
            "caller",
        ]
        first, second, third = second, third, first


def test_hidden_callers_share_their_misses(hotline: Hotline) -> None:
    met = [Asker(hotline, Caller(), f"CA{n}").keys(somebody(100 + 2 * n)) for n in range(4)]
    assert met == ["", "", "", "caller"]


def test_a_turn_asked_for_twice_counts_once(hotline: Hotline, redis: Redis) -> None:
    asker = Asker(hotline)
    asker.keys(somebody(100))
    assert [asker.repeats(somebody(100)) for _ in range(9)] == [""] * 9
    assert redis.zcard(keys.missed(asker.caller.ref)) == 1
    assert redis.xlen(keys.JOURNAL) == 1
    hotline.calls.save(Call("CA1", "not_found", asker.turn + 1), "x")
    asker.repeats(somebody(102))
    assert redis.xlen(keys.JOURNAL) == 1, "the call has gone on"


def test_the_same_turn_with_another_number_is_another_look_up(
    hotline: Hotline, redis: Redis
) -> None:
    """Its save may have failed: the caller is asked again, and keys what he likes."""
    asker = Asker(hotline)
    asker.keys(somebody(100))
    assert [asker.repeats(somebody(n)) for n in (102, 104, 106)] == ["", "", "caller"]
    assert redis.xlen(keys.JOURNAL) == 4


def test_whoever_is_over_a_limit_fills_none_of_a_strangers(hotline: Hotline, redis: Redis) -> None:
    asker = Asker(hotline)
    for n in range(50, 53):
        asker.keys(somebody(2 * n))
    for call in range(8):
        asker.sid = f"CB{call}"
        assert asker.keys(a_holder().id_number) == "caller"
    ref = hotline.service.holder_ref(a_holder().id_number)
    assert not redis.exists(keys.looked_up(ref))
    assert Asker(hotline, Caller("another"), "CC1").keys(a_holder().id_number) == ""


def test_a_number_keyed_again_and_again_says_nothing_of_the_line(
    hotline: Hotline, redis: Redis
) -> None:
    asker = Asker(hotline)
    for _ in range(5):
        asker.keys(a_holder().id_number)
        asker.keys(somebody(100))
    assert redis.hmget(keys.COUNTERS, "lookup:found", "lookup:missed") == [b"1", b"1"]


def test_who_hides_cannot_hold_the_breaker_open(hotline: Hotline, redis: Redis) -> None:
    redis.set(keys.BREAKER, "lookups", ex=60)
    for n in range(9):
        assert Asker(hotline, Caller(), f"CA{n}").keys(somebody(100 + 2 * n)) == "line"
    assert Asker(hotline).keys(somebody(100)) == "line"
    assert redis.hget(keys.COUNTERS, "lookup:missed") == b"1"


def test_it_answers_the_same_when_asked_again(hotline: Hotline) -> None:
    asker = Asker(hotline)
    for n in range(3):
        asker.keys(somebody(100 + 2 * n))
    assert asker.keys(somebody(110)) == "caller"
    hotline.limiting.forget(asker.caller)
    assert asker.repeats(somebody(110)) == "caller"


def test_calls_at_one_time_do_not_pass_together(hotline: Hotline) -> None:
    askers = [Asker(hotline, sid=f"CA{n}") for n in range(20)]
    with ThreadPoolExecutor(20) as pool:
        met = list(pool.map(lambda n: askers[n].keys(somebody(100 + 2 * n)), range(20)))
    assert sorted(met) == [""] * 3 + ["caller"] * 17


def test_a_limit_of_0_is_off(redis_server: RedisServer, redis: Redis) -> None:
    off = dict.fromkeys(
        ("id_numbers_per_caller", "misses_per_hour", "misses_per_day", "lookups_per_id_number"), "0"
    )
    hotline = open_hotline(settings(redis_server.url, **off), redis)
    asker = Asker(hotline)
    assert {asker.keys(somebody(100 + 2 * n)) for n in range(20)} == {""}
    assert {asker.keys(somebody(100)) for n in range(20)} == {""}
    assert not [*redis.keys("missed:*"), *redis.keys("looked_up:*")]  # the breaker needs `keyed`


def test_every_look_up_is_journalled(hotline: Hotline) -> None:
    asker = Asker(hotline)
    asker.keys(a_holder().id_number)
    Asker(hotline, Caller(), "CA2").keys(somebody(100))
    known = hotline.service.look_up(a_holder().id_number)
    assert known is not None
    now = hotline.outbox.now()
    found, missed = (entry for _, entry in hotline.journal.between(now - 60, now + 60))
    assert (found.event, found.fields) == ("looked_up", {
        "holder": known.ref, "cards": " ".join(known.cards), "channel": "phone",
        "by": asker.caller.ref, "purpose": "report", "found": "1",
    })  # fmt: skip
    assert missed.fields == {
        "holder": hotline.service.holder_ref(somebody(100)), "channel": "phone", "by": "hidden",
        "purpose": "report",
    }  # fmt: skip


@pytest.mark.parametrize("place", ["keyed", "missed", "looked_up", "counters", "journal"])
def test_a_record_of_another_kind_stops_no_look_up(
    hotline: Hotline, redis: Redis, place: str
) -> None:
    asker = Asker(hotline)
    ref = hotline.service.holder_ref(a_holder().id_number)
    redis.set({
        "keyed": keys.keyed(asker.caller.ref), "missed": keys.missed(asker.caller.ref),
        "looked_up": keys.looked_up(ref), "counters": keys.COUNTERS, "journal": keys.JOURNAL,
    }[place], "x")  # fmt: skip
    assert asker.keys(a_holder().id_number) == ""


def test_a_wrong_second_factor_is_a_miss(hotline: Hotline, redis: Redis) -> None:
    caller = hotline.limiting.caller(NUMBER)
    call = Call("CA1", "report_tail", 4)
    for turn in (4, 4, 5):
        hotline.calls.save(replace(call, turn=turn), "x", mistake=Mistake(caller.ref, "somebody"))
    assert redis.zcard(keys.missed(caller.ref)) == 2
    assert redis.ttl(keys.missed(caller.ref)) > keys.DAY - 60
    assert redis.zcard(keys.mistaken("somebody")) == 2


# The breaker


def search(hotline: Hotline, missed: int, found: int = 0) -> None:
    hotline.redis.hincrby(keys.COUNTERS, "lookup:missed", missed)
    hotline.redis.hincrby(keys.COUNTERS, "lookup:found", found)


def told(hotline: Hotline) -> list[str]:
    return [news.event for news in hotline.limiting.watch()]


def test_the_breaker_opens_is_told_once_and_closes_by_itself(
    hotline: Hotline, redis: Redis
) -> None:
    assert told(hotline) == []
    search(hotline, missed=49)
    assert told(hotline) == []
    search(hotline, missed=1)
    assert (told(hotline), told(hotline)) == (["breaker_opened"], [])
    assert redis.ttl(keys.BREAKER) > keys.BREAKER_SECONDS - 60
    search(hotline, missed=0, found=50)
    redis.pexpire(keys.BREAKER, 1)
    while redis.exists(keys.BREAKER):
        pass
    assert (told(hotline), told(hotline)) == (["breaker_closed"], [])
    events = [entry.event for _, entry in hotline.journal.between(0, hotline.outbox.now() + 9)]
    assert events == ["breaker_opened", "breaker_closed"]


def test_only_the_last_15_minutes_count(hotline: Hotline, redis: Redis) -> None:
    told(hotline)
    search(hotline, missed=100)
    minute = redis.time()[0] // 60
    redis.hset(
        keys.WATCHED, mapping={f"minute:{minute - 16}": "0 0", f"minute:{minute - 15}": "0 60"}
    )
    assert told(hotline) == [], "60 of them are older"
    redis.hdel(keys.WATCHED, f"minute:{minute - 15}")
    assert hotline.limiting.standing().missed == 100


def test_of_several_sweeps_one_tells(hotline: Hotline) -> None:
    told(hotline)
    search(hotline, missed=60)
    with ThreadPoolExecutor(8) as pool:
        heard = [news for each in pool.map(lambda _: told(hotline), range(8)) for news in each]
    assert heard == ["breaker_opened"]


def test_a_wave_of_reports_opens_it_when_the_usual_hour_is_known(
    hotline: Hotline, redis: Redis
) -> None:
    told(hotline)
    redis.hincrby(keys.COUNTERS, "event:loss_reported", 30)
    assert told(hotline) == [], "nobody knows yet what is usual"
    hour = redis.time()[0] // 3600
    redis.hset(keys.WATCHED, mapping={f"hour:{hour - 1}": "0", f"hour:{hour}": "0"})
    assert told(hotline) == ["breaker_opened"]


def test_what_is_looked_up_while_it_is_open_meets_it_and_no_miss_is_noted(
    hotline: Hotline, redis: Redis
) -> None:
    redis.set(keys.BREAKER, "lookups", ex=900)
    asker = Asker(hotline)
    assert [asker.keys(somebody(100)), asker.keys(a_holder().id_number)] == ["line", "line"]
    assert not redis.exists(keys.missed(asker.caller.ref))


def test_closing_it_by_hand_begins_anew(hotline: Hotline, redis: Redis) -> None:
    told(hotline)
    search(hotline, missed=60)
    told(hotline)
    hotline.limiting.close()
    assert not redis.exists(keys.BREAKER)
    assert told(hotline) == ["breaker_closed"]
    assert told(hotline) == []
    search(hotline, missed=60)
    assert told(hotline) == ["breaker_opened"]


# Names and codes


def test_a_caller_is_named_by_a_keyed_hash(hotline: Hotline) -> None:
    caller = hotline.limiting.caller(NUMBER)
    assert caller == hotline.limiting.caller(NUMBER)
    assert NUMBER[1:] not in repr(caller)
    assert hotline.limiting.caller("") == Caller()


def test_a_code_is_the_same_for_one_question_and_another_for_the_next(hotline: Hotline) -> None:
    codes = {hotline.limiting.code("ref", f"CA1:{turn}") for turn in range(20)}
    assert len(codes) > 15  # of a million: in one run of 5 000 two are the same by chance
    assert all(len(code) == 6 and code.isdecimal() for code in codes)
    assert hotline.limiting.code("ref", "CA1:3") == hotline.limiting.code("ref", "CA1:3")
