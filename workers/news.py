"""Tells operators of what changed: a warning when something goes wrong, one when it is well."""

from collections.abc import Iterable

import structlog

from ivr.logs import fault
from ivr.store.troubles import News

log = structlog.get_logger("workers")


def tell(news: Iterable[News]) -> None:
    """One log line for each."""
    for told in news:
        log.warning(told.event, **told.fields)


def tell_fault(event: str, error: Exception, **more: str) -> None:
    """One log line for an error: its kind and place, for its text may hold an ID number."""
    log.error(event, **more, **fault(error))
