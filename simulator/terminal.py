"""A telephone in the terminal: `make phone`, or `python -m simulator.terminal --url URL`.

Without a URL it calls the hotline that `make run` keeps going. Prompts appear as if heard.
The call's clock waits for you. Keys are sent as they are typed. Exit status 1: Twilio saw an error.
"""

import argparse
import os
import sys
import termios
import tty
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol
from urllib.parse import urljoin, urlsplit

from .engine import KEYS, Call, Event, Exchange, HttpTransport, Level, PhoneLine, State
from .engine.clock import NEVER
from .engine.journey import journey_lines
from .engine.signature import signing_token
from .stack.data_dir import DataDir
from .stack.launcher import CHECKOUT

_GAP = 0.4
_SILENCE, _HANG_UP = "s", "h"
_HELP = (
    'keys 0-9 * #, Enter or s: stay silent, "words or "words @0.3: speak (how sure the engine is; '
    "@none: it does not say), h or Ctrl-C: hang up"
)


class Moves(Protocol):
    """Where the caller's moves come from."""

    def next_move(self) -> str:
        """Keys to press, `s` (stay silent), `h` (hang up) or `"` and words to speak."""


class TypedMoves:
    """Typed, one key at a time or as lines; end of input hangs up.

    Enter after keys only ends the line; Enter by itself is silence.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._line_has_keys = False

    def next_move(self) -> str:
        while character := self._stream.read(1):
            if character in KEYS:
                self._line_has_keys = True
                return character
            if character == '"':
                return character + self._stream.readline().strip()
            if character in (_SILENCE, _HANG_UP):
                self._line_has_keys = True
                return character
            if character in "\r\n" and not self._ends_line():
                return _SILENCE
        return _HANG_UP

    def _ends_line(self) -> bool:
        had_keys, self._line_has_keys = self._line_has_keys, False
        return had_keys


class ScriptedMoves:
    """From `--script`, separated by commas; when they are used up the caller hangs up."""

    def __init__(self, script: str) -> None:
        self._moves = iter([move.strip() or _SILENCE for move in script.split(",")])

    def next_move(self) -> str:
        return next(self._moves, _HANG_UP)


class Screen:
    """Prints a call's events as they come; keys pressed in a row stay on one line."""

    def __init__(self, call: Call, out: IO[str], *, verbose: bool) -> None:
        self._call = call
        self._out = out
        self._verbose = verbose
        self._events_shown = 0
        self._exchanges_shown = 0
        self._in_keys = False
        self._language = ""

    def refresh(self) -> None:
        """Shows what is new."""
        if self._verbose:
            for exchange in self._call.exchanges[self._exchanges_shown :]:
                self._break_line()
                self._out.write(_exchange_text(exchange))
            self._exchanges_shown = len(self._call.exchanges)
        for event in self._call.transcript[self._events_shown :]:
            self._show(event)
        self._events_shown = len(self._call.transcript)
        self._out.flush()

    def note(self, text: str) -> None:
        self._break_line()
        self._out.write(f"        ({text})\n")
        self._out.flush()

    def _show(self, event: Event) -> None:
        if event.kind == "pressed" and self._in_keys:
            self._out.write(event.text)
            return
        self._break_line()
        self._out.write("\n".join(journey_lines([event], self._language)))
        self._language = event.language or self._language
        self._in_keys = event.kind == "pressed"
        if not self._in_keys:
            self._out.write("\n")

    def _break_line(self) -> None:
        if self._in_keys:
            self._out.write("\n")
        self._in_keys = False


def _exchange_text(exchange: Exchange) -> str:
    sent = " ".join(f"{name}={value}" for name, value in exchange.parameters.items() if value)
    answer = exchange.failure or f"{exchange.status} in {exchange.milliseconds:.1f} ms"
    request = f"    > {exchange.method} {exchange.url}\n    > {sent}\n    < {answer}\n"
    return request + "".join(f"    < {line}\n" for line in exchange.body.splitlines())


def talk(call: Call, moves: Moves, screen: Screen) -> None:
    """One call from dialling to its end. KeyboardInterrupt hangs up."""
    try:
        call.dial()
        while call.run_to_silence() is not State.ENDED:
            screen.refresh()
            _move(call, moves.next_move(), screen)
    except KeyboardInterrupt:
        call.hang_up()
    screen.refresh()


def _move(call: Call, move: str, screen: Screen) -> None:
    if move == _HANG_UP:
        call.hang_up()
    elif move == _SILENCE and call.due < NEVER:
        call.advance_to(call.due)
    elif move == _SILENCE:
        screen.note("nothing more happens by itself; h hangs up")
    elif move.startswith('"'):
        call.speak(*_spoken(move.strip('"')))
        call.advance_to(min(call.due, call.now + 60))
    else:
        call.advance_to(call.now + _GAP)
        call.press(move, _GAP)


