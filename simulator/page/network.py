"""The mobile network between Twilio and the phones: what becomes of a text, told to its callback.

Statuses and codes are Twilio's ("Error and Warning Dictionary"; "Support for Opt-Out Keywords").
"""

import queue
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from simulator.engine import HttpTransport, Limits, TransportError
from simulator.engine.signature import sign
from simulator.page.messages import Message, MessageStore

_LIMITS = Limits(total=15.0)
STOPPED = 21610  # the holder has sent STOP


@dataclass(frozen=True)
class Fate:
    """What becomes of texts to a phone: the statuses in order, and the code of a failure."""

    statuses: tuple[str, ...]
    code: str = ""


FATES: Mapping[str, Fate] = {
    "arrives": Fate(("sent", "delivered")),
    "off": Fate(("sent", "undelivered"), "30003"),  # "Unreachable destination handset"
    "unknown": Fate(("sent", "undelivered"), "30005"),  # "Unknown destination handset"
    "landline": Fate(("sent", "undelivered"), "30006"),  # "Landline or unreachable carrier"
    "filtered": Fate(("sent", "undelivered"), "30007"),  # "Message filtered"
    "fails": Fate(("failed",), "30008"),  # "Unknown error"
    "silent": Fate(("sent",)),  # no receipt ever comes
}

STOP = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"}
START = {"START", "YES", "UNSTOP"}
HELP = {"HELP", "INFO"}
_SAYS_STOP = (
    "You have successfully been unsubscribed. You will not receive any more messages from this "
    "number. Reply START to resubscribe."
)
_SAYS_START = (
    "You have successfully been re-subscribed to messages from this number. Reply HELP for help. "
    "Reply STOP to unsubscribe. Msg&Data Rates May Apply."
)
_SAYS_HELP = "Reply STOP to unsubscribe. Msg&Data Rates May Apply."


class TextNetwork:
    """Delivers, or does not. Status callbacks are posted one after another, by a thread of its
    own: Twilio's answer to whoever sends a text never waits for them.
    """

    def __init__(
        self, transport: HttpTransport, account_sid: str, auth_token: str, messages: MessageStore
    ) -> None:
        self._transport = transport
        self._account_sid = account_sid
        self._auth_token = auth_token
        self._messages = messages
        self._fates: dict[str, str] = {}
        self._stopped: set[str] = set()
        self._due: queue.SimpleQueue[tuple[Message, str] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="network", daemon=True)

    def open(self) -> None:
        """Starts to deliver."""
        self._thread.start()

    def close(self) -> None:
        """Ends after what is on its way."""
        self._due.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def fate_of(self, number: str) -> str:
        """What becomes of texts to a number, by its name in FATES."""
        return self._fates.get(number, "arrives")

    def set_fate(self, number: str, fate: str) -> None:
        """From the next text on."""
        self._fates[number] = fate

    def has_stopped(self, number: str) -> bool:
        """Whether its holder has sent STOP: Twilio refuses every text to it, with STOPPED."""
        return number in self._stopped

    def answer_to(self, sender: str, body: str) -> str:
        """What Twilio itself replies to a word of its own; "" for any other text, and to START of
        somebody who never stopped.
        """
        word = body.strip().upper()
        if word in STOP:
            self._stopped.add(sender)
            return _SAYS_STOP
        if word in START and sender in self._stopped:
            self._stopped.discard(sender)
            return _SAYS_START
        return _SAYS_HELP if word in HELP else ""

    def carry(self, message: Message, callback: str) -> None:
        """Takes a text that Twilio has queued; `callback`: its StatusCallback, "" for none."""
        self._due.put((message, callback))

    def _work(self) -> None:
        while (due := self._due.get()) is not None:
            message, callback = due
            fate = FATES[self.fate_of(message.receiver)]
            for status in fate.statuses:
                self._messages.set_status(message.sid, status)
                code = fate.code if status in ("undelivered", "failed") else ""
                if callback:
                    self._post(callback, self._form(message, status, code))

    def _form(self, message: Message, status: str, code: str) -> dict[str, str]:
        return {
            "SmsSid": message.sid,
            "SmsStatus": status,
            "MessageSid": message.sid,
            "MessageStatus": status,
            "To": message.receiver,
            "From": message.sender,
            "AccountSid": self._account_sid,
            "ApiVersion": "2010-04-01",
            **({"ErrorCode": code} if code else {}),
        }

    def _post(self, url: str, form: Mapping[str, str]) -> None:
        """A callback that is not answered is not repeated."""
        headers = {
            "User-Agent": "TwilioProxy/1.1",
            "Accept": "*/*",
            "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
            "X-Twilio-Signature": sign(self._auth_token, url, form),
        }
        try:
            self._transport.send("POST", url, headers, urlencode(form).encode(), _LIMITS)
        except TransportError:
            return
