"""Twilio's error and warning codes under Twilio's own names.

Source: Twilio's "Error and Warning Dictionary" (twilio.com/docs/api/errors). The codes below 1000
are not Twilio's: they mark the simulator's own limits.
"""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How Twilio files it. Below 13000 an error ends the document (fallback URL or hang-up);
    after everything else the call goes on.
    """

    ERROR = "error"
    WARNING = "warning"


REDIRECT_LOOP = 1
VERB_NOT_PLAYED = 2
MISTAKE = 3
HTML_ANSWER = 4

_NAMES: dict[int, str] = {
    REDIRECT_LOOP: "Simulator: the call goes round in circles",
    VERB_NOT_PLAYED: "Simulator: this verb is not played",
    HTML_ANSWER: "Simulator: whether Twilio takes this or raises 12300 its own pages disagree on",
    MISTAKE: "Simulator: a mistake of its own, not of the application",
    11100: "Invalid URL format",
    11200: "HTTP retrieval failure",
    11205: "HTTP connection failure",
    11210: "HTTP bad host name",
    11215: "HTTP too many redirects",
    11216: "HTTP invalid redirect",
    11217: "HTTP error response code",
    11220: "SSL/TLS Handshake Error",
    11243: "HTTP retry policy is invalid",
    11750: "TwiML response body too large",
    11770: "Empty response body",
    12100: "Document parse failure",
    12102: "The root element must be Response",
    12200: "Schema validation warning",
    12300: "Invalid Content-Type",
    13201: "Dial: Cannot Dial out from a Dial Call Segment",
    13210: "Dial: Invalid method value",
    13212: "Dial: Invalid timeout value",
    13213: "Dial: Invalid hangupOnStar value",
    13214: "Dial: Invalid callerId value",
    13215: "Dial: Invalid nested element",
    13216: "Invalid timeLimit value",
    13222: "Dial->Number: Invalid sendDigits value",
    13223: "Dial: Invalid phone number format",
    13224: "Dial: Twilio does not support calling this number or the number is invalid",
    13310: "Gather: Invalid finishOnKey value",
    13311: "Gather: Invalid finishOnKey value",
    13312: "Gather: Invalid method value",
    13313: "Gather: Invalid timeout value",
    13314: "Gather: Invalid numDigits value",
    13320: "Gather: Invalid nested verb",
    13321: "Gather -> Say: Invalid voice value",
    13322: "Gather->Say: Invalid loop value",
    13325: "Gather->Play: Invalid Content-Type",
    13326: "Gather: Invalid input value",
    13327: "Gather: Invalid speechTimeout value",
    13331: "Gather: Invalid language value",
    13332: "Gather: Invalid bargeIn value",
    13333: "Gather: Invalid profanityFilter value",
    13334: "Gather: Invalid model value",
    13335: "Gather: speechTimeout auto cannot be used with model default",
    13338: "Gather: Invalid actionOnEmptyResult value",
    13410: "Play: Invalid loop value",
    13420: "Play: Invalid Content-Type",
    13430: "Play: Invalid DTMF String",
    13510: "Say: Invalid loop value",
    13511: "Say: Invalid voice value",
    13520: "Say: Invalid text",
    13521: "<Say> element character limits exceeded",
    13610: "Record: Invalid method value",
    13611: "Record: Invalid timeout value",
    13612: "Record: Invalid maxLength value",
    13613: "Record: Invalid finishOnKey value",
    13615: "Record: maxLength too high for transcription",
    13616: "Record: playBeep must be true or false",
    13710: "Redirect: Invalid method value",
    13810: "Reject: Invalid cause",
    13910: "Pause: Invalid length value",
    14103: "Message: Invalid Body",
    14106: "Message: Document retrieval limit reached",
    14110: "Message: Invalid Verb for SMS Reply",
    14201: "Enqueue: Invalid method value",
    14204: "Enqueue: Queue name too short",
    14205: "Enqueue: Queue name too long",
    14206: "Enqueue: Invalid waitUrlMethod value",
    15003: "Call Progress: Warning Response to Callback URL",
}

# The dictionary files these attribute faults under errors; the other 13xxx are warnings.
_ERRORS_ABOVE_13000 = {13224, 13338, 14201, 14204, 14205, 14206}
_WARNINGS_BELOW_13000 = {VERB_NOT_PLAYED, HTML_ANSWER, 12200}


@dataclass(frozen=True)
class Fault:
    """One entry of Twilio's debugger: code, what exactly was wrong, where, when in the call."""

    code: int
    detail: str
    url: str = ""
    at_seconds: float = 0.0

    @property
    def name(self) -> str:
        """Twilio's name for the code."""
        return _NAMES[self.code]

    @property
    def level(self) -> Level:
        """Twilio's log level for the code."""
        if self.code < 13000:
            return Level.WARNING if self.code in _WARNINGS_BELOW_13000 else Level.ERROR
        return Level.ERROR if self.code in _ERRORS_ABOVE_13000 else Level.WARNING

    def __str__(self) -> str:
        where = f" ({self.url})" if self.url else ""
        return f"{self.level} {self.code} {self.name}: {self.detail}{where}"


class FaultError(Exception):
    """A fault that ends the current document: it could not be fetched or read."""

    def __init__(self, code: int, detail: str, url: str = "") -> None:
        self.fault = Fault(code, detail, url)
        super().__init__(str(self.fault))


def fault_of(error: Exception, url: str) -> Fault:
    """What went wrong, as a fault. Whatever an answer holds, a call ends in one of these: the
    unforeseen is a fault too, or the call would hang for ever.
    """
    if isinstance(error, FaultError):
        return error.fault
    return Fault(MISTAKE, f"{type(error).__name__}: {error}", url)
