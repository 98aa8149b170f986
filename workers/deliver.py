"""`python -m workers.deliver`: one process for each notice that may be on its way at once.

Each bank has its own queue and its own processes, so a slow bank keeps nobody else waiting.
"""

import gc
import json
import logging
import os
import signal
import ssl
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from random import SystemRandom
from typing import Any

from redis.exceptions import RedisError

from ivr.banks_file import Bank
from ivr.service import open_service
from ivr.settings import Settings
from ivr.spoken import BankNames
from ivr.store.connection import connect, wait_until_up
from ivr.store.opening import open_store
from ivr.store.outbox import TEXTS_QUEUE, bank_queue
from workers.bank_client import BankClient
from workers.delivery import Client, Delivery
from workers.doorbell import HotlineWorker
from workers.outage_log import OneLinePerOutage
from workers.startup import StartupError, begin
from workers.supervisor import Slot, Supervisor


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Delivers until SIGTERM or SIGINT. Returns 2 when a person must correct something."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        settings = begin(environ)
        slots = list(slots_for(settings))
    except StartupError as error:
        print(error, file=sys.stderr)
        return 2
    gc.freeze()  # children share what is loaded now, and garbage collection leaves it alone
    logging.getLogger("workers").info("delivering with %d processes", len(slots))
    Supervisor(slots).run()
    return 0


def slots_for(settings: Settings) -> Iterator[Slot]:
    """A slot for each delivery that may run at once: `max_in_flight` a bank, two for texts.

    Raises:
        StartupError: a bank's certificate files cannot be used.
    """
    for bank in settings.banks.values():
        try:
            client = BankClient(bank)
        except (ssl.SSLError, OSError) as error:
            raise StartupError(f"BANKS_FILE [banks.{bank.id}] certificate files: {error}") from None
        slots = min(bank.max_in_flight, settings.workers_per_bank or bank.max_in_flight)
        for number in range(1, slots + 1):
            work = partial(_work_for_bank, settings, bank, client)
            yield Slot(f"{bank_queue(bank.id)}/{number}", work)
    for number in (1, 2):  # a report owes two texts
        yield Slot(f"{TEXTS_QUEUE}/{number}", partial(_work_on_texts, settings))


def _work_for_bank(settings: Settings, bank: Bank, client: Client) -> None:
    _work(settings, bank_delivery(settings, bank, client))


def bank_delivery(settings: Settings, bank: Bank, client: Client) -> Delivery:
    """What delivers one bank's notices."""
    store = open_store(settings)
    return Delivery(
        bank_queue(bank.id),
        client,
        as_json,
        store.outbox,
        open_service(store, settings),
        lease_seconds=lease_seconds(bank),
        rng=SystemRandom(),
        may_try=partial(store.bank_health.may_try, bank.id),
    )


def _work_on_texts(settings: Settings) -> None:
    """The only process that loads Twilio's large package."""
    from ivr.prompts.catalogue import load_catalogue
    from workers.text_client import TEXT_SECONDS, TextClient
    from workers.texts import TextWriter

    store = open_store(settings)
    names = BankNames(settings.banks, store.known_banks.find)
    writer = TextWriter(store.cases, store.holders, load_catalogue(), names)
    delivery = Delivery(
        TEXTS_QUEUE,
        TextClient(settings, store.text_line),
        writer.write,
        store.outbox,
        open_service(store, settings),
        lease_seconds=TEXT_SECONDS + 4,
        rng=SystemRandom(),
    )
    _work(settings, delivery)


def lease_seconds(bank: Bank) -> float:
    """A little longer than an attempt, so that a killed worker's notice soon comes due again.

    An attempt may still last longer (a slow name server) and overlap a second one. That is safe,
    because the bank recognises a repeated notice by its webhook-id.
    """
    return bank.timeout_seconds + 4


def as_json(content: Any) -> str:
    """A notice's content as the bank gets it, the same bytes in every attempt."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _work(settings: Settings, delivery: Delivery) -> None:
    """Answers one queue's doorbell until SIGTERM, or until Redis goes away in mid-job."""
    logging.getLogger("rq.worker").addFilter(OneLinePerOutage())
    redis = connect(settings.redis_location)
    try:
        wait_until_up(redis)
        roster = open_store(settings).roster
        HotlineWorker(delivery, redis, partial(roster.publish, "worker")).work(
            logging_level="WARNING"
        )
    except RedisError:
        sys.exit(os.EX_TEMPFAIL)  # RQ could not unregister; the next process waits for Redis


if __name__ == "__main__":
    sys.exit(main())
