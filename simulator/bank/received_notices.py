"""Reads and checks the notices a bank receives (docs/bank-api.md).

The holder is masked while the body is read: no other module sees an ID number or a name.
"""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
)


class UnreadableNoticeError(Exception):
    """Not a notice of the contract. `faults`: {"where", "why"}, without any value from the body."""

    def __init__(self, faults: list[dict[str, str]]) -> None:
        super().__init__(f"{len(faults)} faults in a notice")
        self.faults = faults


def masked_name(name: str) -> str:
    """张三丰 -> 张**"""
    return name[0] + "*" * (len(name) - 1)


def last_four(number: str) -> str:
    """The only part of an ID number that is kept."""
    return number[-4:]


class Strict(BaseModel):
    """Exact types, unknown fields ignored: the contract may grow."""

    model_config = ConfigDict(frozen=True, strict=True, hide_input_in_errors=True)


CardNumber = Annotated[str, Field(pattern=r"^[0-9A-Za-z]{4,32}$", repr=False)]
ReportNumber = Annotated[str, Field(pattern=r"^[0-9]{8}$")]


class Card(Strict):
    number: CardNumber
    bank_account: CardNumber
    city_code: str = Field(pattern=r"^[0-9]{6}$")


class Holder(Strict):
    """Already masked: `social_security_number` holds the last 4, `name` the family name."""

    social_security_number: Annotated[
        str, Field(pattern=r"^[0-9]{17}[0-9X]$"), AfterValidator(last_four)
    ]
    name: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(masked_name)]


class LossReport(Strict):
    report_number: ReportNumber
    kind: Literal["temporary"]
    action: Literal["block_financial_function"]
    reported_at: AwareDatetime
    social_security_release_at: AwareDatetime
    channel: str = Field(min_length=1)
    card: Card
    holder: Holder
    test: bool = False  # sent by the bank to itself: about nobody


class Release(Strict):
    report_number: ReportNumber


class ReceivedNotice(Strict):
    """What all notices have. Enough for a ping, and for a type that this bank does not know."""

    type: str = Field(min_length=1, max_length=100)
    timestamp: AwareDatetime

    def report_number(self) -> str | None:
        """None where there is no report."""
        return None


class LossReported(ReceivedNotice):
    type: Literal["card.loss_reported"]
    data: LossReport

    def report_number(self) -> str:
        return self.data.report_number


class ToldLater(ReceivedNotice):
    """What became of a report, for information."""

    type: Literal["card.loss_released", "card.report_disputed", "card.report_withdrawn"]
    data: Release

    def report_number(self) -> str:
        return self.data.report_number


KNOWN: dict[str, type[ReceivedNotice]] = {
    "card.loss_reported": LossReported,
    "card.loss_released": ToldLater,
    "card.report_disputed": ToldLater,
    "card.report_withdrawn": ToldLater,
}


def read_notice(body: bytes) -> ReceivedNotice:
    """The notice in a body. Raises UnreadableNoticeError."""
    try:
        kind = ReceivedNotice.model_validate_json(body).type
        return KNOWN.get(kind, ReceivedNotice).model_validate_json(body)
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False, include_context=False)
        raise UnreadableNoticeError([_fault(fault) for fault in faults]) from None


def _fault(fault: Any) -> dict[str, str]:
    return {"where": ".".join(map(str, fault["loc"])), "why": fault["msg"]}
