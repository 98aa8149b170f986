"""The phone number as configured at Twilio, and the parameters of every request about a call.

Source: twilio.com/docs/voice/twiml (request parameters).
"""

import math
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Literal

# Twilio fills the country of a number it knows, and for Chinese numbers nothing else.
_COUNTRIES = {"+852": "HK", "+853": "MO", "+886": "TW", "+86": "CN", "+1": "US", "+44": "GB"}
_PARTIES = ("From", "To", "Caller", "Called")


def new_sid(prefix: str) -> str:
    """`CA`, `AC`, `QU` ... followed by 32 hexadecimal digits."""
    return prefix + secrets.token_hex(16)


@dataclass(frozen=True)
class PhoneLine:
    """A phone number in Twilio's console: where its calls go and with which account.

    URLs are absolute and may carry connection overrides (`#rc=2&rp=5xx,rt`).
    """

    voice_url: str
    status_callback_url: str = ""
    fallback_url: str = ""
    number: str = "+8612333"
    account_sid: str = "AC" + "0" * 32
    auth_token: str = field(default="12345", repr=False)
    voice_method: Literal["GET", "POST"] = "POST"


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
