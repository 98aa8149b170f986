"""Settings as a caller hears them: a bank's name and number, the hours of service."""

from collections.abc import Mapping
from typing import Final

from ivr.agent_hours import AgentHours, clock_text
from ivr.prompts.speech import TO, Language, weekdays
from ivr.settings import Settings

ISSUING_BANK: Final[Mapping[Language, str]] = {"zh": "发卡银行", "en": "the issuing bank"}
HOTLINE_NUMBER: Final = "12333"


def bank_facts(settings: Settings, bank_id: str, language: Language) -> dict[str, str]:
    """How a bank is named and called; one that left BANKS_FILE, by what every card says."""
    bank = settings.banks.get(bank_id)
    if bank is None:
        return {"bank": ISSUING_BANK[language], "bank_phone": HOTLINE_NUMBER}
    return {"bank": getattr(bank.name, language), "bank_phone": bank.phone}


def hours_text(hours: AgentHours, language: Language) -> str:
    """Opening hours as they are spoken: weekdays and times of a 24-hour clock."""
    spans = [
        f"{weekdays(s.days, language)} {clock_text(s.start)}{TO[language]}{clock_text(s.end)}"
        for s in hours.spans
    ]
    return ("；" if language == "zh" else "; ").join(spans)
