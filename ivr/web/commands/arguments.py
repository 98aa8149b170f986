"""What operators type: moments and report numbers, in every way our commands print them."""

from datetime import UTC, datetime
from typing import Any

import click
from flask.cli import AppGroup
from redis.exceptions import RedisError

from ivr.cards.report_number import is_report_number
from ivr.store.archive import ArchiveError
from ivr.store.connection import why_not
from ivr.store.unreadable import UnreadableRecordError


class Moment(click.ParamType[float]):
    """A date or a time -> unix seconds. UTC, unless it says another offset."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Raises click's own error when it is none."""
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time like 2026-11-22T08:30:00Z or 2026-11-22", param, ctx)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


class ReportNumber(click.ParamType[str]):
    """A report number, with or without blanks in it."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Raises click's own error when it is none; it may be an ID number, so it is not shown."""
        number = "".join(str(value).split())
        if not is_report_number(number):
            self.fail("that is no report number: 8 digits, the last one a check digit", param, ctx)
        return number


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
