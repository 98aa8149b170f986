"""Whatever an application answers, the call ends, in a fault if need be: never in an exception."""

import string
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.engine import Call, HttpResponse, HttpTransport, PhoneLine, Rules
from simulator.engine.faults import MISTAKE
from simulator.engine.vocabulary import Noun, allowed_in

from .apps import BASE, Page, Pages, a_call, a_line, answer, codes, dialled, said, served

BYE = "<Say>bye</Say>"
SORRY = "an application error has occurred"


def encoded(name: str, codec: str = "ascii") -> bytes:
    words = "您好" if codec != "ascii" else "hello"
    head = f'<?xml version="1.0" encoding="{name}"?>'
    return f"{head}<Response><Say>{words}</Say></Response>".encode(codec)


UNREADABLE = [
    encoded("GBK", "gbk"),
    encoded("gb2312", "gb2312"),
    encoded("Big5", "big5"),
    encoded("klingon"),
    encoded("UTF-7"),
    b"<Response><Say>" + b"<s>" * 1500 + b"</s>" * 1500 + b"</Say></Response>",
    b"<s>" * 9000 + b"</s>" * 9000,
]


@pytest.mark.parametrize("body", UNREADABLE)
def test_a_document_that_cannot_be_read(body: bytes) -> None:
    # "malformed XML is error 12100"
    call = dialled({"/voice": lambda _request: answer(body)})
    assert (codes(call), call.ended) == ([12100], True)
    assert SORRY in said(call)[0]


NOWHERE = [
    ("http://[::1/", 11100),  # "Invalid URL format"
    ("http://a.example:99999/", 11100),
    ("http://a..b/", 11210),  # "HTTP bad host name"
    (f"http://{'x' * 64}.example/", 11210),
    (f"http://{'x.' * 127}example/", 11210),
    ("http://.example/", 11210),
]


def sent_to(url: str, status: int) -> Page:
    """A redirect by an application that looks at nothing it sends."""

    def page(_environ: Any, start_response: Any) -> list[bytes]:
        start_response(f"{status} Elsewhere", [("Location", url), ("Content-Length", "0")])
        return []

    answers: Any = page
    return lambda _request: answers


@pytest.mark.parametrize("status", [0, 302, 307])
@pytest.mark.parametrize(("url", "code"), NOWHERE)
def test_a_place_that_cannot_be(url: str, code: int, status: int) -> None:
    voice = sent_to(url, status) if status else f"<Redirect>{url}</Redirect>"
    pages = Pages({"/voice": voice})
    call = dialled(pages)
    assert (codes(call), call.ended) == ([code], True)
    with served(pages) as base:
        transport = HttpTransport()
        over_http = Call(PhoneLine(base + "/voice"), transport)
        over_http.dial()
        over_http.run_to_silence()
        transport.close()
    assert (codes(over_http), over_http.ended) == ([code], True)


@pytest.mark.parametrize("status", ["http://[::1/", "http://a..b/", "http://a.example:x/"])
def test_a_status_callback_that_cannot_be(status: str) -> None:
    call = dialled({"/voice": BYE}, PhoneLine(BASE + "/voice", status_callback_url=status))
    assert (codes(call), call.ended) == ([15003], True)


MANY = "9" * 400
OUT_OF_RANGE = [
    (f'<Pause length="{MANY}"/>', [13910]),
    (f'<Pause length="{"9" * 5000}"/>', [13910]),
    (f'<Gather timeout="{MANY}" numDigits="{MANY}"/>', [13313, 13314]),
    (f'<Say loop="{MANY}">hi</Say>', [13510]),
    (f'<Dial timeout="{MANY}" timeLimit="{MANY}">+8610</Dial>', [13212, 13216]),
    (f'<Record timeout="{MANY}" maxLength="{MANY}" action="/end"/>', [13611, 13612]),
    ('<Pause length="٣"/>', [13910]),
    (f'<Say>a<break time="{MANY}s"/><prosody rate="{MANY}%">b</prosody></Say>', []),
]


@pytest.mark.parametrize(("verb", "found"), OUT_OF_RANGE)
def test_a_number_beyond_all_numbers(verb: str, found: list[int]) -> None:
    call = dialled({"/voice": f"{verb}{BYE}", "/end": BYE})
    call.advance_to(1000)
    assert codes(call) == found
    assert (said(call)[-1], call.ended) == ("bye", True)


def test_a_large_number_in_a_connection_override() -> None:
    line = a_line(voice=f"/voice#rc={'9' * 5000}&rt={'9' * 5000}")
    assert said(dialled({"/voice": BYE}, line)) == ["bye"]


class Broken:
    """A transport with a mistake in it."""

    def send(self, *_request: object) -> HttpResponse:
        raise ZeroDivisionError("a mistake")


def test_a_mistake_of_the_simulators_own_is_a_fault_too() -> None:
    line = a_line(status="/status", fallback="/fallback")
    call = Call(line, Broken())
    call.dial()
    call.run_to_silence()
    assert call.ended
    assert codes(call) == [MISTAKE, MISTAKE, 15003]
    assert all("ZeroDivisionError: a mistake" in fault.detail for fault in call.faults)


def test_a_mistake_while_a_verb_begins_is_one_too() -> None:
    def no_length(_url: str) -> float:
        raise ZeroDivisionError("a mistake")

    call = dialled({"/voice": "<Play>/a</Play>"}, rules=Rules(audio_seconds=no_length))
    assert (codes(call), call.ended) == ([MISTAKE], True)
    assert SORRY in said(call)[0]


