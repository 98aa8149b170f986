"""One line at full speed: signed as Twilio signs, on a connection that stays open, no pauses."""

import http.client
import secrets
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlencode, urlsplit

from simulator.engine.phone_line import PhoneLine, standard_parameters
from simulator.engine.signature import sign
from tests.faults.city import ACCOUNT, TOKEN

SIGNATURE = "X-Twilio-Signature"
FORM_TYPE = "application/x-www-form-urlencoded; charset=UTF-8"


@dataclass(frozen=True)
class Sent:
    """A request as it went over the wire."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Door:
    """A kept-open connection to a web server; opened again when the server has closed it."""

    def __init__(self, base_url: str, seconds: float = 20) -> None:
        self.base_url = base_url
        self._line = http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=seconds)

    def sends(self, sent: Sent) -> Answer:
        """Raises OSError or http.client.HTTPException when nothing came back."""
        try:
            return self._once(sent)
        except (http.client.HTTPException, ConnectionError):
            self.closes()
            return self._once(sent)

    def closes(self) -> None:
        self._line.close()

    def _once(self, sent: Sent) -> Answer:
        self._line.request(sent.method, sent.target, sent.body or None, dict(sent.headers))
        with self._line.getresponse() as answer:
            return Answer(answer.status, answer.read(), dict(answer.headers))


class Phone:
    """Calls from one number. `targets` are the URLs the hotline had it ask, `answers` what came."""

    def __init__(
        self, base_url: str, caller: str, token: str = TOKEN, *, via: str = "", seconds: float = 20
    ) -> None:
        """`via`: the address that stands before the web; the signature is of `base_url`."""
        self.door = Door(via or base_url, seconds)
        self._base_url = base_url
        self.caller = caller
        self.sent: list[Sent] = []
        self.targets: list[str] = []
        self.answers: list[bytes] = []
        self.target = ""
        self.said = ""
        self._token = token
        self._line = PhoneLine(f"{base_url}/voice", account_sid=ACCOUNT)
        self._sid = ""

    def dials(self) -> Self:
        """A new call."""
        self._sid = f"CA{secrets.token_hex(16)}"
        return self.asks("/voice", {"CallStatus": "ringing"})

    def presses(self, *keys: str) -> Self:
        """One turn for each; the empty text is silence."""
        for pressed in keys:
            more = {"Digits": pressed, "FinishedOnKey": "", "msg": "Gather End"} if pressed else {}
            self.asks(self.target, more)
        return self

    def hangs_up(self) -> Self:
        if self._sid:
            self.asks("/voice/status", {"CallStatus": "completed", "CallDuration": "12"})
        self.door.closes()
        return self

    @property
    def step(self) -> str:
        """The step that the last answer listens at; empty when the call is over."""
        return self.target.partition("?")[0].rpartition("/")[2]

    def asks(self, target: str, more: Mapping[str, str]) -> Self:
        """One signed request about this call."""
        form = standard_parameters(self._line, self._sid, self.caller, "in-progress", dict(more))
        request = signed_form(self._base_url, target, form, self._token)
        self.sent.append(request)
        answer = self.door.sends(request)
        if answer.status not in (200, 204):
            raise AssertionError(f"{target}: {answer.status}")
        self.answers.append(answer.body)
        if answer.body:
            self._hears(answer.body)
        return self

    def _hears(self, body: bytes) -> None:
        document = ET.fromstring(body)  # noqa: S314 (our own server's answer)
        self.said = " ".join("".join(say.itertext()) for say in document.iter("Say"))
        self.target = next_target(document)
        if self.target:
            self.targets.append(self.target)


def next_target(document: ET.Element) -> str:
    """Where the next request goes: a Gather's or Dial's action, else a Redirect; "" at the end."""
    for verb in document.iter():
        if verb.tag in ("Gather", "Dial"):
            return verb.attrib.get("action", "")
        if verb.tag == "Redirect":
            return (verb.text or "").strip()
    return ""


def signed_form(base_url: str, target: str, form: Mapping[str, str], token: str = TOKEN) -> Sent:
    """A POST as Twilio sends it."""
    signature = sign(token, base_url + target, form)
    headers = {SIGNATURE: signature, "Content-Type": FORM_TYPE, "User-Agent": "TwilioProxy/1.1"}
    return Sent("POST", target, headers, urlencode(form).encode())
