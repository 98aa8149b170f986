"""How values are spoken: digits one by one, moments in Beijing time, opening hours."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Final, Literal

from ivr.beijing import BEIJING

Language = Literal["zh", "en"]

_WEEKDAYS_ZH: Final = "一二三四五六日"
_WEEKDAYS_EN: Final = (
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
)  # fmt: skip
_MONTHS_EN: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
TO: Final[Mapping[Language, str]] = {"zh": "到", "en": " to "}  # from one day or hour to another
# On the phone 1 is read yāo, so that it is not misheard as 7 (qī).
_DIGITS_ZH: Final = dict(zip("0123456789", "零幺二三四五六七八九", strict=True))


@dataclass(frozen=True)
class Spelled:
    """Text shown as digits and spoken one by one: `alias` is how it sounds."""

    shown: str
    alias: str


Part = str | Spelled


def spell(text: str, language: Language) -> tuple[Part, ...]:
    """Digits (or an X) in groups of four, one by one: 12345670 -> 1234 5670.

    No digit is left alone after a group: 95588 stays in one piece, as the bank's number is known.
    """
    groups = [text[i : i + 4] for i in range(0, len(text), 4)]
    if len(groups) > 1 and len(groups[-1]) == 1:
        groups[-2:] = [groups[-2] + groups[-1]]
    parts: list[Part] = []
    for group in groups:
        parts += [Spelled(group, _one_by_one(group, language)), " "]
    return tuple(parts[:-1])


def _one_by_one(group: str, language: Language) -> str:
    if language == "zh":
        return " ".join(_DIGITS_ZH.get(c, c) for c in group)
    return " ".join(group)


def moment(unix_seconds: float, language: Language) -> str:
    """A moment with date and time as a Beijing clock shows it, whatever this machine's zone."""
    at = datetime.fromtimestamp(unix_seconds, BEIJING)
    if language == "zh":
        return f"{at.month}月{at.day}日星期{_WEEKDAYS_ZH[at.weekday()]}{at.hour}点{at.minute:02d}分"
    day = f"{_WEEKDAYS_EN[at.weekday()]}, {_MONTHS_EN[at.month - 1]} {at.day}"
    return f"{day}, {at.hour:02d}:{at.minute:02d}"


def weekdays(days: Collection[int], language: Language) -> str:
    """Days of the week (0 is Monday); three or more in a row are said as first to last."""
    if len(days) == len(_WEEKDAYS_EN):
        return "每天" if language == "zh" else "every day"
    named = [[_weekday(day, language) for day in run] for run in _runs(days)]
    said = [[TO[language].join((run[0], run[-1]))] if len(run) > 2 else run for run in named]
    return ("、" if language == "zh" else ", ").join(chain.from_iterable(said))


def _runs(days: Collection[int]) -> list[list[int]]:
    """Days in stretches without a gap: 0, 1, 2, 5 -> [0, 1, 2], [5]."""
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return runs


def _weekday(number: int, language: Language) -> str:
    return f"周{_WEEKDAYS_ZH[number]}" if language == "zh" else _WEEKDAYS_EN[number]
