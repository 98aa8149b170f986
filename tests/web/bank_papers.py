"""The two papers for banks as the tests read them: their texts, tables, listings and JSON."""

import json
import re
import string
from typing import Any, Final

from ivr.web.bank_docs.paper import DOCS, PAPERS

TEXTS: Final = {code: (DOCS / name).read_text(encoding="utf-8") for code, name in PAPERS.items()}
TEXT: Final = TEXTS["en"]
PLACES: Final = {"en": "/banks/api", "zh": "/banks/api?lang=zh"}  # where they are served


def listing(name: str, language: str = "en") -> str:
    """A listing by its file name."""
    found = re.search(rf"^```\w+ {re.escape(name)}\n(.*?)^```$", TEXTS[language], re.M | re.S)
    assert found is not None, f"no listing {name}"
    return found[1]


def listings(language: str = "en") -> list[str]:
    """The file names of all."""
    return re.findall(r"^```\w+ (\S+)$", TEXTS[language], re.M)


def table(name: str, language: str = "en") -> list[list[str]]:
    """The rows of a made table, without its heads."""
    part = made("table", name, language)
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in lines][2:]


def made(what: str, name: str, language: str = "en") -> str:
    """What stands between two marks."""
    return TEXTS[language].split(f"<!-- begin {what} {name} -->\n")[1].split("<!-- end -->")[0]


def bodies(text: str) -> list[Any]:
    """Every JSON listing in it."""
    return [json.loads(one) for one in re.findall(r"^```json\n(.*?)^```$", text, re.M | re.S)]


def skeleton(text: str) -> list[str]:
    prose = re.sub(r"^```.*?^```$", "```", text, flags=re.M | re.S)
    prose = re.sub(r"^<!-- begin listing .*\n", "", prose, flags=re.M)  # in one of them only
    marks = re.findall(r"^(#+ |- |<!-- begin .*-->|```)", prose, re.M)
    return [mark.strip() for mark in marks]


def paths(value: Any, start: str = "") -> set[str]:
    """`data.card.number` for every value in a body."""
    if isinstance(value, list):
        return {f"{start}[]{rest}" for part in value for rest in paths(part)}
    if not isinstance(value, dict):
        return {start} if start else set()
    found: set[str] = set()
    for name, part in value.items():
        path = f"{start}.{name}" if start else f".{name}"
        found |= {path} | paths(part, path)
    return found


def limits(length: str) -> tuple[int, int]:
    numbers = [int(number) for number in re.findall("[0-9]+", length)] or [0]
    endless = "more" in length or not re.search("[0-9]", length)
    return numbers[0], 10**6 if endless else numbers[-1]


def alphabet(characters: str) -> set[str]:
    ranges = {"0-9": string.digits, "A-Z": string.ascii_uppercase, "a-z": string.ascii_lowercase}
    return {sign for one in characters.strip("`").split() for sign in ranges.get(one, one)}
