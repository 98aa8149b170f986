"""A hotline to receive banks' events: a real HTTP server that checks signatures and keeps notes."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from standardwebhooks import Webhook


@dataclass(frozen=True)
class ReceivedEvent:
    path: str
    webhook_id: str
    type: str
    data: dict[str, Any]


class ToyHotline:
    """Answers 200 unless told otherwise. An event with a bad signature gets no answer."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.answers: list[int] = []
        self.retry_after = ""  # with every answer, if there is one
        self.events: list[ReceivedEvent] = []
        self._news = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._conversation())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def will_answer(self, *statuses: int) -> None:
        """These first, then 200."""
        self.answers = list(statuses)

    def wait_until(self, enough: Callable[[list[ReceivedEvent]], bool]) -> list[ReceivedEvent]:
        with self._news:
            assert self._news.wait_for(lambda: enough(self.events), timeout=30), self.events
            return list(self.events)

    def hears(self, path: str, headers: dict[str, str], body: bytes) -> int:
        with self._news:
            Webhook(self.secret).verify(body, headers)
            told = json.loads(body)
            webhook_id = headers["webhook-id"]
            self.events.append(ReceivedEvent(path, webhook_id, told["type"], told["data"]))
            self._news.notify_all()
            return self.answers.pop(0) if self.answers else 200

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _conversation(self) -> type[BaseHTTPRequestHandler]:
        hotline = self

        class Conversation(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """Where a 302 would lead: whoever follows is told that all is well."""
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                self.send_response(hotline.hears(self.path, headers, body))
                self.send_header("location", "/elsewhere")
                if hotline.retry_after:
                    self.send_header("retry-after", hotline.retry_after)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        return Conversation
