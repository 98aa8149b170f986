"""What the page shows of the sandbox banks, as their testers' routes tell it, numbers masked."""

import hashlib
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import requests

from simulator.bank.client import SandboxBank, SandboxBankError

Json = dict[str, Any]
FRESH_SECONDS = 0.3
SHOWN_ROWS = 12
SHOWN_ACCOUNTS = 60
PRESETS: dict[str, list[Json]] = {
    "normal": [],
    "slow": [{"kind": "slow", "seconds": 3}],
    "failing": [{"kind": "fail", "status": 503}],
    "down": [{"kind": "down"}],
}


OUTLET = "模拟网点 Sandbox outlet"
# What a tester may let happen to an account, at an outlet or elsewhere in its bank.
VISITS: dict[str, Callable[[SandboxBank, str, str], Json]] = {
    "unblock": lambda client, bank, card: client.unblocks(bank, card, OUTLET),
    "formal-loss": lambda client, bank, card: client.reports_formal_loss(bank, card, OUTLET),
    "withdraw-formal-loss": lambda client, bank, card: client.withdraws_formal_loss(
        bank, card, OUTLET
    ),
    "take-report": lambda client, bank, card: client.takes_report(bank, card),
    "lapse": lambda client, bank, card: client.lets_lapse(bank, card),
    "replace": lambda client, bank, card: client.replaces(bank, card),
}


class BankUnavailableError(Exception):
    """The sandbox bank does not answer, or refused; the text says what it said."""


class UnknownAccountError(Exception):
    """No account of that bank has this id."""


class BankScreens:
    """All banks of the sandbox, asked at most every 0.3 s however many tabs look."""

    def __init__(self, bank_url: str) -> None:
        self._bank_url = bank_url
        self._client = SandboxBank(bank_url)
        self._lock = threading.Lock()
        self._salt = secrets.token_bytes(16)
        self._shown: Json = {"reachable": False, "banks": []}
        self._asked_at = 0.0
        self._screens: dict[str, _Screen] = {}

    def show(self) -> Json:
        """{reachable, banks: [{id, name, phone, counts, behaviour, accounts, receipts, events}]}"""
        with self._lock:
            if time.monotonic() - self._asked_at > FRESH_SECONDS:
                self._shown = self._ask()
                self._asked_at = time.monotonic()
            return self._shown

    def set_behaviour(self, bank: str, preset: str) -> None:
        """From the next notice on. `preset` is one of PRESETS. Raises BankUnavailableError."""
        self._tell(lambda client: client.mixes(bank, PRESETS[preset]))

    def happens(self, visit: str, bank: str, account: str) -> None:
        """One of VISITS. Raises BankUnavailableError, UnknownAccountError."""
        number = self._card_number(bank, account)
        self._tell(lambda client: VISITS[visit](client, bank, number))

    def close(self) -> None:
        """Ends the connections it keeps open."""
        self._client.close()

    def _ask(self) -> Json:
        try:
            told = self._client.banks()
            return {"reachable": True, "banks": [self._screen(bank) for bank in told]}
        except (SandboxBankError, requests.RequestException):
            return {**self._shown, "reachable": False}

    def _screen(self, told: Json) -> Json:
        """Asks for the rest only when the counts say that something has changed."""
        screen = self._screens.setdefault(told["id"], _Screen())
        if screen.counts != told["counts"] or told["counts"]["events_waiting"]:
            screen.refresh(self._client, told)
        head = {key: told[key] for key in ("id", "name", "phone", "counts")}
        accounts = [self._masked(account) for account in screen.on_top()]
        behaviour = _preset_of(told["behaviour"])
        return {**head, "behaviour": behaviour, **screen.rows(), "accounts": accounts}

    def _masked(self, account: Json) -> Json:
        number, behind = account["card_number"], account["bank_account"]
        kept = ("holder_name", "blocked", "formal_loss", "since", "by_report", "settled_report")
        return {
            "id": self._id_of(number),
            "card": number[-4:],
            "account": behind[-4:],
            **{key: account[key] for key in kept},
        }

    def _id_of(self, card_number: str) -> str:
        """Stands for the card in URLs and pages; good for one run of this server."""
        return hashlib.blake2b(card_number.encode(), key=self._salt, digest_size=8).hexdigest()

    def _card_number(self, bank: str, account: str) -> str:
        self.show()
        screen = self._screens.get(bank)
        for row in screen.accounts if screen else []:
            if self._id_of(row["card_number"]) == account:
                return str(row["card_number"])
        raise UnknownAccountError

    def _tell(self, told: Any) -> None:
        """A connection of its own: a slow bank must not hold up what others look at."""
        client = SandboxBank(self._bank_url)
        try:
            told(client)
        except (SandboxBankError, requests.RequestException) as error:
            raise BankUnavailableError(str(error)) from error
        finally:
            client.close()
            self._asked_at = 0.0


class _Screen:
    """The last seen state of one bank."""

    def __init__(self) -> None:
        self.counts: Json = {}
        self.accounts: list[Json] = []
        self._receipts: deque[Json] = deque(maxlen=SHOWN_ROWS)
        self._events: list[Json] = []
        self._read_to = 0

    def refresh(self, client: SandboxBank, told: Json) -> None:
        bank = told["id"]
        receipts = client.receipts(bank, self._read_to)
        self._receipts.extend(receipts)
        self._read_to = receipts[-1]["number"] if receipts else self._read_to
        self._events = client.events(bank)[-SHOWN_ROWS:]
        self.accounts = client.accounts(bank)
        self.counts = told["counts"]

    def on_top(self) -> list[Json]:
        """All accounts; of a large bank those that somebody touched, and then some others."""
        if len(self.accounts) <= SHOWN_ACCOUNTS:
            return self.accounts
        untouched = [not (a["blocked"] or a["settled_at"]) for a in self.accounts]
        touched_first = sorted(zip(untouched, self.accounts, strict=True), key=lambda pair: pair[0])
        return [account for _, account in touched_first[:SHOWN_ACCOUNTS]]

    def rows(self) -> Json:
        """Newest first."""
        events = [
            {key: event[key] for key in ("event_id", "type", "timestamp", "state")}
            | {"attempts": [attempt["status"] for attempt in event["attempts"]]}
            for event in reversed(self._events)
        ]
        return {"receipts": list(reversed(self._receipts)), "events": events}


def _preset_of(mix: list[Json]) -> str:
    kind = mix[0]["kind"] if mix else "normal"
    return {"fail": "failing"}.get(kind, kind)
