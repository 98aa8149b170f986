"""From a registered phone to its holders: written with the records, gone with them."""

from dataclasses import replace

import pytest
from redis import Redis

from ivr.cards.bank_event import REPLACED, BankEvent
from ivr.cards.records import Holder
from ivr.store import keys
from ivr.store.looks import Look
from ivr.store.phones import ENTRY_BYTES
from tests.bank_side import Records, new_id
from tests.builders import a_card, a_holder, an_id_number, enrol, settings
from tests.hotline import Hotline, open_hotline

MOTHER = a_holder(a_card("5678"))
FATHER = a_holder(a_card("9876"), id_number=an_id_number("19310101", "022"))
OTHER = "+8613900139009"


@pytest.fixture
def hotline(redis: Redis) -> Hotline:
    return open_hotline(settings("unix:///unused"), redis)


def ref(hotline: Hotline, holder: Holder) -> str:
    return hotline.holders.ref(holder.id_number)


def bytes_kept(redis: Redis) -> int:
    return sum(redis.strlen(key) for key in redis.scan_iter(keys.phones("*")))


def test_all_holders_of_a_phone_are_found(hotline: Hotline, redis: Redis) -> None:
    enrol(hotline, MOTHER, FATHER)
    found = hotline.phones.holders(MOTHER.phone)
    assert sorted(found) == sorted([ref(hotline, MOTHER), ref(hotline, FATHER)])
    assert hotline.phones.holders(OTHER) == []
    assert bytes_kept(redis) == 2 * ENTRY_BYTES


def test_an_import_again_adds_nothing(hotline: Hotline, redis: Redis) -> None:
    for name in ("张三", "张三丰"):
        enrol(hotline, replace(MOTHER, name=name))
    assert bytes_kept(redis) == ENTRY_BYTES


def test_an_import_again_mends_what_is_missing(hotline: Hotline, redis: Redis) -> None:
    """Whoever was imported before there was an index."""
    enrol(hotline, MOTHER)
    redis.delete(*redis.scan_iter(keys.phones("*")))
    enrol(hotline, MOTHER)
    assert hotline.phones.holders(MOTHER.phone) == [ref(hotline, MOTHER)]


def test_a_new_phone_takes_the_old_ones_place(hotline: Hotline, redis: Redis) -> None:
    enrol(hotline, MOTHER)
    enrol(hotline, replace(MOTHER, phone=OTHER))
    assert hotline.phones.holders(MOTHER.phone) == []
    assert hotline.phones.holders(OTHER) == [ref(hotline, MOTHER)]
    assert bytes_kept(redis) == ENTRY_BYTES


def test_a_line_without_a_phone_keeps_the_one_there_is(hotline: Hotline) -> None:
    enrol(hotline, MOTHER)
    enrol(hotline, replace(MOTHER, phone="", name="张三丰"))
    assert hotline.phones.holders(MOTHER.phone) == [ref(hotline, MOTHER)]


def test_a_holder_without_a_phone_is_nobodys(hotline: Hotline, redis: Redis) -> None:
    enrol(hotline, replace(MOTHER, phone=""))
    assert bytes_kept(redis) == 0


def test_a_replaced_card_leaves_it_as_it_is(hotline: Hotline) -> None:
    enrol(hotline, MOTHER)
    (card,) = MOTHER.cards
    told = BankEvent(new_id(), "icbc", REPLACED, int(hotline.outbox.now()),
                     card_number=card.number, new_card_number="A99990000",
                     new_bank_account="6222")  # fmt: skip
    assert hotline.service.hear(told) == "applied"
    assert hotline.phones.holders(MOTHER.phone) == [ref(hotline, MOTHER)]


def test_a_removal_takes_it_out(hotline: Hotline, redis: Redis) -> None:
    enrol(hotline, MOTHER, FATHER)
    look = Look("operator", "li", "cardholders remove")
    hotline.removal.remove(ref(hotline, MOTHER), look)
    assert hotline.phones.holders(MOTHER.phone) == [ref(hotline, FATHER)]
    hotline.removal.remove(ref(hotline, FATHER), look)
    assert list(redis.scan_iter(keys.phones("*"))) == []


def test_the_references_outlive_a_new_data_key(hotline: Hotline) -> None:
    enrol(hotline, MOTHER)
    hotline.vault.reseal_all(lambda _many: None)
    assert hotline.phones.holders(MOTHER.phone) == [ref(hotline, MOTHER)]


def test_who_is_found_by_a_like_reference_is_not_the_phones(hotline: Hotline, redis: Redis) -> None:
    """Only the number itself tells: an entry may be left over, or another's by chance."""
    enrol(hotline, MOTHER)
    (key,) = redis.scan_iter(keys.phones("*"))
    entry = redis.get(key) or b""
    enrol(hotline, replace(MOTHER, phone=OTHER))
    redis.set(key, entry)
    caller = hotline.service.caller(MOTHER.phone)
    assert hotline.phones.holders(MOTHER.phone) == [ref(hotline, MOTHER)]
    assert hotline.service.holders_of_phone(caller, "text", "status") == []


def test_a_bucket_of_another_kind_stops_no_import(hotline: Hotline, redis: Redis) -> None:
    enrol(hotline, MOTHER)
    (key,) = redis.scan_iter(keys.phones("*"))
    redis.delete(key)
    redis.lpush(key, "x")
    enrol(hotline, replace(MOTHER, phone=OTHER))
    assert hotline.phones.holders(OTHER) == [ref(hotline, MOTHER)]


def test_reports_and_removals_of_one_holder(hotline: Hotline) -> None:
    """The index is no part of a case."""
    records = Records(hotline)
    records.enrols(MOTHER)
    records.seven_days_pass(records.reports_lost(MOTHER))
    assert hotline.phones.holders(MOTHER.phone) == [ref(hotline, MOTHER)]
