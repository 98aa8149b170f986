"""The HTTP server: werkzeug's threaded one, with keep-alive and room for broken answers."""

import io
import socket
from typing import Any

from flask import Flask
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Response

from simulator.bank.broken_answers import is_marked_for_reset

BODY_READ_AT_MOST = 1 << 20


class BankConnection(WSGIRequestHandler):
    """One connection. werkzeug's own run_wsgi closes after each answer; a bank keeps it open."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes: Nagle would add 40 ms

    def run_wsgi(self) -> None:
        """Reads the whole body first, so that the next request starts where it should."""
        environ = self.make_environ()
        length = self._length_told()
        if not environ.get("wsgi.input_terminated"):
            environ["wsgi.input"] = io.BytesIO(self.rfile.read(min(length, BODY_READ_AT_MOST)))
        if environ.get("wsgi.input_terminated") or length > BODY_READ_AT_MOST:
            self.close_connection = True
        self._send(Response.from_app(self.server.app, environ, buffered=True))

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: what arrives is in the ledger."""

    def _length_told(self) -> int:
        told = self.headers.get("Content-Length", "0")
        return int(told) if told.isascii() and told.isdigit() else 0

    def _send(self, response: Response) -> None:
        self.send_response(response.status_code)
        for name, value in response.headers:
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.get_data())


class BankServer(ThreadedWSGIServer):
    """One thread a connection. Stops at once, even while a bank withholds an answer."""

    def __init__(self, host: str, port: int, app: Flask) -> None:
        super().__init__(host, port, app, BankConnection)

    def shutdown_request(self, request: Any) -> None:
        """A connection marked for reset is closed at once, without the usual orderly shutdown."""
        if isinstance(request, socket.socket) and is_marked_for_reset(request):
            request.close()
        else:
            super().shutdown_request(request)
