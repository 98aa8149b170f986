"""What the caller hears when something is broken: what is true, what is not, what to do now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self
from urllib.parse import parse_qs, urlsplit

from flask import Request

from ivr.dialogue.filing import OnRecord
from ivr.dialogue.flow import FILING_STEPS
from ivr.prompts.languages import LANGUAGES, LanguageCode
from ivr.settings import Settings
from ivr.spoken import bank_facts
from ivr.web.twiml import ON_RECORD, Voice

MOST_BANKS: Final = 5  # read out; nobody listens to more


@dataclass(frozen=True)
class Whereabouts:
    """Where a call stood, as far as the request tells, because the stored call cannot be read.

    `on_record`: whether a report of this call's holder is on record.
    `failed`: our answer did not reach Twilio, so the turn at `step` may have been completed.
    """

    step: str
    lang: str | None
    on_record: OnRecord
    failed: bool

    @classmethod
    def of(cls, request: Request) -> Self:
        """From the request's own URL, or from the failed one a fallback request names."""
        failed_url = request.form.get("ErrorUrl", "")
        parts = urlsplit(failed_url or request.full_path)
        query = parse_qs(parts.query)
        step = parts.path.rpartition("/voice/")[2].strip("/")
        known = query.get(ON_RECORD, [""])[0]
        on_record = OnRecord(known) if known in set(OnRecord) else OnRecord.NO
        return cls(step, query.get("lang", [None])[0], on_record, bool(failed_url))

    @property
    def files_here(self) -> bool:
        """Whether a key pressed at this step files a report."""
        return self.step in FILING_STEPS.key_at


class Apology:
    """Words for a turn that failed; they depend on where the call stood."""

    def __init__(self, settings: Settings, voice: Voice) -> None:
        self._settings = settings
        self._voice = voice

    def for_broken_records(self, at: Whereabouts) -> str:
        """Redis did not answer before anything was sent to it: nothing was filed this turn."""
        if at.on_record is OnRecord.UNKNOWN or (at.failed and at.files_here):
            return self._speak("outcome_unknown_now", at.lang, banks=True)
        if at.on_record is OnRecord.YES and not at.files_here:  # maybe of another card
            return self._speak("busy_after_report", at.lang, banks=False)
        return self._speak("busy", at.lang, banks=True)

    def for_unknown_outcome(self, at: Whereabouts) -> str:
        """Something broke in the middle of a turn; a report may or may not be on disk."""
        if at.files_here:
            return self._speak("outcome_unknown_now", at.lang, banks=True)
        return self.for_broken_records(at)

    def offers_person(self) -> bool:
        """Whether a person answers now, by this machine's clock: Redis cannot be asked."""
        return self._settings.agent_hours.are_open(datetime.now(UTC))

    def _speak(self, prompt: str, lang: str | None, *, banks: bool) -> str:
        languages = _languages(lang)
        said = [self._voice_lines(prompt, language, banks=banks) for language in languages]
        offers_person = self.offers_person()
        if offers_person:
            said = [[*lines, ("for_a_person", {})] for lines in said]
        return self._voice.say_only(
            list(zip(languages, said, strict=True)), offers_person=offers_person
        )

    def _voice_lines(
        self, prompt: str, language: LanguageCode, *, banks: bool
    ) -> list[tuple[str, Mapping[str, str]]]:
        lines: list[tuple[str, Mapping[str, str]]] = [(prompt, {})]
        known = self._settings.banks.values()
        if banks and len(known) <= MOST_BANKS:
            lines.append(("busy_call_banks", {}))
            lines += [("busy_bank", bank_facts(bank, language)) for bank in known]
        elif banks:
            lines.append(("call_any_bank", {}))
        return lines


def _languages(lang: str | None) -> list[LanguageCode]:
    """All languages, when the caller has not chosen one yet."""
    return [lang] if lang in LANGUAGES else list(LANGUAGES)
