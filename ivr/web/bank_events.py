"""What each type of bank event looks like (one row each), and what is wrong with other bodies."""

import codecs
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal, Union

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    create_model,
)
from pydantic_core import PydanticCustomError

from ivr.cards.bank_event import (
    BLOCKED,
    FORMAL_LOSS,
    FORMAL_WITHDRAWN,
    LAPSED,
    REPLACED,
    TEMPORARY_LOSS,
    UNBLOCKED,
    BankEvent,
)
from ivr.web.bank_signature import TOLERANCE_SECONDS
from ivr.web.problems import Problem

AHEAD: Final = timedelta(seconds=TOLERANCE_SECONDS)
EARLIEST_YEAR: Final = 1990
RFC_3339: Final = re.compile(
    "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})"
)


def _written_out(value: Any) -> Any:
    """pydantic would take "1795334400" and "2026-11-22" as well."""
    if not isinstance(value, str) or not RFC_3339.fullmatch(value):
        raise PydanticCustomError("moment", "must be like 2026-11-22T08:30:00Z (RFC 3339)")
    return value


def _by_a_right_clock(moment: datetime) -> datetime:
    """News from the future would overtake what is still to come, and a clock that was never set
    would make all its bank tells stale.
    """
    if moment > datetime.now(UTC) + AHEAD:
        raise PydanticCustomError("ahead", "lies more than 5 minutes in the future")
    if moment.year < EARLIEST_YEAR:
        raise PydanticCustomError("long_ago", f"lies before {EARLIEST_YEAR}")
    return moment


_Moment = Annotated[
    AwareDatetime,
    Field(strict=False),
    BeforeValidator(_written_out),
    AfterValidator(_by_a_right_clock),
]


class _Strict(BaseModel):
    """Exact types; unknown fields are ignored, because the contract may grow."""

    model_config = ConfigDict(strict=True)


class AboutReport(_Strict):
    """News of a report of ours."""

    report_number: str = Field(pattern=r"^[0-9]{8}$")


class OneCard(_Strict):
    """A card, and nothing else."""

    card_number: str = Field(pattern=r"^[0-9A-Za-z]{1,64}$")


class AboutCard(OneCard):
    """News of a card."""

    at: _Moment


class AtAnOutlet(AboutCard):
    """News of a card, from an outlet."""

    outlet: str = Field(max_length=200)


class NewCard(AboutCard):
    """Another card in place of this one, with numbers as the directory of cardholders has them."""

    new_card_number: str = Field(pattern=r"^[0-9A-Za-z]{8,32}$")
    new_bank_account: str = Field(pattern=r"^[0-9]{8,32}$")


Shapes = Mapping[str, type[AboutReport] | type[AboutCard]]

SHAPES: Final[Shapes] = {
    BLOCKED: AboutReport,
    UNBLOCKED: AtAnOutlet,
    FORMAL_LOSS: AtAnOutlet,
    TEMPORARY_LOSS: AboutCard,
    LAPSED: AboutCard,
    FORMAL_WITHDRAWN: AtAnOutlet,
    REPLACED: NewCard,
}


class EventReader:
    """Reads events of these types, whose bodies were signed."""

    def __init__(self, shapes: Mapping[str, type[_Strict]] = SHAPES) -> None:
        self._types = list(shapes)
        events = tuple(_event(kind, shape) for kind, shape in shapes.items())
        any_of_them: Any = Annotated[Union[events], Field(discriminator="type")]  # noqa: UP007
        self._any = TypeAdapter[Any](any_of_them)

    def read(self, bank: str, event_id: str, body: bytes) -> BankEvent:
        """The bank's event in a request. Raises as `parsed`."""
        told = self.parsed(body)
        if isinstance(told.data, AboutReport):
            at = int(told.timestamp.timestamp())
            number = told.data.report_number
            return BankEvent(event_id, bank, told.type, at, report_number=number)
        data = told.data
        return BankEvent(
            event_id,
            bank,
            told.type,
            int(data.at.timestamp()),
            card_number=data.card_number.upper(),  # as the directory keeps it
            outlet=getattr(data, "outlet", ""),
            new_card_number=getattr(data, "new_card_number", "").upper(),
            new_bank_account=getattr(data, "new_bank_account", ""),
        )

    def parsed(self, body: bytes) -> Any:
        """What a request says: `type`, `timestamp`, and `data` in the shape of the type.

        Raises:
            Problem: 422, naming the encoding if it is not UTF-8, or the fields that are wrong but
                never their values.
        """
        text = body.removeprefix(codecs.BOM_UTF8)  # RFC 8259 section 8.1: may be passed over
        _check_encoding(text)
        try:
            return self._any.validate_json(text)
        except ValidationError as error:
            raise Problem(422, self._what_is_wrong(error)) from None

    def _what_is_wrong(self, error: ValidationError) -> str:
        """Field names and rules, one for each fault."""
        found = error.errors(include_input=False, include_url=False, include_context=False)
        return "; ".join(self._fault(e["loc"], e["type"], e["msg"]) for e in found)

    def _fault(self, place: tuple[int | str, ...], kind: str, rule: str) -> str:
        """The first part of a place is the event's type."""
        if kind in ("union_tag_invalid", "union_tag_not_found"):  # pydantic would repeat what came
            return f"type: must be one of {', '.join(self._types)}"
        return f"{'.'.join(str(part) for part in place[1:]) or 'body'}: {rule}"


def _check_encoding(body: bytes) -> None:
    """Whoever signed it meant it: what is wrong is the encoding, and that can be mended.

    Raises:
        Problem: 422.
    """
    looks_like = json.detect_encoding(body).upper()[:6]  # UTF-16 or UTF-32, of either order
    if looks_like.startswith("UTF-8"):
        if _is(body, "utf-8"):
            return
        is_packed = body.startswith(b"\x1f\x8b")
        looks_like = "gzip" if is_packed else "GBK or GB18030" if _is(body, "gb18030") else ""
    hint = f"; this looks like {looks_like}" if looks_like else ""
    raise Problem(422, f"body: must be UTF-8{hint}.")


def _is(body: bytes, encoding: str) -> bool:
    try:
        body.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _event(kind: str, shape: type[_Strict]) -> type[BaseModel]:
    fields: dict[str, Any] = {
        "type": (Literal.__getitem__(kind), ...),
        "timestamp": (_Moment, ...),
        "data": (shape, ...),
    }
    return create_model(kind, __base__=_Strict, **fields)
