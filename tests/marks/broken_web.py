"""The web with faults of ours in it: errors whose words hold a caller's numbers, at every height.

Started instead of `app:app`, beside a city.
"""

from typing import Any
from urllib.parse import unquote

import app as hotline
from ivr.cards.acts.report import ReportRequest
from ivr.cards.bank_event import BankEvent
from ivr.service import CardService
from ivr.store.known import KnownHolder


def _report_loss(_service: CardService, _request: ReportRequest, seen: KnownHolder) -> None:
    holder = seen.holder
    raise ValueError(f"{holder.id_number} {holder.name} {holder.phone} {holder.cards}")


def _hear(_service: CardService, event: BankEvent) -> None:
    raise KeyError(event.card_number)


setattr(CardService, "report_loss", _report_loss)  # noqa: B010 (not a method of this shape)
setattr(CardService, "hear", _hear)  # noqa: B010
_flask = hotline.app


def app(environ: dict[str, Any], start_response: Any) -> Any:
    """Outside of Flask too, where only the web server can say what happened."""
    if environ["PATH_INFO"] == "/falls":
        raise RuntimeError(unquote(environ["QUERY_STRING"]))
    return _flask(environ, start_response)
