"""One JSON line for every event, on standard error, the same from every process.

Only the kind and place of an error are logged, because its text and the values of variables may
hold an ID number.
"""

import logging
import sys
import traceback
from pathlib import Path
from typing import Any

import structlog


def configure_logs() -> None:
    """Called once by every process that logs."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso"),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _instead_of_the_traceback,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    logging.basicConfig(level=logging.INFO, handlers=[lines])


def fault(error: BaseException) -> dict[str, str]:
    """The error's kind, and where it was raised: function and line, outermost first."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in frames]
    return {"error": type(error).__name__, "at": " > ".join(places)}


def _instead_of_the_traceback(_logger: Any, _name: str, event: Any) -> Any:
    """A structlog processor, for the libraries' log lines too."""
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    return {**event, **fault(error)} if isinstance(error, BaseException) else event
