"""What is said, as recordings: a Play for each fragment that is recorded, a Say for the rest."""

from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from typing import Final
from xml.sax.saxutils import escape

from ivr.prompts.fragments import Script, Sound
from ivr.prompts.languages import LanguageCode
from ivr.prompts.speech import Part
from ivr.recordings import Recordings

Says = Callable[[Iterable[Part], LanguageCode], str]  # parts of a sentence -> their Say
VERSION_PLACES: Final = 12  # of a file's digest: another recording has another URL


class Played:
    """Puts what is said together of recordings. Twilio fetches them by absolute URLs."""

    def __init__(self, recordings: Recordings, public_base_url: str) -> None:
        self._script: Script = recordings.script
        self._plays: Mapping[str, str] = {
            name: f"<Play>{escape(recording_url(public_base_url, found.name, found.digest))}</Play>"
            for name, found in recordings.found.items()
        }

    def heard(
        self, prompt: str, values: Mapping[str, str], language: LanguageCode, says: Says
    ) -> str:
        """One prompt as verbs. Raises KeyError: unknown prompt, or a value is missing."""
        verbs: list[str] = []
        sounds = self._script.sounds(prompt, values, language)
        for plays, group in groupby(sounds, lambda sound: self._are_recorded(sound, language)):
            run = list(group)
            if plays:
                verbs += [self._plays[f"{language}/{key}"] for each in run for key in each.keys]
            elif any(sound.is_heard for sound in run):
                verbs.append(says([sound.part for sound in run], language))
        return "".join(verbs)

    def _are_recorded(self, sound: Sound, language: LanguageCode) -> bool:
        return bool(sound.keys) and all(f"{language}/{key}" in self._plays for key in sound.keys)


def recording_url(public_base_url: str, name: str, digest: str) -> str:
    """Where a file of this content is fetched."""
    return f"{public_base_url}/audio/{name}?v={digest[:VERSION_PLACES]}"
