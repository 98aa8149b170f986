"""How long a prompt takes, estimated from its words, and what the caller hears of it.

Calibrated by ear on drafted prompts: 4.2 Chinese characters a second (a digit in Chinese counts as
one) and 2.5 English words a second. `tests/simulator/engine` states how far off it may be. Real
voices differ; what matters is that the same words always take the same time.
"""

import re

from .markup import Element

CHINESE_CHARACTERS_PER_SECOND = 4.2
ENGLISH_WORDS_PER_SECOND = 2.5
# A year or a short code is said as one word in English; longer runs are read digit by digit.
_LONGEST_NUMBER_WORD = 5

_TOKEN = re.compile(
    r"(?P<cjk>[\u3400-\u9fff])|(?P<digits>\d+)|(?P<word>[^\W\d_]+(?:['’-][^\W\d_]+)*)"
)
_BREAKS = {"none": 0.0, "x-weak": 0.0, "weak": 0.25, "medium": 0.5, "strong": 0.75, "x-strong": 1.0}
_RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "fast": 1.25, "x-fast": 1.5}
_SPELLED = {"digits", "characters", "spell-out", "telephone"}


def text_seconds(text: str) -> float:
    """Seconds a voice needs for plain text, Chinese and English mixed."""
    tokens = list(_TOKEN.finditer(text))
    chinese = next((t.lastgroup == "cjk" for t in tokens if t.lastgroup != "digits"), False)
    seconds = 0.0
    for token in tokens:
        if token.lastgroup != "digits":
            chinese = token.lastgroup == "cjk"
        seconds += _token_seconds(token, chinese)
    return seconds


def _token_seconds(token: re.Match[str], chinese: bool) -> float:
    if token.lastgroup == "digits" and not chinese:
        length = len(token.group())
        return (1 if length <= _LONGEST_NUMBER_WORD else length) / ENGLISH_WORDS_PER_SECOND
    if token.lastgroup == "word":
        return 1 / ENGLISH_WORDS_PER_SECOND
    return len(token.group()) / CHINESE_CHARACTERS_PER_SECOND


def say_seconds(element: Element) -> float:
    """Seconds for one round of a `<Say>`: its text, its breaks, its speaking rate."""
    seconds = sum(
        text_seconds(part) if isinstance(part, str) else _nested_seconds(part)
        for part in element.content
    )
    return seconds / _rate(element)


def _nested_seconds(element: Element) -> float:
    if element.name == "break":
        return _break_seconds(element)
    if element.name == "sub":
        return text_seconds(element.attributes.get("alias", ""))
    if element.attributes.get("interpret-as") in _SPELLED:
        return text_seconds(" ".join(_said(element).replace(" ", "")))
    return say_seconds(element)


def _break_seconds(element: Element) -> float:
    time = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)(ms|s)", element.attributes.get("time", ""))
    if time:
        return float(time.group(1)) / (1000 if time.group(2) == "ms" else 1)
    return _BREAKS.get(element.attributes.get("strength", "medium"), _BREAKS["medium"])


def _rate(element: Element) -> float:
    rate = element.attributes.get("rate", "medium") if element.name == "prosody" else "medium"
    percent = re.fullmatch(r"([0-9]{1,4})%", rate)
    if percent and int(percent.group(1)) > 0:
        return int(percent.group(1)) / 100
    return _RATES.get(rate, 1.0)


def heard_text(element: Element) -> str:
    """What is heard of a `<Say>`: all nested text in order, `<sub>` as its alias."""
    return " ".join(_said(element).split())


def _said(element: Element) -> str:
    if element.name == "sub":
        return element.attributes.get("alias", "")
    inner = "".join(p if isinstance(p, str) else _said(p) for p in element.content)
    return f" {inner} " if element.name in ("p", "s") else inner
