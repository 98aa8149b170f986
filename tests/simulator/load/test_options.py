"""What may be asked of a load, and which hotlines it refuses to call."""

import io
from pathlib import Path
from random import Random

import pytest

from simulator.load.errands import Errand
from simulator.load.options import INSTANTLY, Options, read_options
from simulator.load.people import CallerPool, Person, read_people
from simulator.load.target import find_target, is_loopback
from simulator.stack.problem import StartError

HOTLINE = {
    "PUBLIC_BASE_URL": "http://127.0.0.1:9",
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKEN": "12345",
}
ID_NUMBER = "11010519491231002X"


def options(*words: str) -> Options:
    return read_options(words)


def test_the_defaults_are_those_of_the_documentation() -> None:
    told = options()

    assert (told.calls_per_second, told.seconds, told.calls) == (20, 60, 1200)
    assert told.mix == {"report": 60, "status": 15, "guidance": 10, "agent": 5, "wrong": 10}
    assert told.speed == INSTANTLY


def test_a_mix_names_errands_and_weights() -> None:
    assert options("--mix", "report=3,agent=1").mix == {Errand.REPORT: 3, Errand.AGENT: 1}


def test_real_time_is_a_second_a_second() -> None:
    assert options("--real-time").speed == 1


@pytest.mark.parametrize(
    "words",
    [
        ("--mix", "rapport=3"),
        ("--mix", "report=0"),
        ("--mix", "report=2,agent=-1"),
        ("--mix", "report"),
        ("--for", "0"),
        ("--calls-per-second", "-1"),
        ("--lines", "0"),
    ],
)
def test_nonsense_is_refused(words: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        options(*words)

    assert end.value.code == 2
    assert words[0] in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "is_here"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://127.3.2.1", True),
        ("http://[::1]:8000", True),
        ("http://localhost:8000", True),
        ("unix:///run/r.sock", True),
        ("http://192.168.1.5", False),
        ("https://hotline.example", False),
        ("http://localhost.example", False),
        ("http://0.0.0.0:8000", False),
        ("nonsense", False),
    ],
)
def test_only_this_machine_counts_as_here(url: str, is_here: bool) -> None:
    assert is_loopback(url) is is_here


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--base-url", "https://hotline.example"), "the hotline is at hotline.example"),
        (("--via", "http://10.0.0.1"), "the hotline is at 10.0.0.1"),
        (("--bank-url", "http://bank.example"), "the bank is at bank.example"),
        (("--redis-url", "redis://redis.example"), "Redis is at redis.example"),
    ],
)
def test_a_load_goes_to_this_machine_only(words: tuple[str, str], named: str) -> None:
    with pytest.raises(StartError, match=named):
        find_target(options(*words), HOTLINE)


def test_a_public_name_may_be_called_through_a_proxy_on_this_machine() -> None:
    told = options("--base-url", "https://hotline.example", "--via", "http://127.0.0.1:9")

    target = find_target(told, HOTLINE)

    assert target.line.voice_url == "https://hotline.example/voice"
    assert target.via == "http://127.0.0.1:9"


def test_without_a_hotline_it_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="make run"):
        find_target(options(), {"DATA_DIR": str(tmp_path)})


def test_without_the_token_nothing_is_called() -> None:
    environ = {name: value for name, value in HOTLINE.items() if name != "TWILIO_AUTH_TOKEN"}

    with pytest.raises(StartError, match="TWILIO_AUTH_TOKEN"):
        find_target(options(), environ)


def test_while_the_token_is_changed_calls_are_signed_with_the_first() -> None:
    assert find_target(options(), HOTLINE | {"TWILIO_AUTH_TOKEN": "a,b"}).line.auth_token == "a"


def test_people_are_read_with_all_their_cards() -> None:
    csv = f"id_number,card_number\n{ID_NUMBER},A1\n320102195006150014,B1\n{ID_NUMBER},A2\n"

    first, second = read_people(io.StringIO(csv))

    assert (first.id_keys, first.cards) == ("11010519491231002*", ("A1", "A2"))
    assert second.cards == ("B1",)
    assert ID_NUMBER[:17] not in repr(first)


@pytest.mark.parametrize("text", ["", "name,phone\nA,1\n", "id_number,card_number\n"])
def test_a_file_without_cardholders_is_refused(text: str) -> None:
    with pytest.raises(StartError, match="cardholders CSV"):
        read_people(io.StringIO(text))


def test_most_reports_are_made_by_somebody_new_and_status_is_asked_by_callers() -> None:
    people = [Person(f"{n:018d}", (f"C{n}",)) for n in range(500)]
    pool = CallerPool(people, Random(1))

    reporters = [pool.next(Errand.REPORT) for _ in range(200)]
    asking = [pool.next(Errand.STATUS) for _ in range(50)]

    assert len(set(reporters)) > 150
    assert len(set(reporters)) < 200
    assert sum(person in reporters for person in asking) > 25
