"""The phone number as configured at Twilio, and the parameters of every request about a call.

Source: twilio.com/docs/voice/twiml (request parameters).
"""

import math
import re
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Literal

# Twilio fills the country of a number it knows, and for Chinese numbers nothing else.
_COUNTRIES = {"+852": "HK", "+853": "MO", "+886": "TW", "+86": "CN", "+1": "US", "+44": "GB"}
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
# Whose number is withheld may come as these words, keyed on a telephone: +266696687 is ANONYMOUS.
_KEYS = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "22233344455566677778889999")
_WITHHELD = {
    "+" + word.translate(_KEYS)
    for word in ("ANONYMOUS", "BLOCKED", "RESTRICTED", "UNAVAILABLE", "UNKNOWN")
}
_PARTIES = ("From", "To", "Caller", "Called")


def new_sid(prefix: str) -> str:
    """`CA`, `AC`, `QU` ... followed by 32 hexadecimal digits."""
    return prefix + secrets.token_hex(16)


def twilio_call_sid() -> str:
    """`CA` and 32 hexadecimal digits."""
    return new_sid("CA")


def somleng_call_sid() -> str:
    """Somleng, another engine that speaks TwiML, names its calls by a UUID with dashes."""
    return str(uuid.uuid4())


@dataclass(frozen=True)
class PhoneLine:
    """A phone number in Twilio's console: where its calls go and with which account.

    URLs are absolute and may carry connection overrides (`#rc=2&rp=5xx,rt`). `other_numbers`: what
    the account has beside `number`; a `<Dial callerId>` may name them. `new_call_sid` gives each
    call its id: `somleng_call_sid` for those of that engine.
    """

    voice_url: str
    status_callback_url: str = ""
    fallback_url: str = ""
    number: str = "+8612333"
    account_sid: str = "AC" + "0" * 32
    auth_token: str = field(default="12345", repr=False)
    voice_method: Literal["GET", "POST"] = "POST"
    other_numbers: tuple[str, ...] = ()
    new_call_sid: Callable[[], str] = twilio_call_sid

    def may_show(self, number: str, caller: str) -> bool:
        """Whether the far end of a `<Dial>` takes a call that shows this number: one of ours, or
        the caller's, if it is one that can be called back.
        """
        if number in (self.number, *self.other_numbers):
            return True
        return number == caller and bool(_E164.fullmatch(number)) and number not in _WITHHELD


def standard_parameters(
    line: PhoneLine, call_sid: str, caller: str, status: str, extra: dict[str, str]
) -> dict[str, str]:
    """Parameters in every request: "Always: CallSid, AccountSid, From, To, ... present but empty".

    `extra`: whatever Twilio might add without notice (ForwardedFrom, StirVerstat ...).
    """
    numbers = {"From": caller, "Caller": caller, "To": line.number, "Called": line.number}
    places = {f"{who}{what}": "" for who in _PARTIES for what in ("City", "State", "Zip")}
    countries = {f"{who}Country": country_of(numbers[who]) for who in _PARTIES}
    return {
        "CallSid": call_sid,
        "AccountSid": line.account_sid,
        "CallStatus": status,
        "ApiVersion": "2010-04-01",
        "Direction": "inbound",
        **numbers,
        **places,
        **countries,
        **extra,
    }


def country_of(number: str) -> str:
    """ISO country of a number with a known prefix; empty for `anonymous` and the rest."""
    return next((iso for prefix, iso in _COUNTRIES.items() if number.startswith(prefix)), "")


def call_ended(seconds: float, ended_at: datetime) -> dict[str, str]:
    """What the number-level status callback adds: "CallDuration (s), Duration (minutes, ...".

    `seconds`: from answer to end; `ended_at`: aware UTC, sent as RFC 2822.
    """
    whole_seconds = round(seconds)
    return {
        "CallDuration": str(whole_seconds),
        "Duration": str(math.ceil(whole_seconds / 60)),
        "Timestamp": format_datetime(ended_at),
        "CallbackSource": "call-progress-events",
        "SequenceNumber": "0",
    }
