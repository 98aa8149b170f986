"""What the web server itself logs of requests it cannot read: that there was one, never what."""

import logging
from collections.abc import Iterator

import pytest
from gunicorn.config import Config

from ivr.web.gunicorn_log import QuietLogger

ID_NUMBER = "11010519491231002X"


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[QuietLogger]:
    """gunicorn's logger as it makes it, heard by `caplog`."""
    log = QuietLogger(Config())  # type: ignore[no-untyped-call]
    log.error_log.addHandler(caplog.handler)
    yield log
    log.error_log.removeHandler(caplog.handler)


def test_a_request_it_cannot_read_is_an_event_without_content(
    log: QuietLogger, caplog: pytest.LogCaptureFixture
) -> None:
    try:
        int(f"Digits={ID_NUMBER}")
    except ValueError as error:
        log.warning(f"Invalid request from ip=::1: {error}")
    assert caplog.messages == ["Invalid request from ip=::1: ValueError"]


def test_other_warnings_are_as_they_were(
    log: QuietLogger, caplog: pytest.LogCaptureFixture
) -> None:
    log.warning("Worker with pid %s was terminated", 7)
    assert caplog.messages == ["Worker with pid 7 was terminated"]


def test_an_error_is_its_kind_and_place(log: QuietLogger, caplog: pytest.LogCaptureFixture) -> None:
    try:
        int(ID_NUMBER)
    except ValueError:
        log.exception("Error handling request %s %s", "GET", f"/x?id={ID_NUMBER}")
    (line,) = caplog.messages
    assert line.startswith("Error handling request {'error': 'ValueError', 'at': 'test_gunicorn")
    assert caplog.records[0].levelno == logging.ERROR
    assert ID_NUMBER not in caplog.text
