"""While a launch is going: calls, accidents, and a second `make run` beside it."""

import sys

import pytest

from tests.simulator.stack.launches import (
    MakeRun,
    person_environ,
    processes_with,
    run_to_end,
    wait_until,
)

MAKE_CALL = [sys.executable, "-m", "simulator.main_call"]


@pytest.mark.parametrize(
    ("language", "confirms"),
    [("zh", "已经确认停用银行功能"), ("en", "has confirmed that the bank")],
)
def test_make_call_finds_the_running_hotline(
    hotline: MakeRun, language: str, confirms: str
) -> None:
    place = person_environ() | {"DATA_DIR": str(hotline.data_dir)}
    done = run_to_end([*MAKE_CALL, "--language", language], place)
    assert done.returncode == 0, done.stdout + done.stderr
    assert confirms in done.stdout
    assert "signature verified" in done.stdout
    assert "TTL 604" in done.stdout
    assert "starting a hotline" not in done.stdout


def test_make_call_by_itself_starts_a_hotline_and_ends_it(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    mark = f"MARK={tmp_path_factory.mktemp('alone')}"
    name, _, value = mark.partition("=")
    environ = person_environ() | {"DATA_DIR": value, name: value}
    done = run_to_end(MAKE_CALL, environ)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "starting a hotline" in done.stdout
    assert processes_with(mark) == []


def test_says_what_to_open_and_to_type(hotline: MakeRun) -> None:
    wait_until(lambda: "Ctrl-C stops all of it" in hotline.printed)
    launch = hotline.launch
    urls = (
        launch.hotline_url,
        launch.operations_url,
        f"{launch.simulator_url}/simulator",
        launch.bank_url,
    )
    for words in ("make call", "1002*", *urls):
        assert words in hotline.printed


def test_a_second_run_in_the_same_data_dir_is_refused(hotline: MakeRun) -> None:
    refused = MakeRun(hotline.data_dir).start()
    assert refused.until_over() == 1
    assert f"going already in {hotline.data_dir}" in refused.printed
    assert hotline.readiness == 200


@pytest.mark.parametrize(
    "name", ["worker", "clock", "web", "operations", "bank", "simulator", "redis"]
)
def test_a_killed_program_comes_back(hotline: MakeRun, name: str) -> None:
    before = hotline.launch.programs
    hotline.kill_program(name)
    wait_until(lambda: hotline.launch.programs[name] != before[name])
    wait_until(lambda: hotline.readiness == 200)
    others = {k: v for k, v in hotline.launch.programs.items() if k != name}
    assert others == {k: v for k, v in before.items() if k != name}


def test_everything_in_its_folder_is_for_its_owner_only(hotline: MakeRun) -> None:
    places = [hotline.data_dir, *hotline.data_dir.rglob("*")]
    kinds = {place.name for place in places}
    assert kinds >= {
        "redis", "logs", "web.log", "development.env", "banks.toml", "demo_cardholders.csv",
        "run.json", "run.lock", "bank",
    }  # fmt: skip
    for place in places:
        found = place.lstat().st_mode & 0o777
        assert found == (0o700 if place.is_dir() else 0o600), place
