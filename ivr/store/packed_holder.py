"""A cardholder as the bytes that are sealed: there are millions of them, so as few as can be."""

from dataclasses import replace
from typing import Any, Final

import msgspec

from ivr.cards.records import Card, CardState, Holder, Progress

_CARD_STATES: Final = {int(state): state for state in CardState}


def pack(holder: Holder) -> bytes:
    """The holder as MessagePack: values without names, in the order `unpack` knows."""
    cards = [_values(card) for card in holder.cards]
    person = [_short(holder.id_number), holder.name, _short_phone(holder.phone)]
    return msgspec.msgpack.encode([*person, cards])


def unpack(packed: bytes) -> Holder:
    """The opposite of `pack`."""
    id_number, name, phone, cards = msgspec.msgpack.decode(packed)
    phone = f"+{phone}" if isinstance(phone, int) else phone
    return Holder(str(id_number), name, phone, tuple(_card(*card) for card in cards))


def phone_in(packed: bytes) -> str:
    """The holder's phone, alone."""
    phone = msgspec.msgpack.decode(packed)[2]
    return f"+{phone}" if isinstance(phone, int) else phone


def merge(before: bytes, news: bytes) -> bytes:
    """`news` (with one card) on top of what is known; the same bytes when it says nothing new.

    Its name, and its phone if it has one, replace the holder's. Cards keep their places, and how
    far a new one is where it does not tell.
    """
    if before == news:  # most lines of a file that is imported again
        return before
    known, told = unpack(before), unpack(news)
    cards = {card.number: card for card in known.cards}
    for card in told.cards:
        cards[card.number] = _on_top_of(cards.get(card.number), card)
    return pack(replace(told, phone=told.phone or known.phone, cards=tuple(cards.values())))


def _on_top_of(known: Card | None, told: Card) -> Card:
    if known is None or told.progress is not None:
        return told
    return replace(told, progress=known.progress)


def _values(card: Card) -> list[str | int]:
    """Most files tell of no progress: that costs no byte."""
    account, city = _short(card.bank_account), _short(card.city_code)
    progress = [] if card.progress is None else [int(card.progress)]
    return [card.number, card.bank, account, city, int(card.state), *progress]


def _card(
    number: str,
    bank: str,
    bank_account: Any,
    city_code: Any,
    state: int,
    progress: int | None = None,
) -> Card:
    told = None if progress is None else Progress(progress)
    return Card(number, bank, str(bank_account), str(city_code), _CARD_STATES[state], told)


def _short(digits: str) -> str | int:
    """Digits as a number, which takes half the bytes, where they come back the same."""
    is_number = digits.isascii() and digits.isdecimal() and digits[0] != "0" and len(digits) < 20
    return int(digits) if is_number else digits


def _short_phone(phone: str) -> str | int:
    """A number in E.164 without its +."""
    number = _short(phone[1:])
    return number if phone.startswith("+") and isinstance(number, int) else phone
