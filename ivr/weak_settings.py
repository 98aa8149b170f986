"""Settings that can be used and should be looked at: told at boot, all together, never a secret."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from ivr.agent_hours import has_calendar_of
from ivr.partner import LOOPBACK_HOSTS, is_in_clear, split_url
from ivr.redis_url import exposures
from ivr.settings import Settings

# The State Council publishes a year's calendar in October or November of the year before.
CALENDAR_AHEAD: Final = timedelta(days=60)
A_TOKEN_OF_TWILIO: Final = re.compile(r"[0-9a-f]{32}")


def weak_settings(settings: Settings, today: date) -> list[str]:
    """A line for each, as for what is refused: the setting, and why. Nothing in development.

    `today`: in Beijing, for the calendar of holidays.
    """
    return [] if settings.hotline_development else list(_weak(settings, today))


def weak_listening(settings: Settings) -> list[str]:
    """The same for a web process alone: who can come near it."""
    if settings.hotline_development:
        return []
    if settings.behind_proxy and settings.trusted_proxies == 0:
        return [
            "TRUSTED_PROXIES: behind a proxy every visitor of the website comes from its address, "
            "and all of them together may enter ID_NUMBERS_PER_ADDRESS. Say how many proxies add "
            "to X-Forwarded-For"
        ]
    if settings.behind_proxy:
        return []
    if settings.bind_address.strip("[]") in LOOPBACK_HOSTS:
        return []
    return [
        f"BIND_ADDRESS: the web listens in the open on {settings.bind_address}. Whoever sends "
        "requests slowly holds its threads, and callers wait in vain. Put a TLS proxy that buffers "
        "requests before it, let nobody pass it by, and set BEHIND_PROXY=1"
    ]


def weak_operations(settings: Settings) -> list[str]:
    """The same for the operators' process alone."""
    bind = settings.operations_bind
    if not bind or split_url(f"http://{bind}").hostname in LOOPBACK_HOSTS:
        return []
    return [f"OPERATIONS_BIND: whoever reaches {bind} sees how the hotline stands"]


def _weak(settings: Settings, today: date) -> Iterator[str]:
    if is_in_clear(settings.public_base_url):
        yield (
            "PUBLIC_BASE_URL: without TLS in front of us, the digits of ID numbers cross the "
            "network in clear"
        )
    if split_url(settings.public_base_url).hostname not in LOOPBACK_HOSTS:
        for number, token in enumerate(settings.twilio_auth_token, 1):
            if not A_TOKEN_OF_TWILIO.fullmatch(token.get_secret_value()):
                yield (
                    f"TWILIO_AUTH_TOKEN: token {number} is not the 32 hex digits that Twilio "
                    "gives: whoever guesses it can file reports"
                )
    if settings.replicas and settings.journal_dir is None:
        yield (
            "JOURNAL_DIR: with replicas and no journal on this machine's own disk, reports that "
            "were told are lost when the network splits"
        )
    yield from (f"REDIS_URL: {exposure}" for exposure in exposures(settings.redis_location))
    yield from _without_calendar(settings, today)


def _without_calendar(settings: Settings, today: date) -> Iterator[str]:
    if settings.agent_hours.are_the_same_every_day:
        return
    for year in sorted({today.year, (today + CALENDAR_AHEAD).year}):
        if not has_calendar_of(year):
            yield (
                f"AGENT_HOURS: the State Council's calendar of {year} is not in our table. Agents "
                "are taken to be off on the holidays of the law alone, not on what is added to "
                "them, and not to work on weekends in exchange. Install a newer chinesecalendar, "
                "or name the days in DAYS_FILE"
            )
