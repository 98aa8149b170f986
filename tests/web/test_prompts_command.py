"""`flask prompts`: the studio's script, and what is not recorded."""

import csv
import io
from pathlib import Path

import pytest
from redis import Redis

from ivr.recordings import COLUMNS
from tests.builders import an_app, settings
from tests.redis_server import RedisServer
from tests.studio import empty_set, fragments_of


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return empty_set(settings("unix:///nowhere"), tmp_path)


def test_the_script_has_a_line_for_every_file(
    redis: Redis, redis_server: RedisServer, tmp_path: Path
) -> None:
    assert redis.dbsize() == 0
    runner = an_app(settings(redis_server.url)).test_cli_runner()
    printed = runner.invoke(args=["prompts", "studio"]).output
    assert printed.startswith("\ufeff"), "by which Excel knows UTF-8"
    rows = list(csv.DictReader(io.StringIO(printed[1:])))
    assert tuple(rows[0]) == COLUMNS
    assert [row["file"] for row in rows] == [
        f"{each.name}.mp3" for each in fragments_of(settings("unix:///nowhere"))
    ]
    assert {"file": "zh/digit.1.mp3", "language": "zh", "text": "幺",
            "note": "one of a row, one by one"} in rows  # fmt: skip

    file = tmp_path / "script.csv"
    assert runner.invoke(args=["prompts", "studio", str(file)]).exit_code == 0
    assert file.read_bytes() == printed.encode()


def test_what_is_missing_is_listed(redis_server: RedisServer, place: Path) -> None:
    app = an_app(settings(redis_server.url, audio_dir=str(place)))
    runner = app.test_cli_runner()
    done = runner.invoke(args=["prompts", "missing"])
    assert (done.stdout, done.exit_code) == ("", 0)
    assert done.stderr.endswith(" recorded, 0 missing.\n")
    (place / "en" / "goodbye.1.mp3").unlink()
    done = runner.invoke(args=["prompts", "missing"])
    assert done.stdout == "en/goodbye.1 is not there: Thank you for calling. Goodbye.\n"
    (place / "script.csv").unlink()
    done = runner.invoke(args=["prompts", "missing"])
    assert done.exit_code == 1
    assert "script.csv: No such file" in done.stderr


def test_without_recordings_all_of_it_is_missing(redis_server: RedisServer) -> None:
    done = an_app(settings(redis_server.url)).test_cli_runner().invoke(args=["prompts", "missing"])
    assert len(done.stdout.splitlines()) == len(fragments_of(settings("unix:///nowhere")))
