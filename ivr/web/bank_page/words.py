"""The page's words, from words.toml beside it, in the languages that banks' developers read."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).with_name("words.toml")


@cache
def rows() -> Mapping[str, Mapping[str, str]]:
    """Key -> language -> text. The row `tag` says which languages there are, the default first."""
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


@cache
def words_in(language: str) -> Mapping[str, str]:
    """Key -> text in one language.

    Raises:
        KeyError: one of them has no such text.
    """
    return {key: row[language] for key, row in rows().items()}
