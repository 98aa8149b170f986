"""The HTTP server: werkzeug's threaded one, a thread a request, streams included."""

import socket
from typing import Any

from flask import Flask
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler


class _QuietConnection(WSGIRequestHandler):
    """Keeps no access log: what happens is on the page."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing."""


class PageServer(ThreadedWSGIServer):
    """Stops without waiting for tabs that are still open."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, host: str, port: int, app: Flask) -> None:
        super().__init__(host, port, app, _QuietConnection)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Small server-sent events must not wait for one another (Nagle, RFC 896)."""
        connection, address = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection, address
