"""The test kit, shown on a pizzeria's line."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from simulator import kit_pytest
from simulator.engine import BUSY, Event, PhoneLine
from simulator.kit import Caller, Manners, a_caller, phone_line
from simulator.kit_pytest import KeepsJourney

from .engine.apps import served
from .pizza import pizza_line

# As the plugin offers them; these tests also run where no conftest has loaded it.
phone, journey = kit_pytest.phone, kit_pytest.journey

ORDER_NUMBER = {r"Order \d{8}": "Order <number>"}
FAST = Manners(reaction=0.0, between_keys=0.0)
LINE: PhoneLine = phone_line(number="+390699999", status="/status")


@pytest.fixture
def caller(phone: Callable[..., Caller]) -> Caller:
    return phone(pizza_line(), LINE)


def test_an_order(caller: Caller, journey: KeepsJourney) -> None:
    caller.dials().hears("Buona sera").hears("Margherita, press 1").presses("1")
    caller.hears("One Margherita").presses("0612345#")
    caller.hears("on its way").is_hung_up_on()
    journey(caller, "a pizza", title="One Margherita", steady=ORDER_NUMBER)


def test_the_cook(caller: Caller, journey: KeepsJourney) -> None:
    caller.dials().waits().hears("did not hear you").hears("For the cook, press 0").presses("0")
    caller.is_connected_to("+390612345").waits().is_hung_up_on()
    journey(caller, "talking to the cook")


def test_a_journey_can_be_retold_in_other_words(caller: Caller) -> None:
    def greeting_by_name(events: list[Event]) -> Iterator[Event]:
        for event in events:
            yield replace(event, text="GREETING") if "Buona sera" in event.text else event

    caller.dials().hears("Buona sera").presses("1").hears("One Margherita")
    text = caller.journey(retold=greeting_by_name)
    assert "line    [it-IT] GREETING\n" in text
    assert "One Margherita" in text
    assert "Buona sera" not in text
    assert "Buona sera" in caller.journey()


def test_a_busy_cook(phone: Callable[..., Caller]) -> None:
    caller = phone(pizza_line(), LINE, far_end=BUSY)
    caller.dials().presses("0").waits().hears("The cook is busy").is_hung_up_on()
    with pytest.raises(AssertionError, match="to be connected to"):
        caller.is_connected_to("+390612345")


def test_the_same_over_http() -> None:
    with served(pizza_line()) as base:
        caller = a_caller(base, LINE)
        caller.dials().presses("2").hears("One Funghi").hangs_up()
        assert [exchange.status for exchange in caller.exchanges] == [200, 200, 204]


def test_what_is_heard_is_consumed_in_order(caller: Caller) -> None:
    caller.dials().hears("press 1").hears("press 2")
    with pytest.raises(AssertionError, match="expected to hear 'press 1'") as failure:
        caller.hears("press 1")
    assert "line    [it-IT] Buona sera!" in str(failure.value)


def test_what_was_said_before_acting_is_past(caller: Caller) -> None:
    caller.dials().presses("9").presses("1")
    with pytest.raises(AssertionError, match="expected to hear"):
        caller.hears("not on the menu")  # said, but two keys ago


def test_what_is_not_heard(caller: Caller) -> None:
    caller.dials().does_not_hear("Funghi, press 1").presses("2").does_not_hear("Margherita")
    with pytest.raises(AssertionError, match="not to hear 'Funghi'"):
        caller.does_not_hear("Funghi")


def test_a_prompt_can_be_interrupted(caller: Caller) -> None:
    caller.dials().presses("2", at_once=True).hears("One Funghi")
    assert caller.seconds < 3


def test_a_hasty_caller_takes_no_time_but_the_prompts() -> None:
    hasty, calm = (a_caller(pizza_line(), LINE, manners=m) for m in (FAST, Manners(2, 1)))
    for caller in (hasty, calm):
        caller.dials().presses("1").presses("061#").is_hung_up_on()
    assert calm.seconds - hasty.seconds == pytest.approx(2 + 2 + 3 * 1)


def test_after_the_end_there_is_nothing_to_do(caller: Caller) -> None:
    caller.dials().hangs_up()
    for act in (caller.hangs_up, caller.waits, lambda: caller.presses("1"), caller.dials):
        with pytest.raises(AssertionError, match="expected"):
            act()


def test_strict_callers_fail_on_twilios_warnings() -> None:
    line = phone_line(voice="/broken")
    with pytest.raises(AssertionError, match=r"warning 12200 .* no attribute 'numdigits'"):
        a_caller(pizza_line(), line).dials()
    a_caller(pizza_line(), line, strict=False).dials()
    a_caller(pizza_line(), line).tolerates(12200).dials()


SUITE = """
from tests.simulator.pizza import pizza_line

def test_one(phone, journey):
    caller = phone(pizza_line()).dials().hangs_up()
    journey(caller, "short")
"""


def pytest_on(suite: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "simulator.kit_pytest",
        "-c",
        "/dev/null",
    ]
    root = Path(__file__).parents[2]
    return subprocess.run(
        [*command, "--rootdir", str(suite), *flags, str(suite)],
        cwd=root, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )  # fmt: skip


def test_journeys_are_compared_and_rewritten_on_request(tmp_path: Path) -> None:
    (tmp_path / "test_short.py").write_text(SUITE)
    reviewed = tmp_path / "journeys" / "short.txt"
    assert "run pytest --regenerate-journeys" in pytest_on(tmp_path).stdout
    assert pytest_on(tmp_path, "--regenerate-journeys").returncode == 0
    assert reviewed.read_text().startswith("# short\n   0.0  caller  dials")
    reviewed.write_text(reviewed.read_text().replace("hangs up", "holds on"))
    assert "reviewed otherwise" in pytest_on(tmp_path).stdout
