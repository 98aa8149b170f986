"""What stands under a card's key: whose it is. In clear, so that nothing is opened to read it."""

from typing import NamedTuple

from ivr.store.codec import plain


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
        return " ".join(filter(None, self))


def read_owner(record: bytes | str | None) -> Owner | None:
    """What the record of a card says; None when there is none."""
    return None if record is None else Owner(*plain(record).split())
