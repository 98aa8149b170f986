"""A text message from the phone to the hotline: the signed webhook Twilio would send."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from simulator.engine import FaultError, HttpResponse, HttpTransport, Limits, TransportError
from simulator.engine.markup import Element, read_answer
from simulator.engine.phone_line import country_of, new_sid
from simulator.engine.signature import sign
from simulator.page.messages import Message, MessageStore
from simulator.page.settings import PageSettings

_LIMITS = Limits(total=15.0)


@dataclass(frozen=True)
class Sent:
    """What came of it: the HTTP status (0: no answer) or why there was none."""

    status: int
    failure: str = ""

    @property
    def words(self) -> str:
        """`delivered`, `HTTP 404` or the failure."""
        if self.failure:
            return self.failure
        return "delivered" if 200 <= self.status < 300 else f"HTTP {self.status}"


class Texting:
    """Sends texts; what the hotline answers in TwiML comes back as texts to the phone."""

    def __init__(
        self, settings: PageSettings, transport: HttpTransport, messages: MessageStore
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._messages = messages

    def send(self, sender: str, body: str) -> Sent:
        """Returns when the hotline has answered, or has not for 15 s."""
        form = self._form(sender, body)
        sent, replies = self._post(form)
        told = Message(
            form["MessageSid"], "inbound", sender, form["To"], body, sent.words, time.time()
        )
        self._messages.add(told)
        for reply in replies:
            self._messages.add(
                Message(
                    new_sid("SM"), "outbound-reply", form["To"], sender, reply, "queued",
                    time.time(),
                )
            )  # fmt: skip
        return sent

    def _form(self, sender: str, body: str) -> dict[str, str]:
        """Twilio's "Request parameters" of an incoming message."""
        sid, number = new_sid("SM"), self._settings.number
        parties = {"From": sender, "To": number}
        places = {f"{who}{what}": "" for who in parties for what in ("City", "State", "Zip")}
        countries = {f"{who}Country": country_of(who_number) for who, who_number in parties.items()}
        return {
            "MessageSid": sid,
            "SmsSid": sid,
            "SmsMessageSid": sid,
            "SmsStatus": "received",
            "AccountSid": self._settings.account_sid,
            "ApiVersion": "2010-04-01",
            "NumMedia": "0",
            "NumSegments": "1",
            "Body": body,
            **parties,
            **places,
            **countries,
        }

    def _post(self, form: Mapping[str, str]) -> tuple[Sent, list[str]]:
        url = self._settings.public_base_url + self._settings.sms_path
        headers = {
            "User-Agent": "TwilioProxy/1.1",
            "Accept": "*/*",
            "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
            "X-Twilio-Signature": sign(self._settings.auth_token, url, form),
        }
        try:
            answer = self._transport.send("POST", url, headers, urlencode(form).encode(), _LIMITS)
        except TransportError as error:
            return Sent(0, error.failure), []
        return Sent(answer.status), _replies(answer)


def _replies(answer: HttpResponse) -> list[str]:
    """The texts of `<Message>` verbs; an answer without TwiML is none."""
    if not 200 <= answer.status < 300:
        return []
    try:
        root = read_answer(answer.header("Content-Type"), answer.body)
    except FaultError:
        return []
    return [_words(verb) for verb in root.children if verb.name == "Message"]


def _words(message: Element) -> str:
    bodies = [child.own_text for child in message.children if child.name == "Body"]
    return "".join(bodies) or message.own_text
