"""Twilio's message service, as far as it takes text messages and keeps them."""

import re
import threading
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

_ANSWER = b'{"sid": "SM00000000000000000000000000000000", "status": "queued"}'
_KINDS = {
    "was reported lost": "text_filed",
    "has confirmed": "text_blocked",
    "is active again": "text_released",
}
_NUMBER = re.compile(r"report (\d{8})")


class TextService:
    """Answers 201 to every message; `taken` holds the posted forms."""

    def __init__(self) -> None:
        taken: list[bytes] = []

        class Answers(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                form = self.rfile.read(length)
                if len(form) < length:
                    return  # who sent it was killed in the middle
                taken.append(form)
                with suppress(ConnectionError):  # who asked was killed meanwhile
                    self.send_response(201)
                    self.send_header("Content-Length", str(len(_ANSWER)))
                    self.end_headers()
                    self.wfile.write(_ANSWER)

            def log_message(self, *_: object) -> None:
                return

        self.taken = taken
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def counts(self) -> Counter[tuple[str, str]]:
        """(report number, prompt) -> how many texts said so; those without a number left out."""
        words = [parse_qs(form.decode())["Body"][0] for form in list(self.taken)]
        told = [(_NUMBER.search(text), _kind(text)) for text in words]
        return Counter((number[1], kind) for number, kind in told if number and kind)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _kind(text: str) -> str:
    return next((kind for words, kind in _KINDS.items() if words in text), "")
