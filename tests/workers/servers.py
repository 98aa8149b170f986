"""A hand-written HTTP server that does what real banks' servers do on bad days."""

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Request:
    """What arrived: path with query, headers in lower case, body."""

    path: str
    headers: dict[str, str]
    body: bytes
    connection: int  # counts the connections, so that keep-alive shows


Reaction = Callable[[socket.socket], object]
TLS_HANDSHAKE = 22


@dataclass
class Server:
    """Reacts to each request with `reaction`; remembers every request."""

    url: str
    requests: list[Request] = field(default_factory=list)
    reaction: Reaction = lambda _sock: None
    sockets: list[socket.socket] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def reacts(self, reaction: Reaction) -> None:
        self.reaction = reaction

    @property
    def last(self) -> Request:
        return self.requests[-1]


@contextmanager
def running(tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """A server on a free loopback port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        scheme = "https" if tls else "http"
        server = Server(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}")
        server.reacts(answers(200))
        accepting = threading.Thread(target=_accept, args=(listener, server, tls))
        accepting.start()
        try:
            yield server
        finally:
            server.over.set()
            for sock in [listener, *server.sockets]:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
            accepting.join()


def _accept(listener: socket.socket, server: Server, tls: ssl.SSLContext | None) -> None:
    threads: list[threading.Thread] = []
    while not server.over.is_set():
        try:
            sock, _ = listener.accept()
        except OSError:
            break
        threads.append(threading.Thread(target=_serve, args=(sock, server, tls, len(threads))))
        threads[-1].start()
    for thread in threads:
        thread.join()


def _serve(sock: socket.socket, server: Server, tls: ssl.SSLContext | None, number: int) -> None:
    sock.settimeout(10)
    with suppress(OSError), sock:
        talk = tls.wrap_socket(sock, server_side=True) if tls else sock
        server.sockets.append(talk)
        with talk:
            while not server.over.is_set() and (request := _read(talk, number)) is not None:
                server.requests.append(request)
                server.reaction(talk)


def _read(sock: socket.socket, number: int) -> Request | None:
    received = b""
    while b"\r\n\r\n" not in received:
        piece = sock.recv(65536)
        if not piece or piece[0] == TLS_HANDSHAKE:
            sock.sendall(b"HTTP/1.1 400 Speak HTTP\r\n\r\n")
            return None
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += sock.recv(65536)
    return Request(first.split(" ")[1], headers, body, number)


def answers(status: int, body: str | bytes = "{}", **headers: str) -> Reaction:
    """An ordinary answer; header names are written with underscores."""
    content = body.encode() if isinstance(body, str) else body
    extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status} Because\r\nContent-Length: {len(content)}\r\n{extra}\r\n"
    return lambda sock: sock.sendall(head.encode() + content)


def hangs(server: Server) -> Reaction:
    """Never answers."""
    return lambda _sock: server.over.wait()


def resets() -> Reaction:
    """Slams the connection: a TCP reset."""

    def reset(sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()

    return reset


def closes() -> Reaction:
    """Ends the connection without a word."""
    return lambda sock: sock.close()


def answers_and_closes(answer: bytes) -> Reaction:
    """Sends just these bytes and ends the connection."""

    def answer_and_close(sock: socket.socket) -> None:
        sock.sendall(answer)
        sock.close()

    return answer_and_close


def talks_garbage() -> Reaction:
    return lambda sock: sock.sendall(b"220 mail.example ESMTP\r\n\r\n")


def drips(server: Server, start: bytes, byte: bytes = b"x") -> Reaction:
    """Sends `start`, then one byte after another, for ever."""

    def drip(sock: socket.socket) -> None:
        sock.sendall(start)
        while not server.over.wait(0.02):
            sock.sendall(byte)

    return drip


def floods() -> Reaction:
    """A body without end, as fast as it is taken."""

    def flood(sock: socket.socket) -> None:
        sock.settimeout(2)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n")
        while True:
            sock.sendall(b"y" * 65536)

    return flood


def wait_until(true: Callable[[], object], seconds: float = 30) -> None:
    """Waits for a condition; fails the test when it does not come about."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.01)
