"""The cardholders: who has which cards. Sealed at rest, found only by keyed references.

`holder:<ref>` is the sealed holder, with the references of the cards, in the record's order, in
clear before it. `card:<ref>` is the text "<holder ref> <bank id>".
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Any, Final, TypeVar, cast

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import WatchError

from ivr.cards.records import Card, CardState, Holder
from ivr.errors import HotlineError
from ivr.store import keys
from ivr.store.cardholders_csv import BadLine, CardLine
from ivr.store.codec import plain
from ivr.store.known import READ_HOLDER, KnownHolder, known_holder
from ivr.store.unreadable import naming
from ivr.store.vault import Vault

_KNOWN: Final = f"""
{READ_HOLDER}
return {{redis.call('TIME')[1], read_holder(ARGV[1])}}
"""
BATCH: Final = 500  # lines or records in one transaction: longer ones measured no faster
TRIES: Final = 20
_CARD_STATES: Final = {int(state): state for state in CardState}

Progress = Callable[[int], object]  # told how many more lines or records are done
_T = TypeVar("_T")


class HoldersBusyError(HotlineError):
    """Somebody else kept writing the same holders; nothing of this batch was written."""

    def __init__(self) -> None:
        super().__init__("the same cardholders are being written by somebody else: try again")


@dataclass(frozen=True)
class ImportResult:
    """What became of the lines. Unchanged: the holder's record already held all of the line."""

    written: int = 0
    unchanged: int = 0
    bad: int = 0


@dataclass(frozen=True)
class _Entry:
    """A line with the references of its holder and card."""

    line: CardLine
    ref: str
    card_ref: str


@dataclass
class _Fold:
    """A batch's holders as they are and, line by line, as they will be."""

    holders: dict[str, Holder]
    owners: dict[str, str]  # card ref -> holder ref
    changed: dict[str, None] = field(default_factory=dict)
    unchanged: int = 0
    bad: list[BadLine] = field(default_factory=list)

    def add(self, entry: _Entry) -> None:
        if self.owners.setdefault(entry.card_ref, entry.ref) != entry.ref:
            self.bad.append(BadLine(entry.line.line, "card_number belongs to another holder"))
            return
        before = self.holders.get(entry.ref)
        after = _merged(before, entry.line.holder)
        if after == before:
            self.unchanged += 1
            return
        self.holders[entry.ref] = after
        self.changed[entry.ref] = None


