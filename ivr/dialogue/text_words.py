"""What a text to the line asks for. Pure: words in, a wish out; nothing of the text is kept."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Wish(StrEnum):
    """What somebody wants of us. Also the purpose of a look that it needs."""

    REPORT = "report"
    CONFIRM = "confirm"
    CANCEL = "cancel"
    STATUS = "status"
    NOT_ME = "not_me"
    HELP = "help"  # or nothing that we understand
    WHOLE_NUMBER = "whole_number"  # a whole ID number: it is not even read
    NONE = "none"  # for whoever carries the text, who answers it himself


@dataclass(frozen=True)
class Said:
    """A text as we understand it.

    last4: of an ID number or a card number, if one is named; is_of_card: of a card number only.
    code: the digits of a confirmation. is_carriers: the carrier of the text acts on the word too.
    """

    wish: Wish
    language: str
    last4: str = ""
    is_of_card: bool = False
    code: str = ""
    is_carriers: bool = False


# By language, as they stand when blanks and marks are gone and letters are capitals.
WORDS: Final[Mapping[str, Mapping[Wish, str]]] = {
    "zh": {
        Wish.REPORT: "我要挂失|挂失|GS",
        Wish.STATUS: "我要查询|查询状态|查询|状态|ZT",
        Wish.NOT_ME: "不是我办理的|不是我办的|不是我|非本人办理|非本人",
        Wish.CONFIRM: "是的|是|确认挂失|确认|好的|好",
        Wish.CANCEL: "否|不是|不要|不|取消",
        Wish.HELP: "帮助|怎么办",
    },
    "en": {
        Wish.REPORT: "REPORTLOST|REPORT|LOST",
        Wish.STATUS: "STATUS",
        Wish.NOT_ME: "ITWASNOTME|NOTME",
        Wish.CONFIRM: "CONFIRM|YES|Y",
        Wish.CANCEL: "NO|N",
        Wish.HELP: "HELP|INFO",
    },
}
WRITTEN_IN: Final[Mapping[str, re.Pattern[str]]] = {
    "zh": re.compile("[㐀-鿿]"),
    "en": re.compile("[A-Z]"),
}
FIRST: Final = next(iter(WORDS))
CARD: Final[Mapping[str, str]] = {"zh": "卡号?尾号|卡号|卡", "en": "CARD"}

# Twilio answers these itself, whatever we say (docs: "Support for Opt-Out Keywords"); 退订 and TD
# are what mainland carriers act on. YES is one of them, and may still be the answer to a question.
CARRIERS: Final = frozenset({
    "STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT",
    "START", "UNSTOP", "YES", "HELP", "INFO", "退订", "TD",
})  # fmt: skip
ENDS_IT: Final = CARRIERS - {"START", "UNSTOP", "YES", "HELP", "INFO"}  # nothing is wanted any more

_LONGEST: Final = 160  # characters; no command has more
_WHOLE_NUMBER: Final = re.compile("[0-9]{15}")
_CODE: Final = re.compile("[0-9]{6}")
_SIMPLE: Final = str.maketrans("掛狀態確認幫訂號", "挂状态确认帮订号")
_TAIL: Final = "(?P<tail>[0-9]{3}[0-9X])?"


def read_text(body: str) -> Said:
    """What a text asks for. 挂失1234, 挂失:1234 and 我要挂失１２３４ are the same."""
    folded = _folded(body)
    language = _language_of(folded)
    if _WHOLE_NUMBER.search(folded):
        return Said(Wish.WHOLE_NUMBER, language)
    is_carriers = folded in CARRIERS
    if folded in ENDS_IT:
        return Said(Wish.CANCEL, language, is_carriers=True)
    if folded in ("START", "UNSTOP"):
        return Said(Wish.NONE, language, is_carriers=True)
    if _CODE.fullmatch(folded):
        return Said(Wish.CONFIRM, language, code=folded)
    for code, wishes in WORDS.items():
        for wish, words in wishes.items():
            if found := _pattern(words, CARD[code], wish).fullmatch(folded):
                parts = found.groupdict()
                return Said(
                    wish, code, parts.get("tail") or "", bool(parts.get("card")),
                    is_carriers=is_carriers,
                )  # fmt: skip
    return Said(Wish.HELP, language)


def _pattern(words: str, card: str, wish: Wish) -> re.Pattern[str]:
    names_one = wish in (Wish.REPORT, Wish.STATUS, Wish.NOT_ME)
    return re.compile(f"(?:{words})(?P<card>{card})?{_TAIL}" if names_one else f"(?:{words})")


def _folded(body: str) -> str:
    """Capitals, letters and digits only, in the simplified characters of our words."""
    plain = unicodedata.normalize("NFKC", body[: 10 * _LONGEST]).upper().translate(_SIMPLE)
    return "".join(c for c in plain if c.isalnum())


def _language_of(folded: str) -> str:
    """Of what is no command: the first language in whose letters it is written, else the first."""
    return next((code for code, letters in WRITTEN_IN.items() if letters.search(folded)), FIRST)
