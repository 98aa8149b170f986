"""How a sandbox bank behaves towards the next notices: well, slowly, not at all, absurdly.

A bank's mix is a list of behaviours. For each notice the bank uses the first one whose probability
and count allow it, and behaves normally if none does.
"""

import random
import threading
import time
from typing import Annotated, Any, ClassVar, Literal

from flask import Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from werkzeug.http import http_date

from simulator.bank import broken_answers

Seconds = Annotated[float, Field(gt=0, le=3600)]
MEGABYTE_OF_NONSENSE = b"<html>\xff\xfe nothing a bank should say </html>\n" * 25_000


class BehaviourError(Exception):
    """Not a behaviour; `faults` says where and why, a line each."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class Behaviour(BaseModel):
    """What all have in common. `effect` overrides whether the notice is carried out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    probability: float = Field(default=1, gt=0, le=1)
    count: int | None = Field(default=None, ge=1, description="for the next so many notices")
    effect: bool | None = None
    carries_out: ClassVar[bool] = True

    def is_carried_out(self) -> bool:
        """Is the notice carried out, whatever is answered?"""
        return self.carries_out if self.effect is None else self.effect

    def seconds_before(self) -> float:
        """How long the bank waits before it carries the notice out."""
        return 0

    def seconds_after(self) -> float:
        """How long the bank waits between carrying out and answering."""
        return 0

    def answer(self, own: Response) -> Response:
        """What is sent instead of the bank's own answer."""
        return own


class Normal(Behaviour):
    kind: Literal["normal"] = "normal"


class Slow(Behaviour):
    """Waits, carries out, answers."""

    kind: Literal["slow"] = "slow"
    seconds: Seconds

    def seconds_before(self) -> float:
        return self.seconds


class Late(Behaviour):
    """Carries out at once, answers after the sender has given up."""

    kind: Literal["late"] = "late"
    seconds: Seconds

    def seconds_after(self) -> float:
        return self.seconds


class AcknowledgeLater(Behaviour):
    """Answers 202 "received"; the acknowledgement follows as an event."""

    kind: Literal["acknowledge_later"] = "acknowledge_later"
    after_seconds: float = Field(ge=0, le=86400)


class Fail(Behaviour):
    """An answer the hotline must try again after: 408, 425 or 5xx."""

    kind: Literal["fail"] = "fail"
    status: Literal[408, 425, 500, 501, 502, 503, 504, 507, 599] = 500
    carries_out: ClassVar[bool] = False

    def answer(self, own: Response) -> Response:  # noqa: ARG002
        return Response("the sandbox bank fails as it was told to\n", self.status)


class Refuse(Behaviour):
    """An answer the hotline must not try again after."""

    kind: Literal["refuse"] = "refuse"
    status: int = Field(default=422, ge=400, le=499)
    carries_out: ClassVar[bool] = False

    def answer(self, own: Response) -> Response:  # noqa: ARG002
        return Response('{"status": "refused"}', self.status, mimetype="application/json")


class Throttle(Behaviour):
    """429 with Retry-After, in seconds or as an HTTP date (RFC 9110, 10.2.3)."""

    kind: Literal["throttle"] = "throttle"
    retry_after: int = Field(default=5, ge=0, le=86400)
    as_date: bool = False
    carries_out: ClassVar[bool] = False

    def answer(self, own: Response) -> Response:  # noqa: ARG002
        when = http_date(time.time() + self.retry_after) if self.as_date else str(self.retry_after)
        return Response("too many notices\n", 429, {"Retry-After": when})


class Redirect(Behaviour):
    """302; whoever follows is told "blocked" by a page that blocks nothing."""

    kind: Literal["redirect"] = "redirect"
    location: str = "elsewhere"
    carries_out: ClassVar[bool] = False

    def answer(self, own: Response) -> Response:  # noqa: ARG002
        return Response("", 302, {"Location": self.location})


class Garbage(Behaviour):
    """Carries out, then answers nonsense: 200 and a megabyte, no HTTP at all, or half an answer."""

    kind: Literal["garbage"] = "garbage"
    form: Literal["megabyte", "broken", "cut"] = "megabyte"

    def answer(self, own: Response) -> Response:  # noqa: ARG002
        if self.form == "megabyte":
            return Response(MEGABYTE_OF_NONSENSE, 200, mimetype="text/html")
        if self.form == "broken":
            return broken_answers.send_raw(b"BANK/0 \xff\x00 banana\r\n: :\r\n\r\n")
        half = b'HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{"status": "bl'
        return broken_answers.send_raw(half)


class Reset(Behaviour):
    """Takes the connection and resets it."""

    kind: Literal["reset"] = "reset"
    carries_out: ClassVar[bool] = False

    def answer(self, own: Response) -> Response:  # noqa: ARG002
        return broken_answers.reset()


class Hang(Behaviour):
    """Never answers."""

    kind: Literal["hang"] = "hang"
    carries_out: ClassVar[bool] = False

    def answer(self, own: Response) -> Response:  # noqa: ARG002
        return broken_answers.stay_silent()


class Down(Behaviour):
    """Closes every connection at once and keeps no record, as if nobody were there."""

    kind: Literal["down"] = "down"
    effect: Literal[None] = None
    carries_out: ClassVar[bool] = False

    def answer(self, own: Response) -> Response:  # noqa: ARG002
        return broken_answers.close()


AnyBehaviour = Annotated[
    Normal
    | Slow
    | Late
    | AcknowledgeLater
    | Fail
    | Refuse
    | Throttle
    | Redirect
    | Garbage
    | Reset
    | Hang
    | Down,
    Field(discriminator="kind"),
]
Mix = tuple[AnyBehaviour, ...]
_mix: TypeAdapter[Mix] = TypeAdapter(Mix)


def read_mix(told: Any) -> Mix:
    """A behaviour or a list of them, as JSON has it -> the mix. Raises BehaviourError."""
    try:
        return _mix.validate_python(told if isinstance(told, list) else [told])
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False)
        raise BehaviourError(
            [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults]
        ) from None


class CurrentMix:
    """One bank's present mix; it may be changed while notices arrive."""

    def __init__(self, mix: Mix = ()) -> None:
        self._mix = mix
        self._lock = threading.Lock()

    def replace(self, mix: Mix) -> None:
        """From the next notice on."""
        with self._lock:
            self._mix = mix

    def next(self) -> Behaviour:
        """The behaviour towards the next notice; its count, if it has one, goes down."""
        with self._lock:
            for place, behaviour in enumerate(self._mix):
                if random.random() < behaviour.probability:
                    self._count_down(place, behaviour)
                    return behaviour
            return Normal()

    def as_json(self) -> list[dict[str, Any]]:
        """The mix with what is left of each count; empty = normal."""
        with self._lock:
            return [behaviour.model_dump(exclude_none=True) for behaviour in self._mix]

    def _count_down(self, place: int, behaviour: AnyBehaviour) -> None:
        if behaviour.count is None:
            return
        left = behaviour.count - 1
        rest = (behaviour.model_copy(update={"count": left}),) if left else ()
        self._mix = (*self._mix[:place], *rest, *self._mix[place + 1 :])
