"""One run against one receiver: what was sent so far, and what came back."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from threading import Barrier
from typing import Any

from simulator.bank.signatures import signed_headers
from simulator.conformance.notices import (
    KINDS,
    RELEASED,
    REPORTED,
    MadeUpReport,
    a_withdrawn_report,
    as_sent,
    made_up_reports,
    new_webhook_id,
)
from simulator.conformance.receiver import Answer, Receiver, Request
from simulator.conformance.words import Said

ACKNOWLEDGES_LATER = ("", "received", "queued")  # a block may follow, as an event


class Verdict(StrEnum):
    """What can be said of a rule. NOT_SEEN: the answers do not show whether it is kept."""

    KEPT = "kept"
    BROKEN = "BROKEN"
    NOT_SEEN = "not seen"


@dataclass(frozen=True)
class Finding:
    """A verdict, and what the bank did."""

    verdict: Verdict
    did: Said


@dataclass
class Session:
    """What the rules share. `opening` is what was answered to one ordinary notice of each type.

    pause: seconds between the pieces of a slow body. at_once: notices on their way together.
    """

    receiver: Receiver
    secret: str = field(repr=False)
    old_secret: str = field(default="", repr=False)
    at_once: int = 8
    pause: float = 0.3
    opening: dict[str, Answer] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    reports: Iterator[MadeUpReport] = field(default_factory=made_up_reports)

    def open(self) -> None:
        """Reports a card lost and follows up the report with one notice of every other type."""
        report = self.report()
        for kind in KINDS:
            self.opening[kind] = self.sends(report.body(kind))

    @property
    def reported(self) -> Answer:
        """What an ordinary loss report was answered."""
        return self.opening[REPORTED]

    @property
    def released(self) -> Answer:
        """What the news of its release was answered."""
        return self.opening[RELEASED]

    @property
    def tells_types_apart(self) -> bool:
        """Whether an answer shows which of the two it answers."""
        both_taken = self.reported.is_accepted and self.released.is_accepted
        return both_taken and self.reported.word != self.released.word

    def report(self) -> MadeUpReport:
        """Another made-up person's each time."""
        return next(self.reports)

    def never_reported(self) -> MadeUpReport:
        """Of somebody whose card is reported only when that was withdrawn before: who says of it
        "blocked" has blocked it for that, and not for a report of another rule or run.
        """
        return a_withdrawn_report()

    def signed(
        self,
        content: Mapping[str, Any] | str,
        webhook_id: str = "",
        *,
        seconds_ago: float = 0,
        secrets: Sequence[str] = (),
    ) -> Request:
        """An attempt as the hotline would make it. secrets: one signature with each, in order."""
        text = content if isinstance(content, str) else as_sent(dict(content))
        at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
        name = webhook_id or new_webhook_id()
        made = [signed_headers(one, name, text, at) for one in secrets or (self.secret,)]
        headers = {
            **made[0],
            "webhook-signature": " ".join(one["webhook-signature"] for one in made),
            "content-type": "application/json",
            "user-agent": "hotline-12333",
        }
        return Request(headers, text.encode())

    def sends(self, content: Mapping[str, Any] | str, webhook_id: str = "", **how: Any) -> Answer:
        """Signs a notice and posts it."""
        return self.posts(self.signed(content, webhook_id, **how))

    def posts(self, request: Request) -> Answer:
        """Posts what is signed already, or signed badly."""
        answer = self.receiver.post(request)
        self.answers.append(answer)
        return answer

    def posts_together(self, requests: Sequence[Request]) -> list[Answer]:
        """Each over a connection of its own, in the same instant as far as threads can."""
        start = Barrier(len(requests))

        def post(request: Request) -> Answer:
            start.wait()
            return self.posts(request)

        with ThreadPoolExecutor(len(requests)) as threads:
            return list(threads.map(post, requests))
