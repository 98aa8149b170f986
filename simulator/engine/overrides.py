"""Connection overrides: how patient Twilio is with one URL, written into its fragment.

Source: twilio.com/docs/usage/webhooks/webhooks-connection-overrides.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from .faults import FaultError
from .markup import whole_number
from .transport import Limits

_LONGEST = {"ct": 10_000, "rt": 15_000, "tt": 15_000}  # milliseconds
# "rp=ct also covers failed handshakes"
_POLICY_OF = {"connect": "ct", "host": "ct", "tls": "ct", "read": "rt", "broken": "rt"}
_RETRY_POLICIES = {"ct", "rt", "4xx", "5xx", "all"}


@dataclass(frozen=True)
class Overrides:
    """Connection overrides from the URL's fragment; milliseconds there, seconds here."""

    retries: int
    retry_on: frozenset[str]
    limits: Limits

    @classmethod
    def of(cls, url: str) -> "Overrides":
        """Twilio's "Webhook connection overrides": ct, rt, tt, rc, rp. FaultError 11243."""
        given = dict(parse_qsl(urlsplit(url).fragment))
        policies = frozenset(given.get("rp", "ct").split(","))
        if not policies <= _RETRY_POLICIES:
            raise FaultError(11243, f"rp={given['rp']}", url)
        limits = Limits(
            _seconds(given, "ct", Limits.connect),
            _seconds(given, "rt", Limits.read),
            _seconds(given, "tt", Limits.total),
        )
        return cls(min(whole_number(given.get("rc", ""), 1), 5), policies, limits)

    def try_again(self, failure: str, status: int) -> bool:
        """Whether this outcome is one the policy repeats the request for."""
        if "all" in self.retry_on:
            return bool(failure) or status >= 400
        return (_POLICY_OF.get(failure) or f"{status // 100}xx") in self.retry_on


def _seconds(given: Mapping[str, str], name: str, default: float) -> float:
    """Milliseconds, kept between Twilio's 100 and its greatest, as seconds."""
    value = whole_number(given.get(name, ""), round(default * 1000))
    return min(max(value, 100), _LONGEST[name]) / 1000
