"""Writes a card's replacement into the directory, with the change of its case: in one commit.

The records are those of holders.py.
"""

from collections.abc import Iterator

from ivr.cards.change import Reissue
from ivr.store import keys
from ivr.store.doorbell import Command
from ivr.store.owner import Owner
from ivr.store.packed_holder import pack
from ivr.store.vault import Vault


def reissuing(reissue: Reissue, vault: Vault) -> Iterator[Command]:
    """The old card is gone, and the new one is its holder's."""
    place = keys.holder(reissue.holder_ref)
    refs = [vault.ref("card", card.number) for card in reissue.holder.cards]
    yield "SET", place, vault.close(pack(reissue.holder), place, " ".join(refs))
    yield "DEL", keys.card(reissue.card_ref)
    new = reissue.new_card
    owner = Owner(reissue.holder_ref, new.bank, new.city)
    yield "SET", keys.card(vault.ref("card", new.number)), owner.record
