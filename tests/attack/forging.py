"""Genuine requests to every route, and every way to make one that is not."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from simulator.engine.signature import sign
from tests.attack.phone import FORM_TYPE, SIGNATURE, Sent, signed_form
from tests.bank_side import new_id, signed
from tests.faults.city import TOKEN
from tests.subscriber_side import question

SHUT: Final = {400, 401, 403, 405, 408, 413, 414, 431}  # how a door says no
FORM: Final = {"CallSid": "CA" + "a" * 32, "From": "+8613912345678", "To": "+8612333"}
Twist = Callable[[Sent], Sent]


def a_call(base_url: str, target: str, **more: str) -> Sent:
    """What Twilio sends."""
    return signed_form(base_url, target, {**FORM, **more})


def an_event(secret: str, bank: str, kind: str, told: Mapping[str, Any], **more: Any) -> Sent:
    """What a bank tells. `event_id`, `at` (unix seconds of the signature)."""
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = json.dumps({"type": kind, "timestamp": moment, "data": told}).encode()
    return a_bank_post(secret, bank, body, **more)


def a_bank_post(
    secret: str, bank: str, body: bytes, event_id: str = "", at: float | None = None
) -> Sent:
    """Any body, signed as a bank signs."""
    headers = signed(secret, body, event_id or new_id(), at)
    return Sent("POST", f"/banks/{bank}/events", headers, body)


def a_question(secret: str, name: str, number: str, at: float | None = None) -> Sent:
    """What a subscriber asks about a card."""
    body = question(number)
    return Sent("POST", f"/subscribers/{name}/check", signed(secret, body, new_id(), at), body)


def a_bank_get(secret: str, target: str, at: float | None = None) -> Sent:
    return Sent("GET", target, signed(secret, target.encode(), new_id(), at))


def without(name: str) -> Twist:
    def twist(sent: Sent) -> Sent:
        return replace(sent, headers={n: v for n, v in sent.headers.items() if n != name})

    return twist


def with_header(name: str, value: str) -> Twist:
    return lambda sent: replace(sent, headers={**sent.headers, name: value})


def with_body(change: Callable[[bytes], bytes]) -> Twist:
    return lambda sent: replace(sent, body=change(sent.body))


def with_target(change: Callable[[str], str]) -> Twist:
    return lambda sent: replace(sent, target=change(sent.target))


def _signed_by(token: str, base_url: str) -> Twist:
    def twist(sent: Sent) -> Sent:
        signature = sign(token, base_url + sent.target, FORM)
        return replace(sent, headers={**sent.headers, SIGNATURE: signature})

    return twist


def twilio_forgeries(base_url: str) -> Iterator[tuple[str, Twist]]:
    """Of a request that Twilio signed."""
    yield "no signature", without(SIGNATURE)
    for name, value in (
        ("an empty signature", ""),
        ("a signature of blanks", " "),
        ("a signature that is none", "A" * 27 + "="),
        ("a signature twice as long", "A" * 56),
        ("a signature of a megabyte less a bit", "A" * 7000),
        ("a signature of other letters", "%00" * 9 + "="),
    ):
        yield name, with_header(SIGNATURE, value)
    yield "signed with another token", _signed_by("54321", base_url)
    yield "signed with an empty token", _signed_by("", base_url)
    yield "signed for another host", _signed_by(TOKEN, "https://elsewhere.example")
    yield "signed for https", _signed_by(TOKEN, base_url.replace("http:", "https:"))
    yield "another key pressed", with_body(lambda body: body + b"&Digits=1")
    yield "a field twice", with_body(lambda body: body + b"&CallSid=CA" + b"b" * 32)
    yield "a field less", with_body(lambda body: body.rpartition(b"&")[0])
    yield "cut by a byte", with_body(lambda body: body[:-1])
    yield "cut in half", with_body(lambda body: body[: len(body) // 2])
    yield "no body", with_body(lambda _body: b"")
    yield "another call", with_body(lambda body: body.replace(b"CAaa", b"CAbb"))
    yield "more in the query", with_target(lambda t: t + ("&" if "?" in t else "?") + "turn=7")
    yield "as multipart", with_header("Content-Type", "multipart/form-data; boundary=x")
    yield "as JSON", with_header("Content-Type", "application/json")
    yield "as nothing", with_header("Content-Type", "")
    yield "too large a body", with_body(lambda body: body + b"&x=" + b"y" * 17_000)
    yield "too many fields", with_body(lambda body: body + b"&a=1" * 250)
    yield "far too large a body", with_body(lambda body: body + b"z" * 70_000)


def bank_forgeries(
    secret: str, others: str, again: Callable[..., Sent]
) -> Iterator[tuple[str, Twist]]:
    """Of a request that a bank signed. `others`: another bank's secret; `again`: makes the same
    request with another secret, or of another moment.
    """
    now = time.time()
    for name in ("id", "timestamp", "signature"):
        yield f"no webhook-{name}", without(f"webhook-{name}")
        yield f"an empty webhook-{name}", with_header(f"webhook-{name}", "")
    yield "another id", with_header("webhook-id", new_id())
    yield "another moment", with_header("webhook-timestamp", str(int(now) - 1))
    for name, value in (
        ("a moment in words", "now"), ("a moment with a sign", f"+{int(now)}"),
        ("a moment with a part", f"{int(now)}.0"), ("a moment without end", "9" * 400),
        ("a moment in other digits", "".join(chr(0xB2) for _ in range(10))),
    ):  # fmt: skip
        yield name, with_header("webhook-timestamp", value)
    yield "signed too long ago", lambda _sent: again(secret, at=now - 330)
    yield "signed in the future", lambda _sent: again(secret, at=now + 330)
    yield "signed by another bank", lambda _sent: again(others, at=now)
    yield "signed with nothing", lambda _sent: again("whsec_", at=now)
    yield (
        "only another scheme",
        lambda sent: with_header(
            "webhook-signature", sent.headers["webhook-signature"].replace("v1,", "v2,")
        )(sent),
    )
    yield (
        "a list of wrong ones",
        with_header("webhook-signature", " ".join(["v1," + "A" * 43 + "="] * 90)),
    )
    yield (
        "a signature cut short",
        lambda sent: with_header("webhook-signature", sent.headers["webhook-signature"][:-2])(sent),
    )
    yield (
        "a signature glued to another",
        lambda sent: with_header("webhook-signature", "x" + sent.headers["webhook-signature"])(
            sent
        ),
    )


def bank_body_forgeries() -> Iterator[tuple[str, Twist]]:
    """Of an event: what comes is not what was signed."""
    yield "another body", with_body(lambda body: body.replace(b"data", b"Data"))
    yield "a blank more", with_body(lambda body: body + b" ")
    yield "cut by a byte", with_body(lambda body: body[:-1])
    yield "no body", with_body(lambda _body: b"")
    yield "too large a body", with_body(lambda body: body + b" " * 66_000)


def bank_target_forgeries() -> Iterator[tuple[str, Twist]]:
    """Of a page of the list: where it goes is not what was signed."""
    yield "another page", with_target(lambda target: f"{target}?after=x")
    yield "an empty query", with_target(lambda target: f"{target}?")
    yield "spelt otherwise", with_target(_spelt_otherwise)
    yield "a fragment", with_target(lambda target: f"{target}#x")


def _spelt_otherwise(target: str) -> str:
    """/banks/icbc/%62locks"""
    start, _, word = target.rpartition("/")
    return f"{start}/%{ord(word[0]):02x}{word[1:]}"


def link_forgeries(others: str) -> Iterator[tuple[str, Twist]]:
    """Of a link to a bank's page, GET. `others`: the path of another bank's link."""
    yield "another bank's link", with_target(lambda target: _with_token(target, others))
    yield "at another bank", with_target(lambda target: _with_token(others, target))
    yield "at no bank", with_target(lambda target: target.replace("/icbc/", "/boc/"))
    for name, change in (
        ("a later end", lambda end, proof: f"{int(end) + 3600}-{proof}"),
        ("an end long ago", lambda _end, proof: f"1-{proof}"),
        ("an end with a nought before", lambda end, proof: f"0{end}-{proof}"),
        ("a sign before the end", lambda end, proof: f"%2B{end}-{proof}"),
        ("a proof cut short", lambda end, proof: f"{end}-{proof[:-1]}"),
        ("a longer proof", lambda end, proof: f"{end}-{proof}A"),
        ("a padded proof", lambda end, proof: f"{end}-{proof}=="),
        ("a proof in other letters", lambda end, proof: f"{end}-{proof.swapcase()}"),
        ("a proof of nothing", lambda end, _proof: f"{end}-{'A' * 22}"),
        ("no proof", lambda end, _proof: f"{end}-"),
        ("no end", lambda _end, proof: proof),
        ("a line's end", lambda end, proof: f"{end}-{proof}%0A"),
        ("no text", lambda end, _proof: f"{end}-%FF{'A' * 21}"),
        ("a thousand digits", lambda _end, proof: f"{'9' * 1000}-{proof}"),
    ):
        yield name, with_target(partial(_retold, change))
    yield "a forged link, posted", _posted({}, forged=True)
    for name, value in (("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-site"),
                        ("Origin", "https://elsewhere.example")):  # fmt: skip
        yield f"a form of another site, by its {name}: {value}", _posted({name: value})


def _with_token(target: str, other: str) -> str:
    return f"{target.rpartition('/')[0]}/{other.rpartition('/')[2]}"


def _retold(change: Callable[[str, str], str], target: str) -> str:
    """The token's two parts changed."""
    place, _, token = target.rpartition("/")
    end, _, proof = token.partition("-")
    return f"{place}/{change(end, proof)}"


def _posted(headers: Mapping[str, str], *, forged: bool = False) -> Twist:
    """What sends the bank tests."""
    sent_with = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    return lambda sent: Sent("POST", sent.target[:-1] if forged else sent.target, sent_with, b"")


__all__ = ["FORM", "FORM_TYPE", "SHUT", "Twist", "a_bank_get", "a_bank_post", "a_call",
           "a_question", "an_event", "bank_body_forgeries", "bank_forgeries",
           "bank_target_forgeries", "link_forgeries",
           "twilio_forgeries", "with_header", "with_target"]  # fmt: skip
