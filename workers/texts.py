"""Writes the text a holder gets: looks up number and words at the moment of sending."""

import json
from collections.abc import Mapping
from typing import Any, Final

from ivr.banks_file import Bank
from ivr.cards.block import BlockState
from ivr.cards.loss import LossReport
from ivr.prompts.catalogue import Catalogue
from ivr.prompts.languages import LANGUAGES
from ivr.store.holders import HolderBook
from ivr.store.reports import ReportBook
from ivr.store.standings import Standings
from workers.notices import OvertakenError, UnsendableError

# A text may wait for hours; it is sent only while the block of its report is in this state.
TRUE_WHILE: Final = {
    "text_blocked": BlockState.BLOCKED,
    "text_failed": BlockState.REFUSED,
    "text_unreached": BlockState.UNDELIVERABLE,
    "text_unblocked": BlockState.UNBLOCKED,
    "text_formal": BlockState.FORMAL_LOSS,
}


class TextWriter:
    """Turns {"prompt", "report_number"} into what TextClient sends."""

    def __init__(
        self,
        reports: ReportBook,
        holders: HolderBook,
        standings: Standings,
        catalogue: Catalogue,
        banks: Mapping[str, Bank],
    ) -> None:
        self._reports = reports
        self._holders = holders
        self._standings = standings
        self._catalogue = catalogue
        self._banks = banks

    def write(self, content: Any) -> str:
        """The JSON {"to": E.164 number, "text": words in the language of the call}.

        Raises:
            UnsendableError: `no_report`, `no_holder`, `no_bank` or `no_language`: it is not known
                any more.
            OvertakenError: it is not so any more.
        """
        report = self._reports.find(content["report_number"])
        if report is None:
            raise UnsendableError("no_report")
        if not self._still_holds(content["prompt"], report):
            raise OvertakenError
        holder = self._holders.get(report.holder_ref)
        if holder is None:
            raise UnsendableError("no_holder")
        text = self._words(content["prompt"], report)
        return json.dumps({"to": holder.phone, "text": text}, ensure_ascii=False)

    def _still_holds(self, prompt: str, report: LossReport) -> bool:
        card = self._standings.of(report.card_ref)
        if prompt == "text_released":
            return card.suspension is None
        if prompt not in TRUE_WHILE:
            return True
        block = card.block
        true = (report.number, TRUE_WHILE[prompt])
        return block is not None and (block.report_number, block.state) == true

    def _words(self, prompt: str, report: LossReport) -> str:
        bank = self._banks.get(report.bank)
        if bank is None:
            raise UnsendableError("no_bank")
        if report.language not in LANGUAGES:  # reports outlive a language that is given up
            raise UnsendableError("no_language")
        values = {
            "card_last4": report.card_last4,
            "report_number": report.number,
            "reported_at": str(report.reported_at),
            "until": str(report.release_at),
            "bank": bank.name[report.language],
            "bank_phone": bank.phone,
        }
        return self._catalogue.text(prompt, values, report.language)
