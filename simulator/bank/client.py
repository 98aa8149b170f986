"""How tests and tools talk to a sandbox bank: its testers' routes as verbs."""

import time
from collections.abc import Callable
from typing import Any

import requests

Json = dict[str, Any]


class SandboxBankError(Exception):
    """The sandbox bank refused a tester's request, or what was waited for did not come."""


class SandboxBank:
    """Talks to `base_url`; usable from several threads only with one object each."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False

    def banks(self) -> list[Json]:
        """[{id, name, phone, behaviour, counts}]"""
        return list(self._get("/banks")["banks"])

    def accounts(self, bank: str) -> list[Json]:
        """[{card_number, blocked, formal_loss, since, by_report, …}]"""
        return list(self._get(f"/{bank}/accounts")["accounts"])

    def account(self, bank: str, card_number: str) -> Json | None:
        """The account behind one card, or None."""
        return next((a for a in self.accounts(bank) if a["card_number"] == card_number), None)

    def receipts(self, bank: str, after: int = 0) -> list[Json]:
        """Every attempt with a number above `after`, newest last."""
        rows: list[Json] = []
        while page := self._get(f"/{bank}/receipts?after={after}")["receipts"]:
            rows += page
            after = page[-1]["number"]
        return rows

    def receipt(self, bank: str, webhook_id: str) -> Json:
        """One webhook-id with all its attempts. Raises SandboxBankError if it never arrived."""
        return self._get(f"/{bank}/receipts/{webhook_id}")

    def effects(self, bank: str) -> dict[str, int]:
        """report number -> how many times it blocked an account; 2 is a fault."""
        return dict(self._get(f"/{bank}/effects")["effects"])

    def events(self, bank: str) -> list[Json]:
        """[{event_id, type, data, state, due, attempts: [{at, status, answer}]}]"""
        return list(self._get(f"/{bank}/events")["events"])

    def wait_for_receipt(self, bank: str, report_number: str, timeout: float = 10) -> Json:
        """The first genuine attempt for a report. Raises SandboxBankError after `timeout` s."""

        def arrived() -> Json | None:
            rows = self._get(f"/{bank}/receipts?report={report_number}")["receipts"]
            return next((row for row in rows if row["verified"]), None)

        return self._wait_for(arrived, f"receipt of report {report_number} at {bank}", timeout)

    def wait_for_event(self, bank: str, kind: str, state: str, timeout: float = 10) -> Json:
        """The first event of a type in a state: waiting, delivered or refused."""

        def reached() -> Json | None:
            rows = self.events(bank)
            return next((e for e in rows if e["type"] == kind and e["state"] == state), None)

        return self._wait_for(reached, f"{state} {kind} at {bank}", timeout)

    def behaves(self, bank: str, kind: str, **parameters: Any) -> None:
        """From the next notice on, e.g. `behaves("icbc", "fail", status=503, count=2)`."""
        self.mixes(bank, [{"kind": kind, **parameters}])

    def mixes(self, bank: str, behaviours: list[Json]) -> None:
        """Several at once; `behaviour` says which one is used."""
        self._call("PUT", f"/{bank}/behaviour", behaviours)

    def behaviour(self, bank: str) -> list[Json]:
        """The present mix; empty = normal."""
        return list(self._get(f"/{bank}/behaviour")["behaviour"])

    def unblocks(self, bank: str, card_number: str, outlet: str = "sandbox outlet") -> Json:
        """The holder decouples at an outlet. -> {account, event_id}"""
        told = {"card_number": card_number, "outlet": outlet}
        return self._call("POST", f"/{bank}/teller/unblock", told)

    def reports_formal_loss(
        self, bank: str, card_number: str, outlet: str = "sandbox outlet"
    ) -> Json:
        """The holder reports the formal loss at a counter. -> {account, event_id}"""
        told = {"card_number": card_number, "outlet": outlet}
        return self._call("POST", f"/{bank}/teller/formal-loss", told)

    def withdraws_formal_loss(
        self, bank: str, card_number: str, outlet: str = "sandbox outlet"
    ) -> Json:
        """The outlet takes a formal loss back. -> {account, event_id}"""
        told = {"card_number": card_number, "outlet": outlet}
        return self._call("POST", f"/{bank}/teller/withdraw-formal-loss", told)

    def takes_report(self, bank: str, card_number: str) -> Json:
        """The bank's own service line takes a temporary report. -> {account, event_id}"""
        return self._call("POST", f"/{bank}/teller/take-report", {"card_number": card_number})

    def lets_lapse(self, bank: str, card_number: str) -> Json:
        """A rule of the bank ends its block. -> {account, event_id}"""
        return self._call("POST", f"/{bank}/teller/lapse", {"card_number": card_number})

    def replaces(self, bank: str, card_number: str, **new: str) -> Json:
        """The holder gets a new card: `new_card_number` and `new_bank_account`, or made-up ones.
        -> {account, event_id}, of the new card
        """
        told = {"card_number": card_number, **new}
        return self._call("POST", f"/{bank}/teller/replace", told)

    def close(self) -> None:
        """Ends the connections it keeps open."""
        self._session.close()

    def _get(self, path: str) -> Json:
        return self._call("GET", path, None)

    def _call(self, method: str, path: str, told: Any) -> Json:
        answer = self._session.request(method, self.base_url + path, json=told, timeout=10)
        if not answer.ok:
            raise SandboxBankError(f"{method} {path}: {answer.status_code} {answer.text}")
        return dict(answer.json())

    def _wait_for(self, look: Callable[[], Json | None], what: str, timeout: float) -> Json:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if seen := look():
                return seen
            time.sleep(0.02)
        raise SandboxBankError(f"waited {timeout} s in vain for {what}")
