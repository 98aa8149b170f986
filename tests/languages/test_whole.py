"""A third language that only these tests know: once whole, it is heard from first to last."""

import ast
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
from flask import Flask
from redis import Redis

from ivr.agent_hours import AgentHours
from ivr.cards.loss import LossReport
from ivr.dialogue.filing import OnRecord
from ivr.every_language import load_words
from ivr.prompts.languages import LANGUAGES
from ivr.spoken import BankNames, hours_text
from ivr.store import keys
from ivr.store.codec import load
from ivr.web.apology import Apology, Whereabouts
from ivr.web.twiml import Voice
from simulator.kit import Caller, a_caller, phone_line
from tests.builders import TWILIO_TOKEN, hotline_of, names_of
from tests.languages.house import BANK_NAMES, CODE, KEY, ROW, House, words
from tests.web.conftest import ID_KEYS
from workers.texts import TextWriter

HOUSE = Path(__file__).parents[2]
ICBC = BANK_NAMES["icbc"]
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@pytest.fixture
def app(house: House, another_day: int) -> Flask:
    """A hotline that speaks the third language too; no person answers today."""
    return house.adds_all().boots(agent_hours=f"{DAYS[another_day]} 08:30-17:30")


@pytest.fixture
def caller(app: Flask) -> Caller:
    """Someone who has chosen the third language."""
    line = phone_line(auth_token=TWILIO_TOKEN, status="/voice/status")
    caller = a_caller(app, line).dials().hears("社保热线").hears("For English, press 2.")
    return caller.hears(words("welcome")).presses(KEY).hears(words("main_menu"))


def the_report(redis: Redis) -> LossReport:
    (key,) = redis.keys(keys.report("*"))
    return load(LossReport, redis.get(key) or b"")


def moment(at: float) -> str:
    """As the row's pattern has it, by a Beijing clock: UTC+8 all year round."""
    local = datetime.fromtimestamp(at, UTC) + timedelta(hours=8)
    day = f"sun{local.weekday() + 1} {local.day} moon{local.month}"
    part = ROW.day_parts[sum(local.hour >= begins for begins in (0, 6, 12, 13, 18)) - 1]
    hour = {0: "nil", 12: "noon"}.get(local.hour, str(local.hour % 12))
    minutes = {0: "", 30: " half"}.get(local.minute, str(local.minute))
    return f"{day} {part} {hour}h{minutes}"


def test_a_card_is_reported(caller: Caller, redis: Redis) -> None:
    """Its own words, bank's name, digits and date."""
    caller.presses("1").hears(words("id_entry")).presses(ID_KEYS)
    caller.hears(words("confirm_what", "ba ba bi X", ICBC, "da de di do")).presses("1")
    report = the_report(redis)
    number = " ".join(ROW.digits[int(digit)] for digit in report.number)
    caller.hears(words("filed", number)).hears(moment(report.release_at))
    assert report.language == CODE


def test_only_the_opening_is_in_other_languages(caller: Caller) -> None:
    opening = {event.language for event in caller.transcript if event.language}
    assert opening == {row.tag for row in LANGUAGES.values()}

    chosen = len(caller.transcript)
    caller.presses("7").hears(words("bad_key")).presses("2").presses(ID_KEYS).hangs_up()
    spoken = {(e.language, e.voice) for e in caller.transcript[chosen:] if e.language}
    assert spoken == {(ROW.tag, ROW.voice)}


def test_the_hours_of_service(caller: Caller, another_day: int) -> None:
    caller.presses("0").hears(
        words("person_closed", f"morn 8h half>eve 5h half dawn{another_day + 1} but feasts")
    )


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize(
    ("hours", "text"),
    [
        ("00:00-24:00", "always all dawns"),
        (
            "mon-fri 8:00-9:00; sun 9:00-9:05",
            "morn 8h>morn 9h dawn1...dawn5 / morn 9h>morn 9h5 dawn7",
        ),
        ("mon,wed 8:00-9:00", "morn 8h>morn 9h dawn1+dawn3 but feasts"),
    ],
)
def test_hours_of_every_kind(hours: str, text: str) -> None:
    assert hours_text(AgentHours.parse(hours), CODE) == text


def test_a_bank_that_left(app: Flask) -> None:
    banks = BankNames(hotline_of(app).settings.banks, hotline_of(app).known_banks.find)
    assert banks.facts("gone", CODE) == {"bank": ROW.issuing_bank, "bank_phone": ""}
    said = load_words().text("bank_failed", banks.facts("gone", CODE), CODE)
    assert said == words("bank_failed", ROW.issuing_bank, ROW.unknown_phone)


def test_the_text_after_a_call(caller: Caller, app: Flask, redis: Redis) -> None:
    caller.presses("1").presses(ID_KEYS).presses("1").hangs_up()
    hotline = hotline_of(app)
    writer = TextWriter(
        hotline.cases, hotline.holders, load_words(), names_of(hotline), hotline.spoken_languages
    )
    written = writer.write({"prompt": "text_filed", "report_number": the_report(redis).number})
    assert json.loads(written)["text"].startswith(words("text_filed_reply"))


@pytest.mark.parametrize(
    ("lang", "tags"),
    [(CODE, [ROW.tag]), (None, [row.tag for row in LANGUAGES.values()] + [ROW.tag])],
)
def test_the_apology(app: Flask, lang: str | None, tags: list[str]) -> None:
    """In the language chosen, or in all of them, in the order of their rows."""
    apology = Apology(hotline_of(app).settings, Voice(load_words(), "", "1", "+8612333"))
    at = Whereabouts("main_menu", lang, OnRecord.NO, failed=False)
    root = ElementTree.fromstring(apology.for_broken_records(at))  # noqa: S314 (our own answer)
    assert list(dict.fromkeys(say.attrib["language"] for say in root.iter("Say"))) == tags
    assert words("busy_bank", ICBC) in "".join(root.itertext())


NAMED_IN = {
    "ivr/prompts/languages.py", "ivr/dialogue/flow.py", "ivr/dialogue/call.py",
    "ivr/dialogue/text_words.py",
    # what banks read is in two languages, whatever callers hear
    "ivr/web/bank_docs/paper.py", "ivr/web/bank_docs/routes.py",
}  # fmt: skip


def test_no_code_asks_which_language_it_is() -> None:
    """Languages are named by their row, by their key, by the words that are texted in them, and as
    what silence means.
    """
    found = {
        str(path.relative_to(HOUSE))
        for room in ("ivr", "workers")
        for path in (HOUSE / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in tuple(LANGUAGES)
    }
    assert found == NAMED_IN
