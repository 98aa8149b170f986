"""`make run`: the whole hotline on this machine, with a sandbox bank, until Ctrl-C."""

import os
import signal
import sys

from simulator.stack.demo_cardholders import first_demo_id_number
from simulator.stack.launcher import CHECKOUT, Launcher
from simulator.stack.problem import StartError

READY = """
The hotline is ready.

  A phone to open      {launch.simulator_url}/simulator
  A call to type       make call   (in a second terminal)
  The website to open  {launch.hotline_url}/card   (its codes are texted to that phone)
{demo}  Calls come in at     {launch.hotline_url}/voice   (signed as Twilio signs)
  Is it well?          {launch.operations_url}/readyz, /metrics   (operators only)
  The sandbox bank     {launch.bank_url}/
  Records, keys, logs  {folder}/
  Commands             .venv/bin/flask --app app --help

Ctrl-C stops all of it.
"""
DEMO = """  An ID number to key  {keys}   (* stands for X)
"""


class _Asked:
    """Counts Ctrl-C, SIGTERM and a closed terminal."""

    def __init__(self) -> None:
        self.times = 0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._once_more)

    def _once_more(self, *_: object) -> None:
        self.times += 1


def main() -> int:
    """-> 0 when stopped as asked, 1 when the hotline could not be started (said on stderr)."""
    asked = _Asked()
    try:
        Launcher(os.environ, lambda: asked.times).run(_greet)
    except StartError as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    return 0


def _greet(launcher: Launcher) -> None:
    folder = launcher.data_dir.path
    if folder.is_relative_to(CHECKOUT):
        folder = folder.relative_to(CHECKOUT)
    demo = (
        DEMO.format(keys=first_demo_id_number().replace("X", "*")) if launcher.is_embedded else ""
    )
    text = READY.format(launch=launcher.launch, folder=folder, demo=demo)
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
