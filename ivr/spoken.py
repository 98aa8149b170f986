"""Settings as a caller hears them: a bank's name and number, the hours of service."""

from typing import Final

from ivr.agent_hours import AgentHours
from ivr.prompts.languages import LANGUAGES, LanguageCode
from ivr.prompts.speech import clock, weekdays
from ivr.settings import Settings

HOTLINE_NUMBER: Final = "12333"


def bank_facts(settings: Settings, bank_id: str, language: LanguageCode) -> dict[str, str]:
    """A bank's name and phone number. A bank that is no longer in BANKS_FILE is called the issuing
    bank, and its phone number is the hotline's.
    """
    bank = settings.banks.get(bank_id)
    if bank is None:
        return {"bank": LANGUAGES[language].issuing_bank, "bank_phone": HOTLINE_NUMBER}
    return {"bank": bank.name[language], "bank_phone": bank.phone}


def hours_text(hours: AgentHours, language: LanguageCode) -> str:
    """Opening hours as they are spoken: weekdays and times of the day."""
    row = LANGUAGES[language]
    return row.between_spans.join(
        row.span.format(
            days=weekdays(span.days, language),
            start=clock(span.start, language),
            end=clock(span.end, language),
        )
        for span in hours.spans
    )
