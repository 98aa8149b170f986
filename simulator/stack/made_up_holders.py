"""Made-up cardholders, made and imported by the hotline's own command."""

import subprocess
import sys
from collections.abc import Mapping

from simulator.stack.launcher import CHECKOUT
from simulator.stack.problem import StartError


def import_made_up_holders(environ: Mapping[str, str], count: int, seed: int) -> str:
    """Makes up the holders of `count` cards and imports them. -> their CSV. Raises StartError."""
    text = _cardholders(environ, ["generate", str(count), "--seed", str(seed)], "")
    _cardholders(environ, ["import", "-"], text)
    return text


def _cardholders(environ: Mapping[str, str], command: list[str], text: str) -> str:
    """`flask cardholders …` -> what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "app", "cardholders", *command],
        cwd=CHECKOUT,
        env=environ,
        input=text,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        raise StartError(f"flask cardholders {command[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout
