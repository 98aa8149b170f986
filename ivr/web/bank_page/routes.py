"""GET and POST /banks/<bank>/page/<token>: what a bank's developers see and do.

The link is the only lock. It is no cookie, so no other site can use it; all the same, what other
sites send is refused. Any link that is not good gets one answer, whatever is wrong with it.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, get_args
from urllib.parse import urlencode, urlsplit

import structlog
from flask import Blueprint, Response, redirect, render_template, request
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from ivr.banks_file import Bank
from ivr.beijing import beijing_time
from ivr.cards.notice import NoticeState
from ivr.cards.notice_bodies import iso
from ivr.logs import fault
from ivr.service import CardService
from ivr.store.assurance import OutcomeUnknownError
from ivr.store.bank_health import BankHealth
from ivr.store.bank_notices import BankNotices, Which
from ivr.store.block_times import BlockTimes
from ivr.store.reconciliation import Reconciliation, UnknownCursorError
from ivr.store.signature_faults import SignatureFaults
from ivr.web.bank_page.links import PageLinks
from ivr.web.bank_page.words import rows, words_in

VIEWS: Final = ("notices", "blocks", "signatures")
POLICY: Final = (
    "default-src 'none'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",  # the link is in the address
    "X-Robots-Tag": "noindex, nofollow",
    "X-Content-Type-Options": "nosniff",
}
DONE: Final = ("resent", "not_resent", "no_notice", "tested", "tested_lately")

log = structlog.get_logger()


@dataclass(frozen=True)
class BankPageSources:
    """What the page reads and does."""

    service: CardService
    notices: BankNotices
    reconciliation: Reconciliation
    faults: SignatureFaults
    health: BankHealth
    times: BlockTimes


def bank_page_routes(
    sources: BankPageSources, banks: Mapping[str, Bank], links: PageLinks, public_base_url: str
) -> Blueprint:
    """The one route, for reading and for acting."""
    routes = Blueprint("bank_page", __name__, url_prefix="/banks", template_folder="templates")
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(public_base_url))

    @routes.get("/<bank>/page/<token>")
    def page(bank: str, token: str) -> AnyResponse:
        known, until = banks.get(bank), links.until(bank, token)
        if known is None or until is None:
            return _plain("no_link", 404)
        return _shown(sources, known, until)

    @routes.post("/<bank>/page/<token>")
    def act(bank: str, token: str) -> AnyResponse:
        if bank not in banks or links.until(bank, token) is None:
            return _plain("no_link", 404)
        if not _is_from_here(origin):
            return _plain("from_elsewhere", 403)
        notice_id = request.form.get("notice")
        done = _test(sources, bank) if notice_id is None else _resend(sources, bank, notice_id)
        return redirect("?" + _query(done=done), 303)

    @routes.after_request
    def guarded(answer: AnyResponse) -> AnyResponse:
        answer.headers.update(HEADERS)
        return answer

    @routes.errorhandler(RedisError)
    @routes.errorhandler(OutcomeUnknownError)
    def records_unavailable(error: Exception) -> AnyResponse:
        log.error("bank_page_failed", error=type(error).__name__)
        return _plain("in_a_moment", 503)

    @routes.errorhandler(Exception)
    def anything_else(error: Exception) -> AnyResponse:
        if isinstance(error, HTTPException):
            return _plain("in_a_moment", error.code or 500)
        log.error("bank_page_failed", **fault(error))
        return _plain("in_a_moment", 500)

    return routes


# --- what is shown -------------------------------------------------------------------------------


def _shown(sources: BankPageSources, bank: Bank, until: int) -> Response:
    view = _one_of("view", VIEWS)
    health, probe_in = sources.health.of(bank.id)
    reads: Mapping[str, Callable[[], dict[str, Any]]] = {
        "notices": lambda: _notices(sources, bank.id),
        "blocks": lambda: _blocks(sources, bank.id),
        "signatures": lambda: {"faults": sources.faults.latest(bank.id)},
    }
    return _rendered(
        "bank_page.html",
        bank=bank.name[_language()],
        until=until,
        view=view,
        done=request.args.get("done") if request.args.get("done") in DONE else None,
        health=health,
        probe_in=probe_in,
        times=sources.times.last_day(bank.id),
        query=_query,
        **reads[view](),
    )


def _notices(sources: BankPageSources, bank: str) -> dict[str, Any]:
    which: Which = _one_of("state", get_args(Which))  # type: ignore[assignment]
    page = sources.notices.page(bank, which, request.args.get("after", ""))
    may = {
        each.notice.id: sources.service.may_send_again(each.notice)
        for each in page.notices
        if each.notice.state is not NoticeState.OPEN
    }
    return {"which": which, "notices": page.notices, "may": may, "next": page.next}


def _blocks(sources: BankPageSources, bank: str) -> dict[str, Any]:
    """Of each card its last 4 places. From the beginning where the cursor is none."""
    try:
        page = sources.reconciliation.page(bank, request.args.get("after", ""), "page")
    except UnknownCursorError:
        page = sources.reconciliation.page(bank, "", "page")
    numbers = [block["report_number"] or "" for block in page.blocks]
    sources.service.make_sure(*numbers, may_be_gone=True)
    shown = [
        {
            "last4": block["card"]["number"][-4:],
            "state": block["state"],
            "at": datetime.fromisoformat(block["changed_at"]).timestamp(),
            "report": block["report_number"],
        }
        for block in page.blocks
    ]
    return {"blocks": shown, "next": page.next}


# --- what is done --------------------------------------------------------------------------------


def _resend(sources: BankPageSources, bank: str, notice_id: str) -> str:
    """Under the notice's own id, as `flask notices resend --again` does."""
    if sources.notices.find(bank, notice_id) is None:
        return "no_notice"
    return "resent" if sources.service.send_again(notice_id, "bank") else "not_resent"


