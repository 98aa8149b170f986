"""All that the page's server holds: its phones and what they share."""

import threading

from simulator.engine import HttpTransport, PhoneLine
from simulator.page.banks import BankScreens
from simulator.page.messages import MessageStore
from simulator.page.network import TextNetwork
from simulator.page.people import Person, read_people
from simulator.page.phone import Phone, SharedByPhones
from simulator.page.records import Records
from simulator.page.settings import PageSettings
from simulator.page.texting import Texting

FORGET_SECONDS = 3600.0  # a tab that comes back within the hour finds its phone
LOOK_EVERY = 1.0
STREAMS_END_SECONDS = 2.0


class PageState:
    """Made once in a process. From `open` to `close` it hangs up for tabs that have gone."""

    def __init__(self, settings: PageSettings) -> None:
        self.settings = settings
        self.messages = MessageStore(settings.data_dir / "simulator")
        self.records = Records(settings.redis_url)
        self.banks = BankScreens(settings.bank_url)
        self._transport = HttpTransport(settings.via)
        self.network = TextNetwork(
            self._transport, settings.account_sid, settings.auth_token, self.messages
        )
        self.texting = Texting(settings, self._transport, self.messages, self.network)
        people = tuple(read_people(settings.cardholders))
        self._shared = SharedByPhones(_line(settings), self._transport, self.records, people)
        self._phones: dict[str, Phone] = {}
        self._lock = threading.Lock()
        self.closing = threading.Event()
        self._watching = threading.Thread(target=self._watch, name="absence", daemon=True)

    @property
    def people(self) -> tuple[Person, ...]:
        """Those a tester may play."""
        return self._shared.people

    def open(self) -> None:
        """Starts to look for tabs that have gone."""
        self._watching.start()
        self.network.open()

    def close(self) -> None:
        """Hangs up every call, lets the streams end, then puts everything away."""
        self.closing.set()
        self._watching.join()
        self.network.close()
        for phone in self._all():
            phone.hang_up()
            phone.notify()
        for phone in self._all():
            phone.wait_until_unwatched(STREAMS_END_SECONDS)
        self.messages.close()
        self.records.close()
        self.banks.close()
        self._transport.close()

    def phone(self, phone_id: str) -> Phone | None:
        """A tab's phone. Asking for it shows that the tab is alive."""
        phone = self._phones.get(phone_id)
        if phone:
            phone.note_presence()
        return phone

    def new_phone(self) -> Phone:
        """For a tab without one."""
        phone = Phone(self._shared)
        with self._lock:
            self._phones[phone.id] = phone
        return phone

    def _watch(self) -> None:
        while not self.closing.wait(LOOK_EVERY):
            for phone in self._all():
                away = phone.seconds_away()
                if phone.in_call and away > self.settings.away_seconds:
                    phone.hang_up()
                if away > FORGET_SECONDS and not phone.in_call:
                    self._forget(phone)

    def _forget(self, phone: Phone) -> None:
        with self._lock:
            del self._phones[phone.id]

    def _all(self) -> list[Phone]:
        with self._lock:
            return list(self._phones.values())


def _line(settings: PageSettings) -> PhoneLine:
    """The number as it would be configured at Twilio."""
    base = settings.public_base_url
    return PhoneLine(
        voice_url=f"{base}/voice",
        status_callback_url=f"{base}/voice/status",
        fallback_url=f"{base}/voice/fallback",
        number=settings.number,
        account_sid=settings.account_sid,
        auth_token=settings.auth_token,
    )
