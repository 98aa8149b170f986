"""Forged, replayed, cut, oversized and reordered requests on every route there is."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import partial
from random import Random
from urllib.parse import urlsplit

import pytest
from flask import Flask

from app import create_app, create_operations
from ivr.store import keys
from ivr.web.bank_page.links import PageLinks
from tests.attack.city import ProcfileCity
from tests.attack.forging import (
    SHUT,
    Twist,
    a_bank_get,
    a_call,
    a_question,
    an_event,
    bank_body_forgeries,
    bank_forgeries,
    bank_target_forgeries,
    link_forgeries,
    twilio_forgeries,
    with_header,
)
from tests.attack.forms import Visitor, form_forgeries
from tests.attack.phone import Door, Phone, Sent
from tests.attack.records import business, changed
from tests.attack.scale import SEED
from tests.attack.tally import Tally
from tests.faults.audit import wait_until_calm

pytestmark = [pytest.mark.attack, pytest.mark.timeout(300)]

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
PUBLIC = (
    "/healthz",
    "/banks/api",
    "/banks/openapi.json",
    "/audio/<language>/<name>",
)  # say the same to everybody
# Of the website: pages that anybody may look at, which changes nothing; by rule, with an address.
PAGES = {
    "/card": "/card",
    "/card/<errand>/by-person": "/card/report/by-person",
    "/card/<errand>/stopped": "/card/status/stopped",
    "/card/report/receipt": "/card/report/receipt",
    "/card/status/cards": "/card/status/cards",
    "/card/not-me/done": "/card/not-me/done",
    "/card/left": "/card/left",
    "/card/ended": "/card/ended",
    "/card/guide": "/card/guide",
    "/card/guide/<topic>": "/card/guide/unblock",
    "/card/look": "/card/look?language=en",
    "/card/static/<name>": "/card/static/none",
}
# Its forms.
FORMS = {
    "/card/<errand>/id": "/card/report/id",
    "/card/<errand>/proof": "/card/report/proof",
    "/card/<errand>/again": "/card/report/again",
    "/card/report/cards": "/card/report/cards",
    "/card/report/check": "/card/report/check",
    "/card/not-me/check": "/card/not-me/check",
    "/card/more-time": "/card/more-time",
    "/card/leave": "/card/leave",
}
OPERATORS = ("/readyz", "/metrics")


@dataclass(frozen=True)
class Signed:
    """A route with a lock: a genuine request to it, and all that is none.

    shut: how this door says no. bare: the target without its proof, where the proof stands in it.
    """

    genuine: Sent
    forgeries: dict[str, Twist]
    shut: Collection[int] = frozenset(SHUT)
    bare: str = ""


def secret_of(city: ProcfileCity, bank: str) -> str:
    return city.settings.banks[bank].secrets[0].get_secret_value()


def a_report(city: ProcfileCity, place: int = 0) -> str:
    """A holder of the city calls from the registered phone; -> the number of the report."""
    holder = city.holders[place]
    phone = Phone(city.base_url, holder.phone)
    phone.dials().presses("2", "1", holder.id_number.replace("X", "*"), "1").hangs_up()
    card_ref = city.hotline.vault.ref("card", holder.cards[0].number)
    known = city.hotline.holders.known(city.hotline.vault.ref("id", holder.id_number))
    assert known is not None
    suspension = known.readings[card_ref].case.suspension
    assert suspension is not None, phone.said
    return suspension.number_told


def locked_routes(city: ProcfileCity) -> dict[str, Signed]:
    """Every route with a lock, by its rule."""
    base, icbc, ccb = city.base_url, secret_of(city, "icbc"), secret_of(city, "ccb")
    place = next(n for n, h in enumerate(city.holders) if h.cards[0].bank == "icbc")
    told = {"report_number": a_report(city, place)}
    tell = partial(an_event, bank="icbc", kind="financial_function.blocked", told=told)
    ask = partial(a_bank_get, target="/banks/icbc/blocks")
    twilio = dict(twilio_forgeries(base))
    link, of_ccb = (urlsplit(PageLinks(city.hotline.vault, base).make(bank)[0]).path
                    for bank in ("icbc", "ccb"))  # fmt: skip
    visitor, forms = Visitor.comes(base), dict(form_forgeries(Visitor.comes(base)))
    fields = {"id_number": "", "proof": "000000", "card": "1", "origin": "", "back": "/card"}
    return {
        "/banks/<bank>/page/<token>": Signed(
            Sent("GET", link, {}),
            dict(link_forgeries(of_ccb)),
            shut={*SHUT, 404},
            bare=link.rpartition("-")[0],
        ),
        "/voice": Signed(a_call(base, "/voice"), twilio),
        "/voice/<step>": Signed(a_call(base, "/voice/main_menu?turn=3"), twilio),
        "/voice/fallback": Signed(a_call(base, "/voice/fallback"), twilio),
        "/voice/agent": Signed(a_call(base, "/voice/agent"), twilio),
        "/voice/whisper": Signed(a_call(base, "/voice/whisper?of=CA1"), twilio),
        "/voice/take": Signed(a_call(base, "/voice/take"), twilio),
        "/voice/status": Signed(a_call(base, "/voice/status"), twilio),
        "/sms": Signed(a_call(base, "/sms", MessageSid="SM" + "a" * 32, Body="状态"), twilio),
        "/sms/status": Signed(
            a_call(base, "/sms/status?notice=ntc-1", MessageSid="SM1", MessageStatus="failed"),
            twilio,
        ),
        "/banks/<bank>/events": Signed(
            tell(icbc), {**dict(bank_forgeries(icbc, ccb, tell)), **dict(bank_body_forgeries())}
        ),
        "/banks/<bank>/blocks": Signed(
            ask(icbc), {**dict(bank_forgeries(icbc, ccb, ask)), **dict(bank_target_forgeries())}
        ),
        **{rule: Signed(visitor.sends(place, fields), forms) for rule, place in FORMS.items()},
        **routes_of_subscribers(city),
    }


def routes_of_subscribers(city: ProcfileCity) -> dict[str, Signed]:
    """Signed as banks sign; another subscriber's secret opens none."""
    clinic, other = (
        city.settings.subscribers[name].secrets[0].get_secret_value()
        for name in ("clinic", "centre")
    )
    check = partial(a_question, name="clinic", number=city.holders[0].cards[0].number)
    ask = partial(a_bank_get, target="/subscribers/clinic/suspensions")
    of_check, of_list = (dict(bank_forgeries(clinic, other, again)) for again in (check, ask))
    return {
        "/subscribers/<name>/check": Signed(
            check(clinic), {**of_check, **dict(bank_body_forgeries())}
        ),
        "/subscribers/<name>/suspensions": Signed(
            ask(clinic), {**of_list, **dict(bank_target_forgeries())}
        ),
    }


