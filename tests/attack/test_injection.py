"""Words that are commands elsewhere, in every field that anybody fills: to Redis, Lua, TwiML, JSON,
logs, terminals, tables, file names.

Everything is signed: it comes from a caller's engine, or from a bank. Afterwards the answers are
well-formed and hold nothing that was meant as markup, Redis has no key and no value too few or too
many, no log line begins where we began none, and operators' screens get no control characters.
"""

import json
import re
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

import pytest
from redis import Redis

from app import create_app
from ivr.cards.bank_event import BLOCKED, FORMAL_LOSS, UNBLOCKED
from ivr.store import keys
from tests.attack.city import ProcfileCity
from tests.attack.forging import FORM, a_bank_get, a_bank_post, an_event
from tests.attack.phone import Answer, Door, Sent, signed_form
from tests.attack.scale import LONG
from tests.attack.tally import Tally
from tests.attack.test_doors import a_report, secret_of
from tests.attack.trials import begins_anew

pytestmark = [pytest.mark.attack, pytest.mark.timeout(300)]

MARK = "pwned7x"
PAYLOADS = {
    "Redis, a command": f"\r\n*3\r\n$3\r\nSET\r\n$7\r\n{MARK}\r\n$1\r\n1\r\n",
    "Redis, a line": f"x\r\nSET {MARK} 1\r\nFLUSHALL\r\n",
    "Lua, out of a text": f"'..redis.call('SET','{MARK}','1').ok..'",
    "Lua, out of brackets": f"]]..redis.call('FLUSHALL')..[[{MARK}",
    "a key's pattern": "*",
    "another key": "../report:12345670",
    "XML, out of an attribute": f'"/><{MARK}>',
    "XML, out of a text": f"</Say><{MARK}/><Dial>+86000</Dial><Say>",
    "XML, an entity": f'<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><{MARK}>&y;',
    "XML, no character": "\x0b\x1f\ufffe",
    "JSON, out of a text": f'","{MARK}":"1',
    "JSON, another object": f'{{"{MARK}": {{"$gt": ""}}}}',
    "a log line": f'x\n{{"event": "{MARK}", "level": "critical"}}\n',
    "a log line, with a return": f"x\r{MARK}\r\n{MARK}",
    "a terminal": f"\x1b[2J\x1b]0;{MARK}\x07",
    "a terminal, of one byte": f"\x9b2J{MARK}",
    "a table's formula": f"=cmd|' /C touch {MARK}'!A0",
    "a shell": f"$(touch {MARK}); `touch {MARK}` | touch {MARK}",
    "a template": "{{7*191}}${7*191}#{7*191}%{7*191}",
    "a format": "%s%n%x{0.__class__}{self}",
    "a file": "../../../../etc/passwd",
    "a file, coded": "..%2f..%2f..%2fetc%2fpasswd",
    "a zero byte": f"x\0{MARK}",
    "right to left": f"\u202e{MARK}",
    "half a character": "\ud800",
    "very long": "9" * 6000,
    "digits elsewhere": "١١٠١٠٥١٩٤٩١٢٣١٠٠٢X",
    "a number without end": "1" * 400,
    "less than nothing": "-1",
    "no number": "NaN",
    "too large a number": "1e999",
}
FIELDS = ("CallSid", "From", "To", "Caller", "Digits", "SpeechResult", "FinishedOnKey", "msg",
          "DialCallStatus", "CallStatus", "ErrorCode", "ErrorUrl", "AccountSid", "Direction",
          "CallDuration", "ForwardedFrom")  # fmt: skip
STEPS = ("", "/language?turn=0", "/report_id?turn=2", "/confirm?turn=3", "/transfer?turn=1",
         "/agent", "/fallback", "/status")  # fmt: skip
LASTING = (b"vault", b"holder:", b"card:", b"report:", b"loss:", b"block:", b"journal", b"counters")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
VERBS = {
    "Response",
    "Message",
    "Say",
    "Gather",
    "Redirect",
    "Hangup",
    "Dial",
    "Pause",
    "Play",
    "Number",
    "sub",
}


