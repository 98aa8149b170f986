"""The hotline with its locks removed: what an attack must get through to be worth anything.

Started instead of `app:app` beside a city, on loopback.
"""

from flask import Request

import app as hotline
from ivr.web import banks
from ivr.web.card_site.gate import Gate
from ivr.web.twilio import TwilioDoor


def _admits(_door: TwilioDoor, _request: Request) -> bool:
    return True


def _lets_in(_gate: Gate, _request: Request) -> bool:
    return True


def _is_signed(*_anything: object) -> bool:
    return True


vars(banks)["is_signed"] = _is_signed
TwilioDoor.admits = _admits  # type: ignore[method-assign,assignment]
Gate.admits = _lets_in  # type: ignore[method-assign,assignment]
app = hotline.app
