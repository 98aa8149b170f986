"""The cardholders: who has which cards. Sealed at rest, found only by keyed references.

`holder:<ref>` is the sealed holder, with the references of the cards, in the record's order, in
clear before it. What stands under `card:<ref>`, owner.py says.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, Final, NamedTuple, TypeVar, cast

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import WatchError

from ivr.cards.records import Card, Holder
from ivr.errors import HotlineError
from ivr.store import keys
from ivr.store.cardholders_csv import BadLine, CardLine
from ivr.store.cases import Guard
from ivr.store.known import READ_HOLDER, KnownHolder, known_holder
from ivr.store.looks import LOOK, PLACES, Look
from ivr.store.owner import Owner, read_owner
from ivr.store.packed_holder import merge, pack, phone_in, unpack
from ivr.store.phones import CHANGE, Registered, changing
from ivr.store.unreadable import CALLS, naming, passing_over, sound_answers
from ivr.store.vault import Vault, in_clear

_KNOWN: Final = f"""
{READ_HOLDER}
return {{redis.call('TIME')[1], read_holder(ARGV[1])}}
"""

# Cards that are new or in another city now: each stands on that one's list of suspended cards, if
# it is suspended (a new one: its holder was removed meanwhile). ARGV, for each: its reference, the
# city it was in ("" where that is not known), the city it is in.
_MOVE: Final = f"""
{CALLS}
for at = 1, #ARGV, 3 do
  local ref, was, is = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  if was ~= '' then try('ZREM', '{keys.SUSPENDED}', was .. ':' .. ref) end
  if try('EXISTS', '{keys.loss("")}' .. ref) == 1 then
    try('ZADD', '{keys.SUSPENDED}', 0, is .. ':' .. ref)
  end
