"""The wire springs at "sent" only when the whole request has gone over it."""

from tests.faults.tripwire import Spot
from tests.resp import is_whole

COMMAND = b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$8\r\n*2\r\n$1\r\n\r\n"


def test_a_request_is_whole_at_its_last_byte_and_never_before() -> None:
    assert is_whole(COMMAND)
    assert is_whole(COMMAND * 2)
    assert not any(is_whole(COMMAND[:length]) for length in range(1, len(COMMAND)))
    assert not any(is_whole(COMMAND + COMMAND[:length]) for length in range(1, len(COMMAND)))


def test_only_the_moment_before_does_not_wait_for_the_rest() -> None:
    part = COMMAND[:-3]
    assert Spot("", (b"key",), "before").fits(part)
    assert not Spot("", (b"key",), "sent").fits(part)
    assert Spot("", (b"POST",), "sent").fits(b"POST / HTTP/1.1\r\n")
