"""The places: a file with the same care as the cardholders', and who is told of which."""

import re
import time
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from redis import Redis

from ivr.prompts.languages import LANGUAGES
from ivr.store import keys, places
from ivr.store.cardholders_csv import BadLine
from ivr.store.places_csv import PlaceLine, PlacesFileError, columns, read_places
from ivr.store.unreadable import list_unreadable
from tests.builders import a_place, an_app, hotline_of, settings
from tests.hotline import Hotline
from tests.redis_server import RedisServer

GOOD = {
    "city_code": "330100", "bank": "icbc", "fee": "20", "days": "7",
    "place_zh": "西湖网点", "address_zh": "西湖路1号", "open_zh": "工作日9点到5点",
    "papers_zh": "身份证", "meanwhile_zh": "就医请带身份证。",
    "place_en": "West Lake branch", "address_en": "1 West Lake Road", "open_en": "weekdays 9 to 5",
    "papers_en": "your ID card", "meanwhile_en": "See a doctor with your ID card.",
}  # fmt: skip
HEADER = ",".join(GOOD)


def line(**values: str) -> str:
    return ",".join((GOOD | values).values())


def read(*lines: str, header: str = HEADER) -> list[PlaceLine | BadLine]:
    return list(read_places([header, *lines], ["icbc", "ccb"]))


def reasons(*lines: str) -> list[str]:
    return [found.reason for found in read(*lines) if isinstance(found, BadLine)]


def test_a_line_is_a_place() -> None:
    (found,) = read(line())
    assert isinstance(found, PlaceLine)
    assert (found.line, found.place.city_code, found.place.bank) == (2, "330100", "icbc")
    prompts = [prompt for prompt, _ in found.place.guidance("zh")]
    assert prompts == ["place_where", "place_bring", "place_fee", "place_days", "meanwhile_here"]


def test_what_costs_nothing_and_takes_no_time_is_said_so() -> None:
    (found,) = read(line(fee="0", days="0", meanwhile_zh="", meanwhile_en="", bank=""))
    assert isinstance(found, PlaceLine)
    prompts = [prompt for prompt, _ in found.place.guidance("en")]
    assert prompts == ["place_where", "place_bring", "place_free", "place_at_once", "meanwhile"]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"city_code": "3301"}, "city_code must be 6 digits"),
        ({"bank": "abc"}, "bank is none of ccb, icbc; empty means any"),
        ({"fee": "free"}, "fee must be a whole number up to 1000"),
        ({"fee": "-1"}, "fee must be a whole number up to 1000"),
        ({"days": "366"}, "days must be a whole number up to 365"),
        ({"place_zh": ""}, "place_zh is empty"),
        ({"open_en": "a\x01b"}, "open_en has a character that cannot be spoken"),
        (
            {"papers_zh": "证" * 81},
            "papers_zh is longer than 240 letters (a Chinese character counts 3)",
        ),
        ({"meanwhile_en": ""}, "meanwhile_en is empty"),
        ({"place_zh": '"x'}, "has a quote that does not end, or text after one"),
        ({"place_zh": "x,y"}, "has 15 values instead of 14"),
        ({"place_zh": "\udcff"}, "is not UTF-8 text"),
        ({"city_code": "x", "days": "x"},
         "city_code must be 6 digits; days must be a whole number up to 365"),
    ],
)  # fmt: skip
def test_a_bad_line_says_every_reason(values: dict[str, str], why: str) -> None:
    assert reasons(line(**values)) == [why]


def test_a_bad_line_keeps_no_good_one_out() -> None:
    found = read(line(), "", line(), line(city_code="1"), line(bank=""))
    assert [(each.line, isinstance(each, PlaceLine)) for each in found] == [
        (2, True), (4, False), (5, False), (6, True),
    ]  # fmt: skip
    assert reasons(line(), line()) == ["is of the same city and bank as line 2"]


@pytest.mark.parametrize("header", ["", "city_code,bank", f"{HEADER},more", HEADER + ",bank"])
def test_another_file_is_refused(header: str) -> None:
    with pytest.raises(PlacesFileError, match="must be: city_code,bank,fee,days,place_zh"):
        read(header=header)