def _spoken(words: str) -> tuple[str, float | None]:
    """What is said, and how sure the engine is of it."""
    text, at, sureness = words.rpartition("@")
    if not at:
        return words, 0.9
    return text.strip(), None if sureness == "none" else float(sureness)


@contextmanager
def _keys_at_once(stream: IO[str]) -> Iterator[None]:
    """A terminal hands over keys as they are pressed, unechoed; Ctrl-C still interrupts."""
    if not stream.isatty():
        yield
        return
    before = termios.tcgetattr(stream)
    tty.setcbreak(stream)
    try:
        yield
    finally:
        termios.tcsetattr(stream, termios.TCSADRAIN, before)


def main(arguments: list[str] | None = None) -> int:
    """-> the exit status: 1 if Twilio would have raised an error, else 0."""
    options = _options(arguments)
    transport = HttpTransport(via=_via(options))
    call = Call(_line(options), transport, options.caller)
    screen = Screen(call, sys.stdout, verbose=options.verbose)
    if options.script is not None:
        talk(call, ScriptedMoves(options.script), screen)
    else:
        screen.note(_HELP)
        with _keys_at_once(sys.stdin):
            talk(call, TypedMoves(sys.stdin), screen)
    transport.close()
    for fault in call.faults:
        sys.stderr.write(f"{fault}\n")
    return 1 if any(fault.level is Level.ERROR for fault in call.faults) else 0


def _environ(arguments: list[str]) -> Mapping[str, str]:
    """With no application named, that of the running `make run`, if there is one."""
    is_named = any(word.partition("=")[0] == "--url" for word in arguments)
    if is_named or os.environ.get("PUBLIC_BASE_URL"):
        return os.environ
    data_dir = DataDir(Path(os.environ.get("DATA_DIR") or CHECKOUT / "var").resolve())
    launch = data_dir.launch() if data_dir.path.is_dir() else None
    if launch is None:
        return os.environ
    return data_dir.environment_of(launch) | {"HOTLINE_URL": launch.hotline_url}


def _options(arguments: list[str] | None) -> argparse.Namespace:
    setting = _environ(sys.argv[1:] if arguments is None else arguments).get
    public = setting("PUBLIC_BASE_URL", "")
    called = setting("HOTLINE_URL", public).rstrip("/")
    parser = argparse.ArgumentParser(prog="python -m simulator.terminal", epilog=_HELP)
    parser.add_argument("--url", default=f"{called}/voice", help="the voice URL")
    parser.add_argument("--public-url", default=public, help="base URL the application signs for")
    parser.add_argument("--status-url", default="", help="status callback, absolute or a path")
    parser.add_argument("--fallback-url", default="", help="fallback, absolute or a path")
    sid = setting("TWILIO_ACCOUNT_SID", PhoneLine.account_sid)
    parser.add_argument("--account-sid", default=sid)
    parser.add_argument("--auth-token", default=setting("TWILIO_AUTH_TOKEN", "12345"))
    parser.add_argument("--from", dest="caller", default="+8613800138000")
    parser.add_argument(
        "--to", dest="number", default=setting("TWILIO_FROM_NUMBER", PhoneLine.number)
    )
    parser.add_argument("--script", metavar="KEYS", help="moves, e.g. 1,1,110105...,s,1")
    parser.add_argument("-v", "--verbose", action="store_true", help="show requests and TwiML")
    options = parser.parse_args(arguments)
    if not urlsplit(options.url).netloc:
        parser.error("--url must be absolute (or set PUBLIC_BASE_URL, or start `make run`)")
    return options


def _line(options: argparse.Namespace) -> PhoneLine:
    """URLs as configured at Twilio: below the public base URL when there is one."""
    parts = urlsplit(options.url)
    path = options.url.partition(parts.netloc)[2] or "/"
    voice = options.public_url.rstrip("/") + path if options.public_url else options.url
    return PhoneLine(
        voice_url=voice,
        status_callback_url=options.status_url and urljoin(voice, options.status_url),
        fallback_url=options.fallback_url and urljoin(voice, options.fallback_url),
        number=options.number,
        account_sid=options.account_sid,
        auth_token=signing_token(options.auth_token),
    )


def _via(options: argparse.Namespace) -> str:
    """Where requests really go, when that is not where the public base URL points."""
    parts = urlsplit(options.url)
    here = f"{parts.scheme}://{parts.netloc}"
    public = urlsplit(options.public_url)
    return here if options.public_url and f"{public.scheme}://{public.netloc}" != here else ""


if __name__ == "__main__":
    sys.exit(main())
