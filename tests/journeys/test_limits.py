"""Over a limit, with the breaker open, or where everybody proves more: guided, never refused."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from ivr.cards.notice import Attempt, Outcome
from ivr.cards.records import Holder
from ivr.prompts.languages import LanguageCode
from ivr.store import keys
from ivr.store.claims import Made
from ivr.store.outbox import TEXTS_QUEUE
from tests.builders import AGENT_NUMBER, a_card, a_holder, an_id_number
from tests.hotline import claimed
from tests.journeys.town import WEEKDAYS, Person, Town, bank_values, card_values
from tests.web.card_site import Browser

LANGUAGES: tuple[LanguageCode, ...] = ("zh", "en")
Transcript = Callable[..., None]
STRANGER = "+8613900139000"
NOBODYS = an_id_number(serial="110")
HOLDER = a_holder(a_card("5678", head="A1234"))
TAIL = "345678"  # the last 6 of that card's number
OWN = HOLDER.phone


@pytest.fixture
def known_town(town: Town) -> Town:
    town.knows(HOLDER)
    return town


def over_limit(town: Town, number: str = STRANGER) -> None:
    """The number has missed three times within the hour."""
    caller = town.hotline.limiting.caller(number)
    now = town.hotline.outbox.now()
    town.hotline.redis.zadd(keys.missed(caller.ref), {f"call:CA{n} 3": now for n in range(3)})


def opens(town: Town) -> None:
    town.hotline.redis.set(keys.BREAKER, "lookups", ex=keys.BREAKER_SECONDS)


def asked(
    town: Town, language: LanguageCode = "zh", *, number: str = STRANGER, holder: Holder = HOLDER
) -> Person:
    """Somebody who keyed the holder's number to report a card."""
    return town.someone(language, caller=number).calls().asks_to_report(holder.id_number)


@pytest.mark.parametrize("language", LANGUAGES)
def test_over_a_limit_the_card_number_opens_the_way(
    known_town: Town, transcript: Transcript, language: LanguageCode
) -> None:
    over_limit(known_town)
    person = asked(known_town, language).hears_prompt("card_tail").does_not_hear_prompt("not_found")
    person.presses("111111").hears_prompt("proof_wrong").hears_prompt("card_tail")
    person.presses(TAIL).confirms().hears_prompt("bank_waiting", **bank_values("icbc", language))
    assert known_town.the_report()
    person.hangs_up()
    transcript(person, "over a limit")


def test_nobody_at_the_website_keeps_a_holder_from_the_telephone(known_town: Town) -> None:
    """Also at night, from a borrowed phone, for a holder who has lost phone and card."""
    strangers = [Browser(known_town.app).enters(id_number=HOLDER.id_number) for _ in range(6)]
    for browser in [*strangers, *strangers[:3]]:
        browser.fills("/card/report/proof", proof="111111")
    Browser(known_town.app).enters(id_number=HOLDER.id_number).is_at("/card/report/stopped")
    asked(known_town).does_not_hear_prompt("card_tail").confirms()
    assert known_town.the_report()


def test_nobody_on_the_telephone_keeps_a_holder_from_the_website(known_town: Town) -> None:
    for n in range(7):
        asked(known_town, number=f"+86139001391{n:02d}").hangs_up()
    browser = Browser(known_town.app).enters(id_number=HOLDER.id_number)
    browser.proves().is_at("/card/report/check")


@pytest.mark.parametrize("branch", ["1", "2"])
@pytest.mark.parametrize("why", ["caller", "number", "line", "everybody", "everybody is texted"])
@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize(
    "then", [("111111", "222222", "333333"), ("0#",), ("12#", "1#"), ("*#", "0")]
)
def test_the_same_words_whether_anybody_has_the_number_or_not(
    make_town: Callable[..., Town], another_day: int, branch: str, why: str, is_open: bool,
    then: tuple[str, ...],
) -> None:  # fmt: skip
    hours = "00:00-24:00" if is_open else f"{WEEKDAYS[another_day][:3].lower()} 08:30-17:30"
    factor = {"everybody": "card_tail", "everybody is texted": "text_code"}.get(why, "none")
    town = make_town(agent_hours=hours, second_factor=factor)
    town.knows(HOLDER)
    told = [
        heard_after(town, id_number, why, branch, then) for id_number in (HOLDER.id_number, NOBODYS)
    ]
    assert told[0] == told[1]
    assert len(told[0]) > 5


