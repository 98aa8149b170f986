"""Made-up cardholders that pass every check: for trying the hotline out, for tests and load.

The same `random.Random` gives the same people. They are not real: their mobile numbers begin with
154, a range that no operator has been given.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from random import Random
from typing import Final

from stdnum.iso7064 import mod_11_2

from ivr.cards.id_number import FOREIGNER, PROVINCES
from ivr.cards.records import Card, CardState, Holder

Row = tuple[str, str, str, str, str, str, str, str]  # the CSV's columns, in their order

THIS_YEAR: Final = 2026  # the default; ages are counted from it, so that a seed is enough

_HOME_PROVINCES: Final = sorted(p for p in PROVINCES if p < "80")
_COUNTRIES: Final = ("036", "124", "250", "276", "392", "410", "643", "702", "826", "840")
_CITIES: Final = ("110100", "310100", "320100", "320500", "330100", "330200", "440100", "440300")
_CARD_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_FAMILY_NAMES: Final = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹"
_GIVEN_NAMES: Final = "伟芳娜敏静丽强磊洋艳勇军杰娟涛明超霞平刚桂英华玉萍红建文斌宁晨雨"

_ORDINARY: Final[tuple[CardState, ...]] = (CardState.NORMAL,)
# Every 40 holders have one of each unusual kind, so that even a short list shows them all.
_ROUND: Final = 40
_CARDS_BY_PLACE: Final[dict[int, tuple[CardState, ...]]] = {
    3: _ORDINARY * 2,
    7: _ORDINARY * 3,
    19: (CardState.SEALED,),
    23: (CardState.FORMAL_LOSS,),
    27: (CardState.LOCKED,),
    31: (CardState.TEMPORARY_LOSS,),
    35: (CardState.CANCELLED,),
}
_CHILD_PLACE: Final = 11
_FOREIGNER_PLACE: Final = 15


def made_up_id_number(rng: Random, birth: date | None = None, province: str | None = None) -> str:
    """A valid 18-place number. By default it is an adult's, from any mainland province.

    Args:
        province: two digits, or `9` + two digits for a foreigner's permanent resident number.
    """
    province = province or rng.choice(_HOME_PROVINCES)
    foreign = province.startswith(FOREIGNER) and len(province) == 3
    place = rng.choice(_COUNTRIES) if foreign else _county(rng)
    birth = birth or made_up_birth(rng, 20, 90)
    body = f"{province}{place}{birth:%Y%m%d}{rng.randint(1, 999):03d}"
    return body + str(mod_11_2.calc_check_digit(body))


def made_up_birth(rng: Random, youngest: int, oldest: int, year: int = THIS_YEAR) -> date:
    """A day in one of the years `year - oldest` to `year - youngest`."""
    first = date(year - oldest, 1, 1)
    days = (date(year - youngest, 12, 31) - first).days
    return first + timedelta(days=rng.randint(0, days))


def made_up_card(rng: Random, bank: str, state: CardState = CardState.NORMAL) -> Card:
    """A card at `bank`; two letters and ten digits make a number that practically never repeats."""
    return Card(
        number="".join(rng.choices(_CARD_LETTERS, k=2)) + _digits(rng, 10),
        bank=bank,
        bank_account="62" + _digits(rng, 17),
        city_code=rng.choice(_CITIES),
        state=state,
    )


def made_up_holder(
    rng: Random,
    banks: Sequence[str],
    *,
    id_number: str | None = None,
    states: Sequence[CardState] = _ORDINARY,
) -> Holder:
    """A holder with one card for each of `states`, at different banks as far as there are any."""
    first = rng.randrange(len(banks))
    return Holder(
        id_number=id_number or made_up_id_number(rng),
        name=_name(rng),
        phone="+86154" + _digits(rng, 8),
        cards=tuple(
            made_up_card(rng, banks[(first + place) % len(banks)], state)
            for place, state in enumerate(states)
        ),
    )


def cardholder_rows(
    rng: Random, n: int, banks: Sequence[str], *, year: int = THIS_YEAR
) -> Iterator[Row]:
    """`n` lines of a cardholders CSV, made as they are asked for; one line is one card.

    Among every 40 holders are one with two cards, one with three, a child, a foreigner, and
    one of every card state.
    """
    place = 0
    while n > 0:
        rows = holder_rows(_holder_in_round(rng, place % _ROUND, banks, year))[:n]
        yield from rows
        n -= len(rows)
        place += 1


def holder_rows(holder: Holder) -> list[Row]:
    """A holder as lines of a cardholders CSV, one for each card."""
    person = (holder.id_number, holder.name, holder.phone)
    return [
        (*person, card.number, card.bank, card.bank_account, card.city_code, str(int(card.state)))
        for card in holder.cards
    ]


def _holder_in_round(rng: Random, place: int, banks: Sequence[str], year: int) -> Holder:
    states = _CARDS_BY_PLACE.get(place, _ORDINARY)
    return made_up_holder(
        rng, banks, id_number=_id_number_in_round(rng, place, year), states=states
    )


def _id_number_in_round(rng: Random, place: int, year: int) -> str:
    if place == _CHILD_PLACE:
        return made_up_id_number(rng, made_up_birth(rng, 1, 13, year))
    adult = made_up_birth(rng, 20, 90, year)
    if place == _FOREIGNER_PLACE:
        return made_up_id_number(rng, adult, FOREIGNER + rng.choice(_HOME_PROVINCES))
    return made_up_id_number(rng, adult)


def _county(rng: Random) -> str:
    return f"{rng.randint(1, 20):02d}{rng.randint(1, 30):02d}"


def _name(rng: Random) -> str:
    return rng.choice(_FAMILY_NAMES) + "".join(rng.choices(_GIVEN_NAMES, k=rng.randint(1, 2)))


def _digits(rng: Random, count: int) -> str:
    return f"{rng.randrange(10**count):0{count}d}"
