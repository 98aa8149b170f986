"""Connection overrides: how patient Twilio is with one URL, written into its fragment.

Source: twilio.com/docs/usage/webhooks/webhooks-connection-overrides.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from .faults import FaultError
from .transport import Limits

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
        retries = given.get("rc", "1")
        return cls(min(int(retries), 5) if retries.isdecimal() else 1, policies, limits)

    def try_again(self, failure: str, status: int) -> bool:
        """Whether this outcome is one the policy repeats the request for."""
        if "all" in self.retry_on:
            return bool(failure) or status >= 400
        kind = {"connect": "ct", "host": "ct", "read": "rt"}.get(failure, "")
        return (kind or f"{status // 100}xx") in self.retry_on


def _seconds(given: Mapping[str, str], name: str, default: float) -> float:
    """Milliseconds, kept between Twilio's 100 and 15 000, as seconds."""
    value = given.get(name, "")
    return min(max(int(value), 100), 15_000) / 1000 if value.isdecimal() else default