def rules_of(app: Flask) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for rule in app.url_map.iter_rules():
        found.setdefault(str(rule), set()).update(rule.methods or ())
    return found


@pytest.fixture(scope="module")
def routes(city: ProcfileCity) -> dict[str, Signed]:
    found = locked_routes(city)
    wait_until_calm(city, 60)
    return found


def forges(tally: Tally, base_url: str, routes: dict[str, Signed]) -> None:
    """Every forgery at every locked route."""
    door = Door(base_url)
    for rule, route in routes.items():
        for attack, twist in route.forgeries.items():
            answer = door.sends(twist(route.genuine))
            tally.note(attack, rule, got_through=answer.status not in route.shut, saw=answer.status)
    door.closes()


def test_no_route_is_left_out(city: ProcfileCity, routes: dict[str, Signed]) -> None:
    """A new route gets a lock that is attacked here, or is known to say the same to everybody."""
    assert rules_of(create_app(city.settings)).keys() == {*routes, *PUBLIC, *PAGES}
    assert rules_of(create_operations(city.settings)).keys() == set(OPERATORS)


def test_the_genuine_request_comes_in(city: ProcfileCity, routes: dict[str, Signed]) -> None:
    """Else nothing that follows would say anything."""
    door = Door(city.base_url)
    told = {rule: door.sends(route.genuine).status for rule, route in routes.items()}
    door.closes()
    forms = {told.pop(rule) for rule in FORMS}
    assert set(told.values()) <= {200, 204}, told
    assert forms <= {303, 422}, forms


def test_nothing_forged_comes_in(city: ProcfileCity, routes: dict[str, Signed]) -> None:
    before, tally = business(city.hotline.redis), Tally("forged requests")
    forges(tally, city.base_url, routes)
    tally.prints()
    assert tally.through == []
    assert changed(before, business(city.hotline.redis)) == []


def test_with_the_locks_removed_everything_is_found(
    city: ProcfileCity, routes: dict[str, Signed]
) -> None:
    tally = Tally("forged requests, the locks removed")
    with city.another_web("tests.attack.open_door") as url:
        forges(tally, url, routes)
    tally.prints()
    found = {line.partition(" at ")[2].partition(":")[0] for line in tally.through}
    assert found == routes.keys()
    assert len(tally.through) > tally.tries.total() * 0.6