@dataclass
class Traces:
    """What an attack would leave, and what was there before it."""

    redis: Redis
    before: set[bytes] = field(default_factory=set)

    def of(self, answer: Answer) -> list[str]:
        """What is wrong with an answer, and with Redis after it."""
        found = [] if answer.status < 500 else [f"status {answer.status}"]
        if b"1337" in answer.body:
            found.append("a template was filled in")
        if b"root:" in answer.body:
            found.append("a file was read")
        if answer.body.startswith(b"<?xml") and not is_our_twiml(answer.body):
            found.append(f"markup: {answer.body!r}")
        if any(CONTROL.search(value) for value in answer.headers.values()):
            found.append("a header")
        if self.redis.exists(MARK):
            found.append("a command to Redis")
            self.redis.delete(MARK)
        return found

    def lost(self) -> set[bytes]:
        """Keys that were there and are not any more."""
        return self.before - set(self.redis.scan_iter(count=1000))


def is_our_twiml(body: bytes) -> bool:
    try:
        tags = {verb.tag for verb in ET.fromstring(body).iter()}  # noqa: S314 (our own answer)
    except ET.ParseError:
        return False
    return tags <= VERBS and b"<!DOCTYPE" not in body


def forged_lines(log: bytes) -> list[bytes]:
    """Lines that begin with what an attacker wrote, or hold a control character."""
    wanted = re.compile(rb'^\s*(\{"event": "%b|%b)|[\x00-\x08\x0b-\x1f]' % (2 * (MARK.encode(),)))
    return [line for line in log.split(b"\n") if wanted.search(line)]


TEXT_FIELDS = ("MessageSid", "From", "Body", "OptOutType")


