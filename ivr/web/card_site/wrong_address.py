"""What is answered where no route is: a page under /card, for people; else a problem document."""

from flask import Response, request
from werkzeug.exceptions import HTTPException

from ivr.web.card_site.pages import Desk
from ivr.web.problems import as_problem

SITE = "/card/"


class WrongAddress:
    """Answers an error that no blueprint answers, for it belongs to none."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def __call__(self, error: HTTPException) -> Response:
        if not f"{request.path}/".startswith(SITE):
            return as_problem(error).response()
        return self._desk.gate.guards(self._desk.page().refuses(error))
