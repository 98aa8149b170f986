"""What can be wrong, as codes; the edges pick the words.

CardsError
├── BadIdNumberError         .code: what is wrong with a keyed ID number
├── CardNotReportableError   a card whose state only a person may deal with
├── NotThisBanksError        a card or report this bank has nothing to do with
└── UnlawfulTransitionError  .state, .event: a step the block's table does not have
"""

from ivr.errors import HotlineError


class CardsError(HotlineError):
    """The base of everything this room raises."""


class BadIdNumberError(CardsError):
    """An ID number that cannot be one. Never carries the digits."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class CardNotReportableError(CardsError):
    """Only a card in its normal state may be reported lost (domain: 'card states')."""


class NotThisBanksError(CardsError):
    """The bank named a card or report that is unknown or another bank's: it learns not which."""


class UnlawfulTransitionError(CardsError):
    """A block cannot make this step."""

    def __init__(self, state: str, event: str) -> None:
        super().__init__(f"{event} is not possible when the block is {state}")
        self.state = state
        self.event = event