def test_columns_in_any_order() -> None:
    backwards = ",".join(reversed(GOOD.values()))
    assert read(backwards, header=",".join(reversed(GOOD))) == read(line())
    assert sorted(columns()) == sorted(GOOD)
    assert len(LANGUAGES) == 2


def test_a_banks_own_place_wins_over_the_citys(hotline: Hotline) -> None:
    own, citys = a_place(bank="icbc"), a_place()
    assert hotline.places.put_all([own, citys]) == 2
    assert hotline.places.put_all([own, citys]) == 0
    assert hotline.places.find("110100", "icbc") == own
    assert hotline.places.find("110100", "ccb") == citys
    assert hotline.places.find("330100", "ccb") is None
    assert hotline.places.remove("110100", "icbc")
    assert not hotline.places.remove("110100", "icbc")
    assert hotline.places.find("110100", "icbc") == citys


def test_another_process_is_told_within_a_minute(
    hotline: Hotline, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = places.Places(redis)
    assert other.find("110100", "icbc") is None
    hotline.places.put_all([a_place()])
    assert other.find("110100", "icbc") is None
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + places.KEPT_SECONDS + 1)
    assert other.find("110100", "icbc") == a_place()


def test_a_record_that_cannot_be_read_is_none(hotline: Hotline, redis: Redis) -> None:
    redis.hset(keys.PLACES, "110100 ", "no place")
    assert hotline.places.find("110100", "icbc") is None
    assert hotline.places.all() == []
    redis.delete(keys.PLACES)
    redis.set(keys.PLACES, "another kind")
    assert hotline.places.find("330100", "icbc") is None
    assert redis.zscore(keys.UNREADABLE, keys.PLACES) is not None


def test_a_banks_place_that_cannot_be_read_hides_not_the_citys(
    hotline: Hotline, redis: Redis
) -> None:
    hotline.places.put_all([a_place(), a_place(bank="icbc")])
    redis.hset(keys.PLACES, "110100 icbc", "no place")
    assert hotline.places.find("110100", "icbc") == a_place()
    assert list_unreadable(redis) == [keys.PLACES]


@pytest.fixture
def app(redis: Redis, redis_server: RedisServer) -> Flask:
    assert redis.dbsize() == 0
    return an_app(settings(redis_server.url))


def types(app: Flask, *args: str) -> Any:
    return app.test_cli_runner().invoke(args=["places", *args], env={"OPERATOR": "Li"})


def test_the_commands(app: Flask, tmp_path: Path) -> None:
    file = tmp_path / "places.csv"
    file.write_text("\n".join([HEADER, line(), line(bank="abc")]) + "\n", encoding="utf-8")
    done = types(app, "import", str(file))
    assert (done.exit_code, done.stdout) == (1, "good 1 (unchanged 0), bad 1\n")
    assert done.stderr == "line 3: bank is none of ccb, icbc; empty means any\n"
    file.write_text("\n".join([HEADER, line()]) + "\n", encoding="utf-8-sig")
    done = types(app, "import", str(file))
    assert (done.exit_code, done.stdout) == (0, "good 1 (unchanged 1), bad 0\n")
    assert types(app, "list").stdout == "330100  icbc  20  7  西湖网点\n"
    assert hotline_of(app).places.find("330100", "icbc") is not None
    assert types(app, "remove", "330100").exit_code == 1
    assert types(app, "remove", "330100", "--bank", "icbc").exit_code == 0
    journal = [(each.event, each.fields) for _, each in hotline_of(app).journal.between(0, 2**40)]
    assert journal == [
        ("places_imported", {"places": "1", "changed": "1", "by": "Li"}),
        ("places_imported", {"places": "1", "changed": "0", "by": "Li"}),
        ("place_removed", {"city": "330100", "bank": "icbc", "by": "Li"}),
    ]
    file.write_text("nothing\n", encoding="utf-8")
    assert types(app, "import", str(file)).exit_code == 2


def test_the_page_says_what_the_file_is() -> None:
    text = (Path(__file__).parents[2] / "docs" / "places.md").read_text(encoding="utf-8")
    assert tuple(re.findall(r"^\| `(\w+)` \|", text, re.M)) == columns()
    found = re.search(r"```csv\n(.*?)```", text, re.S)
    assert found is not None
    lines = list(read_places(found[1].splitlines(), ["icbc"]))
    assert [type(each) for each in lines] == [PlaceLine, PlaceLine], lines
