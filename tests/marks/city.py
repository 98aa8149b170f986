"""A city in which everything that is said is written down: to banks, to Twilio, to Redis."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from tests.attack.city import ProcfileCity
from tests.faults.city import BANKS
from tests.workers.servers import Server, answers, running

BLOCKED = answers(200, '{"status": "blocked"}')
TAKEN = answers(201, '{"sid": "SM00000000000000000000000000000000", "status": "queued"}')


class Listener:
    """All commands that anybody gives a Redis, as its MONITOR tells them."""

    def __init__(self, path: Path) -> None:
        self.heard = bytearray()
        self._path = path
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(5)

    def _listen(self) -> None:
        while not self._over.is_set():  # a server that was killed is listened to again
            with suppress(OSError), socket.socket(socket.AF_UNIX) as line:
                line.settimeout(0.3)
                line.connect(str(self._path))
                line.sendall(b"MONITOR\r\n")
                self._take(line)
            self._over.wait(0.05)

    def _take(self, line: socket.socket) -> None:
        while not self._over.is_set():
            try:
                piece = line.recv(1 << 16)
            except TimeoutError:
                continue
            if not piece:
                return
            self.heard += piece


class Observer:
    """What stands in /proc of the city's programs and whoever they start: arguments, settings."""

    def __init__(self, roots: "ProcfileCity") -> None:
        self.seen: dict[str, None] = {}
        self.extra: list[int] = []
        self._city = roots
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(5)

    @property
    def bytes(self) -> bytes:
        return "\n".join(list(self.seen)).encode("utf-8", "surrogateescape")

    def _look(self) -> None:
        while not self._over.wait(0.05):
            for process in list(self._city.processes.values()):
                with suppress(RuntimeError, OSError):
                    self._look_at(process.pid)
            for pid in list(self.extra):
                self._look_at(pid)

    def _look_at(self, pid: int) -> None:
        place = Path(f"/proc/{pid}")
        with suppress(OSError):
            for name in ("cmdline", "environ"):
                text = (place / name).read_bytes().replace(b"\0", b"\n")
                self.seen[text.decode("utf-8", "surrogateescape")] = None
            for child in (place / f"task/{pid}/children").read_text("ascii").split():
                self._look_at(int(child))


class MarkedCity(ProcfileCity):
    """`banks` and `twilio`: each one's own server, which remembers all that came."""

    def __init__(self, folder: Path, banks: dict[str, Server], twilio: Server, seed: int) -> None:
        file = folder / "own-banks.toml"
        file.write_text("\n".join(_table(bank, at.url) for bank, at in banks.items()), "utf-8")
        self.journal = folder / "journal"
        self.journal.mkdir()
        more = {"BANKS_FILE": str(file), "JOURNAL_DIR": str(self.journal)}
        super().__init__(folder, 0, seed, environ={**more, "TWILIO_API_BASE": twilio.url})
        self.banks, self.twilio = banks, twilio
        twilio.reacts(TAKEN)
        for server in banks.values():
            server.reacts(BLOCKED)


@contextmanager
def a_marked_city(seed: int) -> Iterator[MarkedCity]:
    with ExitStack() as stack:
        banks = {bank: stack.enter_context(running()) for bank in BANKS}
        folder = stack.enter_context(TemporaryDirectory(prefix="city-", ignore_cleanup_errors=True))
        twilio = stack.enter_context(running())
        yield stack.enter_context(MarkedCity(Path(folder), banks, twilio, seed))


def _table(bank: str, url: str) -> str:
    return (
        f"[banks.{bank}]\n"
        f'name = {{ zh = "{bank}行", en = "{bank.upper()}" }}\n'
        f'phone = "95588"\nnotice_url = "{url}/notices"\nsecrets_env = "{bank.upper()}_SECRETS"\n'
        "timeout_seconds = 1\nmax_in_flight = 8\n"
    )
