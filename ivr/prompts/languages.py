"""The languages, one row each, in the order in which the first menu speaks them.

Besides its row, a language needs a column in prompts.toml, a name for each bank in BANKS_FILE and
a key in the flow's first menu. At boot ivr/every_language.py names what is missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Final

LanguageCode = str  # a language in calls and records: its key in LANGUAGES


@dataclass(frozen=True, kw_only=True)
class Language:
    """How a language sounds. Nothing has a default, so no row falls back on another language."""

    tag: str  # what Twilio calls the language
    heard_as: str  # and what its speech recognition calls it
    voice: str
    digits: tuple[str, ...]  # how 0 to 9 sound, one by one
    months: tuple[str, ...]  # as they stand in a moment, January first
    weekdays: tuple[str, ...]  # as they stand in a moment, Monday first
    moment: str
    days: tuple[str, ...]  # as they stand in opening hours, Monday first
    every_day: str
    days_in_a_row: str
    between_days: str
    day_parts: tuple[str, ...]  # what 0, 6, 12, 13 and 18 o'clock begin
    hour_0: str  # the first hour of the day, and …
    hour_12: str  # … the first after noon
    sharp: str  # 8:00, …
    half: str  # … 8:30 …
    clock: str  # … and any other time of the day
    end_of_day: str
    seconds: tuple[str, ...]  # one second, and more of them
    minutes: tuple[str, ...]
    hours: tuple[str, ...]
    span: str  # of opening hours
    all_day: str
    between_spans: str
    but_holidays: str  # said of opening hours that leave Sunday out
    line_name: str  # what the line is called, if a city does not call it otherwise
    called: str  # what our staff call the language
    issuing_bank: str  # a bank we know nothing of any more
    unknown_phone: str  # stands where its number would


_DAYS_ZH: Final = "一二三四五六日"
_DAYS_EN: Final = (
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
)  # fmt: skip

LANGUAGES: Final[dict[LanguageCode, Language]] = {
    "zh": Language(
        tag="cmn-CN",
        heard_as="cmn-Hans-CN",
        voice="Polly.Zhiyu-Neural",
        # On the phone 1 is read yāo, so that it is not misheard as 7 (qī).
        digits=tuple("零幺二三四五六七八九"),
        months=tuple(f"{number}月" for number in range(1, 13)),
        weekdays=tuple(f"星期{day}" for day in _DAYS_ZH),
        moment="{month}{day}日{weekday}{clock}",
        days=tuple(f"周{day}" for day in _DAYS_ZH),
        every_day="每天",
        days_in_a_row="{first}到{last}",
        between_days="、",
        day_parts=("凌晨", "上午", "中午", "下午", "晚上"),
        hour_0="零",
        hour_12="12",
        sharp="{part}{hour}点",
        half="{part}{hour}点半",
        clock="{part}{hour}点{minute:02d}分",
        end_of_day="晚上12点",
        seconds=("{count}秒钟", "{count}秒钟"),
        minutes=("{count}分钟", "{count}分钟"),
        hours=("{count}小时", "{count}小时"),
        span="{days}{start}到{end}",
        all_day="{days}24小时",
        between_spans="，",
        but_holidays="{hours}，法定节假日休息",
        line_name="社保热线",
        called="普通话",
        issuing_bank="发卡银行",
        unknown_phone="电话",
    ),
    "en": Language(
        tag="en-US",
        heard_as="en-US",
        voice="Polly.Joanna-Neural",
        digits=tuple("0123456789"),
        months=(
            "January", "February", "March", "April", "May", "June", "July", "August",
            "September", "October", "November", "December",
        ),
        weekdays=_DAYS_EN,
        moment="{weekday}, {month} {day}, {clock}",
        days=_DAYS_EN,
        every_day="every day",
        days_in_a_row="{first} to {last}",
        between_days=", ",
        day_parts=("a.m.", "a.m.", "p.m.", "p.m.", "p.m."),
        hour_0="12",
        hour_12="12",
        sharp="{hour} {part}",
        half="{hour}:30 {part}",
        clock="{hour}:{minute:02d} {part}",
        end_of_day="midnight",
        seconds=("{count} second", "{count} seconds"),
        minutes=("{count} minute", "{count} minutes"),
        hours=("{count} hour", "{count} hours"),
        span="{days}, {start} to {end}",
        all_day="{days}, 24 hours",
        between_spans="; ",
        but_holidays="{hours}, except public holidays",
        line_name="social security line",
        called="英语",
        issuing_bank="the issuing bank",
        unknown_phone="its own number",
    ),
}  # fmt: skip

_COUNTS: Final = {
    "digits": 10, "months": 12, "weekdays": 7, "days": 7, "day_parts": 5,
    "seconds": 2, "minutes": 2, "hours": 2,
}  # fmt: skip
# The places of each pattern, all of which every language fills, with a value to try it out.
_PLACES: Final[Mapping[str, Mapping[str, str | int]]] = {
    "moment": {"month": "x", "day": 1, "weekday": "x", "clock": "x"},
    "days_in_a_row": {"first": "x", "last": "x"},
    "sharp": {"part": "x", "hour": "x"},
    "half": {"part": "x", "hour": "x"},
    "clock": {"part": "x", "hour": "x", "minute": 1},
    "seconds": {"count": 1},
    "minutes": {"count": 1},
    "hours": {"count": 1},
    "span": {"days": "x", "start": "x", "end": "x"},
    "all_day": {"days": "x"},
    "but_holidays": {"hours": "x"},
}


def row_faults(code: LanguageCode, row: Language) -> list[str]:
    """All that a row lacks, by language and by field."""
    faults = (_fault(name, value) for name, value in vars(row).items())
    return [f"{code}: {fault}" for fault in faults if fault]


def _fault(name: str, value: str | tuple[str, ...]) -> str:
    texts = (value,) if isinstance(value, str) else value
    count = _COUNTS.get(name, 1)
    if len(texts) != count or not all(text.strip() for text in texts):
        return f"{name} needs {count} texts" if count > 1 else f"{name} needs a text"
    places = _PLACES.get(name, {})
    if places and not all(_fits(text, places) for text in texts):
        return f"{name} needs the places {', '.join(f'{{{place}}}' for place in places)}"
    return ""


def _fits(pattern: str, values: Mapping[str, str | int]) -> bool:
    try:
        pattern.format(**values)
        places = {name for _, name, _, _ in Formatter().parse(pattern) if name is not None}
    except (LookupError, ValueError, AttributeError):
        return False
    return places == values.keys()
