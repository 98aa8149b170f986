"""`python -m workers.deliver`: tells the banks and subscribers, and sends the texts.

There are as many processes as the machine has cores, whatever the number of banks. Each bank and
subscriber has its own queue and its own share, so a slow one keeps nobody else waiting.
"""

import gc
import json
import logging
import os
import signal
import ssl
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from random import SystemRandom
from typing import Any, Final

from ivr.cards.notice import TEXTS
from ivr.partner import Partner
from ivr.prompts.catalogue import Catalogue, load_catalogue
from ivr.prompts.templates import template_names
from ivr.service import open_service
from ivr.settings import Settings
from ivr.spoken import BankNames
from ivr.store.cases import Reading
from ivr.store.claims import Queue
from ivr.store.connection import connect, wait_until_up
from ivr.store.opening import Store, open_store
from ivr.store.outbox import TEXTS_QUEUE, queue_of
from ivr.store.text_line import TextLine
from workers.bank_client import BankClient
from workers.courier import Courier
from workers.delivery import Client, Delivery
from workers.doorbell import LISTENING_SECONDS, Doorbell
from workers.startup import StartupError, begin
from workers.supervisor import Slot, Supervisor
from workers.templates_file import read_templates

TEXTS_IN_FLIGHT: Final = 8  # at Twilio, which takes 100 requests a second and more
SPARE_SECONDS: Final = 3  # of a lease, for writing down what came of the attempt
Write = Callable[[Any, Reading | None], str]
KINDS: Final = ("banks", "texts")


def main(environ: Mapping[str, str] = os.environ, kinds: Sequence[str] = KINDS) -> int:
    """Delivers until SIGTERM or SIGINT. Returns 2 when a person must correct something.

    `kinds`: only the notices to banks and subscribers, or only the texts, for machines that share
    the work.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    if unknown := set(kinds) - set(KINDS):
        print(f"{', '.join(sorted(unknown))}: choose {' or '.join(KINDS)}", file=sys.stderr)
        return 2
    try:
        settings = begin(environ)
        slots = list(slots_for(settings, kinds))
    except StartupError as error:
        print(error, file=sys.stderr)
        return 2
    gc.freeze()  # children share what is loaded now, and garbage collection leaves it alone
    logging.getLogger("workers").info("delivering with %d processes", len(slots))
    Supervisor(slots).run()
    return 0


def slots_for(settings: Settings, kinds: Sequence[str] = KINDS) -> Iterator[Slot]:
    """A slot for each process.

    Raises:
        StartupError: certificate files of a bank or subscriber cannot be used, or TEMPLATES_FILE.
    """
    clients = {who: _client_of(partner) for who, partner in settings.told.items()}
    if "banks" in kinds:
        processes = settings.worker_processes or max((os.cpu_count() or 1) - 1, 1)
        for number in range(1, processes + 1):
            yield Slot(f"banks/{number}", partial(_work_for_banks, settings, clients))
    if "texts" in kinds:
        _templates(settings, load_catalogue())  # found out here, not in each new process
        yield Slot("texts", partial(_work_on_texts, settings))


def _client_of(partner: Partner) -> BankClient:
    try:
        return BankClient(partner)
    except (ssl.SSLError, OSError) as error:
        raise StartupError(f"{partner.place} certificate files: {error}") from None


def _work_for_banks(settings: Settings, clients: Mapping[str, Client]) -> None:
    store = open_store(settings)
    _work(
        settings,
        store,
        [
            bank_delivery(settings, store, partner, clients[who])
            for who, partner in settings.told.items()
        ],
    )


def bank_delivery(settings: Settings, store: Store, partner: Partner, client: Client) -> Delivery:
    """What delivers the notices of one bank or subscriber."""
    most, lease = partner.max_in_flight, client.longest_seconds + SPARE_SECONDS
    queue = Queue(queue_of(partner.who), partner.who, most, lease, pauses=True)
    return _delivery(settings, store, queue, client, as_json)


def text_delivery(settings: Settings, store: Store) -> Delivery:
    """What sends the texts to holders."""
    from workers.texts import TextWriter

    names = BankNames(settings.banks, store.known_banks.find)
    words = load_catalogue(settings.rules.line_itself)
    client = _text_client(settings, store.text_line, words)
    writer = TextWriter(
        store.cases,
        store.holders,
        words,
        names,
        store.spoken_languages,
        are_answered=settings.texts_are_answered,
    )
    lease = client.longest_seconds + SPARE_SECONDS
    queue = Queue(TEXTS_QUEUE, TEXTS, TEXTS_IN_FLIGHT, lease, pauses=False)
    return _delivery(settings, store, queue, client, writer.write)


def _text_client(settings: Settings, text_line: TextLine, words: Catalogue) -> Client:
    """Whoever SMS_SENDER names."""
    if settings.sms_sender == "twilio":
        from workers.text_client import TextClient

        return TextClient(settings, text_line)
    from workers.gateway_client import GatewayClient

    return GatewayClient(settings, text_line, _templates(settings, words))


def _templates(settings: Settings, words: Catalogue) -> dict[str, str]:
    return read_templates(settings.templates_file, list(template_names(words)))


def _delivery(
    settings: Settings, store: Store, queue: Queue, client: Client, write: Write
) -> Delivery:
    service, rng = open_service(store, settings), SystemRandom()
    return Delivery(queue, client, write, store.claiming, store.outbox, service, rng)


def _work_on_texts(settings: Settings) -> None:
    store = open_store(settings)
    _work(settings, store, [text_delivery(settings, store)])


def as_json(content: Any, _reading: Reading | None = None) -> str:
    """A notice's content as the bank gets it, the same bytes in every attempt."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _work(settings: Settings, store: Store, deliveries: Sequence[Delivery]) -> None:
    """Answers the doorbells of some queues until SIGTERM."""
    redis = connect(settings.redis_location, timeout_seconds=LISTENING_SECONDS)
    wait_until_up(redis)
    names = [delivery.queue.name for delivery in deliveries]
    doorbell = Doorbell(redis, names, partial(store.roster.publish, "worker"))
    Courier(deliveries, doorbell, open_service(store, settings)).run()


if __name__ == "__main__":
    sys.exit(main(kinds=sys.argv[1:] or KINDS))
