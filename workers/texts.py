"""Writes the text a holder gets: looks up number and words at the moment of sending."""

import json
from collections.abc import Mapping
from typing import Any, cast

from ivr.banks_file import Bank
from ivr.cards.loss import LossReport
from ivr.prompts.catalogue import Catalogue
from ivr.prompts.speech import Language
from ivr.store.holders import HolderBook
from ivr.store.reports import ReportBook
from workers.notices import UnsendableError


class TextWriter:
    """Turns {"prompt", "report_number"} into what TextClient sends."""

    def __init__(
        self,
        reports: ReportBook,
        holders: HolderBook,
        catalogue: Catalogue,
        banks: Mapping[str, Bank],
    ) -> None:
        self._reports = reports
        self._holders = holders
        self._catalogue = catalogue
        self._banks = banks

    def write(self, content: Any) -> str:
        """The JSON {"to": E.164 number, "text": words in the language of the call}.

        Raises:
            UnsendableError: `no_report`, `no_holder` or `no_bank`: it is not known any more.
        """
        report = self._reports.find(content["report_number"])
        if report is None:
            raise UnsendableError("no_report")
        holder = self._holders.get(report.holder_ref)
        if holder is None:
            raise UnsendableError("no_holder")
        text = self._words(content["prompt"], report)
        return json.dumps({"to": holder.phone, "text": text}, ensure_ascii=False)

    def _words(self, prompt: str, report: LossReport) -> str:
        bank = self._banks.get(report.bank)
        if bank is None:
            raise UnsendableError("no_bank")
        values = {
            "card_last4": report.card_last4,
            "report_number": report.number,
            "reported_at": str(report.reported_at),
            "until": str(report.release_at),
            "bank": bank.name.zh if report.language == "zh" else bank.name.en,
            "bank_phone": bank.phone,
        }
        return self._catalogue.text(prompt, values, cast("Language", report.language))
