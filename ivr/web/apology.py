"""What the caller hears when something is broken: what is so, what is not, what to do now."""

from collections.abc import Mapping
from typing import Final

from ivr.actions import bank_facts
from ivr.dialogue.flow import AFTER_FILING
from ivr.dialogue.steps import Language
from ivr.settings import Settings
from ivr.web.twiml import Voice

MOST_BANKS: Final = 5  # read out; with more, the number on the card is quicker found
WHERE_A_REPORT_IS_FILED: Final = frozenset({"confirm"})


class Apology:
    """Words for a turn that failed, by where the call stood when it did."""

    def __init__(self, settings: Settings, voice: Voice) -> None:
        self._settings = settings
        self._voice = voice

    def for_broken_records(self, step: str, lang: str | None) -> str:
        """Redis did not answer before anything was sent to it: nothing was filed this turn."""
        if step in AFTER_FILING:
            return self._speak("busy_after_report", lang, banks=False)
        return self._speak("busy", lang, banks=True)

    def for_unknown_outcome(self, step: str, lang: str | None) -> str:
        """Something broke in the middle of a turn; a report may or may not be on disk."""
        if step in WHERE_A_REPORT_IS_FILED:
            return self._speak("outcome_unknown_now", lang, banks=True)
        return self.for_broken_records(step, lang)

    def _speak(self, prompt: str, lang: str | None, *, banks: bool) -> str:
        languages = _languages(lang)
        said = [self._voice_lines(prompt, language, banks=banks) for language in languages]
        return self._voice.say_only(list(zip(languages, said, strict=True)))

    def _voice_lines(
        self, prompt: str, language: Language, *, banks: bool
    ) -> list[tuple[str, Mapping[str, str]]]:
        lines: list[tuple[str, Mapping[str, str]]] = [(prompt, {})]
        known = list(self._settings.banks.values())
        if banks and len(known) <= MOST_BANKS:
            lines += [("busy_call_bank", bank_facts(bank, language)) for bank in known]
        elif banks:
            lines.append(("busy_call_any_bank", {}))
        return lines


def _languages(lang: str | None) -> list[Language]:
    """Both, when nobody has chosen yet."""
    if lang == "zh":
        return ["zh"]
    return ["en"] if lang == "en" else ["zh", "en"]
