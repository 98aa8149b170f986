"""What a person may ask of a load, read from the command line."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from simulator.load.errands import Errand

MIX: Final = "report=60,status=15,guidance=10,agent=5,wrong=10"
INSTANTLY: Final = float("inf")


@dataclass(frozen=True)
class Options:
    """Times in seconds; `speed` is call seconds per second of wall time, inf: no waiting."""

    calls_per_second: float
    seconds: float
    mix: Mapping[Errand, int]
    speed: float
    at_once: int
    lines: int
    settle: float
    seed: int
    cardholders: Path | None
    record: Path | None
    json: Path | None
    base_url: str
    via: str
    bank_url: str
    redis_url: str

    @property
    def calls(self) -> int:
        """How many are made in all."""
        return max(1, round(self.calls_per_second * self.seconds))


def read_options(arguments: Sequence[str]) -> Options:
    """Exits with status 2 and says why when something is not understood."""
    told = vars(_parser().parse_args(arguments))
    if told.pop("real_time"):
        told["speed"] = 1.0
    return Options(**told)


def read_mix(text: str) -> dict[Errand, int]:
    """`report=60,status=15` -> weights. Raises ArgumentTypeError."""
    try:
        pairs = [part.split("=") for part in text.split(",")]
        mix = {Errand(name.strip()): int(weight) for name, weight in pairs}
    except ValueError:
        known = ", ".join(Errand)
        raise argparse.ArgumentTypeError(f"{text!r}: NAME=WEIGHT,… with {known}") from None
    if min(mix.values()) < 0 or not any(mix.values()):
        raise argparse.ArgumentTypeError(f"{text!r}: weights are 0 or more, and one is above 0")
    return mix


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m simulator.load",
        description="Many simulated calls to a hotline on this machine; then everything is "
        "compared. The hotline is the one that `make run` keeps going in DATA_DIR, or the one "
        "that PUBLIC_BASE_URL, TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and REDIS_URL name.",
    )
    _add_traffic(parser)
    _add_outputs(parser)
    _add_places(parser)
    return parser


def _add_traffic(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("traffic").add_argument
    add("--calls-per-second", type=_positive, default=20.0, metavar="N")
    add("--for", dest="seconds", type=_positive, default=60.0, metavar="SECONDS")
    add("--mix", type=read_mix, default=MIX, help=f"weights of errands (default {MIX})")
    add("--real-time", action="store_true", help="callers take as long as people take")
    add("--speed", type=_positive, default=INSTANTLY, help="call seconds per second (default: inf)")
    add("--at-once", type=_count, default=1000, metavar="N", help="calls in progress at most")
    add("--lines", type=_count, default=48, metavar="N", help="requests on their way at most")
    add("--seed", type=int, default=12333, help="of the callers' choices")
    add("--settle", type=float, default=30.0, metavar="SECONDS", help="for what comes later")


def _add_outputs(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what is kept").add_argument
    add("--record", type=Path, metavar="DIR", help="every call as a text file")
    add("--json", type=Path, metavar="FILE", help="the summary for machines")


def _add_places(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("the hotline (loopback only)").add_argument
    add("--cardholders", type=Path, metavar="FILE.csv", help="who calls: people already imported")
    add("--base-url", default="", metavar="URL", help="instead of PUBLIC_BASE_URL")
    add("--via", default="", metavar="URL", help="where a proxy would pass a public URL on to")
    add("--bank-url", default="", metavar="URL", help="the sandbox bank")
    add("--redis-url", default="", metavar="URL", help="instead of REDIS_URL")


def _positive(text: str) -> float:
    number = float(text)
    if not number > 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number
