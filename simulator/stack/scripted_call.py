"""The main call by its keys: one made-up person reports the only card lost."""

import csv
import io
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from simulator.engine import Call, HttpResponse, HttpTransport, Limits, PhoneLine
from simulator.stack.borrowed import Hotline
from simulator.stack.launcher import CHECKOUT
from simulator.stack.ports import LOOPBACK
from simulator.stack.problem import StartError

LANGUAGE_KEYS = {"zh": "1", "en": "2"}
SECONDS_BETWEEN_DIGITS = 0.5


@dataclass(frozen=True)
class Person:
    """A made-up cardholder, and the `flask cardholders generate` that made them up."""

    id_number: str = field(repr=False)
    bank: str
    generated_by: str


def new_person(environ: Mapping[str, str]) -> Person:
    """Makes up a cardholder with one good card and imports it. Raises StartError."""
    generate = ["generate", "1", "--seed", str(secrets.randbelow(10**9))]
    lines = _cardholders(environ, generate, "")
    _cardholders(environ, ["import", "-"], lines)
    row = next(csv.DictReader(io.StringIO(lines)))
    return Person(row["id_number"], row["bank"], f"flask cardholders {' '.join(generate)}")


def _cardholders(environ: Mapping[str, str], command: list[str], text: str) -> str:
    flask = [sys.executable, "-m", "flask", "--app", "app", "cardholders"]
    done = subprocess.run(
        [*flask, *command],
        cwd=CHECKOUT,
        env=environ,
        input=text,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        raise StartError(f"flask cardholders {command[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


class ScriptedCall:
    """Listens to each prompt, presses the next key, and notes when the confirming key was sent."""

    def __init__(self, hotline: Hotline) -> None:
        self._transport = _TimedTransport(_via(hotline))
        self.call = Call(_line(hotline), self._transport)
        self.confirmed_at = 0.0  # unix seconds, this machine's clock

    def report(self, person: Person, language: str) -> None:
        """Up to the confirming key; the line is now saying what came of it."""
        self.call.dial()
        for keys in (LANGUAGE_KEYS[language], "1", person.id_number.replace("X", "*")):
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


def _line(hotline: Hotline) -> PhoneLine:
    """The number as it would be configured at Twilio."""
    environ = hotline.environ
    base = environ["PUBLIC_BASE_URL"].rstrip("/")
    return PhoneLine(
        voice_url=f"{base}/voice",
        status_callback_url=f"{base}/voice/status",
        fallback_url=f"{base}/voice/fallback",
        number=environ["TWILIO_FROM_NUMBER"],
        account_sid=environ["TWILIO_ACCOUNT_SID"],
        auth_token=environ["TWILIO_AUTH_TOKEN"],
    )


def _via(hotline: Hotline) -> str:
    """A public address is played by a proxy in front of this machine's port."""
    public = urlsplit(hotline.environ["PUBLIC_BASE_URL"])
    return "" if public.hostname == LOOPBACK else hotline.launch.hotline_url
