"""What a holder reads."""

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from ivr.cards.acts.report import ReportRequest
from ivr.cards.acts.withdraw import Decision
from ivr.cards.block import Block, BlockState
from ivr.cards.loss import LossReport
from ivr.cards.notice import Attempt, Notice, NoticeState, Outcome
from ivr.cards.records import Card, Holder
from ivr.cards.words import BLOCK_WORDS
from ivr.prompts.catalogue import load_catalogue
from ivr.store import keys
from ivr.store.cardholders_csv import CardLine
from ivr.store.codec import dump, load
from ivr.store.looks import Look
from ivr.store.outbox import TEXTS_QUEUE
from tests.builders import names_of
from tests.hotline import Hotline
from tests.workers.builders import Nobody, a_bank, a_delivery, a_hotline, deliver
from workers.delivery import OvertakenError, UnsendableError
from workers.texts import TextWriter

TRUE_WHILE = {words.text: state for state, words in BLOCK_WORDS.items() if words.text}

CARD = Card("6217000000001234", "icbc", "6222000000000000", "330100")
HOLDER = Holder("11010519491231002X", "王芳", "+8615400000001", (CARD,))


@pytest.fixture
def hotline(redis: Redis, tmp_path: Path) -> Hotline:
    return a_hotline(tmp_path, redis, a_bank("https://bank.example"))


@pytest.fixture
def writer(hotline: Hotline) -> TextWriter:
    return TextWriter(
        hotline.cases,
        hotline.holders,
        load_catalogue(),
        names_of(hotline),
        hotline.spoken_languages,
    )


def a_text(hotline: Hotline, language: str = "zh") -> Notice:
    """Files a report; returns the text it owes the holder."""
    hotline.holders.put_all([CardLine(2, HOLDER)])
    ref = hotline.vault.ref("id", HOLDER.id_number)
    card_ref = hotline.holders.card_ref(CARD.number)
    hotline.service.report_loss(ReportRequest(ref, card_ref, "phone", "CA1", language))
    (text_id,) = hotline.outbox.due(TEXTS_QUEUE, hotline.outbox.now() + 1, 10)
    notice = hotline.outbox.find(text_id)
    assert notice is not None
    return notice


def content_of_a_report(hotline: Hotline, language: str = "zh") -> dict[str, str]:
    content: dict[str, str] = hotline.outbox.body(a_text(hotline, language))
    return content


def report_of(hotline: Hotline, content: dict[str, str]) -> LossReport:
    report = hotline.cases.find_report(content["report_number"])
    assert report is not None
    return report


def block_becomes(hotline: Hotline, content: dict[str, str], **changes: Any) -> None:
    key = keys.block(report_of(hotline, content).card_ref)
    block = load(Block, hotline.redis.get(key) or "")
    hotline.redis.set(key, dump(replace(block, **changes)))


def make_true(hotline: Hotline, content: dict[str, str]) -> None:
    """Things come to stand as the text says."""
    if content["prompt"] in TRUE_WHILE:
        block_becomes(hotline, content, state=TRUE_WHILE[content["prompt"]])
    elif content["prompt"] == "text_released":
        hotline.redis.delete(keys.loss(report_of(hotline, content).card_ref))


@pytest.mark.parametrize(("language", "bank"), [("zh", "工商银行"), ("en", "ICBC")])
@pytest.mark.parametrize("prompt", ["text_filed", "text_blocked", "text_failed", "text_released"])
def test_every_text_is_in_the_language_of_the_call(
    hotline: Hotline, writer: TextWriter, language: str, bank: str, prompt: str
) -> None:
    content = content_of_a_report(hotline, language) | {"prompt": prompt}
    make_true(hotline, content)
    written = json.loads(writer.write(content))
    assert written["to"] == HOLDER.phone
    assert "1234" in written["text"]
    assert content["report_number"] in written["text"]
    assert prompt == "text_filed" or bank in written["text"]
    assert HOLDER.id_number not in written["text"]


def test_a_text_is_in_the_language_its_holder_used_last(
    hotline: Hotline, writer: TextWriter
) -> None:
    """Reported in Mandarin; then somebody asks in English how it stands."""
    content = content_of_a_report(hotline, "zh")
    hotline.service.note_language(report_of(hotline, content).holder_ref, "en")
    assert "was reported lost" in writer.write(content)
    hotline.service.note_language(report_of(hotline, content).holder_ref, "qaa")
    assert "已于" in writer.write(content), "one that is spoken no more is no language"


