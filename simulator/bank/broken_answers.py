"""Answers that break the rules of HTTP on purpose: silence, a reset, a broken or a cut answer."""

import select
import socket
import struct
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from flask import Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

LINGER = struct.Struct("ii")
RESET_ON_CLOSE = LINGER.pack(1, 0)


class BrokenAnswer(Response):
    """Acts on the connection itself instead of answering, then ends it (the server closes it)."""

    def __init__(self, act: Callable[[socket.socket], object]) -> None:
        super().__init__()
        self.act = act

    def __call__(
        self,
        environ: "WSGIEnvironment",
        start_response: "StartResponse",  # noqa: ARG002 (WSGI's shape)
    ) -> Iterable[bytes]:
        """Never returns: the server takes ConnectionAbortedError as "end this connection"."""
        self.act(environ["werkzeug.socket"])
        raise ConnectionAbortedError


def close() -> BrokenAnswer:
    """The connection is closed without a word."""
    return BrokenAnswer(lambda _connection: None)


def reset() -> BrokenAnswer:
    """The peer gets a TCP reset: closing with a linger time of 0 does that (socket(7))."""
    return BrokenAnswer(
        lambda connection: connection.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE
        )
    )


def stay_silent() -> BrokenAnswer:
    """Nothing is ever answered; the connection stays open until the peer gives up."""
    return BrokenAnswer(_wait_until_peer_leaves)


def send_raw(raw: bytes) -> BrokenAnswer:
    """These bytes, whatever they are, and the connection is closed."""
    return BrokenAnswer(lambda connection: connection.sendall(raw))


def is_marked_for_reset(connection: socket.socket) -> bool:
    """True after `reset`: the server must then close without the polite shutdown."""
    told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER.size)
    return told == RESET_ON_CLOSE


def _wait_until_peer_leaves(connection: socket.socket) -> None:
    while True:
        select.select([connection], [], [])
        if not connection.recv(65536):
            return
