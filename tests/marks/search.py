"""Looks for marks in whatever bytes there are, in every spelling that somebody might have used."""

import base64
import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

ID_PLACES = 18
PIECE = 11  # places: so many in a row are never the last 4, and never there by chance
_RUNS = re.compile(rb"[0-9A-Z]{%d,}" % PIECE)
# Shorter parts are there by chance, but hardly as whole numbers: a birthday, the last 8 of a phone.
TAILS = range(8, PIECE)
_NUMBERS = re.compile(rb"(?<![0-9A-Za-z])[0-9]{7,}[0-9X](?![0-9A-Za-z])")
_BETWEEN = re.compile(rb"<[^>]{0,60}>|[\s\-_.,:;'\"/+|()<>*]")


@dataclass(frozen=True, order=True)
class Found:
    """A mark where it must not be."""

    place: str
    mark: str
    spelling: str


def spellings(value: str) -> Iterator[tuple[str, bytes]]:
    """A mark in every way it could be written."""
    plain = value.encode()
    yield "plain", plain
    yield "in small letters", value.lower().encode()
    yield "backwards", value[::-1].encode()
    yield "hex", plain.hex().encode()
    yield "HEX", plain.hex().upper().encode()
    for shift in range(3):
        for name, code in (("base64", base64.b64encode), ("url base64", base64.urlsafe_b64encode)):
            yield f"{name} from place {shift}", _inner(code(b"\0" * shift + plain), plain, shift)
    yield "base32", base64.b32encode(plain).rstrip(b"=")[:-1]
    yield "UTF-16", value.encode("utf-16-le")
    yield "UTF-16 BE", value.encode("utf-16-be")
    if not value.isascii():
        yield "url-encoded", quote(value).encode()
        yield "escaped", value.encode("unicode_escape")
        yield "escaped bytes", repr(plain)[2:-1].encode()
        yield "GB18030", value.encode("gb18030")
    if value.isdigit():
        size = (int(value).bit_length() + 7) // 8
        yield "a number", int(value).to_bytes(size, "big")
        yield "a number, little end first", int(value).to_bytes(size, "little")
    for name in ("md5", "sha1", "sha256"):  # with no key: whoever has all ID numbers undoes it
        digest = hashlib.new(name, plain).digest()
        yield f"{name} in hex", digest.hex().encode()
        yield f"{name} in base64", base64.b64encode(digest).rstrip(b"=")[:-1]
        yield name, digest


def _inner(encoded: bytes, plain: bytes, shift: int) -> bytes:
    """What of the base64 depends on the mark alone, whatever stands around it."""
    last = len(encoded.rstrip(b"=")) - bool((len(plain) + shift) % 3)
    return encoded[(0, 2, 3)[shift] : last]


class Marks:
    """All marks of a run, made ready to be searched for."""

    def __init__(self, marks: Mapping[str, str]) -> None:
        self.names = dict(marks)
        self.count = len(marks)
        self.searched = 0  # bytes
        self._whole = [
            (mark, name, text) for mark, value in marks.items() for name, text in spellings(value)
        ]
        self._pieces = {
            value[n : n + PIECE].encode(): mark
            for mark, value in marks.items()
            if value.isascii()
            for n in range(len(value) - PIECE + 1)
        }
        self._parts = {
            part.encode(): mark
            for mark, value in marks.items()
            if value.isascii()
            for part in (
                *(value[-n:] for n in TAILS),
                value[6:14] if len(value) == ID_PLACES else "",
            )
        }
        self._whole += [
            (mark, "without its first letter", value[1:].encode())
            for mark, value in marks.items()
            if not value.isascii()
        ]

    @property
    def spellings(self) -> int:
        return len(self._whole) + len(self._pieces) + len(self._parts)

    def search(self, place: str, content: bytes, allowed: Collection[str] = ()) -> set[Found]:
        """Every mark that is in the content. `allowed`: the names of marks that may be there."""
        self.searched += len(content)
        found = {Found(place, mark, name) for mark, name, text in self._whole if text in content}
        views = {"": content, ", url-decoded": unquote_to_bytes(content)}
        views[", with signs between"] = _BETWEEN.sub(b"", content)
        for how, view in views.items():
            found |= {Found(place, mark, f"a piece{how}") for mark in self._pieces_in(view)}
        numbers = set(_NUMBERS.findall(content)) & self._parts.keys()
        found |= {Found(place, self._parts[number], "a part") for number in numbers}
        return {one for one in found if one.mark not in allowed}

    def search_all(self, places: Mapping[str, bytes]) -> set[Found]:
        """The same in many places, in none of which anything is allowed."""
        return {one for place, content in places.items() for one in self.search(place, content)}

    def _pieces_in(self, view: bytes) -> Iterator[str]:
        for run in _RUNS.findall(view):
            for n in range(len(run) - PIECE + 1):
                if mark := self._pieces.get(run[n : n + PIECE]):
                    yield mark


def flat(value: object) -> bytes:
    """Every byte of an answer of Redis, however it is nested."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, Iterable) and not isinstance(value, str):
        return b"\n".join(map(flat, value))
    return str(value).encode()
