"""What operators type: moments and report numbers, in every way our commands print them."""

import re
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

import click
from flask.cli import AppGroup
from redis.exceptions import RedisError

from ivr.cards.report_number import is_report_number
from ivr.store.archive import ArchiveError
from ivr.store.connection import why_not
from ivr.store.outbox import NOTICE_ID
from ivr.store.unreadable import UnreadableRecordError

MOST_WORDS: Final = 200
_CALLBACK_ID: Final = re.compile("[0-9A-Za-z_-]{22}")
_PERSONAL: Final = re.compile(r"[0-9]{9}")  # a report number has 8 places


class Moment(click.ParamType[float]):
    """A date or a time -> unix seconds, in the zone unless it says another offset."""

    name = "time"

    def __init__(self, zone: tzinfo = UTC) -> None:
        self._zone = zone

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Raises click's own error when it is none."""
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time like 2026-11-22T08:30:00Z or 2026-11-22", param, ctx)
        return (moment if moment.tzinfo else moment.replace(tzinfo=self._zone)).timestamp()


class ReportNumber(click.ParamType[str]):
    """A report number, with or without blanks in it."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Raises click's own error when it is none; it may be an ID number, so it is not shown."""
        number = "".join(str(value).split())
        if not is_report_number(number):
            self.fail("that is no report number: 8 digits, the last one a check digit", param, ctx)
        return number


class NoticeId(click.ParamType[str]):
    """A notice's id, as our lists show it."""

    name = "notice_id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Raises click's own error when it is none; it may be a card number, so it is not shown."""
        if not NOTICE_ID.fullmatch(str(value)):
            self.fail("that is no notice's id, like ntc-…", param, ctx)
        return str(value)


class CallbackId(click.ParamType[str]):
    """A call-back's id, as `flask callbacks list` shows it."""

    name = "callback_id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Raises click's own error when it is none; it may be a phone number, so it is not
        shown.
        """
        if not _CALLBACK_ID.fullmatch(str(value)):
            self.fail("that is no call-back's id, as `flask callbacks list` shows it", param, ctx)
        return str(value)


class Words(click.ParamType[str]):
    """A name or a reason for the journal, which keeps nothing personal."""

    name = "words"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Raises click's own error; what may be an ID number is not shown."""
        words = " ".join(str(value).split())
        if not words or len(words) > MOST_WORDS or not words.isprintable():
            self.fail(f"write 1 to {MOST_WORDS} characters", param, ctx)
        if _PERSONAL.search(words):
            self.fail(
                "no number of a person, a card or a phone: it stays in the journal", param, ctx
            )
        return words


class Commands(AppGroup):
    """Says in one line that Redis is away, or which record or file cannot be read, where click
    would show a stack trace.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """A command of the group."""
        try:
            return super().invoke(ctx)
        except (UnreadableRecordError, ArchiveError) as error:
            raise click.ClickException(f"{error}.") from None
        except RedisError as error:
            raise click.ClickException(f"{why_not(error)}.") from None


def shown(text: str) -> str:
    """What others chose cannot move the cursor of who reads it."""
    return "".join(c if c.isprintable() else "?" for c in text)
