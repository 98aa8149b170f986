"""What callers understand of what they hear: claims that can be compared with the records.

The sentences are those of the hotline's prompt catalogue, in both languages; a test compares.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_SPOKEN_DIGITS: Final = str.maketrans("零幺一二三四五六七八九", "01123456789")


class Claim(StrEnum):
    """Something the line says that must be true."""

    FILED = "filed"
    ALREADY = "already"
    STATUS = "status"
    BLOCKED = "blocked"
    WAITING = "waiting"
    NOT_BLOCKED = "not blocked"
    NOT_FILED = "not filed"
    UNKNOWN = "unknown"
    MORE_ASKED = "more asked"


_SENTENCES: Final[tuple[tuple[Claim, str], ...]] = (
    (Claim.FILED, r"挂失成功，编号(\d{8})"),
    (Claim.FILED, r"Reported\. Number (\d{8})"),
    (Claim.ALREADY, r"的卡已经挂失，编号(\d{8})"),
    (Claim.ALREADY, r"is already reported lost. The report number is (\d{8})"),
    (Claim.STATUS, r"社保功能已临时挂失，挂失编号(\d{8})"),
    (Claim.STATUS, r"function is suspended under report number (\d{8})"),
    (Claim.BLOCKED, r"已经确认停用银行功能"),
    (Claim.BLOCKED, r"has confirmed that the bank function is blocked"),
    (Claim.BLOCKED, r"已经停用银行功能，要恢复"),
    (Claim.BLOCKED, r"has blocked the bank function. To unblock it"),
    (Claim.WAITING, r"停用银行功能，银行还没有确认"),
    (Claim.WAITING, r"is being told to block the bank function and has not confirmed"),
    (Claim.NOT_BLOCKED, r"银行功能(?:还)?没有停用。请马上拨打"),
    (Claim.NOT_BLOCKED, r"the bank function is NOT blocked. Please call"),
    (Claim.NOT_FILED, r"没有办成挂失，您的卡没有因此停用"),
    (Claim.NOT_FILED, r"Your card has NOT been blocked by this call"),
    (Claim.NOT_FILED, r"本次通话没有办理挂失"),
    (Claim.NOT_FILED, r"No loss has been reported in this call"),
    (Claim.UNKNOWN, r"暂时无法确认挂失是否成功"),
    (Claim.MORE_ASKED, r"输入社保卡号的?最后6位"),
    (Claim.MORE_ASKED, r"key the last 6 places of the card number"),
    (Claim.UNKNOWN, r"cannot confirm (?:yet )?whether your card has been reported"),
)
# Voices read digits one by one: spaces mean nothing in what is heard.
_PATTERNS: Final = [
    (claim, re.compile(re.sub(r" ", "", sentence), re.IGNORECASE)) for claim, sentence in _SENTENCES
]


@dataclass(frozen=True)
class Heard:
    """One claim, the report number it came with, and when it had reached us (unix seconds)."""

    claim: Claim
    number: str
    at: float


def claims_in(text: str) -> Iterator[tuple[Claim, str]]:
    """Every claim in one thing said, with its report number or an empty string."""
    plain = re.sub(r"\s", "", text.translate(_SPOKEN_DIGITS))
    for claim, pattern in _PATTERNS:
        if found := pattern.search(plain):
            yield claim, "".join(found.groups())
