"""What RQ logs of an outage of Redis, made short."""

import logging
import time

from ivr.store.connection import OUTAGE


class OneLinePerOutage(logging.Filter):
    """Lets RQ say that Redis cannot be reached once a minute, where it would each second."""

    def __init__(self, quiet_seconds: float = 60) -> None:
        super().__init__()
        self._quiet_seconds = quiet_seconds
        self._last_said = float("-inf")

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this line is worth printing; a broken connection needs no stack trace."""
        broken = record.exc_info is not None and isinstance(record.exc_info[1], OUTAGE)
        if not broken and "connect to Redis" not in str(record.msg):
            return True
        record.exc_info = None
        quiet = time.monotonic() - self._last_said < self._quiet_seconds
        self._last_said = self._last_said if quiet else time.monotonic()
        return not quiet
