"""Settings as a caller hears them: a bank's name and number, the hours of service."""

from collections.abc import Callable, Mapping

from ivr.agent_hours import AgentHours, Span
from ivr.banks_file import Bank, BankName
from ivr.prompts.languages import LANGUAGES, LanguageCode
from ivr.prompts.speech import MINUTES_A_DAY, clock, weekdays

Remembered = tuple[BankName, str]  # a bank's name by language, and its phone number


def bank_facts(bank: Bank, language: LanguageCode) -> dict[str, str]:
    """How a bank is named and called."""
    return {"bank": bank.name[language], "bank_phone": bank.phone}


class BankNames:
    """How any bank is named and called, also one that has left BANKS_FILE."""

    def __init__(
        self, banks: Mapping[str, Bank], remembered: Callable[[str], Remembered | None]
    ) -> None:
        """`remembered`: the last name and phone of a bank that is not in `banks` any more."""
        self._banks = banks
        self._remembered = remembered

    def facts(self, bank_id: str, language: LanguageCode) -> dict[str, str]:
        """The values of {bank} and {bank_phone}; for a bank nobody ever named, general words."""
        if bank := self._banks.get(bank_id):
            return bank_facts(bank, language)
        name, phone = self._remembered(bank_id) or ({}, "")
        return {"bank": name.get(language, LANGUAGES[language].issuing_bank), "bank_phone": phone}


def hours_text(hours: AgentHours, language: LanguageCode) -> str:
    """Opening hours as they are spoken: weekdays and times of the day."""
    row = LANGUAGES[language]
    spoken = row.between_spans.join(_span_text(span, language) for span in hours.spans)
    return spoken if hours.are_kept_on_holidays else row.but_holidays.format(hours=spoken)


def _span_text(span: Span, language: LanguageCode) -> str:
    row = LANGUAGES[language]
    days = weekdays(span.days, language)
    if (span.start, span.end) == (0, MINUTES_A_DAY):
        return row.all_day.format(days=days)
    start, end = clock(span.start, language), clock(span.end, language)
    return row.span.format(days=days, start=start, end=end)
