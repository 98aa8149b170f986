"""What a deployment decides about loss reports."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Rules:
    """banks: the ids of the banks that can be told. suspension_seconds: 604 800 for 7 days."""

    banks: Collection[str]
    suspension_seconds: int
