"""The blocks on our records, page by page: every day a bank compares them with its own."""

import re
from dataclasses import dataclass
from typing import Any, Final

from redis import Redis

from ivr.cards.block import Block, BlockState
from ivr.cards.notice_bodies import iso
from ivr.cards.records import Card
from ivr.errors import HotlineError
from ivr.store import keys
from ivr.store.codec import plain
from ivr.store.doorbell import Command
from ivr.store.holders import Holders
from ivr.store.journal import Journal
from ivr.store.looks import Look, looked_up
from ivr.store.unreadable import WrongKindError, passing_over, read_all, sound_answers

PAGE: Final = 200
_REFERENCE: Final = re.compile("[A-Za-z0-9_-]{22}")  # anything else may be a card's number


class UnknownCursorError(HotlineError):
    """A page was asked for after something that no page ended with."""


@dataclass(frozen=True)
class BlockPage:
    """One page, and the cursor of the next one (None at the end)."""

    blocks: list[dict[str, Any]]
    next: str | None


class Reconciliation:
    """Reads a bank's blocks in the order of their references, which never changes."""

    def __init__(self, redis: Redis, holders: Holders, journal: Journal) -> None:
        self._redis = redis
        self._holders = holders
        self._journal = journal

    def page(self, bank: str, cursor: str, purpose: str = "blocks") -> BlockPage:
        """Up to 200 blocks of a bank after the cursor; "" gives the first page. `purpose`: what the
        journal says that they were read for.

        Raises:
            UnknownCursorError: there is no such cursor. It is a card's reference: the card stands
                on the list, or its block was lifted and is still on record.
        """
        if cursor and not _REFERENCE.fullmatch(cursor):
            raise UnknownCursorError
        start = f"({cursor}" if cursor else "-"
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.zrangebylex(keys.blocks(bank), start, "+", start=0, num=PAGE + 1)
            pipe.zscore(keys.blocks(bank), cursor)
            pipe.exists(keys.block(cursor))
            found, listed, is_known = pipe.execute()
        if cursor and listed is None and not is_known:
            raise UnknownCursorError
        refs = [plain(ref) for ref in found[:PAGE]]
        return BlockPage(
            self._describe(bank, refs, purpose), refs[-1] if len(found) > PAGE else None
        )

    def _look(self, bank: str, refs: list[str], purpose: str) -> list[Command]:
        """The journal's entry of a page, with all cards that stand on it."""
        look = Look("bank", bank, purpose)
        cards = " ".join(refs)
        return self._journal.write(looked_up(look, holder="", cards=cards, found=bool(refs)))

    def _describe(self, bank: str, refs: list[str], purpose: str) -> list[dict[str, Any]]:
        """A card that has moved to another bank is not shown: that bank has its account now."""
        with self._redis.pipeline(transaction=False) as pipe:
            for ref in refs:
                pipe.get(keys.block(ref))
                pipe.get(keys.card(ref))
            for words in self._look(bank, refs, purpose):
                pipe.execute_command(*words)
            found = sound_answers(self._redis, pipe)
        if found[2 * len(refs)] is None:  # nobody is shown what is not journalled
            raise WrongKindError(keys.JOURNAL)
        found = found[: 2 * len(refs)]
        named = zip(map(keys.block, refs), found[::2], strict=True)
        blocks = list(read_all(self._redis, Block, named))
        cards = self._holders.cards_of(self._owners(refs, found[1::2]))
        known = ((block, cards.get(block.card_ref)) for block in blocks)
        return [_entry(block, card) for block, card in known if card and card.bank == bank]

    def _owners(self, refs: list[str], found: list[Any]) -> list[str]:
        """The references of the cards' holders, each once."""
        owners: dict[str, None] = {}
        for ref, owner in zip(refs, found, strict=True):
            with passing_over(self._redis, keys.card(ref)):
                owners |= {} if owner is None else {plain(owner).split()[0]: None}
        return list(owners)


def _entry(block: Block, card: Card) -> dict[str, Any]:
    return {
        "report_number": block.report_number or None,
        "state": block.state,
        "formal": block.state is BlockState.FORMAL_LOSS,
        "changed_at": iso(block.changed_at),
        "card": {"number": card.number, "bank_account": card.bank_account},
    }
