"""One bank is a room (its ledger entries, its temper, its courier); the sandbox is the house."""

import logging
from dataclasses import dataclass
from typing import Any

from simulator.bank.behaviour import Temper
from simulator.bank.courier import Courier
from simulator.bank.ledger import Ledger
from simulator.bank.roster import opens_accounts
from simulator.bank.settings import Bank, Settings

log = logging.getLogger(__name__)
COUNTS = """
SELECT (SELECT count(*) FROM accounts WHERE bank = ?1) AS accounts,
       (SELECT count(*) FROM accounts WHERE bank = ?1 AND blocked) AS blocked,
       (SELECT count(*) FROM arrivals WHERE bank = ?1) AS arrivals,
       (SELECT count(*) FROM notices WHERE bank = ?1) AS notices,
       (SELECT count(*) FROM blocks WHERE bank = ?1) AS block_effects,
       (SELECT count(*) FROM events WHERE bank = ?1) AS events,
       (SELECT count(*) FROM events WHERE bank = ?1 AND state = 'waiting') AS events_waiting
"""


@dataclass(frozen=True)
class Room:
    """Everything about one bank."""

    bank: Bank
    ledger: Ledger
    temper: Temper
    courier: Courier

    def as_json(self) -> dict[str, Any]:
        """For the testers' list of banks."""
        return {
            "id": self.bank.id,
            "name": self.bank.name.model_dump(),
            "phone": self.bank.phone,
            "behaviour": self.temper.as_json(),
            "counts": self.ledger.rows(COUNTS, self.bank.id)[0],
        }


class House:
    """Opened once in a process. Its couriers run from `open` to `close`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ledger = Ledger(settings.data_dir)
        self.rooms = {bank.id: self._furnishes(bank) for bank in settings.banks.values()}

    def open(self) -> None:
        """Opens the accounts of the CSV, if one is given, and starts the couriers."""
        if self._settings.accounts_file:
            for problem in opens_accounts(self._ledger, self.rooms, self._settings.accounts_file):
                log.warning("accounts: %s", problem)
        for room in self.rooms.values():
            room.courier.start()

    def close(self) -> None:
        """Couriers first, then the ledger."""
        for room in self.rooms.values():
            room.courier.stop()
        self._ledger.close()

    def about(self) -> str:
        """A text for whoever opens the front page."""
        names = "".join(
            f"  {room.bank.id}: {room.bank.name.zh} ({room.bank.name.en}), {room.bank.phone}\n"
            for room in self.rooms.values()
        )
        return (
            "The sandbox bank of the 12333 hotline: plays cooperative banks for tests.\n"
            "It is not a bank, and nothing here blocks a real account.\n\n"
            f"{names}\n"
            "GET /banks, /<bank>/accounts, /<bank>/receipts, /<bank>/effects, /<bank>/events,\n"
            "GET and PUT /<bank>/behaviour, POST /<bank>/teller/unblock, "
            "/<bank>/teller/formal-loss"
        )

    def _furnishes(self, bank: Bank) -> Room:
        settings = self._settings
        courier = Courier(self._ledger, bank, settings.hotline_url, settings.event_retry_seconds)
        return Room(bank, self._ledger, Temper(settings.mixes.get(bank.id, ())), courier)
