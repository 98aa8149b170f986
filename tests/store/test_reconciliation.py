"""The pages of blocks a bank compares with its own."""

import time
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain

import pytest
from flask import Flask
from redis import Redis

from ivr.cards.block import ENDED, BlockState
from ivr.cards.notice import Outcome
from ivr.cards.records import Card, Holder
from ivr.store.reconciliation import PAGE
from tests.bank_side import BankSide, Json, Records, new_id, signed
from tests.builders import a_card, a_holder, an_app, an_id_number, hotline_of, settings
from tests.redis_server import RedisServer

ZHANG = a_holder(a_card("5678", "icbc"))


@pytest.fixture
def app(redis_server: RedisServer, redis: Redis) -> Flask:
    assert redis.dbsize() == 0
    return an_app(settings(redis_server.url), ZHANG)


@pytest.fixture
def records(app: Flask) -> Records:
    return Records(hotline_of(app))


@pytest.fixture
def icbc(app: Flask) -> BankSide:
    return BankSide(app, "icbc")


def customers(count: int, bank: str = "icbc") -> list[Holder]:
    """Holders of one card each."""
    return [
        a_holder(
            a_card(f"{number:04}", bank, head=bank.upper()),
            id_number=an_id_number(serial=f"{number:03}"),
        )
        for number in range(1, count + 1)
    ]


def report_all(records: Records, holders: Iterable[Holder]) -> None:
    for holder in holders:
        records.reports_lost(holder)


def numbers(blocks: Iterable[Json]) -> list[str]:
    return [block["card"]["number"] for block in blocks]


def test_nothing_reported(icbc: BankSide) -> None:
    assert icbc.asks_for_blocks().get_json() == {"blocks": [], "next": None}


def test_what_is_said_of_a_block(records: Records, icbc: BankSide) -> None:
    report = records.reports_lost(ZHANG)
    records.bank_answers(report, Outcome.BLOCKED)
    (entry,) = icbc.every_block()
    changed_at = entry.pop("changed_at")
    assert changed_at.endswith("Z")
    card = ZHANG.cards[0]
    assert entry == {
        "report_number": report.number,
        "state": "blocked",
        "formal": False,
        "card": {"number": card.number, "bank_account": card.bank_account},
    }


@pytest.mark.parametrize("state", [s for s in BlockState if s not in ENDED])
def test_every_block_that_has_not_ended_is_listed(
    records: Records, icbc: BankSide, state: BlockState
) -> None:
    report = records.reports_lost(ZHANG)
    records.brings_to(state, report, icbc, ZHANG.cards[0])
    assert [block["state"] for block in icbc.every_block()] == [state]


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(1, [1]), (PAGE, [PAGE]), (PAGE + 1, [PAGE, 1]), (2 * PAGE, [PAGE, PAGE])],
)
def test_pages(records: Records, icbc: BankSide, count: int, sizes: list[int]) -> None:
    holders = customers(count)
    records.enrols(*holders)
    report_all(records, holders)
    pages = []
    query = ""
    while True:
        page = icbc.asks_for_blocks(query).get_json()
        pages.append(numbers(page["blocks"]))
        if page["next"] is None:
            break
        query = f"?after={page['next']}"
    assert [len(page) for page in pages] == sizes
    assert sorted(chain(*pages)) == sorted(h.cards[0].number for h in holders)


def test_the_cursor_holds_while_blocks_come_and_go(records: Records, icbc: BankSide) -> None:
    """Whoever was there all the time is seen exactly once, the card of the cursor gone or not."""
    holders = customers(PAGE + 60)
    late, stay = holders[:20], holders[20:]
    records.enrols(*holders)
    report_all(records, stay)
    first = icbc.asks_for_blocks().get_json()
    seen = numbers(first["blocks"])
    gone = [seen[-1], seen[0]]
    for number in gone:
        assert icbc.unblocked(_card(stay, number), time.time() + 1).status_code == 200
    report_all(records, late)
    rest = icbc.asks_for_blocks(f"?after={first['next']}").get_json()
    both = [*seen, *numbers(rest["blocks"])]
    assert rest["next"] is None
    assert len(both) == len(set(both))
    assert {holder.cards[0].number for holder in stay} <= set(both)


def _card(holders: Iterable[Holder], number: str) -> Card:
    return next(c for h in holders for c in h.cards if c.number == number)