class Holders:
    """Reads, imports and reseals the cardholders' records."""

    def __init__(self, redis: Redis, vault: Vault) -> None:
        self._redis = redis
        self._vault = vault
        self._known = redis.register_script(_KNOWN)

    def ref(self, id_number: str) -> str:
        """The reference of the holder of a normalised ID number."""
        return self._vault.ref("id", id_number)

    def card_ref(self, number: str) -> str:
        """The reference of a card number."""
        return self._vault.ref("card", number)

    def known(self, ref: str) -> KnownHolder | None:
        """The holder with this reference, with all cards and how each stands; or None."""
        with naming(self._redis):
            now, found = cast("list[Any]", self._known(args=[ref]))
            return known_holder(now, found, self.unpack)

    def bank_of(self, card_ref: str) -> str | None:
        """The bank that issued a card; None for a card nobody knows."""
        owner = self._redis.get(keys.card(card_ref))
        return None if owner is None else plain(owner).split()[1]

    def get(self, ref: str) -> Holder | None:
        """The holder with this reference, if there is one."""
        with naming(self._redis, keys.holder(ref)):
            sealed = self._redis.get(keys.holder(ref))
            return None if sealed is None else self.unpack(ref, sealed)

    def unpack(self, ref: str, sealed: bytes | str) -> Holder:
        """The holder in the record of this reference, which was already read.

        Raises:
            WrongDataKeysError: sealed under a key that is not in DATA_KEYS, or elsewhere.
        """
        return _unpacked(self._vault.unseal(sealed, keys.holder(ref)))

    def put_all(
        self,
        lines: Iterable[CardLine],
        *,
        progress: Progress = lambda _lines: None,
        on_bad: Callable[[BadLine], object] = lambda _line: None,
    ) -> ImportResult:
        """Adds or replaces cards, BATCH lines at a time, each batch whole or not at all.

        A line's name and phone (if it has one) replace the holder's; its card replaces the holder's
        card of the same number or is added. A line that changes nothing writes nothing. A line with
        another holder's card is bad: `on_bad` gets it, and the other lines go on.

        Raises:
            HoldersBusyError: somebody else kept writing the same holders.
            RedisError: what `progress` was told of is stored; importing it again is safe.
        """
        total = ImportResult()
        for batch in _batches(lines):
            fold = self._put_batch(batch)
            for line in fold.bad:
                on_bad(line)
            total = ImportResult(
                total.written + len(batch) - fold.unchanged - len(fold.bad),
                total.unchanged + fold.unchanged,
                total.bad + len(fold.bad),
            )
            progress(len(batch))
        return total

    def _put_batch(self, batch: list[CardLine]) -> _Fold:
        entries = [_Entry(line, *self._refs(line.holder)) for line in batch]
        holders = dict.fromkeys(entry.ref for entry in entries)
        cards = dict.fromkeys(entry.card_ref for entry in entries)
        watched = [*map(keys.holder, holders), *map(keys.card, cards)]
        return self._commit(watched, partial(self._merge, entries, list(holders), list(cards)))

    def _commit(self, watched: list[Any], change: Callable[[Pipeline], _T]) -> _T:
        """Runs `change` (which reads, then queues writes) until nobody interferes with it."""
        with self._redis.pipeline() as pipe:
            for _ in range(TRIES):
                try:
                    pipe.watch(*watched)
                    pipe.multi()
                    result = change(pipe)
                    pipe.execute()
                except WatchError:
                    continue
                return result
        raise HoldersBusyError

    def _refs(self, holder: Holder) -> tuple[str, str]:
        (card,) = holder.cards
        return self.ref(holder.id_number), self.card_ref(card.number)

    def _merge(
        self, entries: list[_Entry], refs: list[str], card_refs: list[str], pipe: Pipeline
    ) -> _Fold:
        fold = self._read(refs, card_refs)
        for entry in entries:
            fold.add(entry)
        written: dict[str, bytes | str] = {}
        for ref in fold.changed:
            written |= self._record(ref, fold.holders[ref])
        if written:
            pipe.mset(written)  # one command for the batch: a third less to send and parse
        return fold

    def _read(self, refs: list[str], card_refs: list[str]) -> _Fold:
        """What the store says of the holders and cards in question, in one round trip."""
        names = [*map(keys.holder, refs), *map(keys.card, card_refs)]
        found = cast("list[bytes | None]", self._redis.mget(names))
        records, owners = found[: len(refs)], found[len(refs) :]
        return _Fold(
            {ref: self.unpack(ref, sealed) for ref, sealed in _present(refs, records)},
            {card: owner.decode().split()[0] for card, owner in _present(card_refs, owners)},
        )

    def _record(self, ref: str, holder: Holder) -> dict[str, bytes | str]:
        """The holder's own key and the keys of the cards, with what is to stand there."""
        card_refs = [self.card_ref(card.number) for card in holder.cards]
        sealed = self._vault.seal(_packed(holder), keys.holder(ref), " ".join(card_refs))
        pairs = zip(card_refs, holder.cards, strict=True)
        owners = {keys.card(card_ref): f"{ref} {card.bank}" for card_ref, card in pairs}
        return {keys.holder(ref): sealed, **owners}


def _merged(before: Holder | None, news: Holder) -> Holder:
    """`news` (with one card) on top of what is known; cards keep their places."""
    if before is None:
        return news
    (card,) = news.cards
    cards = {known.number: known for known in before.cards} | {card.number: card}
    return replace(news, phone=news.phone or before.phone, cards=tuple(cards.values()))


def _packed(holder: Holder) -> list[Any]:
    """Values without names, to save space: there are millions of them."""
    cards = [
        [_short(c.number), c.bank, _short(c.bank_account), _short(c.city_code), int(c.state)]
        for c in holder.cards
    ]
    return [_short(holder.id_number), holder.name, holder.phone, cards]


def _unpacked(packed: list[Any]) -> Holder:
    id_number, name, phone, cards = packed
    return Holder(str(id_number), name, phone, tuple(_card(*values) for values in cards))


def _card(
    number: str | int, bank: str, bank_account: str | int, city_code: str | int, state: int
) -> Card:
    return Card(str(number), bank, str(bank_account), str(city_code), _CARD_STATES[state])


def _short(text: str) -> str | int:
    """Digits as a number, which takes half the bytes, where they come back the same."""
    is_number = text.isascii() and text.isdecimal() and text[0] != "0" and len(text) < 20
    return int(text) if is_number else text


def _present(refs: list[str], answers: list[bytes | None]) -> Iterator[tuple[str, bytes]]:
    return ((ref, answer) for ref, answer in zip(refs, answers, strict=True) if answer)


def _batches(items: Iterable[_T]) -> Iterator[list[_T]]:
    stream = iter(items)
    while batch := list(islice(stream, BATCH)):
        yield batch
