"""Records to JSON and back: dataclasses of simple fields, nothing clever."""

from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar, cast

import msgspec

T = TypeVar("T")
_ENCODER = msgspec.json.Encoder()


def dump(record: Any) -> bytes:
    """A dataclass as JSON text."""
    return _ENCODER.encode(record)


def load(kind: type[T], text: str | bytes) -> T:
    """JSON text as a dataclass; every field is checked against its type.

    Raises:
        ValueError: it is no such record; the error repeats nothing of it.
    """
    decoder: msgspec.json.Decoder[T] = _decoder(cast("Hashable", kind))
    try:
        return decoder.decode(text)
    except msgspec.MsgspecError:
        raise ValueError(f"no {kind.__name__}") from None


@cache
def _decoder(kind: type[Any]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def plain(value: Any) -> str:
    """Redis' bytes as text; what is no text names nothing, and is no reason to stop."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def whole(value: Any) -> int:
    """A number that Redis counts; 0 for what is none."""
    text = plain(value or 0)
    return int(text) if text.isdecimal() else 0
