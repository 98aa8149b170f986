"""Writes the text a holder gets: looks up number and words at the moment of sending."""

import json
import time
from collections.abc import Mapping
from typing import Any

from ivr.cards.block import BlockState
from ivr.cards.loss import LossReport, ReportState
from ivr.cards.records import Holder
from ivr.cards.words import (
    CODES,
    TEXT_DECOUPLED,
    TEXT_DISPUTED,
    TEXT_ENDING,
    TEXT_FILED,
    TEXT_FORMAL_WITHDRAWN,
    TEXT_PLACE,
    TEXT_RELEASED,
    TEXT_TAKEN,
    TEXT_UNREPORTED,
    TEXT_WITHDRAWN,
    state_told_by,
)
from ivr.prompts.catalogue import Catalogue
from ivr.prompts.languages import LANGUAGES
from ivr.prompts.templates import REPLY, parameters
from ivr.spoken import BankNames
from ivr.store.cases import Cases, Reading
from ivr.store.holders import Holders
from ivr.store.looks import Look
from ivr.store.spoken_languages import SpokenLanguages
from workers.delivery import OvertakenError, UnsendableError


class TextWriter:
    """Turns {"prompt", "report_number"}, or a code and whose it is, into what a sender sends."""

    def __init__(
        self,
        cases: Cases,
        holders: Holders,
        catalogue: Catalogue,
        banks: BankNames,
        spoken: SpokenLanguages,
        *,
        are_answered: bool = True,
    ) -> None:
        """`are_answered`: whether a holder may answer a text, which its words then say."""
        self._cases = cases
        self._holders = holders
        self._catalogue = catalogue
        self._banks = banks
        self._spoken = spoken
        self._are_answered = are_answered

    def write(self, content: Any, reading: Reading | None = None) -> str:
        """The JSON {"to": E.164 number, "text": words in the language used last, "template": the
        text's name, "parameters": the values in it}: senders that are told words take those, others
        the rest. `reading`: how the card stands, if that was read just now.

        Raises:
            UnsendableError: `no_report`, `no_holder` or `no_language`: this is gone. `no_phone`:
                there never was one.
            OvertakenError: what the text says is no longer true, or its holder was removed from
                the records.
        """
        if content["prompt"] in CODES:
            return self._code(content)
        if content["prompt"] == TEXT_PLACE:
            return self._place(content)
        if content["prompt"] == TEXT_UNREPORTED:
            return self._unreported(content, reading)
        number = content["report_number"]
        report = reading.case.report if reading else None
        if report is None or report.number != number:  # it is not the block's any more
            report = self._cases.find_report(number)
        if report is None:
            raise UnsendableError("no_report")
        if not report.holder_ref or not self._still_holds(content["prompt"], report, reading):
            raise OvertakenError
        look = Look("text", "worker", content["prompt"])
        holder = self._holders.look_up(report.holder_ref, look, report.card_ref)
        return self._addressed(holder, self._words(content["prompt"], report))

    def _code(self, content: Any) -> str:
        """A code that is good no more is not sent."""
        if content["until"] <= time.time():
            raise OvertakenError
        if content["language"] not in LANGUAGES:
            raise UnsendableError("no_language")
        prompt, language = content["prompt"], content["language"]
        text = self._said(prompt, {"code": content["code"]}, language)
        look = Look("text", "worker", prompt)
        return self._addressed(self._holders.look_up(content["holder_ref"], look), text)

    def _place(self, content: Any) -> str:
        """What a caller asked for; after a day nobody waits for it."""
        language = content["language"]
        if content["until"] <= time.time():
            raise OvertakenError
        if language not in LANGUAGES:
            raise UnsendableError("no_language")
        told = [
            self._catalogue.text(prompt, values, language)
            for prompt, values in content["sentences"]
        ]
        look = Look("text", "worker", TEXT_PLACE)
        holder = self._holders.look_up(content["holder_ref"], look)
        return self._addressed(
            holder, self._said(TEXT_PLACE, {"guidance": " ".join(told)}, language)
        )

    def _unreported(self, content: Any, reading: Reading | None) -> str:
        """Whoever has reported the card since, by whatever channel, is not told that nobody has."""
        language, card_ref = content["language"], content["card_ref"]
        case = (reading or self._cases.of_card(card_ref)).case
        if content["until"] <= time.time() or case.suspension is not None:
            raise OvertakenError
        if language not in LANGUAGES:
            raise UnsendableError("no_language")
        look = Look("text", "worker", TEXT_UNREPORTED)
        holder = self._holders.look_up(content["holder_ref"], look, card_ref)
        cards = holder.cards if holder else ()
        card = next((c for c in cards if self._holders.card_ref(c.number) == card_ref), None)
        if card is None:
            raise OvertakenError
        values = {"card_last4": card.last4, **self._banks.facts(card.bank, language)}
        return self._addressed(holder, self._said(TEXT_UNREPORTED, values, language))

    def _said(self, prompt: str, values: Mapping[str, str], language: str) -> dict[str, Any]:
        if self._are_answered and f"{prompt}{REPLY}" in self._catalogue.prompts:
            prompt += REPLY
        return {
            "text": self._catalogue.text(prompt, values, language),
            "template": f"{prompt}.{language}",
            "parameters": parameters(self._catalogue, prompt, values, language),
        }

    def _addressed(self, holder: Holder | None, said: Mapping[str, Any]) -> str:
        if holder is None:
            raise UnsendableError("no_holder")
        if not holder.phone:
            raise UnsendableError("no_phone")
        return json.dumps({"to": holder.phone, **said}, ensure_ascii=False)

    def _still_holds(self, prompt: str, report: LossReport, reading: Reading | None) -> bool:
        """Whether the text is still true: it may have waited for hours."""
        case = (reading or self._cases.of_card(report.card_ref)).case
        block = case.block
        known = None if block is None else (block.report_number, block.state)
        if prompt in (TEXT_RELEASED, TEXT_WITHDRAWN, TEXT_FORMAL_WITHDRAWN):
            return case.suspension is None
        if prompt == TEXT_DECOUPLED:
            return case.suspension is None and known == (report.number, BlockState.UNBLOCKED)
        if prompt == TEXT_FILED:
            return report.state not in (ReportState.WITHDRAWN, ReportState.CLOSED)
        if prompt == TEXT_TAKEN:
            is_running = report.state is ReportState.ACTIVE
            return is_running and known == (report.number, BlockState.BLOCKED)
        if prompt == TEXT_ENDING:
            held_by = case.suspension.number_told if case.suspension else ""
            return held_by == report.number and report.disputed_at == 0
        if prompt == TEXT_DISPUTED:
            return report.state is ReportState.ACTIVE and report.disputed_at > 0
        told = state_told_by(prompt)
        return told is None or known == (report.number, told)

    def _words(self, prompt: str, report: LossReport) -> dict[str, Any]:
        language = self._spoken.of(report.holder_ref) or report.language
        if language not in LANGUAGES:  # reports outlive a language that is given up
            raise UnsendableError("no_language")
        values = {
            "card_last4": report.card_last4,
            "report_number": report.number,
            "reported_at": str(report.reported_at),
            "until": str(report.release_at),
            **self._banks.facts(report.bank, language),
        }
        return self._said(prompt, values, language)
