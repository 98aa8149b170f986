"""What can be wrong with cards, as codes; each channel chooses the words."""

from ivr.errors import HotlineError


class CardsError(HotlineError):
    """The base of every exception of this package."""


class BadIdNumberError(CardsError):
    """An ID number that cannot be one. Never carries the digits."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class FormalLossStaysError(CardsError):
    """The rules of this city do not let a formal loss be withdrawn."""


class NotThisBanksError(CardsError):
    """The bank named a card or report that is unknown or another bank's; it never learns which."""


class ReportNotThereYetError(NotThisBanksError):
    """Perhaps a failover lost the report for a moment: it will be on record again."""


class ReusedEventIdError(CardsError):
    """The bank gave one id to two events: the second is neither a repetition nor believed."""


class TooManyEventsError(CardsError):
    """The bank has told more in one minute than it may; nothing of this event was kept."""


class UnknownCardError(CardsError):
    """The directory has no such holder with such a card, or has not any more."""


class UnlawfulTransitionError(CardsError):
    """A block cannot make this step."""

    def __init__(self, state: str, event: str) -> None:
        super().__init__(f"{event} is not possible when the block is {state}")
        self.state = state
        self.event = event
