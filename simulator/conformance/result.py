"""What a run found, as text for a terminal and as a page for a bank's file."""

import json
import platform
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from flask import Flask, render_template

from simulator.conformance.receiver import TRY_AGAIN
from simulator.conformance.rules import RULES, Rule, judge
from simulator.conformance.session import Finding, Session, Verdict
from simulator.conformance.words import Said, said

PAPER: Final = "docs/bank-api.md"
TAGS: Final = {"en": "en", "zh": "zh-CN"}
UNKNOWN_CARD: Final = ("unknown_card", "unknown_account", "account_closed", "card_replaced")
_CONTRACT: Final = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"


class CannotJudgeError(Exception):
    """The receiver may be right, but nothing can be seen of it; the text says what to do."""


@dataclass(frozen=True)
class Result:
    """Every rule with its finding. url: without login and query."""

    url: str
    began: datetime
    ended: datetime
    seconds: float
    at_once: int
    rows: tuple[tuple[Rule, Finding], ...]

    def count(self, verdict: Verdict) -> int:
        return Counter(finding.verdict for _, finding in self.rows)[verdict]

    @property
    def is_broken(self) -> bool:
        """Whether any rule is."""
        return self.count(Verdict.BROKEN) > 0

    @property
    def summary(self) -> Said:
        """How many of each."""
        return said(
            "{} rules: {} kept, {} broken, {} not seen", len(self.rows), *map(self.count, Verdict)
        )


def examine(session: Session) -> Result:
    """Tries every rule. Raises UnreachableError and CannotJudgeError."""
    began = datetime.now(UTC)
    session.receiver.reach()
    session.open()
    _check_that_reports_are_judged(session)
    rows = tuple((rule, judge(session, rule)) for rule in RULES)
    address, limits = shown(session.receiver.url), (session.receiver.seconds, session.at_once)
    return Result(address, began, datetime.now(UTC), *limits, rows)


def shown(url: str) -> str:
    """The address without what may be secret in it: a login, a query."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def as_text(result: Result) -> str:
    """Two lines a rule: the verdict and what should be done; what was done, and where it stands."""
    lines = []
    for rule, finding in result.rows:
        lines.append(f"{finding.verdict:<9} {rule.name:<27} {rule.should}")
        lines.append(f'{"":<9} {finding.did} (see "{rule.section}")')
    return "\n".join([*lines, "", str(result.summary), f"The sections are those of {PAPER}."])


def as_page(result: Result, language: str = "en") -> str:
    """One HTML document in this language ("en" or "zh") that needs nothing else."""
    app = Flask(__name__)
    versions = {
        "Bank API": json.loads(_CONTRACT.read_text(encoding="utf-8"))["info"]["version"],
        "Python": platform.python_version(),
    }
    with app.app_context():
        return render_template(
            "result.html", result=result, versions=versions, Verdict=Verdict, paper=said(PAPER),
            tag=TAGS[language], say=lambda text, *values: _say(text, *values, language=language),
        )  # fmt: skip


def _say(text: str | Said, *values: object, language: str) -> str:
    known = text if isinstance(text, Said) else said(text, *values)
    return known.in_language(language)


def _check_that_reports_are_judged(session: Session) -> None:
    """The contract lets a bank say both; neither says anything about its rules."""
    answer = session.reported
    if answer.status in TRY_AGAIN:
        raise CannotJudgeError(
            f"The receiver answered {answer} to the first loss report: the hotline would "
            "try it again later. Begin again when it takes notices."
        )
    if not answer.is_accepted and answer.word in UNKNOWN_CARD:
        raise CannotJudgeError(
            f"The receiver answered {answer} to a made-up card. Open accounts for the people that "
            "--accounts lists, and try again: they are always the same."
        )
