"""The page's words, from words.toml beside it, in the languages that banks' developers read."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).with_name("words.toml")
TAGS: Final = {"zh": "zh-CN", "en": "en"}  # for the page's lang attribute; the first is the default


@cache
def words_in(language: str) -> Mapping[str, str]:
    """Key -> text in one language.

    Raises:
        KeyError: one of them has no such text.
    """
    rows = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {key: row[language] for key, row in rows.items()}
