"""Cardholders as lines of a file, and a look at all that a Redis keeps of them."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

from redis import Redis

from ivr.cards.records import Holder
from ivr.made_up import made_up_holder
from ivr.store import keys
from ivr.store.cardholders_csv import CardLine
from ivr.store.holders import Holders
from ivr.store.owner import Owner
from ivr.store.vault import Vault, in_clear

BANKS = ("icbc", "ccb")


def lines(*holders: Holder) -> list[CardLine]:
    """The holders as lines of a file, one for each card; line 1 is the header."""
    single = [replace(holder, cards=(card,)) for holder in holders for card in holder.cards]
    return [CardLine(number, holder) for number, holder in enumerate(single, 2)]


def people(rng: Random, count: int) -> list[Holder]:
    return [made_up_holder(rng, BANKS) for _ in range(count)]


def text(answer: Any) -> str:
    """A server's answer that must be there."""
    assert isinstance(answer, bytes)
    return answer.decode()


def everything(redis: Redis) -> dict[bytes, Any]:
    """All keys with what is in them."""
    return {key: redis.get(key) for key in redis.scan_iter()}


def whole_content(redis: Redis) -> Iterator[bytes]:
    """Every byte string in the store: keys and values."""
    for entry in everything(redis).items():
        yield from entry


def held(holders: Holders, ref: str) -> Holder | None:
    """The holder on record under a reference."""
    known = holders.known(ref)
    return known.holder if known else None


def check_whole(redis: Redis, holders: Holders, vault: Vault) -> int:
    """Every holder has all its cards' keys and every card a holder that has it; counts holders."""
    expected: dict[str, str] = {}
    found = [key.decode() for key in redis.scan_iter(match="holder:*")]
    for key in found:
        ref = key.removeprefix("holder:")
        holder = held(holders, ref)
        assert holder is not None
        assert ref == vault.ref("id", holder.id_number)
        card_refs = [vault.ref("card", card.number) for card in holder.cards]
        assert in_clear(redis.get(key) or b"").split() == card_refs
        for card_ref, card in zip(card_refs, holder.cards, strict=True):
            expected[keys.card(card_ref)] = Owner(ref, card.bank, card.city_code[:4]).record
    stored = {text(key): text(redis.get(key)) for key in redis.scan_iter(match="card:*")}
    assert stored == expected
    return len(found)
