"""The made parts of the papers for banks and subscribers: tables, samples, HTTP messages, listings.

The prose of docs/bank-api.md and docs/subscriber-api.md, and of both in Chinese, is written by
hand; what stands between two marks is made here, the same for both languages, from tables.toml and
subscriber_tables.toml, the description, subscriber_samples.py and the code.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from ivr.cards.bank_event import MEANS
from ivr.cards.block import STALE, TRANSITIONS, BlockState
from ivr.cards.notice import NoticeKind
from ivr.web.bank_docs.messages import (
    CHECK,
    SUSPENSIONS,
    TARGET,
    Message,
    event_message,
    list_message,
    notice_message,
)
from ivr.web.bank_docs.subscriber_samples import (
    ANSWER,
    PAGE,
    QUESTION,
    SUSPENDED,
)

DOCS: Final = Path(__file__).resolve().parents[3] / "docs"
PAPERS: Final[Mapping[str, str]] = {"en": "bank-api.md", "zh": "bank-api.zh.md"}
SUBSCRIBER_PAPERS: Final = {"en": "subscriber-api.md", "zh": "subscriber-api.zh.md"}
SUBSCRIBER_TABLES: Final = "subscriber_tables.toml"

Json = dict[str, Any]
_PART: Final = re.compile(r"(<!-- begin (\w+) (\S+) -->\n).*?(<!-- end -->\n)", re.S)
_MARK: Final = re.compile(r"^<!-- .* -->\n", re.M)
_WIDTH: Final = 88
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {"block": "the block is", "yours": "Your answer", "ours": "Our answer"},
    "zh": {"block": "停用状态", "yours": "银行应答", "ours": "热线应答"},
}


def written(language: str, papers: Mapping[str, str] = PAPERS) -> str:
    """A paper as it should be now, with every made part made anew."""
    text = (DOCS / papers[language]).read_text(encoding="utf-8")
    return _PART.sub(lambda part: f"{part[1]}{_MAKERS[part[2]](part[3], language)}{part[4]}", text)


def without_marks(text: str) -> str:
    """As it is shown: only who writes a paper needs to see where a made part begins."""
    return _MARK.sub("", text)


@cache
def tables(file: str = "tables.toml") -> Mapping[str, Json]:
    """Those of a file: by name, the headings (a list a language) and the rows."""
    place = Path(__file__).with_name(file)
    return tomllib.loads(place.read_text(encoding="utf-8"))


@cache
def description() -> Json:
    """docs/openapi.json."""
    described: Json = json.loads((DOCS / "openapi.json").read_text(encoding="utf-8"))
    return described


def notice_samples() -> dict[str, Json]:
    """One of each kind, by kind."""
    hooks = description()["webhooks"].items()
    return {kind: _content(hook["post"])["examples"]["notice"]["value"] for kind, hook in hooks}


def event_samples() -> dict[str, Json]:
    """One of each type, by type."""
    post = description()["paths"]["/banks/{bank}/events"]["post"]
    shown = [example["value"] for example in _content(post)["examples"].values()]
    return {event["type"]: event for event in shown}


def blocks_sample() -> Json:
    """A page of the list of blocks, the last one."""
    answers = description()["paths"]["/banks/{bank}/blocks"]["get"]["responses"]
    page: Json = answers["200"]["content"]["application/json"]["examples"]["last"]["value"]
    return page


def _content(operation: Json) -> Json:
    content: Json = operation["requestBody"]["content"]["application/json"]
    return content


def _table(name: str, language: str) -> str:
    if name == "effects":
        return _effects(language)
    found = {**tables(), **tables(SUBSCRIBER_TABLES)}[name]
    rows = [row.get("cells", []) + row.get(language, []) for row in found["rows"]]
    return _as_table(found[language], rows)


def _effects(language: str) -> str:
    """What an event does, by the state of the block: from the transitions themselves."""
    heads = [f"`{kind.replace('financial_function.', '…')}`" for kind in MEANS]
    rows = [[f"`{state}`", *(_effect(state, kind) for kind in MEANS)] for state in BlockState]
    return _as_table([_WORDS[language]["block"], *heads], rows)


def _effect(state: BlockState, kind: str) -> str:
    step = (state, MEANS[kind])
    return "applied" if step in TRANSITIONS else "stale" if step in STALE else "409"


def _as_table(heads: list[str], rows: Iterable[list[str]]) -> str:
    lines = [_line(heads), f"|{'---|' * len(heads)}", *map(_line, rows)]
    return "\n" + "".join(f"{line}\n" for line in lines) + "\n"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _samples(which: str, language: str) -> str:
    told = notice_samples() if which == "notices" else event_samples()
    whose = _WORDS[language]["yours" if which == "notices" else "ours"]
    hooks, post = description()["webhooks"], description()["paths"]["/banks/{bank}/events"]["post"]
    parts = []
    for kind, body in told.items():
        answer = _answer_to(hooks[kind]["post"] if which == "notices" else post)
        line = f"`{kind}` · {whose}: `200 {json.dumps(answer)}`"
        parts.append(f"{_listing('json', pretty(body))}\n{line}\n")
    return "\n" + "\n".join(parts)


def _answer_to(operation: Json) -> Json:
    content = operation["responses"]["200"]["content"]["application/json"]
    (shown,) = content["examples"].values()
    answer: Json = shown["value"]
    return answer


def _body(name: str, _language: str) -> str:
    """One JSON body: a notice's or event's by its type, or a page of a list."""
    page = blocks_sample() | {"next": "5f1c0a9e"}
    known = {
        **notice_samples(), **event_samples(), "blocks": page,
        "card.suspended": SUSPENDED, "suspensions": PAGE,
    }  # fmt: skip
    return f"\n{_listing('json', pretty(known[name]))}\n"


def _notice() -> Message:
    sample = notice_samples()[NoticeKind.LOSS_REPORTED]
    return notice_message(sample, "bank.example", '{"status": "blocked"}')


def _event() -> Message:
    sample = event_samples()["financial_function.unblocked"]
    return event_message(sample, "/banks/icbc/events", {"status": "applied"})


def _blocks() -> Message:
    page = blocks_sample()
    return list_message(page, TARGET, page["blocks"][0]["changed_at"])


def _http(name: str, _language: str) -> str:
    makers: dict[str, Callable[[], Message]] = {
        "notice": _notice,
        "event": _event,
        "blocks": _blocks,
        "told": lambda: notice_message(SUSPENDED, "clinic.example", '{"status": "received"}'),
        "check": lambda: event_message(QUESTION, CHECK, ANSWER),
        "suspensions": lambda: list_message(PAGE, SUSPENSIONS, SUSPENDED["timestamp"]),
    }
    made = makers[name]()
    requests = _listing(f"http {name}.request.http", made.request)
    return f"\n{requests}\n{_listing(f'http {name}.answer.http', made.answer)}\n"


def _program(name: str, _language: str) -> str:
    """A listing of the English paper."""
    english = (DOCS / PAPERS["en"]).read_text(encoding="utf-8")
    found = re.search(rf"^```\w+ {re.escape(name)}\n.*?^```\n", english, re.M | re.S)
    if found is None:
        raise LookupError(f"no listing {name}")
    return f"\n{found[0]}\n"


_MAKERS: Final[Mapping[str, Callable[[str, str], str]]] = {
    "table": _table,
    "samples": _samples,
    "body": _body,
    "http": _http,
    "listing": _program,
}


def pretty(value: Any, depth: int = 0) -> str:
    """JSON in which a value without deeper ones stands in one line, if it fits."""
    plain = json.dumps(value, ensure_ascii=False)
    is_flat = not isinstance(value, dict | list) or not _has_parts(value)
    if is_flat and depth and len(plain) + 2 * depth <= _WIDTH:
        return plain
    if not value or not isinstance(value, dict | list):
        return plain
    pad, ends = "  " * (depth + 1), "{}" if isinstance(value, dict) else "[]"
    named = value.items() if isinstance(value, dict) else [("", part) for part in value]
    lines = ",\n".join(pad + _name(name) + pretty(part, depth + 1) for name, part in named)
    return f"{ends[0]}\n{lines}\n{'  ' * depth}{ends[1]}"


def _name(name: str) -> str:
    return f"{json.dumps(name)}: " if name else ""


def _has_parts(value: Json | list[Any]) -> bool:
    parts = value.values() if isinstance(value, dict) else value
    return any(isinstance(part, dict | list) for part in parts)


def _listing(kind: str, text: str) -> str:
    return f"```{kind}\n{text}\n```\n"