def a_code(hotline: Hotline, *, until: int = 10, language: str = "zh") -> dict[str, Any]:
    """What is owed of a code that is good for so many seconds more."""
    hotline.holders.put_all([CardLine(2, HOLDER)])
    ref, now = hotline.vault.ref("id", HOLDER.id_number), int(hotline.outbox.now())
    return {**hotline.service.code_owed(ref, "CA1:4", language, now).body, "until": now + until}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_code_goes_to_the_registered_phone(
    hotline: Hotline, writer: TextWriter, language: str
) -> None:
    content = a_code(hotline, language=language)
    written = json.loads(writer.write(content))
    assert written["to"] == HOLDER.phone
    assert content["code"] in written["text"]


def test_a_code_is_delivered_like_any_text(hotline: Hotline, writer: TextWriter) -> None:
    hotline.holders.put_all([CardLine(2, HOLDER)])
    ref, now = hotline.vault.ref("id", HOLDER.id_number), int(hotline.outbox.now())
    for _ in range(2):  # a turn that was asked for twice owes one text
        hotline.service.owe([hotline.service.code_owed(ref, "CA1:4", "zh", now)], now, [])
    phone = APhone()

    deliver(hotline, a_delivery(hotline, TEXTS_QUEUE, phone, writer.write))

    (text,) = phone.texts
    assert hotline.service.text_code(ref, "CA1:4") in json.loads(text)["text"]
    assert hotline.outbox.due(TEXTS_QUEUE, hotline.outbox.now() + 1, 10) == []


class APhone:
    """Takes every text."""

    longest_seconds = 1.0

    def __init__(self) -> None:
        self.texts: list[str] = []

    async def post(self, notice_id: str, body: str, at: float) -> Attempt:  # noqa: ARG002
        self.texts.append(body)
        return Attempt(int(at), Outcome.RECEIVED, 201, 1, "")

    async def close(self) -> None:
        """There is nothing to close."""


def test_a_code_that_is_good_no_more_is_not_sent(hotline: Hotline, writer: TextWriter) -> None:
    with pytest.raises(OvertakenError):
        writer.write(a_code(hotline, until=-1))


def test_a_code_in_a_language_nobody_speaks_any_more(hotline: Hotline, writer: TextWriter) -> None:
    with pytest.raises(UnsendableError, match="no_language"):
        writer.write(a_code(hotline, language="xx"))


def test_a_report_nobody_knows_any_more(writer: TextWriter) -> None:
    with pytest.raises(UnsendableError, match="no_report"):
        writer.write({"prompt": "text_filed", "report_number": "12345670"})


def test_a_holder_nobody_knows_any_more(hotline: Hotline, writer: TextWriter) -> None:
    content = content_of_a_report(hotline, "zh")
    hotline.redis.delete(*hotline.redis.keys("holder:*"))
    with pytest.raises(UnsendableError, match="no_holder"):
        writer.write(content)


def test_a_holder_without_a_phone(hotline: Hotline, writer: TextWriter) -> None:
    content = content_of_a_report(hotline, "zh")
    hotline.redis.delete(*hotline.redis.keys("holder:*"))
    hotline.holders.put_all([CardLine(2, replace(HOLDER, phone=""))])
    with pytest.raises(UnsendableError, match="no_phone"):
        writer.write(content)


def test_a_holder_who_was_removed_is_told_nothing(hotline: Hotline, writer: TextWriter) -> None:
    """It is nothing that a person must look at."""
    content = content_of_a_report(hotline, "zh")
    ref = hotline.holders.ref(HOLDER.id_number)
    hotline.removal.remove(ref, Look("operator", "li", "cardholders remove"))
    with pytest.raises(OvertakenError):
        writer.write(content)


def test_a_language_nobody_speaks_any_more(hotline: Hotline, writer: TextWriter) -> None:
    with pytest.raises(UnsendableError, match="no_language"):
        writer.write(content_of_a_report(hotline, "qaa"))


# --- what is not so any more is not said ------------------------------------------------------


@pytest.mark.parametrize("prompt", TRUE_WHILE)
def test_a_text_about_a_block_holds_in_one_state_only(
    hotline: Hotline, writer: TextWriter, prompt: str
) -> None:
    content = content_of_a_report(hotline) | {"prompt": prompt}
    for state in BlockState:
        block_becomes(hotline, content, state=state)
        if state is TRUE_WHILE[prompt]:
            assert writer.write(content)
        else:
            with pytest.raises(OvertakenError):
                writer.write(content)


@pytest.mark.parametrize("prompt", TRUE_WHILE)
def test_a_text_about_the_block_of_an_earlier_report(
    hotline: Hotline, writer: TextWriter, prompt: str
) -> None:
    content = content_of_a_report(hotline) | {"prompt": prompt}
    block_becomes(hotline, content, state=TRUE_WHILE[prompt], report_number="12345670")
    with pytest.raises(OvertakenError):
        writer.write(content)


