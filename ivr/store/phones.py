"""Which holders have a registered phone: a keyed index, small enough to have one for millions.

`phones:<bucket>` is one text of entries of 20 bytes each, in no order: 4 of the phone's reference,
then the holder's reference. Millions of small records in thousands of texts take a third of what a
key for each would, whatever encodings the server has. Whoever finds an entry compares the number.
"""

import base64
from collections.abc import Iterable
from typing import Final, NamedTuple

from redis import Redis

from ivr.store import keys
from ivr.store.codec import plain
from ivr.store.unreadable import CALLS, naming
from ivr.store.vault import Vault

BUCKET_BYTES: Final = 2
TAG_BYTES: Final = 4
ENTRY_BYTES: Final = TAG_BYTES + 16

# ARGV: for each change "+" or "-", the bucket's key and the entry. One that is there already is not
# added again. A bucket of another kind is left as it is; whoever reads it names it.
CHANGE: Final = f"""
{CALLS}
local function place_of(known, entry)
  local at = string.find(known, entry, 1, true)
  while at and (at - 1) % {ENTRY_BYTES} ~= 0 do at = string.find(known, entry, at + 1, true) end
  return at
end
for at = 1, #ARGV, 3 do
  local what, key, entry = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local answer = redis.pcall('GET', key)
  if type(answer) ~= 'table' then
    local known = answer or ''
    local place = place_of(known, entry)
    if what == '+' and not place then redis.call('APPEND', key, entry) end
    if what == '-' and place then
      known = string.sub(known, 1, place - 1) .. string.sub(known, place + {ENTRY_BYTES})
      if known == '' then redis.call('DEL', key) else redis.call('SET', key, known) end
    end
  end
end
"""


class Registered(NamedTuple):
    """A phone in E.164 and the reference of a holder who has it."""

    number: str
    holder_ref: str


def changing(
    vault: Vault, gone: Iterable[Registered], new: Iterable[Registered]
) -> list[str | bytes]:
    """The arguments of CHANGE; nothing for whoever has no phone."""
    args: list[str | bytes] = []
    for what, many in (("-", gone), ("+", new)):
        for each in many:
            if each.number:
                args += [what, *_placed(vault, each)]
    return args


class Phones:
    """Finds holders by phone."""

    def __init__(self, redis: Redis, vault: Vault) -> None:
        self._redis = redis
        self._vault = vault

    def holders(self, number: str) -> list[str]:
        """References of the holders who may have this number (E.164) as their registered phone."""
        bucket, tag = _place(self._vault, number)
        with naming(self._redis, bucket):
            known = self._redis.get(bucket) or b""
        known = known.encode() if isinstance(known, str) else known
        starts = range(0, len(known) - ENTRY_BYTES + 1, ENTRY_BYTES)
        entries = [known[at : at + ENTRY_BYTES] for at in starts]
        return [_ref_in(entry) for entry in entries if entry.startswith(tag)]


def _place(vault: Vault, number: str) -> tuple[str, bytes]:
    """The bucket's key, and the beginning of an entry."""
    ref = _raw(vault.ref("phone", number))
    return keys.phones(ref[:BUCKET_BYTES].hex()), ref[BUCKET_BYTES : BUCKET_BYTES + TAG_BYTES]


def _placed(vault: Vault, each: Registered) -> tuple[str, bytes]:
    bucket, tag = _place(vault, each.number)
    return bucket, tag + _raw(each.holder_ref)


def _raw(ref: str) -> bytes:
    return base64.urlsafe_b64decode(ref + "==")


def _ref_in(entry: bytes) -> str:
    return plain(base64.urlsafe_b64encode(entry[TAG_BYTES:])[:-2])
