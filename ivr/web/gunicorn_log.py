"""The web server's own log lines, without what a request said: callers' keys may be in it."""

import sys
from typing import Any, Final

from gunicorn.glogging import Logger

from ivr.logs import fault

_INVALID: Final = "Invalid request from ip="


class QuietLogger(Logger):
    """For gunicorn's --logger-class. Every event stays; of an error only its kind and place do."""

    def warning(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """gunicorn puts the request line or header it could not read into this text."""
        if str(msg).startswith(_INVALID):
            address = str(msg).removeprefix(_INVALID).partition(": ")[0]
            msg, args = "%s%s: %s", (_INVALID, address, type(sys.exception()).__name__)
        self.error_log.warning(msg, *args, **kwargs)

    def exception(self, msg: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """gunicorn names the URL here, and the traceback would end in the error's text."""
        error = sys.exception()
        told = fault(error) if error else {}
        self.error_log.error("%s %s", str(msg).partition(" %")[0], told)
