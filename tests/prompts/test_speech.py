"""How values sound: digits one by one, moments by a Beijing clock wherever this machine stands."""

import os
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import pytest

from ivr.prompts.catalogue import load_catalogue
from ivr.prompts.languages import LANGUAGES, LanguageCode
from ivr.prompts.speech import MINUTES_A_DAY, Spelled, clock, duration, moment, spell, weekdays

HOUSE = Path(__file__).parents[2]
DEADLINE = 1_796_006_400  # 2026-11-30 02:40:00 UTC
NEW_YEAR = 1_798_732_800  # 2026-12-31 16:00:00 UTC: already the first of January in Beijing


def test_digits_come_in_groups_of_four() -> None:
    assert spell("12345670", "en") == (
        Spelled("1234", "1 2 3 4"), " ", Spelled("5670", "5 6 7 0"),
    )  # fmt: skip
    assert spell("", "zh") == ()


@pytest.mark.parametrize(
    ("digits", "groups"),
    [
        ("95588", "95588"),
        ("4008896596", "4008 8965 96"),
        ("400889659", "4008 89659"),
        ("8", "8"),
        ("5678", "5678"),
    ],
)
def test_no_digit_stands_alone_after_a_group(digits: str, groups: str) -> None:
    """A bank's short number, such as 95588, is known as one word."""
    parts = spell(digits, "zh")
    assert "".join(p if isinstance(p, str) else p.shown for p in parts) == groups


def test_in_mandarin_1_is_read_yao() -> None:
    assert spell("1027", "zh") == (Spelled("1027", "幺 零 二 七"),)
    assert "一" not in "".join(str(part) for part in spell("1111111111", "zh"))


@pytest.mark.parametrize(
    ("seconds", "mandarin", "english"),
    [
        (0.1, "1秒钟", "1 second"),
        (30, "30秒钟", "30 seconds"),
        (59.1, "1分钟", "1 minute"),
        (60, "1分钟", "1 minute"),
        (61, "2分钟", "2 minutes"),
        (2700, "45分钟", "45 minutes"),
        (3541, "1小时", "1 hour"),
        (259_200, "72小时", "72 hours"),
    ],
)
def test_a_stretch_is_rounded_up_to_one_unit(seconds: float, mandarin: str, english: str) -> None:
    assert (duration(seconds, "zh"), duration(seconds, "en")) == (mandarin, english)


def test_an_x_stays_an_x() -> None:
    assert spell("002X", "zh") == (Spelled("002X", "零 零 二 X"),)
    assert spell("002X", "en") == (Spelled("002X", "0 0 2 X"),)


def test_a_phone_number_keeps_its_plus() -> None:
    assert "".join(p if isinstance(p, str) else p.shown for p in spell("+8612", "en")) == "+8612"


@pytest.mark.parametrize(
    ("at", "language", "text"),
    [
        (DEADLINE, "zh", "11月30日星期一上午10点40分"),
        (DEADLINE, "en", "Monday, November 30, 10:40 a.m."),
        (NEW_YEAR, "zh", "1月1日星期五凌晨零点"),
        (NEW_YEAR, "en", "Friday, January 1, 12 a.m."),
        (DEADLINE + 0.9, "en", "Monday, November 30, 10:40 a.m."),
    ],
)
def test_a_moment_has_date_and_time(at: float, language: LanguageCode, text: str) -> None:
    assert moment(at, language) == text


@pytest.mark.parametrize(
    ("days", "zh", "en"),
    [
        ({0}, "周一", "Monday"),
        ({6}, "周日", "Sunday"),
        ({0, 1}, "周一、周二", "Monday, Tuesday"),
        ({0, 1, 2, 3, 4}, "周一到周五", "Monday to Friday"),
        ({0, 2, 3, 4, 6}, "周一、周三到周五、周日", "Monday, Wednesday to Friday, Sunday"),
        (range(7), "每天", "every day"),
    ],
)
def test_days_of_the_week(days: Collection[int], zh: str, en: str) -> None:
    assert (weekdays(days, "zh"), weekdays(days, "en")) == (zh, en)


@pytest.mark.parametrize(
    ("time", "zh", "en"),
    [
        ("0:00", "凌晨零点", "12 a.m."),
        ("0:30", "凌晨零点半", "12:30 a.m."),
        ("0:05", "凌晨零点05分", "12:05 a.m."),
        ("5:59", "凌晨5点59分", "5:59 a.m."),
        ("6:00", "上午6点", "6 a.m."),
        ("8:30", "上午8点半", "8:30 a.m."),
        ("11:59", "上午11点59分", "11:59 a.m."),
        ("12:00", "中午12点", "12 p.m."),
        ("12:30", "中午12点半", "12:30 p.m."),
        ("13:00", "下午1点", "1 p.m."),
        ("14:21", "下午2点21分", "2:21 p.m."),
        ("17:30", "下午5点半", "5:30 p.m."),
        ("18:00", "晚上6点", "6 p.m."),
        ("23:59", "晚上11点59分", "11:59 p.m."),
        ("24:00", "晚上12点", "midnight"),
    ],
)
def test_a_time_of_the_day(time: str, zh: str, en: str) -> None:
    hour, minute = map(int, time.split(":"))
    assert (clock(hour * 60 + minute, "zh"), clock(hour * 60 + minute, "en")) == (zh, en)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_minutes_of_the_day_sound_the_same(language: LanguageCode) -> None:
    assert len({clock(minute, language) for minute in range(MINUTES_A_DAY)}) == MINUTES_A_DAY


def test_the_deadline_is_the_same_beijing_time_in_every_time_zone() -> None:
    code = (
        "from ivr.prompts.catalogue import load_catalogue as load\n"
        f"values = {{'days': '7', 'until': '{DEADLINE}'}}\n"
        "print(*(load().text('filed_deadline', values, l) for l in ('zh', 'en')), sep='\\n')"
    )
    heard = {zone: _run(code, zone) for zone in ("UTC", "Asia/Shanghai", "America/New_York")}
    assert len(set(heard.values())) == 1
    assert "北京时间11月30日星期一上午10点40分" in heard["UTC"]
    assert "Monday, November 30, 10:40 a.m. Beijing time" in heard["UTC"]


def test_digits_and_moments_stand_in_their_sentence() -> None:
    parts = load_catalogue().say("filed", {"report_number": "12345670"}, "en")
    assert parts[0] == "Reported. Number "
    assert [p for p in parts if isinstance(p, Spelled)] == [
        Spelled("1234", "1 2 3 4"), Spelled("5670", "5 6 7 0"),
    ] * 2  # fmt: skip


def _run(code: str, zone: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TZ": zone, "PYTHONUTF8": "1"},
        cwd=HOUSE,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    return done.stdout