def heard_after(
    town: Town, id_number: str, why: str, branch: str, then: tuple[str, ...]
) -> list[str]:
    number = f"+86139001390{len(id_number) + ord(id_number[-1]) % 10:02d}"
    ref = town.hotline.service.holder_ref(id_number)
    if why == "caller":
        over_limit(town, number)
    elif why == "number":
        now = town.hotline.outbox.now()
        town.hotline.redis.zadd(keys.looked_up(ref), {f"call:CA{n} 3": now for n in range(6)})
    elif why == "line":
        opens(town)
    person = town.someone(caller=number).calls().presses(branch).hears_prompt("id_entry")
    person.keys_in(id_number)
    for pressed in then:
        person.presses(pressed)
    if not person.call.ended:
        person.hangs_up()
    events = person.call.transcript
    return [event.text for event in events if event.kind in ("said", "dialled", "connected")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_who_is_wrong_three_times_gets_a_person(
    known_town: Town, transcript: Transcript, language: LanguageCode
) -> None:
    over_limit(known_town)
    person = asked(known_town, language)
    for wrong in ("111111", "222222", "333333"):
        person.hears_prompt("card_tail").presses(wrong)
    person.hears_prompt("too_many_tries").hears_prompt("call_any_bank").hears_prompt("transfer")
    person.is_connected_to(AGENT_NUMBER).hangs_up()
    transcript(person, "a second factor wrong three times")
    assert known_town.reports() == []
    caller = known_town.hotline.limiting.caller(STRANGER)
    assert known_town.hotline.redis.zcard(keys.missed(caller.ref)) == 6


@pytest.mark.parametrize("factor", ["none", "card_tail", "text_code"])
@pytest.mark.parametrize("id_number", [HOLDER.id_number, NOBODYS])
def test_nobody_tries_all_second_factors_in_many_calls(
    make_town: Callable[..., Town], factor: str, id_number: str
) -> None:
    """Not from many lines either. From their own phone, holders go on."""
    town = make_town(second_factor=factor)
    town.knows(HOLDER)
    asks = "code_entry" if factor == "text_code" else "card_tail"
    early = town.someone(caller="+8613900139000")
    for line in range(3):
        number = f"+861390013901{line}"
        over_limit(town, number)
        person = town.someone(caller=number).calls().asks_to_report(id_number)
        for wrong in ("111111", "222222", "333333"):
            person.presses(wrong)
        person.hangs_up()
        if line == 0:  # a call that was there before, and waits
            over_limit(town, "+8613900139000")
            early.calls().asks_to_report(id_number).hears_prompt(asks)
    early.presses(TAIL).hears_prompt("too_many_tries").hears_prompt("call_any_bank").hangs_up()
    over_limit(town, "+8613900139020")
    late = town.someone(caller="+8613900139020").calls().asks_to_report(id_number)
    late.hears_prompt("too_many_tries").hears_prompt("call_any_bank").hangs_up()
    if factor == "none" and id_number == HOLDER.id_number:
        stranger = town.someone(caller="+8613900139021").calls().asks_to_report(id_number)
        stranger.hears_prompt("confirm").hangs_up()
        asked(town, number=OWN).hears_prompt("confirm").hangs_up()


def test_who_has_no_card_number_gets_a_person(known_town: Town) -> None:
    over_limit(known_town)
    person = asked(known_town).presses("0#").hears_prompt("id_needs_person")
    person.is_connected_to(AGENT_NUMBER).hangs_up()


def test_who_stays_silent_gets_a_person(known_town: Town) -> None:
    over_limit(known_town)
    person = asked(known_town).waits().hears_prompt("no_input").waits().waits()
    person.hears_prompt("too_many_tries").is_connected_to(AGENT_NUMBER).hangs_up()


def test_half_an_entry_is_no_try(known_town: Town) -> None:
    over_limit(known_town)
    person = asked(known_town).presses("12#").hears_prompt("proof_too_short")
    person.presses("34#").hears_prompt("proof_too_short").presses(TAIL).hears_prompt("confirm")
    person.hangs_up()


@pytest.mark.parametrize("why", ["caller", "number", "line"])
def test_the_holders_own_phone_is_never_limited(known_town: Town, why: str) -> None:
    redis, now = known_town.hotline.redis, known_town.hotline.outbox.now()
    ref = known_town.hotline.service.holder_ref(HOLDER.id_number)
    if why == "caller":
        over_limit(known_town, OWN)
    elif why == "number":
        redis.zadd(keys.looked_up(ref), {f"call:CA{n} 3": now for n in range(6)})
    else:
        opens(known_town)
    asked(known_town, number=OWN).confirms().hears_prompt(
        "bank_waiting", **bank_values("icbc", "zh")
    ).hangs_up()
    assert known_town.the_report()
    assert not redis.keys(keys.reported_by("*"))


@pytest.mark.parametrize("number", ["anonymous", "Restricted", "+266696687", "sip:x@example.org"])
def test_a_hidden_number_gets_one_id_number_a_call(known_town: Town, number: str) -> None:
    known_town.knows(
        other := a_holder(a_card("9999", head="B9999"), id_number=an_id_number(serial="114"))
    )
    person = asked(known_town, number=number).hears_prompt("confirm").presses("2").presses("1")
    person.keys_in(other.id_number).hears_prompt("card_tail").hangs_up()
    asked(known_town, number=number, holder=other).hears_prompt("confirm").hangs_up()


def test_a_third_holder_is_reported_with_a_second_factor(known_town: Town) -> None:
    others = [
        a_holder(a_card(f"000{n}", head=f"C000{n}"), id_number=an_id_number(serial=f"1{n}4"))
        for n in (1, 2)
    ]
    known_town.knows(*others)
    for holder in others:
        asked(known_town, holder=holder).confirms().hangs_up()
    person = asked(known_town).hears_prompt("card_tail").does_not_hear_prompt("confirm")
    person.presses(TAIL).confirms().hears_prompt(
        "bank_waiting", **bank_values("icbc", "zh")
    ).hangs_up()
    assert len(known_town.reports()) == 3


def test_a_factor_that_was_right_counts_until_the_call_ends(known_town: Town) -> None:
    opens(known_town)
    person = asked(known_town).hears_prompt("card_tail").presses(TAIL).hears_prompt("confirm")
    person.presses("2").presses("1").keys_in(HOLDER.id_number).hears_prompt("confirm").hangs_up()
    asked(known_town).hears_prompt("card_tail").hangs_up()


def test_the_breaker_that_opens_before_the_card_is_chosen(town: Town) -> None:
    cards = (a_card("1111", head="A1111"), a_card("2222", head="A2222"))
    town.knows(holder := a_holder(*cards))
    person = asked(town, holder=holder).hears_prompt("pick_card")
    opens(town)
    person.presses("2").hears_prompt("card_tail").presses("111111")
    person.hears_prompt("confirm_what", last4="002X", **card_values("zh", last4="2222")).hangs_up()


# A texted code


@pytest.fixture
def texting_town(make_town: Callable[..., Town]) -> Town:
    town = make_town(second_factor="text_code")
    town.knows(HOLDER)
    return town


def codes(town: Town, holder: Holder | None = None) -> list[str]:
    """What was texted (to one holder), in order."""
    outbox = town.hotline.outbox
    found = outbox.find_all(outbox.due(TEXTS_QUEUE, outbox.now() + 1, 10))
    ref = town.hotline.service.holder_ref(holder.id_number) if holder else ""
    bodies = [body for body in map(outbox.body, found) if "code" in body]
    return [body["code"] for body in bodies if ref in ("", body["holder_ref"])]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("number", [STRANGER, OWN])
def test_a_texted_code_opens_the_way(
    texting_town: Town, language: LanguageCode, number: str
) -> None:
    person = asked(texting_town, language, number=number).hears_prompt("code_entry")
    (code,) = codes(texting_town)
    person.presses(TAIL).hears_prompt("proof_wrong").hears_prompt("code_entry")
    person.does_not_hear(code).presses(code).confirms().hangs_up()
    assert texting_town.the_report()


def test_a_code_of_another_call_is_wrong(texting_town: Town) -> None:
    first = asked(texting_town).hears_prompt("code_entry")
    (code,) = codes(texting_town)
    asked(texting_town).presses(code).hears_prompt("proof_wrong").hangs_up()
    first.presses(code).hears_prompt("confirm").hangs_up()


def test_a_code_is_good_for_ten_minutes(texting_town: Town) -> None:
    person = asked(texting_town)
    (code,) = codes(texting_town)
    calls = texting_town.hotline.calls
    call = calls.read(person.call.sid).call
    assert call is not None
    assert int(call.facts["code_until"]) - call.at == 600
    over = replace(call, facts={**call.facts, "code_until": str(call.at)}).facts
    place = keys.call(person.call.sid)
    texting_town.hotline.redis.hset(place, "facts", json.dumps(dict(over)))
    person.presses(code).hears_prompt("proof_wrong").hangs_up()


@pytest.mark.parametrize("phone", ["", "+861087654321"])
def test_where_no_text_arrives_the_card_number_counts(
    make_town: Callable[..., Town], phone: str
) -> None:
    town = make_town(second_factor="text_code")
    town.knows(a_holder(phone=phone))
    person = asked(town).hears_prompt("code_entry")
    assert codes(town) == []
    person.presses(TAIL).hears_prompt("confirm").hangs_up()


def test_one_text_is_enough_for_a_call(texting_town: Town) -> None:
    person = asked(texting_town).presses("*#").presses("1").keys_in(HOLDER.id_number)
    (code,) = codes(texting_town)
    person.hears_prompt("code_entry").presses(code).hears_prompt("confirm").hangs_up()


def test_one_text_is_enough_for_a_call_that_goes_from_holder_to_holder(
    texting_town: Town,
) -> None:
    other = a_holder(a_card("9999", head="B9999"), id_number=an_id_number(serial="114"))
    texting_town.knows(other)
    person = asked(texting_town)
    for holder in (other, HOLDER, other, HOLDER):
        person.presses("*#").presses("1").keys_in(holder.id_number).hears_prompt("code_entry")
    assert len(codes(texting_town)) == 2
    person.presses(codes(texting_town, HOLDER)[0]).hears_prompt("confirm").hangs_up()


def test_a_code_that_was_sent_is_kept_for_an_hour(texting_town: Town) -> None:
    """A report would lead to its text when the holder is removed; nothing leads to this one."""
    asked(texting_town).hangs_up()
    hotline = texting_town.hotline
    (claim,) = claimed(hotline, TEXTS_QUEUE)
    attempt = Attempt(0, Outcome.RECEIVED, 201, 12, "", claim=claim.id)
    hotline.service.settle_all([Made(claim, attempt)])
    assert 0 < hotline.redis.ttl(keys.notice(claim.notice.id)) <= 3600


def test_nobody_is_texted_all_day(texting_town: Town) -> None:
    for n in range(8):
        asked(texting_town, number=f"+861390013910{n}").hangs_up()
    assert len(codes(texting_town)) == 6


def test_the_code_stands_nowhere_in_clear(texting_town: Town) -> None:
    person = asked(texting_town)
    (code,) = codes(texting_town)
    redis = texting_town.hotline.redis
    dumped = b"".join(redis.dump(key) or b"" for key in redis.scan_iter())
    assert code.encode() not in dumped
    person.presses(code).hears_prompt("confirm").hangs_up()
    assert code not in str(redis.hgetall(keys.call(person.call.sid)))
