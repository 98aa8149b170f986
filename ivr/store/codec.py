"""Records to JSON and back: dataclasses of simple fields, nothing clever."""

import json
from collections.abc import Hashable
from dataclasses import asdict
from enum import Enum
from functools import cache
from typing import Any, TypeVar, cast, get_type_hints

T = TypeVar("T")


def dump(record: Any) -> str:
    """A dataclass as JSON text."""
    return json.dumps(asdict(record), ensure_ascii=False, separators=(",", ":"))


def load(kind: type[T], text: str | bytes) -> T:
    """JSON text as a dataclass of simple fields; enum fields are restored."""
    fields = json.loads(text)
    hints = _hints(cast("Hashable", kind))
    return kind(**{name: _restore(hints[name], value) for name, value in fields.items()})


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    return get_type_hints(kind)


def _restore(hint: Any, value: Any) -> Any:
    return hint(value) if isinstance(hint, type) and issubclass(hint, Enum) else value


def plain(value: Any) -> str:
    """Redis' bytes as text; what is no text names nothing, and is no reason to stop."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def whole(value: Any) -> int:
    """A number that Redis counts; 0 for what is none."""
    text = plain(value or 0)
    return int(text) if text.isdecimal() else 0