def test_only_this_banks(app: Flask, records: Records, icbc: BankSide) -> None:
    others = customers(3, "ccb")
    records.enrols(*others)
    report_all(records, [ZHANG, *others])
    assert numbers(icbc.every_block()) == [ZHANG.cards[0].number]
    assert len(BankSide(app, "ccb").every_block()) == 3


def test_one_holder_with_cards_of_two_banks(records: Records, icbc: BankSide) -> None:
    both = replace(ZHANG, cards=(ZHANG.cards[0], a_card("0002", "ccb"), a_card("0003", "icbc")))
    records.enrols(both)
    for card in both.cards:
        records.reports_lost(both, card)
    assert sorted(numbers(icbc.every_block())) == ["A12340003", "A12345678"]


def test_a_card_that_went_over_to_another_bank_is_nobody_elses_business(
    records: Records, icbc: BankSide
) -> None:
    """The account behind it is the new bank's now."""
    records.reports_lost(ZHANG)
    records.enrols(replace(ZHANG, cards=(replace(ZHANG.cards[0], bank="ccb"),)))
    assert icbc.every_block() == []


class TestSignature:
    def test_covers_the_query(self, icbc: BankSide) -> None:
        answer = icbc.asks_for_blocks("?after=ff", signed_target="/banks/icbc/blocks")
        assert answer.status_code == 401
        assert icbc.asks_for_blocks("?after=ff").status_code == 422, "signed, and none of ours"

    def test_covers_the_path(self, icbc: BankSide) -> None:
        answer = icbc.asks_for_blocks(signed_target="/banks/ccb/blocks")
        assert answer.status_code == 401

    @pytest.mark.parametrize("query", ["?x=%66f", "?x=a+b%2Fc", "?after=&x=%E5%B7%A5", "?"])
    def test_is_over_the_target_as_it_was_sent(self, icbc: BankSide, query: str) -> None:
        assert icbc.asks_for_blocks(query).status_code == 200

    def test_is_needed(self, icbc: BankSide) -> None:
        answer = icbc.client.get("/banks/icbc/blocks")
        assert answer.status_code == 401
        assert answer.content_type == "application/problem+json"

    def test_of_another_bank_is_worth_nothing(self, app: Flask, icbc: BankSide) -> None:
        icbc.secret = BankSide(app, "ccb").secret
        assert icbc.asks_for_blocks().status_code == 401

    def test_is_over_the_target_the_bank_sees_in_front_of_a_proxy(
        self, redis_server: RedisServer, redis: Redis
    ) -> None:
        """PUBLIC_BASE_URL may have a path that the proxy does not pass on."""
        assert redis is not None
        base = "https://gov.example/hotline"
        icbc = BankSide(an_app(settings(redis_server.url, public_base_url=base)), "icbc")
        answer = icbc.asks_for_blocks(signed_target="/hotline/banks/icbc/blocks")
        assert answer.status_code == 200
        assert icbc.asks_for_blocks().status_code == 401

    def test_may_be_repeated(self, icbc: BankSide) -> None:
        """Reading changes nothing, so the same request may come twice."""
        headers = signed(icbc.secret, b"/banks/icbc/blocks", new_id())
        for _ in range(2):
            assert icbc.client.get("/banks/icbc/blocks", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "cursor",
    ["zzz", "ff", "0" * 32, "f" * 32, "%00", "%FF", "a" * 3000, "(", "[", "-", "+", "%E5%B7%A5"],
)
def test_a_cursor_that_is_none_of_ours(records: Records, icbc: BankSide, cursor: str) -> None:
    """An empty last page would end the comparison half-way, and nobody would know."""
    records.reports_lost(ZHANG)
    answer = icbc.asks_for_blocks(f"?after={cursor}")
    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"
    assert answer.get_json()["detail"].startswith("after: ")


def test_a_cursor_holds_when_its_card_is_anothers_now(records: Records, icbc: BankSide) -> None:
    """It stays on the list that pages are made of, for as long as its block is not lifted."""
    report = records.reports_lost(ZHANG)
    moved = replace(ZHANG, cards=(replace(ZHANG.cards[0], bank="ccb"),))
    records.enrols(moved)
    records.seven_days_pass(report)
    records.reports_lost(moved)
    assert icbc.asks_for_blocks(f"?after={report.card_ref}").status_code == 200


def test_no_cursor_begins(records: Records, icbc: BankSide) -> None:
    records.reports_lost(ZHANG)
    assert len(icbc.asks_for_blocks("?after=").get_json()["blocks"]) == 1
