"""`python -m simulator.bank --port 8002`: runs the sandbox bank until told to stop."""

import logging
import signal
import sys
import threading

from simulator.bank.app import create_app
from simulator.bank.sandbox import Sandbox
from simulator.bank.server import BankServer
from simulator.bank.settings import SandboxSettings, SandboxSettingsError, read_sandbox_settings


def main(arguments: list[str]) -> int:
    """-> the exit code: 0 after SIGTERM or SIGINT, 2 if the settings cannot be used."""
    try:
        settings = read_sandbox_settings(arguments)
    except SandboxSettingsError as error:
        print(error, file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO, format="%(asctime)s bank %(message)s")
    _run(settings)
    return 0


def _run(settings: SandboxSettings) -> None:
    told_to_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told_to_stop.set())
    sandbox = Sandbox(settings)
    server = BankServer(settings.host, settings.port, create_app(sandbox))
    sandbox.open()
    serving = threading.Thread(target=server.serve_forever, args=(0.1,))
    serving.start()
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    print(f"ready on http://{host}:{server.port}", flush=True)
    told_to_stop.wait()
    server.shutdown()
    serving.join()
    sandbox.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
