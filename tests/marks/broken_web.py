"""The web with faults of ours in it: errors whose words hold a caller's numbers, at every height.

Started instead of `app:app`, beside a city.
"""

from typing import Any
from urllib.parse import unquote

import app as hotline
from ivr.cards.bank_event import BankEvent
from ivr.service import CardService
from ivr.store.known import KnownHolder


def _breaks(_service: CardService, *told: Any, **more: Any) -> None:
    """With all that it was told in its words."""
    holders = [one.holder for one in told if isinstance(one, KnownHolder)]
    cards = [one.card_number for one in told if isinstance(one, BankEvent)]
    raise ValueError(f"{holders} {cards} {told} {more}")


setattr(CardService, "report_loss", _breaks)  # noqa: B010 (not a method of this shape)
setattr(CardService, "hear", _breaks)  # noqa: B010
_flask = hotline.app


def app(environ: dict[str, Any], start_response: Any) -> Any:
    """Outside of Flask too, where only the web server can say what happened."""
    if environ["PATH_INFO"] == "/falls":
        raise RuntimeError(unquote(environ["QUERY_STRING"]))
    return _flask(environ, start_response)
