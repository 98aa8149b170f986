"""The sandbox and the banks in it, each with its ledger, its behaviour and its event sender."""

import logging
from dataclasses import dataclass
from typing import Any

from simulator.bank.accounts_csv import open_accounts
from simulator.bank.behaviour import CurrentMix
from simulator.bank.event_sender import EventSender
from simulator.bank.ledger import Ledger
from simulator.bank.settings import Bank, SandboxSettings

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
class HostedBank:
    """One bank of the sandbox, with all that belongs to it."""

    bank: Bank
    ledger: Ledger
    mix: CurrentMix
    sender: EventSender

    def as_json(self) -> dict[str, Any]:
        """For the testers' list of banks."""
        return {
            "id": self.bank.id,
            "name": self.bank.name.model_dump(),
            "phone": self.bank.phone,
            "behaviour": self.mix.as_json(),
            "counts": self.ledger.rows(COUNTS, self.bank.id)[0],
        }


class Sandbox:
    """All banks of one process. Their event senders run from `open` to `close`."""

    def __init__(self, settings: SandboxSettings) -> None:
        self._settings = settings
        self._ledger = Ledger(settings.data_dir)
        self.banks = {bank.id: self._host(bank) for bank in settings.banks.values()}
        self.centre_secrets = settings.centre_secrets
        self.hotline_url = settings.hotline_url

    def open(self) -> None:
        """Opens the accounts of the CSV, if one is given, and starts the senders."""
        if self._settings.accounts_file:
            for problem in open_accounts(self._ledger, self.banks, self._settings.accounts_file):
                log.warning("accounts: %s", problem)
        for hosted in self.banks.values():
            hosted.sender.start()

    def close(self) -> None:
        """Stops the senders first, then closes the ledger."""
        for hosted in self.banks.values():
            hosted.sender.stop()
        self._ledger.close()

    def about(self) -> str:
        """A text for whoever opens the front page."""
        names = "".join(
            f"  {bank.id}: {bank.name.zh} ({bank.name.en}), {bank.phone}\n"
            for bank in self._settings.banks.values()
        )
        return (
            "The sandbox bank of the 12333 hotline: plays cooperative banks for tests.\n"
            "It is not a bank, and nothing here blocks a real account.\n\n"
            f"{names}\n"
            "GET /banks, /<bank>/accounts, /<bank>/receipts, /<bank>/effects, /<bank>/events,\n"
            "GET and PUT /<bank>/behaviour, POST /<bank>/teller/unblock, formal-loss,\n"
            "withdraw-formal-loss, take-report, lapse, replace\n"
            "GET /card-centre/notices, POST /card-centre/check: a subscriber"
        )

    def _host(self, bank: Bank) -> HostedBank:
        settings = self._settings
        sender = EventSender(self._ledger, bank, settings.hotline_url, settings.event_retry_seconds)
        return HostedBank(bank, self._ledger, CurrentMix(settings.mixes.get(bank.id, ())), sender)
