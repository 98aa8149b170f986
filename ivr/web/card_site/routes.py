"""The card service website: each page asks the service once, as a turn of a call does.

It decides nothing. A page is looked at without changing anything; a form is answered with a
redirect, or with the same page and what to correct. No number stands in an address.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog
from flask import Blueprint, Response, request
from redis.exceptions import RedisError
from werkzeug.exceptions import BadRequest, HTTPException, NotFound

from ivr.beijing import beijing_day
from ivr.cards.errors import BadIdNumberError
from ivr.cards.id_number import IdNumberProblem, check_id_number, normalise
from ivr.errands import CODE_AGAIN_SECONDS, FILED, UNSURE, Errands, Standing, Visitor, entered_proof
from ivr.logs import fault
from ivr.store.assurance import OutcomeUnknownError
from ivr.store.connection import UnsafeRedisError
from ivr.store.known import KnownHolder
from ivr.store.visits import Sight, Visit
from ivr.web.card_site.pages import WITH_TEXTS, WITHOUT_TEXTS, Desk, Page
from ivr.web.card_site.words import ID_PROBLEMS, CardShown

log = structlog.get_logger()

MOST_BYTES_OF_A_FORM: Final = 4096
RETRY_SECONDS: Final = "60"
REPORT, STATUS, NOT_ME = "report", "status", "not-me"
NEW_CARD, HELP = "new-card", "help"  # topics of the guide
# Where an errand goes on once somebody is proven.
THEN: Final[Mapping[str, str]] = {
    REPORT: "/card/report/cards",
    STATUS: "/card/status/cards",
    NOT_ME: "/card/not-me/check",
}
CONFIRM: Final = "/card/report/check"
# While one of these cannot be shown, a report may stand.
AFTER_PROOF: Final = frozenset({
    *THEN.values(), CONFIRM, "/card/report/receipt", "/card/not-me/done",
})  # fmt: skip
# The same question of two errands is told apart in the page's title.
ERRANDS: Final[Mapping[str, str]] = {
    REPORT: "site_start_report",
    STATUS: "site_start_status",
    NOT_ME: "site_start_not_me",
}
# Each topic of the guide: its heading and what it says.
GUIDE: Final[Mapping[str, tuple[str, Sequence[str]]]] = {
    "formal-loss": ("site_guide_formal", ["site_formal_where"]),
    "unblock": ("site_guide_unblock", ["site_unblock_where"]),
    NEW_CARD: ("site_guide_new", []),
    "first-card-employees": (
        "site_guide_worker",
        ["first_worker_apply", "first_worker_bring", "first_worker_collect"],
    ),
    "first-card-residents": ("site_guide_resident", ["first_resident"]),
}
ABOUT: Final[Mapping[str, tuple[str, Sequence[str]]]] = {
    HELP: ("site_help_title", ["site_ways_here"]),
    "privacy": ("site_privacy", ["site_privacy_text", "site_antifraud"]),
    "accessibility": ("site_accessibility", ["site_accessibility_text", "site_deaf"]),
}
# What is not so where the city takes no reports on the website, and what is.
REPORTS_HERE: Final = ("site_ways_here", "site_deaf")
CLOSED: Final = "site_closed"
_OURS: Final = re.compile(r"/card(/[a-z-]+){0,3}")  # pages a form may lead back to


@dataclass(frozen=True)
class Proven:
    """A request of somebody proven: what its page may look at."""

    page: Page
    visitor: Visitor
    seen: Sight
    visit: Visit
    known: KnownHolder


def _only_proven(errand: str) -> Callable[[Callable[["_Site", Proven], Response]], "_View"]:
    """Whoever is not proven is led to where that is asked, or told that the visit is over."""

    def guarded(view: Callable[["_Site", Proven], Response]) -> _View:
        def page_of(site: "_Site") -> Response:
            page, visitor, seen = site.sight()
            visit, known = seen.visit, seen.known
            if visit is None or known is None or not visit.proven:
                return page.goes_to(_not_proven(visit, errand))
            return view(site, Proven(page, visitor, seen, visit, known))

        return page_of

    return guarded


_View = Callable[["_Site"], Response]


def card_site_routes(desk: Desk, errands: Errands) -> Blueprint:
    """The routes under /card, each open to everybody; every form carries its visitor's token."""
    routes = Blueprint("card_site", __name__, template_folder="templates")
    site = _Site(desk, errands)
    both = ["GET", "POST"]  # what a form was answered is shown again, in another language
    for rule, view, methods in (
        ("/card", site.start, ["GET"]),
        ("/card/<errand>/id", site.id_number, both),
        ("/card/<errand>/by-person", site.by_person, ["GET"]),
        ("/card/<errand>/proof", site.proof, both),
        ("/card/<errand>/again", site.again, both),
        ("/card/<errand>/stopped", site.stopped, ["GET"]),
        ("/card/report/cards", site.cards, both),
        (CONFIRM, site.check, both),
        ("/card/report/receipt", site.receipt, ["GET"]),
        ("/card/status/cards", site.status, ["GET"]),
        ("/card/not-me/check", site.not_me, both),
        ("/card/not-me/done", site.objected, ["GET"]),
        ("/card/more-time", site.more_time, both),
        ("/card/leave", site.leave, both),
        ("/card/left", partial(site.over, "site_left"), ["GET"]),
        ("/card/ended", partial(site.over, "site_ended"), ["GET"]),
        ("/card/guide", site.guide, ["GET"]),
        ("/card/guide/<topic>", site.topic, ["GET"]),
        ("/card/look", site.look, ["GET"]),
        ("/card/static/<name>", site.static, ["GET"]),
    ):
        routes.add_url_rule(rule, rule, view, methods=methods)

    @routes.before_request
    def only_our_own_forms() -> Response | None:
        request.max_content_length = MOST_BYTES_OF_A_FORM
        if _is_form() and not desk.gate.admits(request):
            return desk.page().refuses(BadRequest())
        return None

    @routes.after_request
    def guarded(response: Response) -> Response:
        return desk.gate.guards(response)

    @routes.errorhandler(RedisError)
    @routes.errorhandler(UnsafeRedisError)
    def records_are_away(error: RedisError | UnsafeRedisError) -> Response:
        log.error("page_failed", page=str(request.url_rule), **fault(error))
        return site.busy()

    @routes.errorhandler(OutcomeUnknownError)
    def not_sure(error: OutcomeUnknownError) -> Response:
        log.error("page_failed", page=str(request.url_rule), **fault(error))
        return site.unknown()

    @routes.errorhandler(Exception)
    def anything_else(error: Exception) -> Response:
        if isinstance(error, HTTPException):
            return desk.page().refuses(error)
        log.error("page_failed", page=str(request.url_rule), **fault(error))
        return site.busy()

    return routes


