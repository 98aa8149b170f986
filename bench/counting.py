"""A proxy in front of Redis that counts round trips: how often a client had to wait for it."""

import socket
import threading
from contextlib import suppress
from pathlib import Path


class CountingProxy:
    """Listens on a free port of 127.0.0.1 and passes everything on to a server's socket."""

    def __init__(self, server: Path) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self.round_trips = 0
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                inside, _ = self._listener.accept()
                outside = socket.socket(socket.AF_UNIX)
                outside.connect(str(self._server))
                ProxiedConnection(self, inside, outside).start()

    def count(self) -> None:
        with self._lock:
            self.round_trips += 1


class ProxiedConnection:
    """One connection. What is asked in one go, a pipeline of many commands too, is one trip."""

    def __init__(self, proxy: CountingProxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._is_asking = False

    def start(self) -> None:
        threading.Thread(target=self._ask, daemon=True).start()
        threading.Thread(target=self._answer, daemon=True).start()

    def _ask(self) -> None:
        with suppress(OSError), self._server:
            while asked := self._client.recv(65536):
                if not self._is_asking:
                    self._proxy.count()
                self._is_asking = True
                self._server.sendall(asked)

    def _answer(self) -> None:
        with suppress(OSError), self._client:
            while answered := self._server.recv(65536):
                self._is_asking = False
                self._client.sendall(answered)