end
"""
BATCH: Final = 500  # lines or records in one transaction: longer ones measured no faster
TRIES: Final = 20

Progress = Callable[[int], object]  # told how many more lines or records are done
_T = TypeVar("_T")


class HoldersBusyError(HotlineError):
    """Somebody else kept writing the same holders; nothing of this batch was written."""

    def __init__(self) -> None:
        super().__init__("the same cardholders are being written by somebody else: try again")


@dataclass(frozen=True)
class ImportResult:
    """What became of the lines. Unchanged: the holder's record already held all of the line.
    moved: how many cards are in another city than before.
    """

    written: int = 0
    unchanged: int = 0
    bad: int = 0
    moved: int = 0


class Entry(NamedTuple):
    """A good line as the store takes it: its number, the references of its holder and card, the
    card's bank and city, and the packed holder with that one card. note: as CardLine's.
    """

    line: int
    ref: str
    card_ref: str
    bank: str
    city: str
    packed: bytes
    note: str = ""


@dataclass
class _Fold:
    """A batch's holders as they are and, line by line, as they will be.

    card_refs: of each holder's cards, in the record's order.
    changed: the references of the holders that change; cards: those that are new or change.
    cities: where each known card was before.
    """

    holders: dict[str, bytes]  # packed
    card_refs: dict[str, list[str]]
    owners: dict[str, Owner]  # by card ref
    changed: dict[str, None] = field(default_factory=dict)
    cards: dict[str, None] = field(default_factory=dict)
    unchanged: int = 0
    bad: list[BadLine] = field(default_factory=list)
    cities: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.cities = {card_ref: owner.city for card_ref, owner in self.owners.items()}

    def moved(self) -> list[str]:
        """The cards that are new or change their city, as arguments of _MOVE."""
        pairs = ((ref, self.cities.get(ref, ""), self.owners[ref].city) for ref in self.cards)
        return [word for ref, was, now in pairs if was != now for word in (ref, was, now)]

    def add(self, entry: Entry) -> None:
        line, ref, card_ref, bank, city, packed, _ = entry
        owner = Owner(ref, bank, city)
        known = self.owners.setdefault(card_ref, owner)
        if known.holder != ref:
            self.bad.append(BadLine(line, "card_number belongs to another holder"))
            return
        before = self.holders.get(ref)
        after = packed if before is None else merge(before, packed)
        if after == before and known == owner:
            self.unchanged += 1
            return
        self.holders[ref] = after
        if card_ref not in (card_refs := self.card_refs.setdefault(ref, [])):
            card_refs.append(card_ref)
        self.changed[ref] = None
        self.cards[card_ref], self.owners[card_ref] = None, owner


class Holders:
    """Reads, imports and reseals the cardholders' records."""

    def __init__(self, redis: Redis, vault: Vault) -> None:
        self._redis = redis
        self._vault = vault
        self._known = redis.register_script(_KNOWN)
        self._look = redis.register_script(LOOK)

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

    def owner_of(self, card_ref: str) -> Owner | None:
        """Whose card it is, and the bank that issued it; None for a card nobody knows. Who asks for
        somebody journals it.
        """
        return read_owner(self._redis.get(keys.card(card_ref)))

    def city_of(self, card_ref: str) -> tuple[str, tuple[Guard, ...]]:
        """The city the card is in now ("" where nobody can say), and that it is there still."""
        with passing_over(self._redis, place := keys.card(card_ref)):
            record = cast("bytes | None", self._redis.get(place))
            owner = read_owner(record)
            return owner.city if owner else "", ((("GET", place), record or b""),)
        return "", ()

    def look_up(self, ref: str, look: Look, card_ref: str = "") -> Holder | None:
        """The holder with this reference, if there is one, for somebody: it is journalled in the
        same round trip, found or not. `card_ref`: the one card it is about; "" for all.
        """
        sealed = self._looked("holder", keys.holder(ref), ref, card_ref, look)
        return None if sealed is None else self.unpack(ref, sealed)

    def look_up_card(self, card_ref: str, look: Look) -> Owner | None:
        """Whose card it is, for somebody: journalled likewise."""
        return read_owner(self._looked("card", keys.card(card_ref), card_ref, "", look))

    def _looked(self, what: str, place: str, ref: str, card_ref: str, look: Look) -> bytes | None:
        with naming(self._redis, place):
            found = self._look(keys=[place, *PLACES], args=[what, ref, card_ref, *look])
        return cast("bytes | None", found)

    def unpack(self, ref: str, sealed: bytes | str) -> Holder:
        """The holder in the record of this reference, which was already read.

        Raises:
            WrongDataKeysError: sealed under a key that is not in DATA_KEYS, or elsewhere.
        """
        return unpack(self._vault.open(sealed, keys.holder(ref)))

    def cards_of(self, refs: Sequence[str]) -> dict[str, Card]:
        """All cards of these holders, by their references; what nobody can read is left out."""
        with self._redis.pipeline(transaction=False) as pipe:
            for ref in refs:
                pipe.get(keys.holder(ref))
            found = zip(refs, sound_answers(self._redis, pipe), strict=True)
        cards: dict[str, Card] = {}
        for ref, record in found:
            with passing_over(self._redis, keys.holder(ref)):
                known = self.unpack(ref, record).cards if record else ()
                cards |= zip(in_clear(record or "").split(), known, strict=True)
        return cards

    def entry(self, line: CardLine) -> Entry:
        """The line as `put_batches` takes it."""
        holder = line.holder
        (card,) = holder.cards
        refs = self.ref(holder.id_number), self.card_ref(card.number)
        return Entry(line.line, *refs, card.bank, card.city, pack(holder), line.note)

    def put_all(
        self,
        lines: Iterable[CardLine],
        *,
        progress: Progress = lambda _lines: None,
        on_bad: Callable[[BadLine], object] = lambda _line: None,
    ) -> ImportResult:
        """`put_batches` of these lines, BATCH at a time."""
        batches = in_batches(map(self.entry, lines))
        return self.put_batches(batches, progress=progress, on_bad=on_bad)

    def put_batches(
        self,
        batches: Iterable[Sequence[Entry]],
        *,
        progress: Progress,
        on_bad: Callable[[BadLine], object],
    ) -> ImportResult:
        """Adds or replaces cards, each batch whole or not at all.

        A line's name and phone (if it has one) replace the holder's; its card replaces the holder's
        card of the same number or is added. A line that changes nothing writes nothing. A line with
        another holder's card is bad: `on_bad` gets it, and the other lines go on.

        Raises:
            HoldersBusyError: somebody else kept writing the same holders.
            RedisError: what `progress` was told of is stored; importing it again is safe.
        """
        total = ImportResult()
        for batch in batches:
            fold = self._put_batch(batch)
            for line in fold.bad:
                on_bad(line)
            total = ImportResult(
                total.written + len(batch) - fold.unchanged - len(fold.bad),
                total.unchanged + fold.unchanged,
                total.bad + len(fold.bad),
                total.moved + sum(was != "" for was in fold.moved()[1::3]),
            )
            progress(len(batch))
        return total

    def _put_batch(self, batch: Sequence[Entry]) -> _Fold:
        refs = list({entry.ref: None for entry in batch})
        card_refs = list({entry.card_ref: None for entry in batch})
        names = [*map(keys.holder, refs), *map(keys.card, card_refs)]
        return self._commit(names, partial(self._merge, batch, refs, card_refs, names))

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

    def _merge(
        self,
        batch: Sequence[Entry],
        refs: list[str],
        card_refs: list[str],
        names: list[str],
        pipe: Pipeline,
    ) -> _Fold:
        """What the store says of the holders and cards (their keys: `names`), with the lines on top
        of it; what changes is queued as one command.
        """
        found = cast("list[bytes | None]", self._redis.mget(names))
        records = {ref: record for ref, record in zip(refs, found, strict=False) if record}
        owners = zip(card_refs, found[len(refs) :], strict=True)
        before = {ref: self._vault.open(rec, keys.holder(ref)) for ref, rec in records.items()}
        fold = _Fold(
            dict(before),
            {ref: in_clear(record).split() for ref, record in records.items()},
            {card_ref: whose for card_ref, record in owners if (whose := read_owner(record))},
        )
        for entry in batch:
            fold.add(entry)
        if fold.changed:
            pipe.mset(self._written(fold))
        if placed := self._placed(before, fold):
            pipe.eval(CHANGE, 0, *placed)
        if moved := fold.moved():
            pipe.eval(_MOVE, 0, *moved)
        return fold

    def _placed(self, before: Mapping[str, bytes], fold: _Fold) -> list[str | bytes]:
        """What the index of phones must have, and not have, as arguments of CHANGE. Of unchanged
        holders too: whoever was imported before there was an index comes into it.
        """
        new = [Registered(phone_in(packed), ref) for ref, packed in fold.holders.items()]
        gone = [
            Registered(was, ref)
            for ref in fold.changed
            if ref in before and (was := phone_in(before[ref])) != phone_in(fold.holders[ref])
        ]
        return changing(self._vault, gone, new)

    def _written(self, fold: _Fold) -> dict[str, bytes | str]:
        """The keys of all that changes, with what is to stand there."""
        written: dict[str, bytes | str] = {}
        for ref in fold.changed:
            place, clear = keys.holder(ref), " ".join(fold.card_refs[ref])
            written[place] = self._vault.close(fold.holders[ref], place, clear)
        for card_ref in fold.cards:
            written[keys.card(card_ref)] = fold.owners[card_ref].record
        return written


def in_batches(items: Iterable[_T]) -> Iterator[list[_T]]:
    """The items, BATCH at a time."""
    stream = iter(items)
    while batch := list(islice(stream, BATCH)):
        yield batch
