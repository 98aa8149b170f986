"""Gather against a reference model: any keys at any time. twilio.com/docs/voice/twiml/gather."""

from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.engine import Call

from .apps import a_call, gather_app


@dataclass(frozen=True)
class Asked:
    prompt: int
    timeout: int
    num_digits: int
    finish: str


@dataclass(frozen=True)
class Got:
    digits: str
    finished_on: str
    at: float


def reference(asked: Asked, keys: list[tuple[float, str]]) -> Got:
    """The rules as one reads them: moments and keys -> what is submitted, and when."""
    digits, deadline = "", float(asked.prompt + asked.timeout)
    for moment, key in keys:
        if moment >= deadline:
            break
        if key == asked.finish:
            return Got(digits, key, moment)
        digits, deadline = digits + key, moment + asked.timeout
        if asked.num_digits and len(digits) == asked.num_digits:
            return Got(digits, "", moment)
    return Got(digits, "", deadline)


def played(asked: Asked, keys: list[tuple[float, str]]) -> Got:
    """The same, by a whole call."""
    attributes = f'timeout="{asked.timeout}" finishOnKey="{asked.finish}"'
    if asked.num_digits:
        attributes += f' numDigits="{asked.num_digits}"'
    nested = f'<Pause length="{asked.prompt}"/>' if asked.prompt else ""
    pages = gather_app(f'{attributes} actionOnEmptyResult="true"', nested)
    call = a_call(pages)
    call.dial()
    for moment, key in keys:
        call.advance_to(moment)
        if len(pages.requests) == 1:
            call.press(key)
    call.advance_to(1000)
    return _submitted(call)


def _submitted(call: Call) -> Got:
    got = call.exchanges[1]
    return Got(got.parameters["Digits"], got.parameters["FinishedOnKey"], got.at_seconds)


_asked = st.builds(
    Asked,
    st.integers(0, 6),
    st.integers(1, 5),
    st.sampled_from([0, 1, 3]),
    st.sampled_from(["#", "*", ""]),
)
# Quarters are exact in floating point, so both sides add up to the same moments.
_gaps = st.integers(1, 24).map(lambda quarters: quarters / 4)


# No time limits: a busy machine is not a wrong answer.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_asked, st.lists(st.tuples(_gaps, st.sampled_from("0123456789*#")), max_size=8))
def test_any_keys_at_any_time(asked: Asked, typed: list[tuple[float, str]]) -> None:
    moment, keys = 0.0, []
    for gap, key in typed:
        moment += gap
        keys.append((moment, key))
    assert played(asked, keys) == reference(asked, keys)
