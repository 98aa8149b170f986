"""The parts of a launch that need no program: values, data directories, ports, results."""

import os
import re
import tempfile
from pathlib import Path

import pytest

from ivr.settings import embedded_socket, read_settings
from simulator.engine import Event
from simulator.stack import development, embedded
from simulator.stack.data_dir import DataDir, Launch
from simulator.stack.ports import Ports
from simulator.stack.problem import StartError
from simulator.stack.results import MissingError, heard_report_number

PORTS = Ports(8000)


def environment(folder: Path, **given: str) -> dict[str, str]:
    return development.environment(given, folder, PORTS, embedded.url_of(folder))


def a_launch(pid: int) -> Launch:
    web, operations, simulator, bank = (f"http://127.0.0.1:{port}" for port in range(1, 5))
    return Launch(pid, web, operations, simulator, bank, {})


def said(*texts: str) -> list[Event]:
    return [Event(0.0, "said", text) for text in texts]


def test_development_values_are_all_that_the_hotline_needs(tmp_path: Path) -> None:
    settings = read_settings(environment(tmp_path))
    assert settings.hotline_development
    assert {bank.max_in_flight for bank in settings.banks.values()} == {2}
    assert settings.banks["boc"].notice_url == "http://127.0.0.1:8002/boc/notices"


def test_secrets_are_made_once_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    first, second = environment(tmp_path), environment(tmp_path)
    assert first == second
    assert (tmp_path / "development.env").stat().st_mode & 0o777 == 0o600


def test_two_data_directories_share_no_secret(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = environment(tmp_path / "a"), environment(tmp_path / "b")
    for name in ("TWILIO_AUTH_TOKEN", "DATA_KEYS", "ICBC_SECRETS"):
        assert first[name] != second[name]


def test_what_is_given_wins_and_is_not_written_down(tmp_path: Path) -> None:
    environ = environment(tmp_path, TWILIO_AUTH_TOKEN="a-given-one", AGENT_NUMBER="")
    assert environ["TWILIO_AUTH_TOKEN"] == "a-given-one"
    assert environ["AGENT_NUMBER"].startswith("+86154")
    assert "a-given-one" not in (tmp_path / "development.env").read_text()


def test_the_env_file_survives_its_own_reading(tmp_path: Path) -> None:
    environ = environment(tmp_path)
    assert development.read_env_file(tmp_path / "development.env") == environ


@pytest.mark.parametrize("depth", [0, 1, 5])
def test_the_hotline_looks_where_the_embedded_server_listens(depth: int) -> None:
    data_dir = Path(tempfile.gettempdir()).joinpath(*["a-rather-long-name-of-a-folder"] * depth)
    assert embedded.socket_of(data_dir) == embedded_socket(data_dir)


@pytest.mark.parametrize("name", ["a folder", "文件夹", "100%25", "#1"])
def test_a_folder_with_an_unusual_name_has_a_plain_socket(name: str) -> None:
    url = embedded.url_of(Path(tempfile.gettempdir()) / name)
    assert re.fullmatch(r"unix://[A-Za-z0-9_./+@-]+", url)


def test_a_launch_is_believed_only_while_its_data_dir_is_locked(tmp_path: Path) -> None:
    data_dir = DataDir(tmp_path)
    data_dir.lock()
    data_dir.write_launch(a_launch(os.getpid()))
    assert DataDir(tmp_path).launch() == a_launch(os.getpid())
    left_behind = (tmp_path / "run.json").read_text()
    data_dir.unlock()
    (tmp_path / "run.json").write_text(left_behind)
    assert DataDir(tmp_path).launch() is None


def test_a_locked_data_dir_is_refused(tmp_path: Path) -> None:
    data_dir = DataDir(tmp_path)
    data_dir.lock()
    data_dir.write_launch(a_launch(os.getpid()))
    with pytest.raises(StartError, match="going already"):
        DataDir(tmp_path).lock()
    data_dir.unlock()


@pytest.mark.parametrize("text", ["0", "65533", "99999", "http", "-1", "８０００"])
def test_a_port_must_leave_room_for_its_neighbours(text: str) -> None:
    with pytest.raises(StartError, match="PORT"):
        Ports.read(text)


@pytest.mark.parametrize(
    "text",
    [
        "挂失成功，编号幺 二 三 四 五 六 七 零。再说一遍，幺 二 三 四 五 六 七 零。",
        "Reported. Number 1 2 3 4 5 6 7 0. Again, 1 2 3 4 5 6 7 0.",
        "1234 5670, again 1234 5670",
    ],
)
def test_a_number_is_heard_when_it_is_said_twice(text: str) -> None:
    assert heard_report_number(said("12333", text)) == "12345670"


def test_a_number_said_once_is_not_enough() -> None:
    with pytest.raises(MissingError):
        heard_report_number(said("Reported. Number 1 2 3 4 5 6 7 0.", "Goodbye."))
