"""`python -m simulator.bank --port 8002`: runs the sandbox bank until told to stop."""

import logging
import signal
import sys
import threading

from simulator.bank.app import create_app
from simulator.bank.house import House
from simulator.bank.server import BankServer
from simulator.bank.settings import Settings, SettingsError, read_settings


def main(arguments: list[str]) -> int:
    """-> the exit code: 0 after SIGTERM or SIGINT, 2 if the settings cannot be used."""
    try:
        settings = read_settings(arguments)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO, format="%(asctime)s bank %(message)s")
    _runs(settings)
    return 0


def _runs(settings: Settings) -> None:
    told_to_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told_to_stop.set())
    house = House(settings)
    server = BankServer(settings.host, settings.port, create_app(house))
    house.open()
    serving = threading.Thread(target=server.serve_forever, args=(0.1,))
    serving.start()
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    print(f"ready on http://{host}:{server.port}", flush=True)
    told_to_stop.wait()
    server.shutdown()
    serving.join()
    house.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
