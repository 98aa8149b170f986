"""The website's own words: each is used, in plain short sentences, and says what is not done."""

import re
from pathlib import Path
from typing import Final

import pytest

from ivr.prompts.catalogue import load_all_words, load_catalogue
from ivr.prompts.languages import LANGUAGES

HOUSE: Final = Path(__file__).parents[2]
SITE: Final = HOUSE / "ivr" / "web" / "card_site"
ALL: Final = load_all_words()
OWN: Final = sorted(ALL.prompts.keys() - load_catalogue().prompts.keys())
FILES: Final = [*SITE.rglob("*.py"), *SITE.rglob("*.html")]
TEXT: Final = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
NAMED: Final = set(re.findall(r'["\']([a-z0-9_]+)["\']', TEXT))
# What came of a wish for another code names the words for it.
SAID_BY_OUTCOME: Final = {"site_sent_again", "site_send_later", "site_send_no_more"}
MOST_CHARACTERS, MOST_WORDS = 40, 25


def test_each_is_used() -> None:
    assert set(OWN) - NAMED - SAID_BY_OUTCOME == set()


def test_none_is_missing() -> None:
    named = {name for name in NAMED if name.startswith("site_")}
    assert named - ALL.prompts.keys() == set()


def test_they_are_called_as_what_they_are() -> None:
    assert [name for name in OWN if not name.startswith("site_")] == []


@pytest.mark.parametrize("name", OWN)
def test_sentences_are_short(name: str) -> None:
    for sentence in re.split("[。？；，]", ALL.shown(name, "zh")):
        assert len(sentence) <= MOST_CHARACTERS, sentence
    for sentence in re.split("[.?;:]", ALL.shown(name, "en")):
        assert len(sentence.split()) <= MOST_WORDS, sentence


@pytest.mark.parametrize(
    "name", [n for n in OWN if re.search(r"\bNOT\b(?! ME)", ALL.shown(n, "en"))]
)  # NOT ME is what is texted
def test_what_is_not_done_is_said_in_both_languages(name: str) -> None:
    assert any(word in ALL.shown(name, "zh") for word in ("没有", "没能", "还没有"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_message_scolds(language: str) -> None:
    """A message says what to do; it does not say "invalid" (GOV.UK, error messages)."""
    for name in OWN:
        words = ALL.shown(name, language).lower()
        assert not re.search(r"\b(invalid|illegal|forbidden|oops)\b|非法|无效输入", words), name
