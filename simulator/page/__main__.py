"""`python -m simulator.page --port 8001`: serves the page until told to stop."""

import signal
import sys
import threading

from simulator.page.app import create_app
from simulator.page.server import PageServer
from simulator.page.settings import PageSettings, PageSettingsError, read_page_settings
from simulator.page.state import PageState


def main(arguments: list[str]) -> int:
    """-> the exit code: 0 after SIGTERM or SIGINT, 2 if the settings cannot be used."""
    try:
        settings = read_page_settings(arguments)
    except PageSettingsError as error:
        print(error, file=sys.stderr)
        return 2
    _serve(settings)
    return 0


def _serve(settings: PageSettings) -> None:
    told_to_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told_to_stop.set())
    state = PageState(settings)
    server = PageServer(settings.host, settings.port, create_app(state))
    state.open()
    serving = threading.Thread(target=server.serve_forever, args=(0.1,))
    serving.start()
    print(f"ready on http://{_authority(settings.host, server.port)}/simulator", flush=True)
    told_to_stop.wait()
    server.shutdown()
    serving.join()
    state.close()
    server.server_close()


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
