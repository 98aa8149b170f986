"""What a tester may do at the bank's counter, as routes."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, abort, request

from simulator.page.banks import MOODS, BankScreens, BankUnavailableError, UnknownAccountError


def bank_doors(banks: BankScreens) -> Blueprint:
    """The routes under /simulator/banks."""
    doors = Blueprint("banks", __name__, url_prefix="/simulator/banks")

    @doors.post("/<bank>/mood")
    def becomes(bank: str) -> Response:
        mood = _word("mood")
        if mood not in MOODS:
            abort(422, f"mood: one of {', '.join(MOODS)} was expected.")
        return _done(banks.becomes, bank, mood)

    @doors.post("/<bank>/unblock")
    def unblocks(bank: str) -> Response:
        return _done(banks.unblocks, bank, _word("account"))

    @doors.post("/<bank>/formal-loss")
    def loses_formally(bank: str) -> Response:
        return _done(banks.reports_formal_loss, bank, _word("account"))

    return doors


def _done(act: Callable[[str, str], None], bank: str, told: str) -> Response:
    try:
        act(bank, told)
    except UnknownAccountError:
        abort(404, "There is no such account.")
    except BankUnavailableError as error:
        abort(502, f"The sandbox bank: {error}")
    return Response(status=204)


def _word(name: str) -> str:
    told: Any = request.get_json()
    value = told.get(name) if isinstance(told, dict) else None
    return value if isinstance(value, str) else abort(422, f"{name} was expected.")
