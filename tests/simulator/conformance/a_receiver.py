"""A bank's receiver of notices that keeps every rule of the contract but the one it shall break.

It shares no code with the kit: what one gets wrong, the other would not notice.
"""

import base64
import hashlib
import hmac
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MINUTE = 60
FIELDS = {"type", "timestamp", "data"}
TYPES = ("card.loss_reported", "card.loss_released", "card.report_disputed",
         "card.report_withdrawn", "ping")  # fmt: skip


class AReceiver(ThreadingHTTPServer):
    """secrets: those it takes. breaks: what it does wrong, or nothing."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, secrets: tuple[str, ...], breaks: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        kept = secrets[:1] if breaks == "drops the old secret" else secrets
        self.keys = [base64.b64decode(secret.removeprefix("whsec_")) for secret in kept]
        self.breaks = breaks
        self.lock, self.hearing = threading.Lock(), threading.Lock()
        self.answered: dict[str, tuple[int, Any]] = {}
        self.known: set[str] = set()  # report numbers
        self.released: set[str] = set()
        self.withdrawn: set[str] = set()
        self.busy = 0
        self.stopped = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/notices"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The kit breaks off on purpose: no traceback of it."""


@contextmanager
def a_receiver(
    secrets: tuple[str, ...], breaks: str = "", tls: ssl.SSLContext | None = None
) -> Iterator[AReceiver]:
    with AReceiver(secrets, breaks) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        try:
            yield server
        finally:
            server.stopped.set()
            server.shutdown()
            serving.join()


class _Connection(BaseHTTPRequestHandler):
    server: AReceiver
    protocol_version = "HTTP/1.1"
    timeout = 10
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Nothing: the tests look at the kit."""

    def does(self, fault: str) -> bool:
        return self.server.breaks == fault

    def do_POST(self) -> None:
        body = self._body()
        self.server.busy += 1
        try:
            self.answers(*self._judged(body))
        finally:
            self.server.busy -= 1

    def _body(self) -> bytes:
        length = int(self.headers["content-length"])
        if self.does("reads a body once") and length < 4096:
            return self.rfile.read1(length)
        return self.rfile.read(length)

    def _judged(self, body: bytes) -> tuple[int, Any]:
        if self.does("never answers"):
            self.server.stopped.wait()
        if self.does("takes two at a time"):
            time.sleep(0.05)
            if self.server.busy > 2:
                return 503, {"code": "busy"}
        if self.does("refuses everything"):
            return 401, {"code": "bad_signature"}
        if self.does("redirects"):
            return 302, {}
        if self.does("is in maintenance"):
            return 503, {"code": "maintenance"}
        if self.does("takes 16 kB") and len(body) > 16384:
            return 413, {}
        if not self.is_genuine(body):
            return (403 if self.does("answers 403") else 401), {"code": "bad_signature"}
        return self.once(self.headers.get("webhook-id", ""), json.loads(body))

    # --- signatures

    def is_genuine(self, body: bytes) -> bool:
        name, at = (self.headers.get(f"webhook-{part}", "") for part in ("id", "timestamp"))
        if self.does("checks no signature"):
            return not at or self.is_now(int(at))
        if not name or not at.isdigit() or not self.is_now(int(at)):
            return False
        if self.does("checks the body as parsed"):
            with suppress(ValueError):
                parsed = json.loads(body)
                body = json.dumps(parsed, ensure_ascii=False, separators=(",", ":")).encode()
        listed = self.headers.get("webhook-signature", "").split(" ")
        if self.does("fails at unknown versions") and any(s[:3] != "v1," for s in listed):
            return False
        if self.does("looks at the first signature"):
            listed = listed[:1]
        content = f"{name}.{at}.".encode() + body
        made = [hmac.new(key, content, hashlib.sha256).digest() for key in self.server.keys]
        right = {f"v1,{base64.b64encode(one).decode()}" for one in made}
        return bool(right & set(listed))

    def is_now(self, at: int) -> bool:
        behind = time.time() - at
        if self.does("takes old timestamps"):
            return behind > -5 * MINUTE
        if self.does("takes future timestamps"):
            return behind < 5 * MINUTE
        return abs(behind) < (1 if self.does("tolerates a minute") else 5) * MINUTE

    # --- what a notice does

    def once(self, name: str, notice: dict[str, Any]) -> tuple[int, Any]:
        name = name[:200] if self.does("cuts ids") else name
        if self.does("forgets ids"):
            return self.carried_out(notice)
        if self.does("looks, then acts"):
            before = self.server.answered.get(name)
            time.sleep(0.05)
            done = before or self.carried_out(notice)
            self.server.answered[name] = done
            return done
        with self.server.hearing, self.server.lock:
            if name not in self.server.answered:
                done = self.carried_out(notice)
                self.server.answered[name] = done
                return done
        if self.does("refuses repeated ids"):
            return 409, {"code": "duplicate"}
        if self.does("answers that it is repeated"):
            return 200, {"status": "duplicate"}
        return self.server.answered[name]

    def carried_out(self, notice: dict[str, Any]) -> tuple[int, Any]:
        kind, told = notice["type"], notice["data"]
        if self.does("knows no person"):
            return 404, {"code": "unknown_card"}
        if kind not in TYPES and self.does("refuses unknown types"):
            return 422, {"code": "bad_body"}
        if not set(notice) <= FIELDS and self.does("refuses unknown fields"):
            return 422, {"code": "bad_body"}
        if self.does("acknowledges everything alike"):
            return 202, {"status": "received"}
        if told.get("test") and not self.does("blocks for tests"):
            return 200, {"status": "noted"}
        if kind == "card.loss_reported":
            return 200, {"status": self.blocks(told["report_number"])}
        return self.noted(kind, told)

    def blocks(self, report: str) -> str:
        self.server.known.add(report)
        is_over = self.does("lets a release overtake") and report in self.server.released
        is_withdrawn = report in self.server.withdrawn
        if is_withdrawn and not self.does("blocks what was withdrawn"):
            return "late"
        return "late" if is_over else "blocked"

    def noted(self, kind: str, told: dict[str, Any]) -> tuple[int, Any]:
        if self.does("blocks for everything"):
            return 200, {"status": "blocked"}
        if kind == "card.loss_released":
            if (
                self.does("refuses early releases")
                and told["report_number"] not in self.server.known
            ):
                return 404, {"code": "unknown_card"}
            self.server.released.add(told["report_number"])
        if kind == "card.report_withdrawn":
            self.server.withdrawn.add(told["report_number"])
        return 200, {"status": "ok" if kind == "ping" else "noted"}

    # --- the wire

    def answers(self, status: int, said: Any) -> None:
        content = json.dumps(said).encode()
        if self.does("answers in HTML"):
            content = b"<html><script>alert('&')</script></html>"
        if self.does("answers at length"):
            content = json.dumps({**said, "log": "x" * 70_000}).encode()
        if self.does("undoes what nobody heard"):
            self.answer_or_undo(status, content)
            return
        self.answer(status, content)
        if self.does("answers twice"):
            self.answer(status, content)

    def answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        if status == 302:
            self.send_header("location", "/elsewhere")
        if self.close_connection:
            self.send_header("connection", "close")
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def answer_or_undo(self, status: int, content: bytes) -> None:
        """A reset connection is a caller that never heard: what was done is forgotten."""
        self.close_connection = True
        with self.server.hearing:
            try:
                self.answer(status, content)
                self.connection.recv(1)
            except ConnectionError:
                self.server.answered.pop(self.headers["webhook-id"], None)
