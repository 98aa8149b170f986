"""One bank with its own good secret, at the doors and the cards of another."""

import time
from collections.abc import Iterator

import pytest

from ivr.cards.bank_event import BLOCKED, FORMAL_LOSS, UNBLOCKED
from ivr.cards.records import Holder
from tests.attack.city import ProcfileCity
from tests.attack.forging import a_bank_get, an_event, with_target
from tests.attack.phone import Door, Sent
from tests.attack.records import business, changed
from tests.attack.tally import Tally
from tests.attack.test_doors import a_report, secret_of
from tests.bank_side import new_id
from tests.faults.audit import wait_until_calm

pytestmark = [pytest.mark.attack, pytest.mark.timeout(300)]

MINE, YOURS = "icbc", "ccb"


def a_customer(city: ProcfileCity, bank: str) -> tuple[int, Holder]:
    """The last of a bank's holders, whom no other attack reports."""
    return [(n, h) for n, h in enumerate(city.holders) if h.cards[0].bank == bank][-1]


def about(number: str) -> dict[str, str]:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {"card_number": number, "at": at, "outlet": "Outlet 7"}


def spelt_otherwise(bank: str) -> Iterator[str]:
    yield from (
        bank.upper(),
        f"{bank}%00",
        f"%{ord(bank[0]):02x}{bank[1:]}",
        f"{bank};",
        f"{bank}.",
    )
    yield from (
        f"{MINE}/../{bank}",
        f"{MINE}%2f..%2f{bank}",
        f"{MINE},{bank}",
        f"{bank} ",
        f" {bank}",
    )


def theft(
    secret: str, holder: Holder, report: str, cursor: str, used_id: str
) -> Iterator[tuple[str, Sent]]:
    """All that a bank could try with its own secret against another's customer."""
    card = holder.cards[0].number
    wanted = [(kind, about(card)) for kind in (UNBLOCKED, FORMAL_LOSS)]
    for kind, told in (*wanted, (BLOCKED, {"report_number": report})):
        yield f"{kind}, at my door", an_event(secret, MINE, kind, told)
        yield f"{kind}, at yours", an_event(secret, YOURS, kind, told)
        mine = an_event(secret, MINE, kind, told)
        for bank in (YOURS, *spelt_otherwise(YOURS)):
            moved = with_target(lambda _target, bank=bank: f"/banks/{bank}/events")  # type: ignore[misc]
            yield f"{kind}, carried over", moved(mine)
        yield f"{kind}, under your id", an_event(secret, MINE, kind, told, event_id=used_id)
    wide = card.replace(card[0], "\uff21", 1)
    for number in (card.lower(), f" {card}", f"{card}\n", f"{card}\0", wide):
        yield "a card spelt otherwise", an_event(secret, MINE, UNBLOCKED, about(number))
    both = {**about(card), "report_number": report}
    yield "card and report", an_event(secret, MINE, BLOCKED, both)
    yield "your list", a_bank_get(secret, f"/banks/{YOURS}/blocks")
    for bank in spelt_otherwise(YOURS):
        yield "your list, spelt otherwise", a_bank_get(secret, f"/banks/{bank.strip()}/blocks")
    for query in (f"?after={cursor}", f"?bank={YOURS}", f"?after=&after={cursor}", "?after=-"):
        yield "my list, from your place on", a_bank_get(secret, f"/banks/{MINE}/blocks{query}")


def test_a_bank_reaches_nothing_of_another(city: ProcfileCity) -> None:
    place, holder = a_customer(city, YOURS)
    report, used = a_report(city, place), new_id()
    door, tally = Door(city.base_url), Tally("one bank against another")
    wait_until_calm(city, 60)
    own = an_event(secret_of(city, YOURS), YOURS, BLOCKED, {"report_number": report}, event_id=used)
    assert door.sends(own).status == 200, "the control: the bank itself may"
    before = business(city.hotline.redis, noted=False)
    card = holder.cards[0]
    cursor = city.hotline.vault.ref("card", card.number)
    told = [value.encode() for value in (card.number, card.bank_account, report, holder.id_number)]
    without_blanks = with_target(lambda target: target.replace(" ", "%20"))
    for attack, spaced in theft(secret_of(city, MINE), holder, report, cursor, used):
        sent = without_blanks(spaced)
        answer = door.sends(sent)
        is_list = sent.method == "GET" and answer.status == 200
        got_through = any(value in answer.body for value in told) or (
            answer.status < 400 and not is_list
        )
        tally.note(attack, sent.target, got_through=got_through, saw=(answer.status, answer.body))
    tally.prints()
    assert tally.through == []
    assert changed(before, business(city.hotline.redis, noted=False)) == []
    own = an_event(secret_of(city, YOURS), YOURS, UNBLOCKED, about(card.number))
    assert door.sends(own).status == 200, "the control: the bank itself may"
    door.closes()


def test_anothers_card_looks_like_nobodys(city: ProcfileCity) -> None:
    """Nobody finds out here who is a customer of whom."""
    door, secret = Door(city.base_url), secret_of(city, MINE)
    tally = Tally("one bank asks about all cards")
    nobodys = door.sends(an_event(secret, MINE, UNBLOCKED, about("ZZ0123456789")))
    for holder in city.holders:
        if holder.cards[0].bank == YOURS:
            answer = door.sends(an_event(secret, MINE, UNBLOCKED, about(holder.cards[0].number)))
            differs = (answer.status, answer.body) != (nobodys.status, nobodys.body)
            tally.note("a card", YOURS, got_through=differs, saw=answer)
    door.closes()
    tally.prints()
    assert tally.through == []
