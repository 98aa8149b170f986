"""What a deployment decides about loss reports: the rules of its city."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Rules:
    """The defaults are the domain's (section 1).

    banks: the ids of the banks that can be told.
    suspension_seconds: 604 800 for 7 days.
    decoupling_ends_suspension: whether unblocking at an outlet restores social security at once.
    formal_loss_may_be_withdrawn: at the outlet that took it, until the card is replaced.
    report_may_be_renewed_after_release: whether a card whose report ran out may be reported again,
        while the bank still blocks it.
    channels: those that may report; None for all there are.
    subscribers: who else is told of suspended cards, and of which cities.
    """

    banks: Collection[str]
    suspension_seconds: int
    decoupling_ends_suspension: bool = False
    formal_loss_may_be_withdrawn: bool = False
    report_may_be_renewed_after_release: bool = True
    channels: Collection[str] | None = None
    subscribers: Mapping[str, Collection[str]] = field(default_factory=dict)
