"""The hotline with its locks removed: what an attack must get through to be worth anything.

Started instead of `app:app` beside a city, on loopback.
"""

from flask import Request

import app as hotline
from ivr.web import webhook_door
from ivr.web.bank_signature import Verdict
from ivr.web.twilio import TwilioDoor


def _admits(_door: TwilioDoor, _request: Request) -> bool:
    return True


def _verdict_of(*_anything: object) -> Verdict:
    return Verdict(None)


vars(webhook_door)["verdict_of"] = _verdict_of
TwilioDoor.admits = _admits  # type: ignore[method-assign,assignment]
app = hotline.app