def _test(sources: BankPageSources, bank: str) -> str:
    if not sources.notices.may_test(bank):
        return "tested_lately"
    sources.service.send_trials(bank)
    return "tested"


def _is_from_here(origin: str) -> bool:
    """Browsers say where a form stood. As the page sends no referrer, its own origin is "null"."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    return request.headers.get("Origin", "null") in ("null", origin)


# --- how -----------------------------------------------------------------------------------------


def _language() -> str:
    """What was asked for, else what the browser likes best, else the first."""
    wanted = request.args.get("lang")
    known = rows()["tag"]
    if wanted in known:
        return str(wanted)
    return request.accept_languages.best_match(known) or next(iter(known))


def _one_of(name: str, known: tuple[str, ...]) -> str:
    """What the query says, or the first."""
    wanted = request.args.get(name)
    return wanted if wanted in known else known[0]


def _query(**changes: str | None) -> str:
    """The query of this page with some of it changed, and only of what the page knows."""
    here = {
        "view": _one_of("view", VIEWS),
        "state": _one_of("state", get_args(Which)),
        "lang": _language(),
    }
    return urlencode({name: text for name, text in {**here, **changes}.items() if text})


def _plain(words: str, status: int) -> Response:
    """One sentence, and nothing of any bank."""
    answer = _rendered("bank_page_plain.html", words=words)
    answer.status_code = status
    return answer


def _rendered(template: str, **more: Any) -> Response:
    language, nonce = _language(), secrets.token_urlsafe(16)
    text = render_template(
        template,
        t=words_in(language),
        languages={code: words_in(code) for code in rows()["tag"]},
        nonce=nonce,
        moment=lambda at: beijing_time(at)[:19].replace("T", " "),
        iso=iso,
        now=int(time.time()),
        **more,
    )
    answer = Response(text)
    answer.headers["Content-Security-Policy"] = f"{POLICY}; style-src 'nonce-{nonce}'"
    return answer
