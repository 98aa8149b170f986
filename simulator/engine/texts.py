"""A text message to an application, and what it replies: Twilio's messaging TwiML.

Source: twilio.com/docs/messaging/twiml, and the "Error and Warning Dictionary".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .faults import Fault, FaultError
from .fetch import Exchange, Fetcher, HttpRequest, resolved
from .markup import Element, read_answer
from .transport import HttpResponse, Transport

LONGEST_REPLY = 1600  # characters
MOST_DOCUMENTS = 50
COOKIE_SECONDS = 4 * 3600  # "cookies last 4 hours for a pair of numbers"
_NO_CONTENT = 204


@dataclass(frozen=True)
class Reply:
    """One text of the application: to whom, and its words."""

    to: str
    body: str


@dataclass
class Answer:
    """What came of one text: replies in order, faults as the debugger lists them, and the HTTP."""

    replies: list[Reply] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)

    @property
    def status(self) -> int:
        """Of the last answer; 0 when there was none."""
        return self.exchanges[-1].status if self.exchanges else 0


class TextThread:
    """All texts between two numbers. Cookies are kept as in a call."""

    def __init__(self, transport: Transport, auth_token: str, url: str) -> None:
        self._fetcher = Fetcher(transport, auth_token)
        self._url = url

    def send(self, form: Mapping[str, str]) -> Answer:
        """Posts Twilio's "Request parameters" of an incoming message, and reads what comes back.
        Raises nothing: what went wrong is a fault.
        """
        answer, before = Answer(), len(self._fetcher.exchanges)
        try:
            self._read(HttpRequest(self._url, form, {}, purpose="sms"), form["From"], answer)
        except FaultError as error:
            answer.faults.append(error.fault)
        answer.exchanges = self._fetcher.exchanges[before:]
        return answer

    def _read(self, request: HttpRequest, sender: str, answer: Answer) -> None:
        """Document after document, as Redirects lead."""
        for _ in range(MOST_DOCUMENTS):
            url, response = self._fetcher.fetch(request)
            redirect = _play(_document(response, url), url, sender, answer)
            if redirect is None:
                return
            target = resolved(redirect.own_text, url)
            request = HttpRequest(
                target, request.parameters, {}, redirect.method(), request.purpose
            )
        raise FaultError(14106, f"more than {MOST_DOCUMENTS} documents", request.url)


def _document(response: HttpResponse, url: str) -> Element:
    if response.status == _NO_CONTENT or not response.body:
        return Element("Response")
    return read_answer(response.header("Content-Type"), response.body, url)


def _play(document: Element, url: str, sender: str, answer: Answer) -> Element | None:
    """Takes the replies out of a document; -> the Redirect that ends it, if one does."""
    for verb in document.children:
        if verb.name == "Redirect":
            return verb
        if verb.name in ("Message", "Sms", "Say"):  # Say: words that came as text/plain
            _reply(verb, url, sender, answer)
        else:
            answer.faults.append(Fault(14110, f"<{verb.name}>", url))
    return None


def _reply(verb: Element, url: str, sender: str, answer: Answer) -> None:
    words = "".join(_bodies(verb)) or verb.own_text
    has_media = any(child.name == "Media" for child in verb.children)
    if len(words) > LONGEST_REPLY or not (words or has_media):
        answer.faults.append(Fault(14103, f"{len(words)} characters", url))
        return
    answer.replies.append(Reply(verb.attributes.get("to", "").strip() or sender, words))


def _bodies(message: Element) -> Iterator[str]:
    return (child.own_text for child in message.children if child.name == "Body")


def incoming_form(
    sender: str, number: str, body: str, *, sid: str, account_sid: str, countries: Mapping[str, str]
) -> dict[str, str]:
    """The parameters of an incoming message."""
    parties = {"From": sender, "To": number}
    places = {f"{who}{what}": "" for who in parties for what in ("City", "State", "Zip")}
    return {
        "MessageSid": sid,
        "SmsSid": sid,
        "SmsMessageSid": sid,
        "SmsStatus": "received",
        "AccountSid": account_sid,
        "ApiVersion": "2010-04-01",
        "NumMedia": "0",
        "NumSegments": "1",
        "Body": body,
        **parties,
        **places,
        **{f"{who}Country": countries[who] for who in parties},
    }