@pytest.mark.parametrize("prompt", TRUE_WHILE)
def test_a_text_about_a_block_nobody_knows_any_more(
    hotline: Hotline, writer: TextWriter, prompt: str
) -> None:
    content = content_of_a_report(hotline) | {"prompt": prompt}
    hotline.redis.delete(keys.block(report_of(hotline, content).card_ref))
    with pytest.raises(OvertakenError):
        writer.write(content)


def test_a_release_is_not_told_of_a_card_suspended_again(
    hotline: Hotline, writer: TextWriter
) -> None:
    with pytest.raises(OvertakenError):
        writer.write(content_of_a_report(hotline) | {"prompt": "text_released"})


def test_texts_about_a_report_that_was_withdrawn(hotline: Hotline, writer: TextWriter) -> None:
    """That it is withdrawn is true only while no later report suspends the card."""
    filed = content_of_a_report(hotline)
    about = {name: filed | {"prompt": f"text_{name}"} for name in ("disputed", "withdrawn")}
    for early in about.values():
        with pytest.raises(OvertakenError):
            writer.write(early)
    number = filed["report_number"]
    hotline.service.dispute(number, "phone")
    assert writer.write(about["disputed"])
    hotline.service.withdraw(number, Decision("Li", "a prank"))
    assert writer.write(about["withdrawn"])
    for over in (filed, about["disputed"]):
        with pytest.raises(OvertakenError):
            writer.write(over)
    report = report_of(hotline, filed)
    asked = ReportRequest(report.holder_ref, report.card_ref, "phone", "CA2", "zh")
    assert hotline.service.report_loss(asked).refusal is None
    with pytest.raises(OvertakenError):
        writer.write(about["withdrawn"])


def test_a_text_about_a_report_that_the_bank_took(hotline: Hotline, writer: TextWriter) -> None:
    """It says that both functions are off."""
    content = content_of_a_report(hotline) | {"prompt": "text_taken"}
    for state in BlockState:
        block_becomes(hotline, content, state=state)
        if state is BlockState.BLOCKED:
            assert writer.write(content)
        else:
            with pytest.raises(OvertakenError):
                writer.write(content)
    block_becomes(hotline, content, state=BlockState.BLOCKED)
    hotline.service.withdraw(content["report_number"], Decision("Li", "a prank"))
    with pytest.raises(OvertakenError):
        writer.write(content)


@pytest.mark.parametrize("prompt", ["text_decoupled", "text_formal_withdrawn"])
def test_that_social_security_is_back_is_not_told_of_a_card_suspended_again(
    hotline: Hotline, writer: TextWriter, prompt: str
) -> None:
    content = content_of_a_report(hotline) | {"prompt": prompt}
    block_becomes(hotline, content, state=BlockState.UNBLOCKED)
    with pytest.raises(OvertakenError):
        writer.write(content)
    hotline.redis.delete(keys.loss(report_of(hotline, content).card_ref))
    assert writer.write(content)


def test_that_the_days_end_is_told_only_while_the_report_runs(
    hotline: Hotline, writer: TextWriter
) -> None:
    content = content_of_a_report(hotline) | {"prompt": "text_ending"}
    assert "工商银行" in writer.write(content)
    hotline.service.dispute(content["report_number"], "phone")
    with pytest.raises(OvertakenError):
        writer.write(content)
    hotline.redis.delete(keys.loss(report_of(hotline, content).card_ref))
    with pytest.raises(OvertakenError):
        writer.write(content)


def test_every_text_of_the_catalogue_is_looked_at() -> None:
    catalogue = tomllib.loads(Path("ivr/prompts/prompts.toml").read_text(encoding="utf-8"))
    texts = {name for name in catalogue if name.startswith("text_")}
    assert texts - set(TRUE_WHILE) == {
        "text_filed", "text_ending", "text_released", "text_disputed", "text_withdrawn",
        "text_code", "text_code_site", "text_taken", "text_decoupled", "text_formal_withdrawn",
        "text_place", "text_unreported",
        "text_filed_reply", "text_taken_reply", "text_unreported_reply",
    }  # fmt: skip


def test_what_was_overtaken_is_closed_and_not_sent(
    hotline: Hotline, redis: Redis, writer: TextWriter
) -> None:
    notice = a_text(hotline)
    body = hotline.outbox.body(notice) | {"prompt": "text_blocked"}
    redis.hset(
        keys.notice(notice.id), "sealed_body", hotline.vault.seal(body, keys.notice(notice.id))
    )

    deliver(hotline, a_delivery(hotline, TEXTS_QUEUE, Nobody(), writer.write))

    closed = hotline.outbox.find(notice.id)
    assert closed is not None
    assert (closed.state, hotline.outbox.attempts(notice.id)) == (NoticeState.CLOSED, [])
    assert redis.zscore(keys.NOTICES_OPEN, notice.id) is None
    assert redis.ttl(keys.notice(notice.id)) > 0
    assert redis.hget(keys.COUNTERS, "event:notice_overtaken") == b"1"
