"""The ports of a development hotline: PORT the web, PORT+1 the simulator, PORT+2 the bank,
PORT+3 the operators' listener.
"""

import secrets
import socket
from dataclasses import dataclass

from simulator.stack.problem import StartError

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Ports:
    """Four neighbours, so that one variable moves them all."""

    web: int

    @classmethod
    def read(cls, text: str) -> "Ports":
        """PORT as given in the environment. Raises StartError."""
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65532:
            raise StartError(f"PORT={text} is not a port: give a number from 1 to 65532.")
        return cls(int(text))

    @classmethod
    def free(cls) -> "Ports":
        """Four neighbours that nobody listens on at this moment.

        Below those that Linux gives to outgoing connections (from 32768), so that none is taken
        before it is used. Multiples of four, so that two launches never share one.
        """
        while True:
            ports = cls(4 * secrets.choice(range(2_501, 8_000)))
            if not ports.taken():
                return ports

    @property
    def simulator(self) -> int:
        return self.web + 1

    @property
    def bank(self) -> int:
        return self.web + 2

    @property
    def operations(self) -> int:
        return self.web + 3

    def taken(self) -> list[int]:
        """Those that somebody listens on already."""
        everyone = (self.web, self.simulator, self.bank, self.operations)
        return [port for port in everyone if not _can_listen(port)]

    def must_be_free(self) -> None:
        """Raises StartError naming what is in use and what to change."""
        taken = self.taken()
        if taken:
            listed = " and ".join(str(port) for port in taken)
            raise StartError(
                f"In use already: port {listed}. The hotline takes four: PORT ({self.web}) for "
                f"calls, {self.simulator} for the simulator, {self.bank} for the sandbox bank, "
                f"{self.operations} for operators.\n"
                f"Choose others with: PORT={self.web + 100} make run"
            )


def is_answered(port: int) -> bool:
    """Does somebody take connections there?"""
    with socket.socket() as asker:
        asker.settimeout(1)
        return asker.connect_ex((LOOPBACK, port)) == 0


def _can_listen(port: int) -> bool:
    try:
        with socket.create_server((LOOPBACK, port)):
            return True
    except OSError:
        return False
