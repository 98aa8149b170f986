"""Writes a card's replacement into the directory, with the change of its case: in one commit.

The records are those of holders.py.
"""

from collections.abc import Iterator

from ivr.cards.change import Reissue
from ivr.store import keys
from ivr.store.doorbell import Command
from ivr.store.packed_holder import pack
from ivr.store.vault import Vault


def reissuing(reissue: Reissue, vault: Vault) -> Iterator[Command]:
    """The old card is gone, and the new one is its holder's."""
    place = keys.holder(reissue.holder_ref)
    refs = [vault.ref("card", card.number) for card in reissue.holder.cards]
    yield "SET", place, vault.close(pack(reissue.holder), place, " ".join(refs))
    yield "DEL", keys.card(reissue.card_ref)
    new_ref, bank = vault.ref("card", reissue.new_card.number), reissue.new_card.bank
    yield "SET", keys.card(new_ref), f"{reissue.holder_ref} {bank}"
