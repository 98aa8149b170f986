"""A launch from beginning to end: what it starts, what it leaves, what it refuses."""

import socket
import tempfile
from pathlib import Path

from simulator.stack.ports import LOOPBACK, Ports
from tests.redis_server import RedisServer
from tests.simulator.stack.conftest import NewLaunch
from tests.simulator.stack.launches import status_of, wait_until

A_FOLDER = "a folder 文件夹 #1"


def test_ctrl_c_leaves_no_process_and_the_next_run_finds_the_data(new_launch: NewLaunch) -> None:
    first = new_launch(folder=A_FOLDER).until_ready()
    assert status_of(f"{first.launch.hotline_url}/healthz") == 200
    somebody = first.flask("cardholders", "generate", "1", "--seed", "12333")
    assert "good 1 (unchanged 0)" in first.flask("cardholders", "import", "-", text=somebody)

    assert first.press_ctrl_c() == 0
    assert first.processes == []
    assert first.launch_or_none is None

    second = new_launch(folder=A_FOLDER).until_ready()
    assert "good 1 (unchanged 1)" in second.flask("cardholders", "import", "-", text=somebody)
    assert "good 40 (unchanged 40), bad 0" in second.printed  # the demo cardholders


def test_a_folder_that_others_could_read_is_closed_to_them(new_launch: NewLaunch) -> None:
    """As an earlier version left it."""
    first = new_launch()
    logs = first.data_dir / "logs"
    wait_until(logs.is_dir)
    first.ends_whatever_happens()
    (logs / "web.log").write_text("said")
    for place, mode in ((first.data_dir, 0o755), (logs, 0o755), (logs / "web.log", 0o644)):
        place.chmod(mode)
    second = new_launch()
    wait_until(lambda: bool(second.launch_or_none))
    for place, mode in ((first.data_dir, 0o700), (logs, 0o700), (logs / "web.log", 0o600)):
        assert place.stat().st_mode & 0o777 == mode, place


def test_a_bank_of_ones_own_gets_the_demo_cardholders(
    new_launch: NewLaunch, tmp_path: Path
) -> None:
    """As banks.toml invites: "For banks of your own: BANKS_FILE"."""
    ports = Ports.free()
    banks = tmp_path / "own banks.toml"
    banks.write_text(
        '[banks.icbc]\nname = { zh = "工商银行", en = "ICBC" }\nphone = "95588"\n'
        f'notice_url = "http://127.0.0.1:{ports.bank}/icbc/notices"\n'
        'secrets_env = "ICBC_SECRETS"\n',
        encoding="utf-8",
    )
    launch = new_launch(ports, A_FOLDER, BANKS_FILE=str(banks)).until_ready()
    assert "good 40 (unchanged 0), bad 0" in launch.printed
    people = (launch.data_dir / "demo_cardholders.csv").read_text(encoding="utf-8")
    assert "11010519491231002X" in people
    assert launch.press_ctrl_c() == 0


def test_a_killed_launcher_leaves_nothing_and_the_next_run_starts(new_launch: NewLaunch) -> None:
    killed = new_launch().until_ready()
    killed.is_killed()
    following = new_launch(ports=killed.ports).until_ready()
    assert following.readiness == 200
    following.press_ctrl_c()
    assert killed.processes == []


def test_a_port_in_use_is_named_and_nothing_is_started(new_launch: NewLaunch) -> None:
    ports = Ports.free()
    with socket.create_server((LOOPBACK, ports.bank)):
        refused = new_launch(ports)
        assert refused.until_over() == 1
    assert f"In use already: port {ports.bank}." in refused.printed
    assert "PORT=" in refused.printed
    assert not (refused.data_dir / "logs").exists()


def test_a_redis_that_may_evict_is_refused(new_launch: NewLaunch) -> None:
    with tempfile.TemporaryDirectory(prefix="hl-") as folder:
        evicting = RedisServer(Path(folder), "--maxmemory-policy", "allkeys-lru")
        evicting.start()
        refused = new_launch(REDIS_URL=evicting.url)
        assert refused.until_over() == 1
        evicting.stop()
    assert "maxmemory-policy" in refused.printed
    assert refused.processes == []


def test_a_given_setting_wins_even_if_it_is_wrong(new_launch: NewLaunch) -> None:
    refused = new_launch(AGENT_HOURS="sometimes")
    assert refused.until_over() == 1
    assert "AGENT_HOURS" in refused.printed
    assert refused.processes == []


def test_a_given_redis_is_used_and_gets_no_demo_cardholders(new_launch: NewLaunch) -> None:
    with tempfile.TemporaryDirectory(prefix="hl-") as folder:
        given = RedisServer(Path(folder))
        given.start()
        launch = new_launch(REDIS_URL=given.url).until_ready()
        with given.client() as redis:
            assert not list(redis.scan_iter("holder:*"))
            assert list(redis.scan_iter("rq:worker:*"))
        assert "redis" not in launch.launch.programs
        assert launch.press_ctrl_c() == 0
        given.stop()
