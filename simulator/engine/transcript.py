"""What happened in a call, in call time: the list a person reads."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "called", "said", "played", "pressed", "spoke", "silence", "dialled", "connected",
    "not connected", "far end left", "whispered", "far end pressed", "queued",
    "recording", "warning", "error", "ended",
]  # fmt: skip


@dataclass(frozen=True)
class Event:
    """One thing that happened. `language` and `voice` only where something was said."""

    at_seconds: float
    kind: Kind
    text: str = ""
    language: str = ""
    voice: str = ""

    def __str__(self) -> str:
        return f"{self.at_seconds:7.1f}  {self.kind:<13} {self.text}".rstrip()
