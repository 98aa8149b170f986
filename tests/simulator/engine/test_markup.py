"""Reading an answer: "text/xml, at most 64 kB, no leading white space", or Twilio's error codes."""

import pytest

from simulator.engine.faults import FaultError, Level
from simulator.engine.markup import LARGEST_DOCUMENT, parse, read_answer

XML = "text/xml; charset=utf-8"


def code_of(body: bytes, content_type: str = XML) -> int:
    with pytest.raises(FaultError) as caught:
        read_answer(content_type, body)
    assert caught.value.fault.level is Level.ERROR
    return caught.value.fault.code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<Response><Say>open</Response>", 12100),  # "malformed XML is error 12100"
        (b" <Response/>", 12100),  # "no leading white space"
        (b'\n<?xml version="1.0"?><Response/>', 12100),
        (b"just text", 12100),
        (b'<!DOCTYPE r [<!ENTITY e "x">]><Response>&e;</Response>', 12100),
        (b"<html><body/></html>", 12102),  # "root other than Response 12102"
        (b"<response/>", 12102),  # "Names are case-sensitive."
        (b"", 11770),  # "empty 11770"
    ],
)
def test_answers_twilio_cannot_use(body: bytes, code: int) -> None:
    assert code_of(body) == code


def test_size_limit() -> None:
    # "at most 64 kB", "too large 11750"
    frame = len("<Response></Response>")
    assert read_answer(XML, b"<Response>" + b" " * (LARGEST_DOCUMENT - frame) + b"</Response>")
    body = b"<Response>" + b" " * (LARGEST_DOCUMENT - frame + 1) + b"</Response>"
    assert code_of(body) == 11750


@pytest.mark.parametrize("content_type", ["text/html", "application/json", ""])
def test_other_content_types(content_type: str) -> None:
    # "other content type 12300"
    assert code_of(b"<Response/>", content_type) == 12300


def test_the_fault_names_line_and_reason() -> None:
    with pytest.raises(FaultError, match="line 2"):
        parse(b"<Response>\n<Say></Response>")


def test_elements_keep_order_lines_and_text() -> None:
    root = parse("<Response>\n<Say>您<break/>好</Say>\n<Hangup/></Response>".encode())
    say, hangup = root.children
    assert [part if isinstance(part, str) else part.name for part in say.content] == [
        "您",
        "break",
        "好",
    ]
    assert (say.line, hangup.line) == (2, 3)
