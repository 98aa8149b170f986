"""What a person asks of the conformance kit, and the secrets, from wherever they are told."""

import argparse
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

from simulator.bank.settings import check_secret
from simulator.conformance.words import LANGUAGES

FROM_INPUT = "-"


class OptionsError(Exception):
    """The kit cannot begin; the text says what to mend, and repeats no secret."""


@dataclass(frozen=True)
class Options:
    """secret, old_secret: whsec_…; the old one may be empty. seconds: for one answer."""

    url: str
    secret: str = field(repr=False)
    old_secret: str = field(repr=False)
    seconds: float
    at_once: int
    page: Path | None
    language: str
    tls: ssl.SSLContext | None
    warnings: tuple[str, ...]


def parser() -> argparse.ArgumentParser:
    """Of the command line."""
    made = argparse.ArgumentParser(
        "python -m simulator.conformance",
        description="Sends a bank's notice receiver what the hotline may send it, and says which "
        "rules of docs/bank-api.md it keeps. Everybody in the notices is made up.",
        epilog="The secrets come from the options, else from SECRET and OLD_SECRET in the "
        "environment. Exit status: 0 nothing broken, 1 a rule is broken, 2 could not run.",
    )
    add = made.add_argument
    add("url", nargs="?", metavar="URL", help="the receiver's notice_url")
    add("--secret", metavar="whsec_…", help="its secret; - reads a line of standard input")
    add("--old-secret", metavar="whsec_…", help="while it takes two: the older one; - as above")
    add("--timeout", type=_positive, default=5.0, metavar="SECONDS", help="for one answer (5)")
    add("--at-once", type=_count, default=8, metavar="N", help="notices taken at once (8)")
    add("--page", type=Path, metavar="FILE.html", help="write the result as a page, too")
    add("--lang", choices=LANGUAGES, default=LANGUAGES[0], help="of the page (en)")
    add("--ca-file", type=Path, metavar="FILE", help="the bank's own certificate authority")
    add("--client-cert", type=Path, metavar="FILE", help="the certificate we show")
    add("--client-key", type=Path, metavar="FILE", help="its key, if it is in another file")
    add("--accounts", action="store_true", help="print who is reported, as a CSV, and end")
    return made


def read_options(
    told: argparse.Namespace, environ: Mapping[str, str], standard_input: TextIO
) -> Options:
    """Raises OptionsError."""
    wanted = {"SECRET": told.secret, "OLD_SECRET": told.old_secret}
    given = {n: _secret(n, word, environ, standard_input) for n, word in wanted.items()}
    if not given["SECRET"]:
        raise OptionsError("no secret: set SECRET, or give --secret - and a line of input")
    in_sight = any(word not in (None, FROM_INPUT) for word in wanted.values())
    return Options(
        url=_url(told.url),
        secret=given["SECRET"],
        old_secret=given["OLD_SECRET"],
        seconds=told.timeout,
        at_once=told.at_once,
        page=told.page,
        language=told.lang,
        tls=_tls(told.ca_file, told.client_cert, told.client_key),
        warnings=_warnings() if in_sight else (),
    )


def _warnings() -> tuple[str, ...]:
    return (
        "a secret in the command line is seen by everybody on this machine, and kept in the "
        "shell's history: set SECRET in the environment, or give --secret -",
    )


def _secret(name: str, word: str | None, environ: Mapping[str, str], standard_input: TextIO) -> str:
    text = environ.get(name, "") if word is None else word
    secret = (standard_input.readline() if text == FROM_INPUT else text).strip()
    try:
        if secret:
            check_secret(secret)
    except ValueError as error:
        raise OptionsError(f"{name}: {error}") from None
    return secret


def _url(text: str | None) -> str:
    try:
        parts = urlsplit(text or "")
        is_good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_good = False
    if not text or not is_good:
        raise OptionsError("URL: must be the receiver's http(s) address")
    return text


def _tls(
    ca_file: Path | None, client_cert: Path | None, client_key: Path | None
) -> ssl.SSLContext | None:
    if ca_file is None and client_cert is None:
        return None
    try:
        context = ssl.create_default_context(cafile=ca_file)
        if client_cert is not None:
            context.load_cert_chain(client_cert, client_key, password="")
    except OSError:  # ssl.SSLError is one
        raise OptionsError("--ca-file, --client-cert: no such file, or not PEM") from None
    return context


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number <= 3600:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and at most 3600")
    return number


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 100:
        raise argparse.ArgumentTypeError(f"{text} is not from 1 to 100")
    return number
