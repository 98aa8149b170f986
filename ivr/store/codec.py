"""Records to JSON and back: dataclasses of simple fields, as arrays of their values in order.

Names would make every record half as long again, and there are millions. So a new field comes last
and has a default, and no field ever moves.
"""

from collections.abc import Callable, Hashable
from dataclasses import MISSING, fields
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar, cast, get_type_hints

import msgspec

T = TypeVar("T")
Values = Callable[[Any], tuple[Any, ...]]
_ENCODER = msgspec.json.Encoder()


def dump(record: Any) -> bytes:
    """A dataclass as a JSON array."""
    return _ENCODER.encode(_values(cast("Hashable", type(record)))(record))


def load(kind: type[T], text: str | bytes) -> T:
    """A JSON array as a dataclass; every field is checked against its type.

    Raises:
        ValueError: it is no such record; the error repeats nothing of it.
    """
    row, values = _row(cast("Hashable", kind))
    try:
        return kind(*values(row.decode(text)))
    except msgspec.MsgspecError:
        raise ValueError(f"no {kind.__name__}") from None


def place(kind: type[Any], name: str) -> int:
    """Where a field stands in a record, counted from 1 as scripts do."""
    return 1 + [field.name for field in fields(kind)].index(name)


@cache
def _values(kind: type[Any]) -> Values:
    return attrgetter(*(field.name for field in fields(kind)))


@cache
def _row(kind: type[Any]) -> tuple[msgspec.json.Decoder[Any], Values]:
    """What msgspec reads arrays into: a dataclass is always an object to it."""
    hints = get_type_hints(kind)
    rows: list[Any] = [
        (f.name, hints[f.name]) if f.default is MISSING else (f.name, hints[f.name], f.default)
        for f in fields(kind)
    ]
    row = msgspec.defstruct(f"{kind.__name__}Row", rows, array_like=True)
    return msgspec.json.Decoder(row), _values(cast("Hashable", kind))


def plain(value: Any) -> str:
    """Redis' bytes as text; what is no text names nothing, and is no reason to stop."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def whole(value: Any) -> int:
    """A number that Redis counts; 0 for what is none."""
    text = plain(value or 0)
    return int(text) if text.isdecimal() else 0
