"""Twilio's side of a request, one call turn by turn, and a wire to Redis that can be cut."""

import re
import select
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal, Self
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from flask import Flask
from redis import Redis
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict
from werkzeug.test import Client, TestResponse

from ivr.settings import Settings
from simulator.engine.checks import faults_in
from simulator.engine.markup import read_answer
from tests.builders import BASE_URL, TWILIO_TOKEN, a_holder, an_app, hotline_of, settings
from tests.hotline import Hotline
from tests.redis_server import RedisServer
from tests.resp import is_whole

Form = Sequence[tuple[str, str]]

SIGNATURE: Final = "X-Twilio-Signature"
ID_KEYS: Final = "11010519491231002*"
FORM_TYPE: Final = "application/x-www-form-urlencoded; charset=utf-8"
SID: Final = "CA" + "1" * 32
OTHER_SID: Final = "CA" + "2" * 32


def signature_of(url: str, form: Form = (), token: str = TWILIO_TOKEN) -> str:
    """What Twilio's own library says the header must be."""
    signature: str = RequestValidator(token).compute_signature(url, MultiDict(form))
    return signature


class Twilio:
    """Posts to an app as Twilio would, through its WSGI door."""

    def __init__(self, app: Flask, base_url: str = BASE_URL) -> None:
        self.client = Client(app, use_cookies=False)
        self.base_url = base_url

    def posts(self, target: str, form: Form = (("CallSid", SID),)) -> TestResponse:
        """A genuine request."""
        return self.sends(target, form, signature_of(self.base_url + target, form))

    def sends(
        self, target: str, form: Form, signature: str | None, method: str = "POST"
    ) -> TestResponse:
        """A request with any signature, or none."""
        return self.client.open(
            target,
            method=method,
            data=urlencode(form).encode(),
            content_type=FORM_TYPE,
            headers={} if signature is None else {SIGNATURE: signature},
        )


class PhoneCall:
    """A call as bare requests: each `presses` goes where the last answer said.

    Every answer must be TwiML that Twilio's debugger has nothing to say about.
    """

    def __init__(self, twilio: Twilio, sid: str = SID) -> None:
        self.twilio = twilio
        self.sid = sid
        self.caller = "+8613800138000"
        self.answer = b""
        self.target = ""
        self.last_request: tuple[str, str] = ("", "")

    def dials(self) -> Self:
        return self.asks("/voice")

    def presses(self, *keys: str) -> Self:
        """One turn for each; an empty text is silence."""
        for pressed in keys:
            self.asks(self.target, pressed)
        return self

    def asks(self, target: str, keys: str = "", **more: str) -> Self:
        """One request to a URL of the call."""
        self.last_request = (target, keys)
        pressed = [("Digits", keys)] if keys else []
        form = [("CallSid", self.sid), ("From", self.caller), *pressed, *more.items()]
        response = self.twilio.posts(target, form)
        assert response.status_code == 200, response
        self.answer = response.get_data()
        root = read_answer(response.headers["Content-Type"], self.answer)
        assert faults_in(root) == []
        self.target = next_target(self.answer)
        return self

    def repeats(self) -> Self:
        """The same request once more."""
        return self.asks(*self.last_request)

    def hears(self, *words: str) -> Self:
        for part in words:
            assert part in self.said, self.said
        return self

    def does_not_hear(self, *words: str) -> Self:
        for part in words:
            assert part not in self.said, self.said
        return self

    @property
    def said(self) -> str:
        """All that is said, numbers without the pauses between their groups."""
        return re.sub(r"(?<=\d) (?=\d)", "", heard(self.answer))

    @property
    def report_number(self) -> str:
        found = re.search(r"编号(\d{8})", self.said)
        assert found is not None, self.said
        return found[1]

    @property
    def has_ended(self) -> bool:
        return self.target == ""

    @property
    def is_over_but_for_a_person(self) -> bool:
        """Key 0 leads to a person, without the call's record; silence ends the call."""
        (gather, *more) = ElementTree.fromstring(self.answer)  # noqa: S314 (our own answer)
        keys = {name: gather.attrib.get(name) for name in ("action", "numDigits", "finishOnKey")}
        wanted = {"action": "/voice/agent", "numDigits": "1", "finishOnKey": ""}
        return gather.tag == "Gather" and keys == wanted and [v.tag for v in more] == ["Hangup"]

    def to_confirmation(self) -> Self:
        """Up to the question whether to report the card, in Mandarin."""
        return self.dials().presses("1", "1", ID_KEYS).hears("确认请按1")

    def to_report(self) -> Self:
        return self.to_confirmation().presses("1").hears("挂失成功")


def heard(answer: bytes) -> str:
    return "".join(ElementTree.fromstring(answer).itertext())  # noqa: S314 (our own answer)


