"""What stands under a card's key: whose it is. In clear, so that nothing is opened to read it.

"<holder ref> <bank id><city>", the city's 4 digits as 3 capital letters, which no bank's id has: so
short it takes no more of Redis' memory than without the city (it allots in steps of 16 bytes).
"""

from string import ascii_uppercase
from typing import Final, NamedTuple

from ivr.store.codec import plain

IN_LUA: Final = "^(%S+) [^%s%u]+(%u*)$"  # a pattern of a record: its holder, its city's letters
_BASE: Final = len(ascii_uppercase)


class Owner(NamedTuple):
    """Whose a card is (a reference), the id of the bank that issued it, and how its city code
    begins; empty on a record from before that was kept, until it is imported again.
    """

    holder: str
    bank: str
    city: str = ""

    @property
    def record(self) -> str:
        """As it stands under the card's key."""
        return f"{self.holder} {self.bank}{letters_of(self.city)}"


def letters_of(city: str) -> str:
    """A city's 4 digits as they stand there; empty for an empty one."""
    if not city:
        return ""
    number = int(city)
    return "".join(ascii_uppercase[number // _BASE**place % _BASE] for place in (2, 1, 0))


def read_owner(record: bytes | str | None) -> Owner | None:
    """What the record of a card says; None when there is none."""
    if record is None:
        return None
    holder, rest = plain(record).split()
    bank = rest.rstrip(ascii_uppercase)
    return Owner(holder, bank, _digits_of(rest[len(bank) :]))


def _digits_of(letters: str) -> str:
    number = 0
    for letter in letters:
        number = number * _BASE + ascii_uppercase.index(letter)
    return f"{number:04}" if letters else ""
