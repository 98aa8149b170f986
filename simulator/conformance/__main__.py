"""`python -m simulator.conformance URL`: tries every rule, prints the verdicts.

Exit status: 0 nothing broken · 1 a rule is broken · 2 could not run.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from simulator.conformance.notices import people_as_csv
from simulator.conformance.options import Options, OptionsError, parser, read_options
from simulator.conformance.receiver import Receiver, UnreachableError
from simulator.conformance.result import CannotJudgeError, as_page, as_text, examine, shown
from simulator.conformance.session import Session


def main(arguments: Sequence[str]) -> int:
    """-> the exit status."""
    told = parser().parse_args(arguments)
    if told.accounts:
        print(people_as_csv(), end="")
        return 0
    try:
        options = read_options(told, os.environ, sys.stdin)
        for warning in options.warnings:
            print(f"Warning: {warning}", file=sys.stderr)
        return _run(options)
    except UnreachableError as error:
        print(f"{shown(options.url)} cannot be reached: {error}", file=sys.stderr)
    except (OptionsError, CannotJudgeError) as error:
        print(error, file=sys.stderr)
    return 2


def _run(options: Options) -> int:
    receiver = Receiver(options.url, options.seconds, options.tls)
    session = Session(receiver, options.secret, options.old_secret, options.at_once)
    result = examine(session)
    print(as_text(result))
    if options.page is not None:
        _write(options.page, as_page(result, options.language))
    return 1 if result.is_broken else 0


def _write(file: Path, page: str) -> None:
    try:
        file.write_text(page, encoding="utf-8")
    except OSError as error:
        raise OptionsError(f"{file} cannot be written: {error.strerror}") from None
    print(f"written to {file}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
