"""Texts in the terminal: `python -m simulator.text_terminal --from +8613800138001`.

Each line that is typed is a text to the hotline that `make run` keeps going, or to the application
at --url; what it replies is printed, and what else comes to that phone. Ctrl-D ends it. Exit status
1: Twilio saw a fault.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlencode, urlsplit

import requests

from .engine import HttpTransport, PhoneLine
from .engine.phone_line import country_of, new_sid
from .engine.signature import signing_token
from .engine.texts import Answer, TextThread, incoming_form
from .stack.data_dir import DataDir
from .stack.launcher import CHECKOUT

_PATIENCE = 2.0  # seconds for what comes by itself after a text
_LOOK_EVERY = 0.2


class Inbox:
    """What Twilio's messages API was asked to send to a phone, as the simulator's page keeps it."""

    def __init__(self, page_url: str, number: str) -> None:
        self._url = page_url
        self._number = number
        self._after = 0
        for _ in self.news():  # what came before is no news
            pass

    def news(self) -> Iterator[str]:
        """Each text once, oldest first; none without a page."""
        for message in self._messages() if self._url else ():
            self._after = max(self._after, int(message["number"]))
            yield str(message["body"])

    def _messages(self) -> list[dict[str, Any]]:
        asked = urlencode({"to": self._number, "after": self._after})
        try:
            answer = requests.get(f"{self._url}/messages?{asked}", timeout=10)
            return list(answer.json()["messages"]) if answer.ok else []
        except requests.RequestException:  # a page that is gone has no news
            return []


def main(arguments: list[str] | None = None, typed: IO[str] | None = None) -> int:
    """-> the exit status."""
    options = _options(arguments)
    transport = HttpTransport(via=_via(options))
    thread = TextThread(transport, signing_token(options.auth_token), _signed_url(options))
    inbox = Inbox(options.page_url, options.sender)
    had_faults = False
    for body in _lines(options.text, sys.stdin if typed is None else typed):
        answer = thread.send(_form(options, body))
        _print(options.sender, body, answer)
        had_faults |= bool(answer.faults)
        _wait_for_news(inbox, bool(options.page_url))
    transport.close()
    return 1 if had_faults else 0


def _lines(given: list[str], typed: IO[str]) -> Iterable[str]:
    return given or (line.strip() for line in typed if line.strip())


def _print(sender: str, body: str, answer: Answer) -> None:
    print(f"> {body}")
    for reply in answer.replies:
        whom = "" if reply.to == sender else f" (to {reply.to})"
        print("\n".join(f"< {line}" for line in f"{reply.body}{whom}".splitlines()))
    for fault in answer.faults:
        print(fault, file=sys.stderr)
    sys.stdout.flush()


def _wait_for_news(inbox: Inbox, has_page: bool) -> None:
    until = time.monotonic() + (_PATIENCE if has_page else 0)
    while time.monotonic() < until:
        for body in inbox.news():
            print("\n".join(f"* {line}" for line in body.splitlines()), flush=True)
        time.sleep(_LOOK_EVERY)


def _form(options: argparse.Namespace, body: str) -> dict[str, str]:
    countries = {"From": country_of(options.sender), "To": country_of(options.number)}
    return incoming_form(
        options.sender, options.number, body, sid=new_sid("SM"),
        account_sid=options.account_sid, countries=countries,
    )  # fmt: skip


def _options(arguments: list[str] | None) -> argparse.Namespace:
    known = dict(os.environ)
    data_dir = DataDir(Path(known.get("DATA_DIR") or CHECKOUT / "var").resolve())
    launch = data_dir.launch() if data_dir.path.is_dir() else None
    if launch is not None and not known.get("PUBLIC_BASE_URL"):
        known = {**data_dir.environment_of(launch), "HOTLINE_URL": launch.hotline_url}
    public = known.get("PUBLIC_BASE_URL", "").rstrip("/")
    parser = argparse.ArgumentParser(prog="python -m simulator.text_terminal")
    add = parser.add_argument
    add("text", nargs="*", help="texts to send; without any, each line that is typed")
    called = known.get("HOTLINE_URL", public).rstrip("/")
    add("--url", default=f"{called}/sms", help="where inbound texts go")
    add("--public-url", default=public, help="base URL the application signs for")
    add("--page-url", default=launch.simulator_url if launch else "", help="the simulator's page")
    add("--account-sid", default=known.get("TWILIO_ACCOUNT_SID", PhoneLine.account_sid))
    add("--auth-token", default=known.get("TWILIO_AUTH_TOKEN", "12345"))
    add("--from", dest="sender", default="+8613800138000")
    add("--to", dest="number", default=known.get("TWILIO_FROM_NUMBER", PhoneLine.number))
    options = parser.parse_args(arguments)
    if not urlsplit(options.url).netloc:
        parser.error("--url must be absolute (or set PUBLIC_BASE_URL, or start `make run`)")
    return options


def _signed_url(options: argparse.Namespace) -> str:
    """The URL as configured at Twilio: below the public base URL when there is one."""
    path = options.url.partition(urlsplit(options.url).netloc)[2] or "/"
    return f"{options.public_url.rstrip('/')}{path}" if options.public_url else str(options.url)


def _via(options: argparse.Namespace) -> str:
    parts, public = urlsplit(options.url), urlsplit(options.public_url)
    here = f"{parts.scheme}://{parts.netloc}"
    return here if options.public_url and f"{public.scheme}://{public.netloc}" != here else ""


if __name__ == "__main__":
    sys.exit(main())
