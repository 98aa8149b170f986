"""What a holder reads."""

import json
from pathlib import Path

import pytest
from redis import Redis

from ivr.cards.records import Card, Holder
from ivr.prompts.catalogue import load_catalogue
from ivr.store.cardholders_csv import CardLine
from ivr.store.hotline import Hotline
from ivr.store.notices import TEXTS_QUEUE
from ivr.store.reports import Request
from tests.workers.builders import a_bank, a_hotline
from workers.notices import UnsendableError
from workers.texts import TextWriter

CARD = Card("6217000000001234", "icbc", "6222000000000000", "330100")
HOLDER = Holder("11010519491231002X", "王芳", "+8615400000001", (CARD,))


@pytest.fixture
def hotline(redis: Redis, tmp_path: Path) -> Hotline:
    return a_hotline(tmp_path, redis, a_bank("https://bank.example"))


@pytest.fixture
def writer(hotline: Hotline) -> TextWriter:
    banks = hotline.settings.banks
    return TextWriter(hotline.reports, hotline.holders, load_catalogue(), banks)


def content_of_a_report(hotline: Hotline, language: str) -> dict[str, str]:
    """Files a report; returns what it owes the holder as a text."""
    hotline.holders.put_all([CardLine(2, HOLDER)])
    ref = hotline.vault.ref("id", HOLDER.id_number)
    hotline.reports.report_loss(Request(ref, HOLDER, CARD, "phone", "CA1", language))
    due = hotline.outbox.due(hotline.outbox.now() + 1, 10)
    (text_id,) = [notice_id for notice_id, queue in due if queue == TEXTS_QUEUE]
    notice = hotline.outbox.find(text_id)
    assert notice is not None
    content: dict[str, str] = hotline.outbox.body(notice)
    return content


@pytest.mark.parametrize(("language", "bank"), [("zh", "工商银行"), ("en", "ICBC")])
@pytest.mark.parametrize("prompt", ["text_filed", "text_blocked", "text_failed", "text_released"])
def test_every_text_is_in_the_language_of_the_call(
    hotline: Hotline, writer: TextWriter, language: str, bank: str, prompt: str
) -> None:
    content = content_of_a_report(hotline, language) | {"prompt": prompt}
    written = json.loads(writer.write(content))
    assert written["to"] == HOLDER.phone
    assert "1234" in written["text"]
    assert content["report_number"] in written["text"]
    assert prompt == "text_filed" or bank in written["text"]
    assert HOLDER.id_number not in written["text"]


def test_a_report_nobody_knows_any_more(writer: TextWriter) -> None:
    with pytest.raises(UnsendableError, match="no_report"):
        writer.write({"prompt": "text_filed", "report_number": "12345670"})


def test_a_holder_nobody_knows_any_more(hotline: Hotline, writer: TextWriter) -> None:
    content = content_of_a_report(hotline, "zh")
    hotline.redis.delete(*hotline.redis.keys("holder:*"))
    with pytest.raises(UnsendableError, match="no_holder"):
        writer.write(content)
