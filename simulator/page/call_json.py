"""What a browser sees of a call: its transcript and its requests, with long numbers masked."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from simulator.engine import Event, Exchange

_LONGEST_SHOWN = 4  # of digits keyed in: menu keys, never an ID number


def masked(digits: str) -> str:
    """A long run of digits, with all but the last 4 hidden."""
    hidden = len(digits) - _LONGEST_SHOWN
    return "•" * hidden + digits[hidden:] if hidden > 0 else digits


def event_json(event: Event) -> dict[str, Any]:
    """{at, kind, text, language}. Each key is an event of its own, which tells nothing; a long run
    of them is masked by the page.
    """
    return {
        "at": round(event.at_seconds, 2),
        "kind": event.kind,
        "text": event.text,
        "language": event.language,
    }


def exchange_json(exchange: Exchange) -> dict[str, Any]:
    """{at, purpose, method, target, status, ms, failure, parameters, body}."""
    parts = urlsplit(exchange.url)
    return {
        "at": round(exchange.at_seconds, 2),
        "purpose": exchange.purpose,
        "method": exchange.method,
        "target": parts.path + (f"?{parts.query}" if parts.query else ""),
        "status": exchange.status,
        "ms": round(exchange.milliseconds, 1),
        "failure": exchange.failure,
        "parameters": _without_digits(exchange.parameters),
        "body": exchange.body,
    }


def _without_digits(parameters: Mapping[str, str]) -> dict[str, str]:
    told = {name: value for name, value in parameters.items() if value}
    return {**told, "Digits": masked(told["Digits"])} if "Digits" in told else told