def _is_form() -> bool:
    """Whether a form came. A HEAD, which may bring a body too, only looks, as a GET does."""
    return request.method == "POST"


def _is_filing() -> bool:
    """Whether this request would have reported a card."""
    return _is_form() and request.path == CONFIRM


class _Site:
    """The pages. Every view: who asks, one call of the errands, one page or a redirect."""

    def __init__(self, desk: Desk, errands: Errands) -> None:
        self._desk = desk
        self._errands = errands

    # --- open to everybody ---------------------------------------------------------------------

    def start(self) -> Response:
        page = self._page()
        return page.shows(
            "start.html", texts_codes=self._errands.texts_codes, announced=page.announced()
        )

    def guide(self) -> Response:
        topics = {name: heading for name, (heading, _) in GUIDE.items()}
        return self._page().shows("guide.html", topics=topics)

    def topic(self, topic: str) -> Response:
        found = {**GUIDE, **ABOUT}.get(topic)
        if found is None:
            raise NotFound
        page = self._page()
        lines = self._guidance(page) if topic == NEW_CARD else found[1]
        if not self._desk.takes_reports:
            lines = [CLOSED if line in REPORTS_HERE else line for line in lines]
        ways_on = WITH_TEXTS if topic == HELP else ""
        return page.says(found[0], lines, back="/card/guide", ways_on=ways_on)

    def _guidance(self, page: Page) -> Sequence[str]:
        """Where a new card is had; once somebody is proven, where theirs are."""
        known = None
        if page.has_visit:
            try:
                seen = self._errands.see(page.visitor())
                known = seen.known if seen.visit and seen.visit.proven else None
            except RedisError as error:  # the usual words need no records
                log.warning("guidance_without_holder", **fault(error))
        return page.words.guidance(known)

    def by_person(self, errand: str) -> Response:
        """A number that cannot be entered here: nothing was looked up."""
        _require(errand)
        back = f"/card/{errand}/id"
        return self._page().says(
            "site_by_person", ["id_needs_person"], back=back, banks=True, ways_on=WITHOUT_TEXTS
        )

    def over(self, heading: str) -> Response:
        """The visit is over; what has a number stands."""
        return self._page().says(heading, ["site_ended_why"])

    def look(self) -> Response:
        """Language and size of the pages, kept in a cookie; back to where the visitor was."""
        return self._page().turns_to(request.args, _back(request.args.get("back", "")))

    def static(self, name: str) -> Response:
        return self._desk.static(name)

    # --- who is it -----------------------------------------------------------------------------

    def id_number(self, errand: str) -> Response:
        _require(errand)
        if why_not := self._why_not_here(errand):
            return self._page().says(
                ERRANDS[errand], [why_not], back="/card", banks=errand == REPORT, ways_on=WITH_TEXTS
            )
        page, visitor, seen = self.sight()
        if not _is_form():
            if seen.visit and seen.visit.proven and not seen.visit.stopped:
                return page.goes_to(THEN[errand])
            return self._asks_id(page, errand)
        raw = request.form.get("id_number", "")
        try:
            number = check_id_number(raw, beijing_day(seen.now))
        except BadIdNumberError as error:
            return self._wrong_id(page, errand, len(normalise(raw)), IdNumberProblem(error.code))
        visit = self._errands.enter(visitor, seen, number, errand)
        return page.goes_to(f"/card/{errand}/{'stopped' if visit.stopped else 'proof'}")

    def _why_not_here(self, errand: str) -> str:
        """Why nobody need prove anything for this errand; "" where it can be done."""
        if errand == REPORT and not self._desk.takes_reports:
            return CLOSED
        if errand == NOT_ME and not self._errands.texts_codes:  # nothing here would prove enough
            return "site_not_me_phone"
        return ""

    def _wrong_id(self, page: Page, errand: str, count: int, problem: IdNumberProblem) -> Response:
        if problem is IdNumberProblem.FIFTEEN_PLACES:  # only a person can look it up
            return page.goes_to(f"/card/{errand}/by-person")
        prompt = ID_PROBLEMS[problem] if count else "site_id_empty"
        return self._asks_id(page, errand, page.words(prompt, count=str(count)))

    def _asks_id(self, page: Page, errand: str, error: str = "") -> Response:
        return page.asks("id.html", error, errand=errand, errand_name=ERRANDS[errand], back="/card")

    def proof(self, errand: str) -> Response:
        _require(errand)
        page, visitor, seen = self.sight()
        visit = seen.visit
        if visit is None or not visit.holder_ref:
            return page.goes_to("/card/ended" if _is_form() else f"/card/{errand}/id")
        if elsewhere := _past_proof(visit, errand):
            return page.goes_to(elsewhere)
        if not _is_form():
            return self._asks_proof(page, errand, seen)
        entered, count = entered_proof(request.form.get("proof", ""))
        if not entered:
            return self._asks_proof(page, errand, seen, self._not_whole(page, count))
        outcome, cookie = self._errands.prove(visitor, seen, visit, entered)
        if outcome == "stopped":
            return page.goes_to(f"/card/{errand}/stopped")
        if outcome != "proven":
            prompt = "site_code_expired" if outcome == "expired" else "site_proof_wrong"
            return self._asks_proof(page, errand, seen, page.words(prompt))
        page.renews(cookie)
        return page.goes_to(self._first_of(errand, page.visitor(cookie)))

    def _first_of(self, errand: str, visitor: Visitor) -> str:
        """Where somebody just proven goes. The one card of a holder needs no choosing."""
        seen = self._errands.see(visitor)
        if errand != REPORT or seen.visit is None or seen.known is None:
            return THEN[errand]
        standings = self._errands.standings(seen.known, "")
        if len(standings) != 1 or standings[0].refusal is not None:
            return THEN[errand]
        self._errands.choose(visitor, seen.visit, [standings[0].card_ref])
        return CONFIRM

    def _not_whole(self, page: Page, count: int) -> str:
        if count:
            return page.words("site_proof_length", count=str(count))
        return page.words("site_proof_empty" if self._errands.texts_codes else "site_tail_empty")

    def _asks_proof(self, page: Page, errand: str, seen: Sight, error: str = "") -> Response:
        codes = seen.visit.codes if seen.visit else ()
        is_new = len(codes) > 1 and seen.now < codes[-1][1] + CODE_AGAIN_SECONDS
        return page.asks(
            "proof.html", error, errand=errand, errand_name=ERRANDS[errand], visit=seen.visit,
            note=page.words("site_sent_again") if is_new and not error else "",
            texts_codes=self._errands.texts_codes, back=f"/card/{errand}/id",
        )  # fmt: skip

    def again(self, errand: str) -> Response:
        """Another code, where one may be sent."""
        _require(errand)
        if not _is_form():
            return self._page().goes_to(f"/card/{errand}/proof")
        page, visitor, seen = self.sight()
        if seen.visit is None or not seen.visit.holder_ref:
            return page.goes_to("/card/ended")
        if elsewhere := _past_proof(seen.visit, errand):
            return page.goes_to(elsewhere)
        came_to = self._errands.send_again(visitor, seen, seen.visit)
        if came_to in ("sent_again", "stopped"):
            return page.goes_to(f"/card/{errand}/proof")
        return self._asks_proof(page, errand, seen, page.words(f"site_{came_to}"))

    def stopped(self, errand: str) -> Response:
        _require(errand)
        return self._page().says(
            "site_stopped", ["site_stopped_why"], banks=True, ways_on=WITH_TEXTS
        )

    # --- report --------------------------------------------------------------------------------

    @_only_proven(REPORT)
    def cards(self, at: Proven) -> Response:
        page, visit, known = at.page, at.visit, at.known
        standings = self._errands.standings(known, visit.origin)
        free = [each for each in standings if each.refusal is None]
        if not _is_form() or not free:
            return self._asks_cards(page, visit, known, standings)
        picked = request.form.getlist("card")  # places: what was meant is seen on the next page
        chosen = [each.card_ref for n, each in enumerate(standings, 1)
                  if str(n) in picked and each.refusal is None]  # fmt: skip
        if not chosen:
            error = page.words("site_cards_empty")
            return self._asks_cards(page, visit, known, standings, error)
        self._errands.choose(at.visitor, visit, chosen)
        return page.goes_to(CONFIRM)

    def _asks_cards(
        self,
        page: Page,
        visit: Visit,
        known: KnownHolder,
        standings: Sequence[Standing],
        error: str = "",
    ) -> Response:
        shown = self._shown(page, known, standings)
        is_any = any(not card.why_not for card in shown)
        return page.asks(
            "cards.html", error, visit=visit, cards=shown, is_any=is_any,
            announced=page.announced(known), back="/card",
        )  # fmt: skip

    def _shown(
        self, page: Page, known: KnownHolder, standings: Sequence[Standing]
    ) -> list[CardShown]:
        days = str(self._desk.settings.loss_report_days)
        return [page.words.card(known, standing, days) for standing in standings]

    @_only_proven(REPORT)
    def check(self, at: Proven) -> Response:
        page, visit, known = at.page, at.visit, at.known
        if not visit.chosen:
            return page.goes_to("/card/report/cards")
        is_done = bool(self._errands.outcomes(visit, known))
        if not _is_form():
            if is_done:
                return page.goes_to("/card/report/receipt")
            return self._asks_to_confirm(page, visit, known)
        if request.form.get("origin", "") != visit.origin:
            return page.goes_to(CONFIRM)
        visit = self._errands.report(at.visitor, visit, known)
        if FILED in dict(visit.outcomes).values():
            page.remembers_report()
        return page.goes_to("/card/report/receipt")

    def _asks_to_confirm(self, page: Page, visit: Visit, known: KnownHolder) -> Response:
        standings = self._errands.standings(known, visit.origin)
        chosen = [each for each in standings if each.card_ref in visit.chosen]
        if any(each.refusal for each in chosen):
            return page.goes_to("/card/report/cards")
        return page.asks(
            "check.html", "", visit=visit, cards=self._shown(page, known, chosen),
            last4=known.holder.last4, announced=page.announced(known), back="/card/report/cards",
        )  # fmt: skip

    @_only_proven(REPORT)
    def receipt(self, at: Proven) -> Response:
        page, visit, known = at.page, at.visit, at.known
        outcomes = self._errands.outcomes(visit, known)
        if not outcomes:
            return page.goes_to(CONFIRM)
        standings = self._errands.standings(known, visit.origin)
        shown = self._shown(page, known, [s for s in standings if s.card_ref in outcomes])
        return page.asks(
            "receipt.html", "", visit=visit, cards=shown, outcomes=outcomes, at=str(at.seen.now),
            heading=_receipt_heading(list(outcomes.values())),
            is_waiting=any(card.is_waiting for card in shown),
        )  # fmt: skip

    # --- status, and "it was not me" -----------------------------------------------------------

    @_only_proven(STATUS)
    def status(self, at: Proven) -> Response:
        page, visit, known = at.page, at.visit, at.known
        shown = self._shown(page, known, self._errands.standings(known, visit.origin))
        return page.asks(
            "status.html", "", visit=visit, cards=shown, at=str(at.seen.now),
            announced=page.announced(known),
            is_waiting=any(card.is_waiting for card in shown),
        )  # fmt: skip

    @_only_proven(NOT_ME)
    def not_me(self, at: Proven) -> Response:
        page, visit, known = at.page, at.visit, at.known
        if visit.proven != "code":
            return page.says(
                "site_start_not_me", ["site_not_me_phone"], visit=visit, ways_on=WITH_TEXTS
            )
        standings = self._errands.standings(known, visit.origin)
        running = [each for each in standings if each.number]
        if not running:
            return page.says("site_start_not_me", ["site_not_me_none"], visit=visit)
        shown = self._shown(page, known, running)
        ask = partial(page.asks, "not_me.html", visit=visit, cards=shown, back="/card")
        if not _is_form():
            return ask("")
        picked = request.form.get("report", "")
        chosen = [each for each in running if each.number == picked]
        if not chosen:
            return ask(page.words("site_not_me_empty"))
        self._errands.object_to(at.visitor, visit, chosen[0])
        return page.goes_to("/card/not-me/done")

    @_only_proven(NOT_ME)
    def objected(self, at: Proven) -> Response:
        page, visit, known = at.page, at.visit, at.known
        if not visit.objected:
            return page.goes_to(THEN[NOT_ME])
        if visit.objected == UNSURE or visit.objected not in known.cards:
            return page.says("site_unsure", ["site_unsure_next"], visit=visit)
        bank = known.readings[visit.objected].case.block
        facts = page.bank(bank.bank if bank else known.cards[visit.objected].bank)
        return page.says("site_disputed", [page.words("site_disputed_next", **facts)], visit=visit)

    # --- the visit -----------------------------------------------------------------------------

    def more_time(self) -> Response:
        if not _is_form():
            return self._page().goes_to("/card")
        page, visitor, seen = self.sight()
        if seen.visit is None:
            return page.goes_to("/card/ended")
        self._errands.lengthen(visitor, seen.visit)
        return page.goes_to(_back(request.form.get("back", "")))

    def leave(self) -> Response:
        page = self._page()
        if not _is_form():
            return page.goes_to("/card")
        self._errands.end(page.visitor())
        return page.forgets()

    def busy(self) -> Response:
        """Redis is away. Nobody can tell what an earlier click of the confirming form did, or one
        whose answer was lost.
        """
        if _is_filing():
            return self.unknown()
        page = self._page()
        may_stand = page.has_reported or request.path in AFTER_PROOF
        return self._broken(page, "site_busy_after" if may_stand else "site_busy_why")

    def unknown(self) -> Response:
        """A report may be on record or not. The form that was sent finds out."""
        origin = request.form.get("origin", "") if _is_filing() else ""
        return self._broken(self._page(), "site_broken_after", origin)

    def _broken(self, page: Page, line: str, origin: str = "") -> Response:
        answer = page.says(
            "site_busy", [line], banks=True, status=503, origin=origin, ways_on=WITHOUT_TEXTS
        )
        answer.headers["Retry-After"] = RETRY_SECONDS
        return answer

    def _page(self) -> Page:
        return self._desk.page()

    def sight(self) -> tuple[Page, Visitor, Sight]:
        """The page, who asks, and the visit as it stands."""
        page = self._page()
        visitor = page.visitor()
        return page, visitor, self._errands.see(visitor)


def _require(errand: str) -> None:
    if errand not in THEN:
        raise NotFound


def _back(path: str) -> str:
    """A page of ours, or the start."""
    return path if _OURS.fullmatch(path) else "/card"


def _past_proof(visit: Visit, errand: str) -> str:
    """Where somebody goes who need not prove anything now; "" who must."""
    if visit.stopped:
        return f"/card/{errand}/stopped"
    return THEN[errand] if visit.proven else ""


def _not_proven(visit: Visit | None, errand: str) -> str:
    if visit is None:
        return "/card/ended"
    if visit.stopped:
        return f"/card/{errand}/stopped"
    return "/card/ended" if visit.proven else f"/card/{errand}/id"


def _receipt_heading(outcomes: Sequence[str]) -> str:
    if all(outcome == FILED for outcome in outcomes):
        return "site_receipt"
    if FILED in outcomes:
        return "site_receipt_mixed"
    return "site_receipt_unknown" if UNSURE in outcomes else "site_receipt_none"