def coded(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def callers_fields(base_url: str) -> Iterator[tuple[str, str, Sent]]:
    """Each payload in each field of each kind of request of Twilio's (in a short run of one, by
    turns): signed, so they come in.
    """
    for number, (name, payload) in enumerate(PAYLOADS.items()):
        if "\ud800" in payload:
            continue  # no form can carry it
        for place, key in enumerate(FIELDS):
            for step in STEPS if LONG else [STEPS[(number + place) % len(STEPS)]]:
                form = {**FORM, key: payload}
                yield name, f"{key} of /voice{step}", signed_form(base_url, f"/voice{step}", form)
        for query in ("turn", "lang", "reported", "on_record", "x"):
            target = f"/voice/confirm?{query}={coded(payload)}"
            yield name, f"{query} in the query", signed_form(base_url, target, FORM)
        text = {**FORM, "MessageSid": "SM1", "Body": "挂失", "MessageStatus": "failed"}
        for key in ("MessageSid", "From", "Body", "OptOutType", "MessageStatus", "ErrorCode"):
            target = "/sms" if key in TEXT_FIELDS else "/sms/status?notice=ntc-1"
            sent = signed_form(base_url, target, {**text, key: payload})
            yield name, f"{key} of {target.partition('?')[0]}", sent
        target = f"/sms/status?notice={coded(payload)}"
        yield name, "notice in the query", signed_form(base_url, target, text)
        target = f"/voice/{coded(payload)}?turn=1"
        if len(target) < 8000:
            yield name, "the step", signed_form(base_url, target, FORM)


def banks_fields(secret: str, report: str) -> Iterator[tuple[str, str, Sent]]:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    about = {"card_number": "ZZ0123456789", "at": at, "outlet": "7", "report_number": report}
    for name, payload in PAYLOADS.items():
        for key in about:
            for kind in (UNBLOCKED, FORMAL_LOSS, BLOCKED):
                sent = an_event(secret, "icbc", kind, {**about, key: payload})
                yield name, f"{key} of {kind}", sent
        yield name, "type", an_event(secret, "icbc", payload, about)
        body = json.dumps(
            {payload: payload, "type": payload, "timestamp": payload, "data": payload}
        )
        yield name, "all of it", a_bank_post(secret, "icbc", body.encode())
        yield (
            name,
            "the whole body",
            a_bank_post(secret, "icbc", payload.encode("utf-8", "surrogatepass")),
        )
        for target in (
            f"/banks/icbc/blocks?after={coded(payload)}",
            f"/banks/{coded(payload)}/blocks",
        ):
            if len(target) < 8000:
                yield name, "a target", a_bank_get(secret, target)
        if payload.isprintable() and payload.isascii():
            sent = an_event(secret, "icbc", BLOCKED, {"report_number": report}, event_id=payload)
            yield name, "webhook-id", sent


def test_words_stay_words(city: ProcfileCity) -> None:
    begins_anew(city)
    number = a_report(
        city, next(n for n, h in enumerate(city.holders) if h.cards[0].bank == "icbc")
    )
    redis, tally = city.hotline.redis, Tally("words that are commands elsewhere")
    logs = {name: len(text) for name, text in city.logs().items()}
    traces = Traces(redis, {k for k in redis.scan_iter(count=1000) if k.startswith(LASTING)})
    door = Door(city.base_url)
    for name, where, sent in callers_fields(city.base_url):
        found = traces.of(door.sends(sent))
        tally.note(name, where, got_through=bool(found), saw=found)
    for name, where, sent in banks_fields(secret_of(city, "icbc"), number):
        found = traces.of(door.sends(sent))
        tally.note(name, where, got_through=bool(found), saw=found)
    door.closes()
    gone = traces.lost()
    tally.note("keys are lost", "Redis", got_through=bool(gone), saw=gone)
    for name, text in city.logs().items():
        lines = forged_lines(text[logs.get(name, 0) :])
        tally.note("a line is forged", f"log of {name}", got_through=bool(lines), saw=lines[:3])
    for line in what_operators_see(city, number):
        tally.note("a screen", "operators", got_through=bool(CONTROL.search(line)), saw=repr(line))
    tally.prints()
    assert tally.through == []


def what_operators_see(city: ProcfileCity, number: str) -> list[str]:
    """After a bank has named an outlet in every such way."""
    card = next(h for h in city.holders if h.cards[0].bank == "icbc").cards[0].number
    door, secret = Door(city.base_url), secret_of(city, "icbc")
    for payload in PAYLOADS.values():
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        told = {"card_number": card, "at": at, "outlet": payload[:200]}
        for kind in (FORMAL_LOSS, UNBLOCKED):
            door.sends(an_event(secret, "icbc", kind, told))
    door.closes()
    runner, said = create_app(city.settings).test_cli_runner(), []
    for words in (("reports", "show", number), ("notices", "list"), ("notices", "list", "--json")):
        said += runner.invoke(args=words).output.splitlines()
    return said


def test_each_trace_is_found(city: ProcfileCity) -> None:
    """The control: what carelessness would have made of the same words."""
    redis, payload = city.hotline.redis, PAYLOADS["XML, out of a text"]
    traces = Traces(redis, {b"a key that is not there"})
    careless = f"<?xml version='1.0'?><Response><Say>{payload}</Say></Response>".encode()
    assert traces.of(Answer(200, careless))
    assert traces.of(Answer(200, b"<?xml version='1.0'?><Response><Say>&</Say></Response>"))
    assert traces.of(Answer(500, b""))
    assert traces.of(Answer(200, b"1337"))
    assert traces.of(Answer(200, b"", {"X": PAYLOADS["a terminal"]}))
    text = PAYLOADS["Lua, out of a text"]
    redis.eval(f"return 'call:{text}'", 0)  # a script put together from words
    assert traces.of(Answer(200, b""))
    assert traces.lost()
    log = f'{{"event": "turn_failed", "step": "{PAYLOADS["a log line"]}"}}'.encode()
    assert forged_lines(log)
    assert CONTROL.search(PAYLOADS["a terminal"])
    assert not redis.exists(MARK)
    assert keys.call("a\r\nb") == "call:a%0D%0Ab"
