"""Sends one bank's events to the hotline: one thread, one connection, growing delays."""

import logging
import threading
import time

import requests

from simulator.bank import outbox
from simulator.bank.ledger import Ledger
from simulator.bank.settings import Bank
from simulator.bank.signatures import signed_headers

FINAL_REFUSALS = (404, 409, 422)  # unless the hotline says when to try again
LONGEST_DELAY = 300.0
PATIENCE = (2.0, 5.0)  # seconds to connect, seconds to answer
log = logging.getLogger(__name__)


class EventSender:
    """Starts with the server and stops with it; what it has not delivered stays in the ledger."""

    def __init__(self, ledger: Ledger, bank: Bank, hotline_url: str, first_delay: float) -> None:
        self._ledger = ledger
        self._bank = bank
        self._address = f"{hotline_url}/banks/{bank.id}/events"
        self._first_delay = first_delay
        self._wake_up = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"events-{bank.id}", daemon=True)

    def start(self) -> None:
        """Also takes up what an earlier run of the bank left waiting."""
        self._thread.start()

    def wake(self) -> None:
        """There is a new event in the ledger."""
        self._wake_up.set()

    def stop(self) -> None:
        """Waits for the attempt under way, no longer."""
        self._stopping = True
        self._wake_up.set()
        self._thread.join()

    def _run(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while not self._stopping:
                self._wake_up.clear()
                event = outbox.next_waiting(self._ledger, self._bank.id)
                wait = event["due"] - time.time() if event else None
                if event and wait is not None and wait <= 0:
                    self._send(session, event["event_id"], event["body"], event["attempts"])
                elif not self._stopping:
                    self._wake_up.wait(wait)

    def _send(self, session: requests.Session, event_id: str, body: str, before: int) -> None:
        status, answer, is_final = self._post(session, event_id, body)
        again_in = min(self._first_delay * 2.0 ** min(before, 32), LONGEST_DELAY)
        with self._ledger.transaction() as ledger:
            outbox.note_attempt(ledger, event_id, status, answer, again_in, is_final=is_final)
        log.info("%s event %s: %s", self._bank.id, event_id, status or answer)

    def _post(
        self, session: requests.Session, event_id: str, body: str
    ) -> tuple[int | None, str, bool]:
        """Status (None: no answer), what was said, and whether that is the last word."""
        headers = signed_headers(self._bank.all_secrets()[0], event_id, body)
        headers["content-type"] = "application/json"
        try:
            answer = session.post(
                self._address,
                data=body.encode(),
                headers=headers,
                timeout=PATIENCE,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            return None, type(error).__name__, False
        is_final = answer.status_code in FINAL_REFUSALS and "retry-after" not in answer.headers
        return answer.status_code, answer.text, is_final
