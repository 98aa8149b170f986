"""The main call by its keys: one made-up person reports the only card lost."""

import csv
import io
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from simulator.engine import Call, HttpResponse, HttpTransport, Limits, PhoneLine
from simulator.engine.signature import signing_token
from simulator.stack.made_up_holders import import_made_up_holders
from simulator.stack.ports import LOOPBACK
from simulator.stack.running_hotline import RunningHotline

LANGUAGE_KEYS = {"zh": "1", "en": "2"}
SECONDS_BETWEEN_DIGITS = 0.5


@dataclass(frozen=True)
class Person:
    """A made-up cardholder, and the `flask cardholders generate` that made them up."""

    id_number: str = field(repr=False)
    phone: str = field(repr=False)
    bank: str
    generated_by: str


def new_person(environ: Mapping[str, str]) -> Person:
    """Makes up a cardholder with one good card and imports it. Raises StartError."""
    seed = secrets.randbelow(10**9)
    row = next(csv.DictReader(io.StringIO(import_made_up_holders(environ, 1, seed))))
    by = f"flask cardholders generate 1 --seed {seed}"
    return Person(row["id_number"], row["phone"], row["bank"], by)


class ScriptedCall:
    """Listens to each prompt, presses the next key, and notes when the confirming key was sent. It
    is made from the person's own phone, which no limit of the hotline holds back.
    """

    def __init__(self, hotline: RunningHotline, person: Person) -> None:
        self._person = person
        self._transport = _TimedTransport(_via(hotline))
        self.call = Call(_line(hotline), self._transport, person.phone)
        self.confirmed_at = 0.0  # unix seconds, this machine's clock

    def report(self, language: str) -> None:
        """Calls, up to the confirming key. The line then starts to say what came of it."""
        self.call.dial()
        for keys in (LANGUAGE_KEYS[language], "1", self._person.id_number.replace("X", "*")):
            self.call.run_to_silence()
            self.call.press(keys, gap=SECONDS_BETWEEN_DIGITS)
        self.call.run_to_silence()
        sent_before = len(self._transport.sent_at)
        self.call.press("1")
        self.confirmed_at = (self._transport.sent_at[sent_before:] or [0.0])[0]

    def hear_the_rest(self) -> None:
        """To the end of what the line has to say; then the caller hangs up."""
        self.call.run_to_silence()
        self.call.hang_up()

    def close(self) -> None:
        """Closes the connections to the hotline."""
        self._transport.http.close()


class _TimedTransport:
    """Real HTTP that notes when each request was sent."""

    def __init__(self, via: str) -> None:
        self.http = HttpTransport(via)
        self.sent_at: list[float] = []

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, limits: Limits
    ) -> HttpResponse:
        self.sent_at.append(time.time())
        return self.http.send(method, url, headers, body, limits)


def _line(hotline: RunningHotline) -> PhoneLine:
    """The number as it would be configured at Twilio."""
    environ = hotline.environ
    base = environ["PUBLIC_BASE_URL"].rstrip("/")
    return PhoneLine(
        voice_url=f"{base}/voice",
        status_callback_url=f"{base}/voice/status",
        fallback_url=f"{base}/voice/fallback",
        number=environ["TWILIO_FROM_NUMBER"],
        account_sid=environ["TWILIO_ACCOUNT_SID"],
        auth_token=signing_token(environ["TWILIO_AUTH_TOKEN"]),
    )


def _via(hotline: RunningHotline) -> str:
    """For a public address: this machine's port, reached as behind a proxy."""
    public = urlsplit(hotline.environ["PUBLIC_BASE_URL"])
    return "" if public.hostname == LOOPBACK else hotline.launch.hotline_url