@pytest.mark.parametrize("host", ["h", "t", "http", "p"])
def test_a_proxy_before_a_host_of_a_strange_name(host: str) -> None:
    with served(pages := Pages({"/voice": BYE})) as inside:
        transport = HttpTransport(via=inside)
        call = Call(PhoneLine(f"http://{host}/voice"), transport)
        call.dial()
        transport.close()
    assert pages.paths == ["/voice"]


# Any answer at all

SLOW_MACHINE = settings(deadline=None, suppress_health_check=list(HealthCheck))


def plays_to_the_end(call: Call) -> None:
    """A caller who does what a caller can do, and hangs up in the end."""
    call.dial()
    call.run_to_silence()
    call.press("1")
    call.run_to_silence()
    call.speak("您好")
    call.run_to_silence()
    call.press("2#*")
    call.hang_up()
    assert call.ended
    assert MISTAKE not in codes(call)


def plays(page: Page) -> None:
    pages = Pages({"/voice": page, "/a": page, "/fallback": page})
    for fallback in ("", "/fallback"):
        line = a_line(fallback=fallback, status="/a")
        plays_to_the_end(a_call(pages, line, rules=Rules(most_documents=40)))


CONTENT_TYPES = ["text/xml", "text/xml; charset=gbk", "text/plain", "text/html", "audio/mpeg", ""]
TYPES = st.sampled_from(CONTENT_TYPES) | st.text(string.printable.strip(), max_size=20)


@SLOW_MACHINE
@given(st.binary(max_size=300), TYPES)
def test_any_bytes(body: bytes, content_type: str) -> None:
    plays(lambda _request: answer(body, content_type=content_type))


HEADS = ["", '<?xml version="1.0"?>', '<?xml version="1.1"?>', "<!DOCTYPE Response>", "\ufeff"]
ENCODINGS = st.sampled_from(["utf-8", "utf-16", "utf-32", "gb18030", "big5", "cp1252", "cp037"])


@SLOW_MACHINE
@given(st.sampled_from(HEADS), ENCODINGS, ENCODINGS, st.text(max_size=30))
def test_any_encoding(head: str, declared: str, real: str, words: str) -> None:
    declaration = head or f'<?xml version="1.0" encoding="{declared}"?>'
    body = f"{declaration}<Response><Say>{escape(words)}</Say></Response>"
    plays(lambda _request: answer(body.encode(real, "xmlcharrefreplace")))


XML_CHARACTERS = st.characters(
    min_codepoint=32, exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"
)
NUMBERS = st.integers(-2, 10**12).map(str)
PLACES = st.one_of(
    st.sampled_from(
        [*(url for url, _code in NOWHERE), "/a", "", "?", "#rc=9", "//", "http:", "a:b"]
    ),
    st.text(XML_CHARACTERS, max_size=40),
    st.text("/:.?#@[]%-ahtp1٣", max_size=20).map("http://".__add__),
)
VALUES = st.one_of(NUMBERS, PLACES, st.sampled_from(["true", "auto", "speech", "GET", MANY, "99%"]))


def attributes_of(noun: Noun) -> st.SearchStrategy[Mapping[str, str]]:
    names = st.sampled_from(sorted(noun.attributes) or ["none"])
    return st.dictionaries(names, VALUES, max_size=4)


def element(name: str, noun: Noun, depth: int) -> st.SearchStrategy[str]:
    """The element with any attributes, around any text and any children it may have."""
    inner = VALUES.map(escape)
    children = allowed_in(noun.twiml_class)
    if depth and children:
        inner = st.one_of(inner, elements(children, depth - 1))

    def written(attributes: Mapping[str, str], content: str) -> str:
        told = " ".join(f"{key}={quoteattr(value)}" for key, value in attributes.items())
        return f"<{name} {told}>{content}</{name}>"

    return st.builds(written, attributes_of(noun), inner)


def elements(allowed: Mapping[str, Noun], depth: int) -> st.SearchStrategy[str]:
    one = st.one_of(*(element(name, allowed[name], depth) for name in sorted(allowed)))
    return st.lists(one, max_size=4).map("".join)


PLAYED = ("Say", "Play", "Pause", "Gather", "Dial", "Record", "Enqueue", "Redirect", "Reject")
DOCUMENTS = elements({name: allowed_in()[name] for name in PLAYED}, 2)


@SLOW_MACHINE
@given(DOCUMENTS)
def test_any_document(verbs: str) -> None:
    plays(lambda _request: answer(f"<Response>{verbs}</Response>"))


@SLOW_MACHINE
@given(st.one_of(PLACES, st.text(st.characters(max_codepoint=255), max_size=40)))
def test_any_location(url: str) -> None:
    class Elsewhere:
        """Every request is sent on to the same place."""

        def send(self, *_request: object) -> HttpResponse:
            return HttpResponse(307, (("Location", url), ("Set-Cookie", url)), b"")

    call = Call(a_line(fallback="/fallback"), Elsewhere())
    call.dial()
    call.run_to_silence()
    assert call.ended
    assert MISTAKE not in codes(call)


def test_real_http_to_any_place() -> None:
    pages = Pages({})

    @SLOW_MACHINE
    @given(PLACES)
    def goes_to(url: str) -> None:
        pages.pages["/voice"] = f"<Redirect>{escape(url)}</Redirect>"
        call = Call(PhoneLine(BASE + "/voice"), transport)
        call.dial()
        call.run_to_silence()
        assert call.ended
        assert MISTAKE not in codes(call)

    with served(pages) as inside:
        transport = HttpTransport(via=inside)
        goes_to()
        transport.close()
