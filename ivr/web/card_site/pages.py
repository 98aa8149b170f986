"""One page of the website: its language and size, its visitor, and the templates."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from flask import Response, make_response, redirect, render_template, request
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from ivr.errands import Visitor
from ivr.prompts.catalogue import Catalogue
from ivr.prompts.languages import LANGUAGES, LanguageCode
from ivr.rules_file import Channel
from ivr.service import CardService
from ivr.settings import Settings
from ivr.spoken import BankNames, bank_facts, hours_text
from ivr.store import keys
from ivr.store.known import KnownHolder
from ivr.store.visits import Visit, Visits
from ivr.web.card_site.gate import YEAR_SECONDS, Gate
from ivr.web.card_site.words import Words

FOLDER: Final = Path(__file__).with_name("static")
TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
LOOK: Final = "card-look"  # a cookie: language and size, nothing of anybody
REPORTED: Final = "card-reported"  # a cookie: this visit has filed a report
LARGE: Final = "large"
WITH_TEXTS, WITHOUT_TEXTS = "with texts", "without texts"
# What is said of a request that cannot be answered, by its status: heading and lines.
OUT_OF_DATE: Final = ("site_old", ("site_old_why", "site_ended_why"))
MISSING: Final = ("site_missing", ("site_missing_why",))
REFUSED: Final[Mapping[int, tuple[str, Sequence[str]]]] = {
    404: MISSING,
    405: MISSING,
    413: ("site_too_long", ("site_too_long_why", "site_ended_why")),
}


@dataclass(frozen=True)
class Asset:
    """A file that pages load; its name changes with what is in it, so it may be kept for ever."""

    name: str
    content: bytes
    kind: str


def _assets() -> dict[str, Asset]:
    """By the name in the folder."""
    found = {}
    for path in sorted(FOLDER.iterdir()):
        content = path.read_bytes()
        mark = hashlib.sha256(content).hexdigest()[:12]
        name = f"{path.stem}.{mark}{path.suffix}"
        found[path.name] = Asset(name, content, TYPES[path.suffix])
    return found


def _is_open(settings: Settings, channel: Channel) -> bool:
    """Whether the city takes reports through this channel."""
    channels = settings.rules.channels
    return channels is None or channel in channels


def _whom_to_text(settings: Settings) -> str:
    """Whom to text; "" where texts are not answered, or report nothing."""
    reports = _is_open(settings, "text") and settings.texts_are_answered
    return settings.twilio_from_number if reports else ""


class Desk:
    """What all pages of one deployment share."""

    def __init__(
        self,
        settings: Settings,
        catalogue: Catalogue,
        banks: BankNames,
        visits: Visits,
        service: CardService,
    ) -> None:
        self.settings = settings
        self.catalogue = catalogue
        self.banks = banks
        self.visits = visits
        self.service = service
        self.gate = Gate(visits, settings.public_base_url, settings.trusted_proxies)
        self.prefix = urlsplit(settings.public_base_url).path  # a proxy removes it
        self.whom_to_text = _whom_to_text(settings)
        self.takes_reports = _is_open(settings, "web")
        self.assets = _assets()
        self._by_name = {asset.name: asset for asset in self.assets.values()}

    def page(self) -> "Page":
        """The page that answers this request."""
        language, _, size = request.cookies.get(LOOK, "").partition(".")
        if language not in LANGUAGES:
            language = request.accept_languages.best_match(list(LANGUAGES), next(iter(LANGUAGES)))
        return Page(self, language, is_large=size == LARGE)

    def static(self, name: str) -> Response:
        """A file that pages load."""
        if (asset := self._by_name.get(name)) is None:
            raise NotFound
        answer = Response(asset.content, mimetype=asset.kind)
        answer.headers["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable"
        return answer


@dataclass
class Page:
    """One answer to one request."""

    desk: Desk
    language: LanguageCode
    is_large: bool
    _to_keep: list[tuple[str, str, int | None]] = field(default_factory=list)

    @cached_property
    def words(self) -> Words:
        desk = self.desk
        return Words(desk.catalogue, desk.banks, desk.service.place, self.language)

    @cached_property
    def cookie(self) -> str:
        """The visitor's cookie; a new one is sent with this answer."""
        gate = self.desk.gate
        found = gate.cookie(request)
        if not found:
            found = gate.new_cookie()
            self._to_keep.append((gate.cookie_name, found, None))
        return found

    @property
    def has_visit(self) -> bool:
        """Whether this browser has been given a visitor's cookie."""
        return bool(self.desk.gate.cookie(request))

    @property
    def has_reported(self) -> bool:
        """Whether this visit has filed a report, as far as its own cookie says."""
        return REPORTED in request.cookies

    def visitor(self, cookie: str = "") -> Visitor:
        """Who asks; `cookie`: the one just renewed."""
        cookie = cookie or self.cookie
        address = self.desk.gate.address(request)
        caller = self.desk.service.visitor(address)
        return Visitor(cookie, self.desk.visits.ref(cookie), caller, self.language)

    def bank(self, bank_id: str) -> dict[str, str]:
        return self.desk.banks.facts(bank_id, self.language)

    def renews(self, cookie: str) -> None:
        """The visit goes on under another cookie."""
        self._to_keep.append((self.desk.gate.cookie_name, cookie, None))

    def remembers_report(self) -> None:
        """For the page that is shown when nothing can be read."""
        self._to_keep.append((REPORTED, "1", keys.LONG_VISIT_SECONDS))

    def shows(self, template: str, status: int = 200, **more: Any) -> Response:
        """A page of a template."""
        seen: dict[str, Any] = {
            "w": self.words,
            "language": self.language,
            "languages": self._languages(),
            "is_large": self.is_large,
            "path": request.path,
            "url": self.url,
            "asset": lambda name: self.url(f"/card/static/{self.desk.assets[name].name}"),
            "token": lambda: self.desk.visits.token(self.cookie),
            "hours": hours_text(self.desk.settings.agent_hours, self.language),
            "days": str(self.desk.settings.loss_report_days),
            "banks": self._banks(),
            "whom_to_text": self.desk.whom_to_text,
            "takes_reports": self.desk.takes_reports,
            "visit": None,
            "error": "",
            "back": "",
            "announced": (),
        }
        answer = make_response(render_template(f"card/{template}", **{**seen, **more}), status)
        return self._sent(answer)

    def announced(self, known: KnownHolder | None = None) -> list[str]:
        """What is announced now: to everybody or, once the cards are known, to their banks'
        callers. While it cannot be read there is nothing.
        """
        try:
            standing = self.desk.service.announcements()
        except RedisError:
            return []
        banks = {card.bank for card in known.cards.values()} if known else {""}
        return self.words.announced(standing, banks)

    def asks(self, template: str, error: str, **more: Any) -> Response:
        """A page with a form; with an error, the same form once more. Nothing is filled in."""
        return self.shows(template, 422 if error else 200, error=error, **more)

    def says(
        self,
        heading: str,
        lines: Sequence[str],
        *,
        status: int = 200,
        banks: bool = False,
        back: str = "",
        visit: Visit | None = None,
        ways_on: str = "",
        **more: Any,
    ) -> Response:
        """A page that only tells: prompts, or sentences that are ready. `ways_on`: what needs no
        voice is told too, WITH_TEXTS or without a text to us.
        """
        known = self.desk.catalogue.prompts
        told = [self.words(line) if line in known else line for line in lines]
        return self.shows(
            "told.html", status, heading=heading, lines=told, shows_banks=banks, back=back,
            visit=visit, ways_on=ways_on, **more,
        )  # fmt: skip

    def refuses(self, error: HTTPException) -> Response:
        """What was wrong with a request, and that it did nothing. The address that was typed may
        hold a number: it is on no page.
        """
        heading, lines = REFUSED.get(error.code or 0, OUT_OF_DATE)
        answer = self.says(heading, lines, status=error.code or 400, path="/card")
        if isinstance(error, MethodNotAllowed):
            answer.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
        return answer

    def goes_to(self, path: str) -> Response:
        """To another page of the website."""
        return self._sent(make_response(redirect(self.url(path), 303)))

    def turns_to(self, wanted: Mapping[str, str], back: str) -> Response:
        """The same page in another language or size."""
        language = wanted.get("language", "")
        language = language if language in LANGUAGES else self.language
        is_large = wanted.get("size", LARGE if self.is_large else "") == LARGE
        look = f"{language}.{LARGE if is_large else 'normal'}"
        self._to_keep.append((LOOK, look, YEAR_SECONDS))
        return self.goes_to(back)

    def forgets(self) -> Response:
        """The visitor has left: nothing stays in this browser but language and size."""
        answer = self.goes_to("/card/left")
        for name in (self.desk.gate.cookie_name, REPORTED):
            self.desk.gate.keeps(answer, name, "", 0)
        answer.headers["Clear-Site-Data"] = '"cache"'
        return answer

    def url(self, path: str) -> str:
        """The address of a page of ours, as visitors reach it."""
        return f"{self.desk.prefix}{path}"

    def _sent(self, answer: Response) -> Response:
        for name, value, seconds in self._to_keep:
            self.desk.gate.keeps(answer, name, value, seconds)
        self._to_keep.clear()
        return answer

    def _languages(self) -> list[tuple[LanguageCode, str]]:
        """The other ones, each called as its speakers do."""
        say = self.desk.catalogue.text
        return [(c, say("site_language", {}, c)) for c in LANGUAGES if c != self.language]

    def _banks(self) -> list[str]:
        known = self.desk.settings.banks.values()
        return [self.words("site_bank_phone", **bank_facts(bank, self.language)) for bank in known]
