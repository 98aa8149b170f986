"""A plain model of one card: what the domain says (section 1), in memory and nothing more.

It shares no code with the hotline; a whole hotline on a real Redis is held against it. "Now" is
never before what happened before it, and "long ago" is before all that is on record.
"""

from dataclasses import dataclass, field
from typing import Final, Literal

Answer = Literal["applied", "stale", "unlawful", "not here"]
OVER: Final = {"unblocked", "lapsed", "replaced"}  # the bank does not block (any more)
UNSURE: Final = {"notified", "received", "refused", "undeliverable", "withdrawn"}


@dataclass
class City:
    """What differs from city to city."""

    decoupling_ends: bool = False
    formal_may_end: bool = False
    may_renew: bool = True


@dataclass
class Model:
    """social: active, temporary or formal. block and report: of the last report, or none.
    owed: whether its notice to block is still to be sent. texts: all that the holder is told.
    """

    city: City
    social: str = "active"
    block: str = "none"
    report: str = "none"
    owed: bool = False
    asked: bool = False  # whether there is a notice at all: none of a report the bank took
    reports: int = 0
    texts: list[str] = field(default_factory=list)

    def caller_reports(self) -> bool:
        ran_out = self.social == "active" and self.report in ("active", "released")
        if self.social == "formal" or (self.social == "temporary" and self.block not in OVER):
            return False
        if ran_out and self.block not in OVER and not self.city.may_renew:
            return False
        self._begins("notified", "text_filed", asked=True)
        return True

    def bank_answers(self, what: str) -> None:
        """What an attempt at the open notice came to."""
        self.owed = False
        if self.block == "notified" or (what == "blocked" and self.block in UNSURE):
            self._becomes(what)

    def sent_again(self) -> bool:
        if self.owed or not self.asked or self.report == "withdrawn" or self.closed:
            return False
        if self.block in OVER | {"formal_loss", "withdrawn"}:
            return False
        if self.block in ("refused", "undeliverable"):
            self.block = "notified"
        self.owed = True
        return True

    closed: bool = False  # the notice was overtaken: it is never sent again

    def blocked(self, *, of_this_report: bool) -> Answer:
        if not of_this_report or self.block not in UNSURE:
            return "stale"
        self._becomes("blocked")
        return "applied"

    def unblocked(self, *, long_ago: bool) -> Answer:
        if self.block == "none" or (long_ago and self.report != "none"):
            return "stale"
        if self.block == "formal_loss":
            return "unlawful"
        if self.block in ("unblocked", "replaced"):
            return "stale"
        ends = self.city.decoupling_ends and self.social == "temporary"
        self._becomes("unblocked", "text_decoupled" if ends else "text_unblocked")
        self._overtakes()
        if ends:
            self.social, self.report = "active", "released"
        return "applied"

    def lapsed(self, *, long_ago: bool) -> Answer:
        if self.block == "none" or (long_ago and self.report != "none"):
            return "stale"
        if self.block == "formal_loss":
            return "unlawful"
        if self.block not in ("received", "blocked", "undeliverable", "withdrawn"):
            return "stale"
        self._becomes("lapsed")
        self._overtakes()
        return "applied"

    def formally_lost(self, *, long_ago: bool) -> Answer:
        if self.block == "formal_loss" or (long_ago and self.block == "replaced"):
            return "stale"
        self._becomes("formal_loss")
        self._overtakes()
        self.social = "formal"
        if self.report == "active":
            self.report = "superseded"
        return "applied"

    def formal_loss_withdrawn(self, *, long_ago: bool) -> Answer:
        if self.block != "formal_loss" or long_ago:
            return "stale"
        if not self.city.formal_may_end:
            return "unlawful"
        self._becomes("blocked", "text_formal_withdrawn")
        self._overtakes()
        self.social = "active"
        return "applied"

    def taken(self, *, long_ago: bool) -> Answer:
        if long_ago or self.block == "formal_loss":
            return "stale"
        if self.social == "temporary" and self.block not in OVER:
            if self.block == "blocked":
                return "stale"
            self._becomes("blocked")
        else:
            self._begins("blocked", "text_taken", asked=False)
        return "applied"

    def replaced(self, *, long_ago: bool, is_other_account: bool) -> Answer:
        """By a card of the same number."""
        if long_ago and (self.report != "none" or self.block == "formal_loss"):
            return "stale"
        if self.block in ("none", "replaced") and not is_other_account:
            return "stale"
        if self.block not in ("none", "replaced"):
            self._becomes("replaced")
        self._overtakes()
        self.social = "active"
        if self.report == "active":
            self.report = "closed"
        return "applied"

    def withdrawn(self) -> bool:
        if self.report != "active" or self.social != "temporary":
            return False
        if self.block in UNSURE - {"withdrawn"}:
            self.block = "withdrawn"
        self._overtakes()
        self.social, self.report = "active", "withdrawn"
        self.texts.append("text_withdrawn")
        return True

    def seven_days_pass(self) -> None:
        if self.social != "temporary":
            return
        self.social, self.report = "active", "released"
        self.texts.append("text_released")

    def _begins(self, block: str, text: str, *, asked: bool) -> None:
        self.social, self.block, self.report = "temporary", block, "active"
        self.owed, self.asked, self.closed = asked, asked, False
        self.reports += 1
        self.texts.append(text)

    def _becomes(self, block: str, text: str = "") -> None:
        told = {"received": "", "refused": "text_failed", "undeliverable": "text_unreached",
                "formal_loss": "text_formal"}  # fmt: skip
        self.block = block
        text = text or told.get(block, f"text_{block}")
        if text and self.report != "none":
            self.texts.append(text)

    def _overtakes(self) -> None:
        self.closed = self.closed or self.owed
        self.owed = False
