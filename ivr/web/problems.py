"""Errors for machines: RFC 9457 problem documents, with what was wrong and what to do."""

from collections.abc import Iterable

from flask import Response, jsonify
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.http import HTTP_STATUS_CODES

from ivr.errors import HotlineError


class Problem(HotlineError):  # noqa: N818 (the RFC's own word)
    """Ends a request with a problem document."""

    def __init__(
        self,
        status: int,
        detail: str,
        retry_after: int | None = None,
        allow: Iterable[str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.retry_after = retry_after
        self.allow = allow

    def response(self) -> Response:
        """The document, as application/problem+json."""
        answer = jsonify(
            title=HTTP_STATUS_CODES[self.status], status=self.status, detail=self.detail
        )
        answer.status_code = self.status
        answer.content_type = "application/problem+json"
        if self.retry_after is not None:
            answer.headers["Retry-After"] = str(self.retry_after)
        if self.allow is not None:
            answer.headers["Allow"] = ", ".join(sorted(self.allow))
        return answer


def as_problem(error: HTTPException) -> Problem:
    """What Flask itself found wrong with a request."""
    status = error.code or 500
    allow = error.valid_methods if isinstance(error, MethodNotAllowed) else None
    return Problem(status, error.description or "", allow=allow)