def other_methods(city: ProcfileCity, routes: dict[str, Signed]) -> Iterator[tuple[str, Sent]]:
    rules = rules_of(create_app(city.settings))
    for rule, route in routes.items():
        for method in METHODS:
            if method in rules[rule] and method not in ("OPTIONS", "HEAD"):
                continue
            yield method, Sent(method, route.genuine.target, route.genuine.headers)
            if rule not in FORMS:  # their pages anybody may look at
                yield (
                    f"{method}, named by a header",
                    with_header("X-HTTP-Method-Override", method)(
                        Sent("GET", route.bare or route.genuine.target, {})
                    ),
                )
    for target in (*OPERATORS, "/", "/static/x", "/console", "/.git/config", "/banks", "/banks/"):
        yield "a route that is not there", Sent("GET", target, {})
    for target in (*PUBLIC, *PAGES.values()):
        for method in set(METHODS) - {"GET", "HEAD", "OPTIONS"}:
            yield "a method that is not there", Sent(method, target, {})


def test_other_methods_and_routes_say_nothing(
    city: ProcfileCity, routes: dict[str, Signed]
) -> None:
    """OPTIONS names the methods, HEAD asks what GET does; the operators' routes are not here."""
    before = business(city.hotline.redis, noted=False)
    tally, door = Tally("methods and routes"), Door(city.base_url)
    for attack, sent in other_methods(city, routes):
        answer = door.sends(sent)
        said_nothing = answer.status in {*SHUT, 404, 501} or (
            sent.method in ("OPTIONS", "HEAD") and not answer.body
        )
        assert answer.status in (501, *range(500)), (attack, sent.target, answer)
        tally.note(attack, sent.target, got_through=not said_nothing, saw=answer.status)
    door.closes()
    tally.prints()
    assert tally.through == []
    assert changed(before, business(city.hotline.redis, noted=False)) == []


def test_the_operators_door_answers_questions_only(city: ProcfileCity) -> None:
    tally, door = Tally("the operators' door"), Door(f"http://{city.operations}")
    for target in OPERATORS:
        for method in set(METHODS) - {"GET", "HEAD", "OPTIONS"}:
            status = door.sends(Sent(method, target, {}, b"x=" + b"y" * 1000)).status
            tally.note(method, target, got_through=status not in SHUT, saw=status)
    for target in ("/voice", "/banks/icbc/blocks", "/healthz", "/readyz/..", "/x"):
        status = door.sends(Sent("GET", target, {})).status
        tally.note("a route of the other door", target, got_through=status != 404, saw=status)
    door.closes()
    tally.prints()
    assert tally.through == []


# --- again, and in another order -----------------------------------------------------------------


def what_counts(city: ProcfileCity) -> dict[str, object]:
    """What a replay must not change; a call remembers that it was asked again."""
    kept = business(city.hotline.redis).items()
    return {k: v for k, v in kept if not k.startswith(("call:", "counters", "texts"))}


def test_a_call_replayed_in_any_order_does_nothing_twice(city: ProcfileCity) -> None:
    holder = city.holders[5]
    phone = Phone(city.base_url, holder.phone).dials()
    phone.presses("2", "1", holder.id_number.replace("X", "*"), "1", "", "").hangs_up()
    wait_until_calm(city, 60)
    before, tally, door = what_counts(city), Tally("a call replayed"), Door(city.base_url)
    for order in ("forwards", "backwards", "at random"):
        again = phone.sent[:: -1 if order == "backwards" else 1]
        if order == "at random":
            again = Random(SEED).choices(again, k=40)
        for sent in again:
            status = door.sends(sent).status
            differs = changed(before, what_counts(city)) if b"Digits=1" in sent.body else []
            tally.note(order, sent.target, got_through=bool(differs), saw=(status, differs))
    door.closes()
    tally.note("all", "the end", got_through=what_counts(city) != before)
    tally.prints()
    assert tally.through == []


def test_an_event_replayed_or_late_does_nothing_twice(city: ProcfileCity) -> None:
    """The same bytes are a duplicate; the same event under another id, and older news, change
    nothing that counts.
    """
    place = next(n for n, h in enumerate(city.holders) if h.cards[0].bank == "icbc" and n > 5)
    number = a_report(city, place)
    wait_until_calm(city, 60)
    tell = partial(an_event, secret_of(city, "icbc"), "icbc", "financial_function.blocked")
    first, door, tally = tell({"report_number": number}), Door(city.base_url), Tally("events again")
    assert door.sends(first).status == 200
    before = what_counts(city)
    for _ in range(20):
        answer = door.sends(first)
        is_same = b'"duplicate"' in answer.body and not changed(before, what_counts(city))
        tally.note("the same bytes", "events", got_through=not is_same, saw=answer.body)
    block = keys.block(city.hotline.vault.ref("card", city.holders[place].cards[0].number))
    stands = city.hotline.redis.get(block)
    for _ in range(5):
        answer = door.sends(tell({"report_number": number}))
        is_same = answer.status == 200 and city.hotline.redis.get(block) == stands
        tally.note("under another id", "events", got_through=not is_same, saw=answer.body)
    door.closes()
    tally.prints()
    assert tally.through == []
