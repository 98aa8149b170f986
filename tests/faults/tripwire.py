"""A wire between processes and a server that can kill a process at one exact line of its talk.

A process cannot be stopped "between two lines" from outside, but all it does to the world
passes over a socket: a request that never arrives, or an answer that never comes back, is the
same as dying before the one line or after the other.
"""

import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.resp import is_whole

Moment = Literal["before", "sent", "answered"]


@dataclass(frozen=True)
class Spot:
    """A request that holds all `words`, and when the process dies: `before` it arrives, as soon
    as it is `sent`, or when the server has `answered` (and the answer is never received).
    """

    name: str
    words: tuple[bytes, ...]
    moment: Moment

    def fits(self, request: bytes) -> bool:
        """A client may send a long request in pieces: until the last one there is no "sent"."""
        if not all(word in request for word in self.words):
            return False
        return self.moment == "before" or is_whole(request)


@dataclass
class Trap:
    """A spot with the deed to do there, once, to the process it catches."""

    spot: Spot
    catches: Callable[[int], bool]
    deed: Callable[[int], None]
    sprung: threading.Event = field(default_factory=threading.Event)

    def wait(self, seconds: float = 60) -> None:
        """Raises: TimeoutError when nobody came by."""
        if not self.sprung.wait(seconds):
            raise TimeoutError(f"nobody came by: {self.spot.name}")


class Tripwire:
    """Carries everything both ways, until a trap is set."""

    def __init__(self, listener: socket.socket, far: Callable[[], socket.socket]) -> None:
        self._listener = listener
        self._far = far
        self._traps: list[Trap] = []
        self._lock = threading.Lock()
        self._lines: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def set(self, trap: Trap) -> Trap:
        with self._lock:
            self._traps.append(trap)
        return trap

    def clear(self) -> None:
        """Traps that nobody has run into are taken away."""
        with self._lock:
            self._traps.clear()

    def close(self) -> None:
        for line in [self._listener, *self._lines]:
            _close(line)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        far: socket.socket | None = None
        try:
            far = self._far()
            self._lines |= {near, far}
            self._exchange(near, far)
        except OSError:
            pass  # one side is gone: so is the other, below
        finally:
            for line in (near, far):
                if line is not None:
                    self._lines.discard(line)
                    _close(line)

    def _exchange(self, near: socket.socket, far: socket.socket) -> None:
        request = b""
        while True:
            ready, _, _ = select.select([near, far], [], [])
            came_from = far if far in ready else near
            piece = came_from.recv(1 << 16)
            if not piece:
                return
            if came_from is far:
                near.sendall(piece)
                request = b""
                continue
            request += piece
            pid = peer(near) if self._may_spring(request) else 0
            trap = self._trap_for(request, pid)
            if trap is None:
                far.sendall(piece)
            elif answer := _spring(trap, pid, far, piece):
                self.set(trap)
                near.sendall(answer)
                request = b""
            else:
                return

    def _may_spring(self, request: bytes) -> bool:
        """Whose request it is takes long to find out, so this is asked first."""
        with self._lock:
            return any(trap.spot.fits(request) for trap in self._traps)

    def _trap_for(self, request: bytes, pid: int) -> Trap | None:
        with self._lock:
            for trap in self._traps:
                if pid and trap.spot.fits(request) and trap.catches(pid):
                    self._traps.remove(trap)
                    return trap
        return None


def _spring(trap: Trap, pid: int, far: socket.socket, piece: bytes) -> bytes:
    """Does the deed. Or returns the answer of a server that has yet to learn the script: nothing
    was done, and the same request comes again.
    """
    if trap.spot.moment != "before":
        far.sendall(piece)
    if trap.spot.moment == "answered":
        answer = _answer(far, is_transaction=b"EXEC" in trap.spot.words)
        if answer.startswith(b"-NOSCRIPT"):
            return answer
    trap.deed(pid)
    trap.sprung.set()
    return b""


def _answer(far: socket.socket, *, is_transaction: bool) -> bytes:
    """A transaction's own answer is an array, after +OK and +QUEUED."""
    answer = b"\r\n"
    while answer == b"\r\n" or (is_transaction and b"\r\n*" not in answer):
        piece = far.recv(1 << 16)
        if not piece:
            raise ConnectionError("the server went away before it answered")
        answer += piece
    return answer.removeprefix(b"\r\n")


def peer(line: socket.socket) -> int:
    """The process id at the other end of a connection of this machine; 0 when it is gone."""
    if line.family == socket.AF_UNIX:
        size = struct.calcsize("3i")
        told = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        return int(struct.unpack("3i", told)[0])
    return _owner_of_port(line.getpeername()[1], line.getsockname()[1])


def _owner_of_port(port: int, remote_port: int) -> int:
    """proc(5): /proc/net/tcp names the socket, /proc/PID/fd who holds it."""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ports = (f"{port:04X}", f"{remote_port:04X}")
    inode = next((r[9] for r in rows if (r[1][-4:], r[2][-4:]) == ports), "")
    for held in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if str(held.readlink()) == f"socket:[{inode}]":
                return int(held.parts[2])
    return 0


def _close(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
    line.close()


def wire_to_socket(path: Path, server: Path) -> Tripwire:
    """A unix socket in front of another."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(128)

    def far() -> socket.socket:
        line = socket.socket(socket.AF_UNIX)
        try:
            line.connect(str(server))
        except OSError:
            line.close()
            raise
        return line

    return Tripwire(listener, far)


def wire_to_port(port_of_server: Callable[[], int]) -> tuple[Tripwire, int]:
    """A free loopback port in front of another, and its number."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)

    def far() -> socket.socket:
        return socket.create_connection(("127.0.0.1", port_of_server()), timeout=5)

    return Tripwire(listener, far), int(listener.getsockname()[1])


def wait_until(reached: Callable[[], object], what: str, seconds: float = 60) -> None:
    """Raises: TimeoutError."""
    until = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > until:
            raise TimeoutError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.05)
