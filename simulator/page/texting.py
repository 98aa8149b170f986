"""A text message from the phone to the hotline: the signed webhook Twilio would send."""

import time
from dataclasses import dataclass

from simulator.engine import HttpTransport
from simulator.engine.phone_line import country_of, new_sid
from simulator.engine.texts import COOKIE_SECONDS, Answer, TextThread, incoming_form
from simulator.page.messages import Message, MessageStore
from simulator.page.network import TextNetwork
from simulator.page.settings import PageSettings

_NOT_REACHED = (11205, 11210, 11220)


@dataclass(frozen=True)
class Sent:
    """What came of it: the HTTP status (0: no answer), and why nothing or not all was replied."""

    status: int
    failure: str = ""

    @property
    def words(self) -> str:
        """`delivered`, `HTTP 404` or the fault."""
        return self.failure or "delivered"


class Texting:
    """Sends texts; what the hotline replies in TwiML comes back as texts, to whom it says."""

    def __init__(
        self,
        settings: PageSettings,
        transport: HttpTransport,
        messages: MessageStore,
        network: TextNetwork,
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._messages = messages
        self._network = network
        self._threads: dict[str, tuple[float, TextThread]] = {}

    def send(self, sender: str, body: str) -> Sent:
        """Returns when the hotline has answered, or has not for 15 s. A word that Twilio acts on
        itself reaches the hotline all the same.
        """
        sid, number = new_sid("SM"), self._settings.number
        own = self._network.answer_to(sender, body)
        countries = {"From": country_of(sender), "To": country_of(number)}
        form = incoming_form(
            sender, number, body, sid=sid, account_sid=self._settings.account_sid,
            countries=countries,
        )  # fmt: skip
        answer = self._thread(sender).send(form)
        sent = _what_came_of(answer)
        told = Message(sid, "inbound", sender, number, body, sent.words, time.time())
        self._messages.add(told)
        if own:
            self._deliver(sender, own)
        for reply in answer.replies:
            if not self._network.has_stopped(reply.to):
                self._deliver(reply.to, reply.body)
        return sent

    def _deliver(self, receiver: str, body: str) -> None:
        number = self._settings.number
        reply = Message(
            new_sid("SM"), "outbound-reply", number, receiver, body, "queued", time.time()
        )
        self._messages.add(reply)
        self._network.carry(reply, "")

    def _thread(self, sender: str) -> TextThread:
        """Cookies of a pair of numbers last four hours."""
        now = time.monotonic()
        since, thread = self._threads.get(sender, (now, None))
        if thread is None or now - since > COOKIE_SECONDS:
            url = self._settings.public_base_url + self._settings.sms_path
            thread = TextThread(self._transport, self._settings.auth_token, url)
            since = now
        self._threads[sender] = (since, thread)
        return thread


def _what_came_of(answer: Answer) -> Sent:
    if not answer.faults:
        return Sent(answer.status)
    fault = answer.faults[0]
    if answer.status >= 400:
        return Sent(answer.status, f"HTTP {answer.status}")
    if fault.code in _NOT_REACHED:
        return Sent(0, fault.detail.partition(":")[0])
    return Sent(answer.status, f"{fault.code} {fault.name}")
