"""Routes for what a tester may do to a bank and at its counter."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Blueprint, Response, abort, request

from simulator.page.banks import (
    PRESETS,
    VISITS,
    BankScreens,
    BankUnavailableError,
    UnknownAccountError,
)


def bank_routes(banks: BankScreens) -> Blueprint:
    """The routes under /simulator/banks."""
    routes = Blueprint("banks", __name__, url_prefix="/simulator/banks")

    @routes.post("/<bank>/behaviour")
    def set_behaviour(bank: str) -> Response:
        behaviour = _word("behaviour")
        if behaviour not in PRESETS:
            abort(422, f"behaviour: one of {', '.join(PRESETS)} was expected.")
        return _done(banks.set_behaviour, bank, behaviour)

    @routes.post("/<bank>/<visit>")
    def happens(bank: str, visit: str) -> Response:
        if visit not in VISITS:
            abort(404)
        return _done(partial(banks.happens, visit), bank, _word("account"))

    return routes


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
