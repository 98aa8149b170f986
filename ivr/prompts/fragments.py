"""The words in the pieces a studio records: every sentence cut at its places, and the values
that fill them: digits, the parts of a moment, stretches of time, names. What is said of a caller
is put together of these alone.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from string import Formatter, ascii_uppercase
from typing import Final

from ivr.beijing import BEIJING
from ivr.prompts.catalogue import Catalogue, Placeholder, spoken
from ivr.prompts.languages import LANGUAGES, LanguageCode
from ivr.prompts.speech import (
    DAY_PARTS,
    DIGITS,
    PLAIN_SECONDS,
    Part,
    Spelled,
    duration,
    moment,
    said_hour,
    time_pattern,
)

NOT_SPOKEN: Final = ("text_", "sms_")  # prompts that begin so are texted or shown, never heard
SIGNS: Final = {"+": "plus"}  # of a phone number
SPELLED: Final = (*DIGITS, *ascii_uppercase, *SIGNS)
HOURS: Final = range(13)  # 0 and 12 are not the same word everywhere
MINUTES: Final = range(1, 60)
_EXAMPLE: Final = 1_800_000_300.0
_LEADING: Final = " ，、,;:；："  # what a piece begins with that stands after a value

Names = Mapping[LanguageCode, Mapping[str, str]]  # what a deployment calls things: key -> text


@dataclass(frozen=True)
class Fragment:
    """What is recorded as one file. `name`: of the file, without its ending: "zh/welcome.1"."""

    language: LanguageCode
    key: str
    text: str
    note: str

    @property
    def name(self) -> str:
        return f"{self.language}/{self.key}"


@dataclass(frozen=True)
class Sound:
    """A part of a sentence, and the fragments that say it one after another; none if there are no
    such recordings, or nothing to be heard (a comma).
    """

    part: Part
    keys: tuple[str, ...] = ()

    @property
    def is_heard(self) -> bool:
        return isinstance(self.part, Spelled) or _is_heard(self.part)


class Script:
    """All that a deployment may say, in fragments."""

    def __init__(
        self, catalogue: Catalogue, names: Names, *, is_all_recorded: bool = False
    ) -> None:
        """`names`: the texts that this deployment fills in, such as `bank.icbc`. `is_all_recorded`:
        a bank that has no recording (it has left BANKS_FILE) is called the issuing bank.
        """
        self._catalogue = catalogue
        self._names = names
        self._is_all_recorded = is_all_recorded
        self._keys = {
            code: {text: key for key, text in {**_durations(code), **texts}.items()}
            for code, texts in names.items()
        }

    def fragments(self) -> Iterator[Fragment]:
        """Everything to be recorded, each once."""
        for code in LANGUAGES:
            yield from self._sentences(code)
            yield from _spelled(code)
            yield from _of_moments(code)
            for key, text in {**_durations(code), **self._names[code]}.items():
                yield Fragment(code, key, text, "stands inside sentences")

    def sounds(self, prompt: str, values: Mapping[str, str], language: LanguageCode) -> list[Sound]:
        """One prompt with its values filled in.

        Raises:
            KeyError: unknown prompt, or a value is missing.
        """
        found: list[Sound] = []
        number = 0
        for piece in self._catalogue.prompts[prompt][language]:
            if isinstance(piece, Placeholder):
                found += self._of_value(piece, values, language)
                continue
            number += _is_heard(piece)
            keys = (f"{prompt}.{number}",) if _is_heard(piece) else ()
            found.append(Sound(piece, keys))
        return found

    def _sentences(self, code: LanguageCode) -> Iterator[Fragment]:
        for prompt, texts in self._catalogue.prompts.items():
            if prompt.startswith(NOT_SPOKEN):
                continue
            pieces = [p for p in texts[code] if isinstance(p, str) and _is_heard(p)]
            whole = self._catalogue.shown(prompt, code)
            for number, piece in enumerate(pieces, 1):
                note = "a whole sentence" if len(texts[code]) == 1 else f"part of: {whole}"
                text = piece.lstrip(_LEADING).rstrip()
                yield Fragment(code, f"{prompt}.{number}", text, note)

    def _of_value(
        self, place: Placeholder, values: Mapping[str, str], language: LanguageCode
    ) -> Iterable[Sound]:
        parts = spoken(place, values, language)
        if place.kind == "time":
            return [Sound(parts[0], _moment_keys(float(values[place.name]), language))]
        if place.name == "bank" and self._is_all_recorded:
            known = [part for part in parts if self._keys_of(part, language)]
            parts = known or [LANGUAGES[language].issuing_bank]
        return [Sound(part, self._keys_of(part, language)) for part in parts]

    def _keys_of(self, part: Part, language: LanguageCode) -> tuple[str, ...]:
        if isinstance(part, Spelled):
            return tuple(_spelled_key(sign) for sign in part.shown)
        key = self._keys[language].get(part)
        return (key,) if key else ()


def _is_heard(text: str) -> bool:
    return any(map(str.isalnum, text))


def _spelled_key(sign: str) -> str:
    return f"digit.{SIGNS.get(sign, sign.lower())}"


def _spelled(code: LanguageCode) -> Iterator[Fragment]:
    sounds = dict(zip(DIGITS, LANGUAGES[code].digits, strict=True))
    for sign in SPELLED:
        yield Fragment(code, _spelled_key(sign), sounds.get(sign, sign), "one of a row, one by one")


def _of_moments(code: LanguageCode) -> Iterator[Fragment]:
    """The parts of a date and time; what stands after a part in its pattern belongs to it."""
    row = LANGUAGES[code]
    date, clock = _parts(row.moment), _parts(row.clock)
    said = {
        f"month.{number}": date["month"].format(text) for number, text in enumerate(row.months, 1)
    }
    said |= {f"day.{day}": date["day"].format(day) for day in range(1, 32)}
    said |= {f"weekday.{n}": date["weekday"].format(text) for n, text in enumerate(row.weekdays, 1)}
    said |= {
        f"day_part.{begins}": clock["part"].format(text)
        for begins, text in zip(DAY_PARTS, row.day_parts, strict=True)
    }
    for name in ("sharp", "half", "clock"):
        hours = _parts(getattr(row, name))["hour"]
        said |= {f"{name}.{hour}": hours.format(said_hour(hour, code)).strip() for hour in HOURS}
    said |= {f"minute.{minute}": clock["minute"].format(f"{minute:02d}") for minute in MINUTES}
    whole = moment(_EXAMPLE, code)
    yield from (Fragment(code, key, text, f"stands in: {whole}") for key, text in said.items())


def _durations(code: LanguageCode) -> dict[str, str]:
    """Every stretch of time that is told; those under a second sound alike."""
    said = {duration(seconds, code): seconds for seconds in reversed(PLAIN_SECONDS)}
    return {f"duration.{seconds:g}": text for text, seconds in said.items()}


def _parts(pattern: str) -> dict[str, str]:
    """Each place of a pattern with the words that stand beside it: `{day}日` -> `{}日`."""
    pieces = list(Formatter().parse(pattern))
    words = [text if _is_heard(text) else "" for text, *_ in pieces] + [""]
    return {
        name: ("" if number else words[0]) + "{}" + words[number + 1]
        for number, (_, name, _, _) in enumerate(pieces)
        if name is not None
    }


def _moment_keys(unix_seconds: float, language: LanguageCode) -> tuple[str, ...]:
    at = datetime.fromtimestamp(unix_seconds, BEIJING)
    row = LANGUAGES[language]
    name = time_pattern(at.minute)
    part = max(begins for begins in DAY_PARTS if begins <= at.hour)
    keys = {
        "month": f"month.{at.month}",
        "day": f"day.{at.day}",
        "weekday": f"weekday.{at.weekday() + 1}",
        "part": f"day_part.{part}",
        "hour": f"{name}.{at.hour if at.hour <= 12 else at.hour - 12}",
        "minute": f"minute.{at.minute}",
    }
    places: list[str] = []
    for place in _parts(row.moment):
        places += _parts(getattr(row, name)) if place == "clock" else [place]
    return tuple(keys[place] for place in places)
