"""Requests that the network delivers once more: the same bytes; answers unheard but recorded."""

import threading
from collections.abc import Mapping
from random import Random

import pytest

from simulator.engine import HttpResponse, Limits, TransportError
from simulator.load.repeating_transport import RepeatingTransport, step_in


class Receiver:
    """Keeps what arrives; answers with `status`, or breaks the connection without one."""

    def __init__(self, status: int = 200) -> None:
        self.arrived: list[tuple[str, Mapping[str, str], bytes]] = []
        self._status = status
        self._lock = threading.Lock()

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        limits: Limits,
    ) -> HttpResponse:
        assert method == "POST"
        assert limits.total
        with self._lock:
            self.arrived.append((url, headers, body))
        if not self._status:
            raise TransportError("read", "broken off")
        return HttpResponse(self._status, (), b"")


def sends(transport: RepeatingTransport, *steps: str) -> None:
    for step in steps:
        url = f"http://127.0.0.1/voice/{step}?turn=1"
        transport.send("POST", url, {"X-Twilio-Signature": step}, step.encode(), Limits())
    transport.close()


def test_a_steady_network_delivers_once() -> None:
    receiver = Receiver()
    transport = RepeatingTransport(receiver, 0.0, Random(1))

    sends(transport, "language", "confirm")

    assert [body for _, _, body in receiver.arrived] == [b"language", b"confirm"]
    assert [(turn.step, turn.repeat) for turn in transport.turns] == [
        ("language", ""),
        ("confirm", ""),
    ]


def test_repeats_are_the_same_request_down_to_the_signature() -> None:
    receiver = Receiver()
    transport = RepeatingTransport(receiver, 1.0, Random(1))

    sends(transport, *(f"step_{n}" for n in range(20)))

    assert len(receiver.arrived) == 40
    for step in range(20):
        first, second = [a for a in receiver.arrived if a[2] == f"step_{step}".encode()]
        assert first == second
    assert {turn.repeat for turn in transport.turns} == {"", "again", "at once", "late"}


def test_late_ones_arrive_after_later_requests() -> None:
    receiver = Receiver()
    transport = RepeatingTransport(receiver, 1.0, Random(1))

    sends(transport, *(f"step_{n}" for n in range(20)))

    late = [turn.step for turn in transport.turns if turn.repeat == "late"]
    places = [turn.step for turn in transport.turns]
    following = {f"step_{n}": f"step_{n + 1}" for n in range(19)}
    for step in late:
        if step in following:
            second = len(places) - 1 - places[::-1].index(step)
            assert places.index(following[step]) < second


def test_a_repeat_that_fails_is_noted_and_does_not_disturb_the_call() -> None:
    transport = RepeatingTransport(Receiver(status=503), 1.0, Random(1))

    sends(transport, "language", "confirm")

    assert len(transport.turns) == 4
    assert {turn.status for turn in transport.turns} == {503}


def test_no_answer_is_the_calls_own_failure_and_is_noted() -> None:
    transport = RepeatingTransport(Receiver(status=0), 0.0, Random(1))

    with pytest.raises(TransportError):
        sends(transport, "confirm")

    assert [(turn.status, turn.failure) for turn in transport.turns] == [(0, "read: broken off")]


@pytest.mark.parametrize(
    ("url", "step"),
    [
        ("http://127.0.0.1:1/voice", "incoming"),
        ("http://127.0.0.1:1/voice?x=1", "incoming"),
        ("https://hotline.example/12333/voice/confirm?turn=5&lang=en", "confirm"),
        ("https://hotline.example/voice/status", "status"),
        ("https://hotline.example/elsewhere", ""),
    ],
)
def test_the_url_names_the_step(url: str, step: str) -> None:
    assert step_in(url) == step