def next_target(answer: bytes) -> str:
    """Where the next request goes: a Gather's or Dial's action, else a Redirect; "" at the end."""
    for verb in ElementTree.fromstring(answer).iter():  # noqa: S314
        if verb.tag in ("Gather", "Dial"):
            return verb.attrib.get("action", "")
        if verb.tag == "Redirect":
            return str(verb.text)
    return ""


Cut = Literal["", "before", "after", "stall"]


class Wire:
    """A socket in front of a Redis server that counts round trips and can fail at a commit.

    "before": the commit never arrives. "after": it arrives and is done, but no answer comes back.
    "stall": the same, and the line stays open in silence.
    """

    def __init__(self, server: RedisServer, directory: Path) -> None:
        self.socket = directory / "wire.sock"
        self.url = f"unix://{self.socket}?socket_timeout=0.5"
        self.at_commit: Cut = ""
        self.cuts_left = 1_000_000
        self.spared = 0  # commits that pass before the first that fails
        self.when_cut: Callable[[], object] = bool
        self.round_trips = 0
        self._server = server
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.socket))
        self._listener.listen()
        self._threads: list[threading.Thread] = []
        self._lines: list[socket.socket] = []
        self._start(self._accept)

    def close(self) -> None:
        for line in [self._listener, *self._lines]:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for line in [self._listener, *self._lines]:
            line.close()

    def _start(self, work: Callable[..., None], *args: socket.socket) -> None:
        thread = threading.Thread(target=work, args=args)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.socket(socket.AF_UNIX)
                self._lines += [near, far]
                self._start(self._carry, near, far)

    def _carry(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            far.connect(str(self._server.socket))
            self._exchange(near, far)
        for line in (near, far):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def _exchange(self, near: socket.socket, far: socket.socket) -> None:
        answered, asked = True, b""
        while True:
            ready, _, _ = select.select([near, far], [], [])
            if far in ready:
                answer = far.recv(1 << 16)
                if not answer:
                    return
                near.sendall(answer)
                answered = True
                continue
            piece = near.recv(1 << 16)
            if not piece:
                return
            asked += piece
            if not is_whole(asked):  # the client sends what is long in pieces
                continue
            self.round_trips += answered
            answered = False
            if self.at_commit and self.cuts_left and is_commit(asked):
                if self.spared:
                    far.sendall(asked)
                    near.sendall(answer := far.recv(1 << 16))
                    self.spared -= not answer.startswith(b"-NOSCRIPT")
                    answered = True
                elif self._fails(near, far, asked):
                    return
            else:
                far.sendall(asked)
            asked = b""

    def _fails(self, near: socket.socket, far: socket.socket, asked: bytes) -> bool:
        """Whether it was a commit; a server that does not know the script yet has done nothing."""
        if self.at_commit != "before":
            far.sendall(asked)
            answer = far.recv(1 << 16)
            if answer.startswith(b"-NOSCRIPT"):
                near.sendall(answer)
                return False
        self.cuts_left -= 1
        self.when_cut()
        if self.at_commit == "stall":
            near.recv(1)  # until the other side loses patience
        return True


def is_commit(asked: bytes) -> bool:
    """A change of a case is one script, and leaves an entry in the journal."""
    return b"\r\nEVALSHA\r\n" in asked and b"\r\njournal\r\n" in asked


@pytest.fixture
def app(redis: Redis, redis_server: RedisServer) -> Flask:
    """The hotline with one holder of one card on record, on the emptied shared server."""
    assert redis.dbsize() == 0
    return an_app(settings(redis_server.url), a_holder())


@pytest.fixture
def twilio(app: Flask) -> Twilio:
    return Twilio(app)


@pytest.fixture
def call(twilio: Twilio) -> PhoneCall:
    return PhoneCall(twilio)


@pytest.fixture
def own_server() -> Iterator[RedisServer]:
    """A server that may be broken."""
    with tempfile.TemporaryDirectory(prefix="hl-") as directory:
        server = RedisServer(Path(directory))
        server.start()
        yield server
        server.stop()


@pytest.fixture
def own_call(own_server: RedisServer) -> PhoneCall:
    """A call to a hotline on a server of its own."""
    return PhoneCall(Twilio(an_app(settings(own_server.url), a_holder())))


@pytest.fixture
def wire(own_server: RedisServer) -> Iterator[Wire]:
    wire = Wire(own_server, own_server.directory)
    yield wire
    wire.close()


@pytest.fixture
def wired_settings(wire: Wire) -> Settings:
    return settings(wire.url)


@pytest.fixture
def wired_call(wired_settings: Settings) -> PhoneCall:
    """A call to a hotline that reaches Redis over `wire`."""
    return PhoneCall(Twilio(an_app(wired_settings, a_holder())))


def hotline_behind(call: PhoneCall) -> Hotline:
    app = call.twilio.client.application
    assert isinstance(app, Flask)
    return hotline_of(app)
