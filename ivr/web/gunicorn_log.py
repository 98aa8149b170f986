"""The web server's own log lines, without what a request said: callers' keys may be in it."""

import sys
from typing import Any, Final

from gunicorn.glogging import Logger

from ivr.logs import fault

_INVALID: Final = "Invalid request from ip="


class QuietLogger(Logger):
    """For gunicorn's --logger-class. Logs every event, but only the kind and place of an error."""

    def warning(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """Leaves out the request line or header that gunicorn could not read and puts in here."""
        if str(msg).startswith(_INVALID):
            address = str(msg).removeprefix(_INVALID).partition(": ")[0]
            msg, args = "%s%s: %s", (_INVALID, address, type(sys.exception()).__name__)
        self.error_log.warning(msg, *args, **kwargs)

    def exception(self, msg: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Leaves out the URL, which gunicorn puts in here, and the error's text."""
        error = sys.exception()
        told = fault(error) if error else {}
        self.error_log.error("%s %s", str(msg).partition(" %")[0], told)
