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


@pytest.mark.parametrize(
    "content_type", ["text/xml", "application/xml", "TEXT/XML ; charset=utf-8"]
)
@pytest.mark.parametrize("lenient", ["text/plain", "text/html"])
def test_twiml_under_several_names(content_type: str, lenient: str) -> None:
    # "text/xml and application/xml are TwiML; text/plain is read out (TwiML if it is valid)";
    # "text/html: Twilio's own pages disagree"
    body = b"<Response><Say>hi</Say></Response>"
    assert read_answer(content_type, body) == read_answer(lenient, body)


@pytest.mark.parametrize(
    ("content_type", "body", "heard"),
    [
        ("text/plain", b"Hello there", "Hello there"),
        ("text/plain; charset=gb18030", "您好".encode("gb18030"), "您好"),
        ("text/plain; charset=klingon", "您好".encode(), "您好"),
        ("text/plain; charset=undefined", b"hi", "hi"),
        ('text/plain; format=flowed; charset="utf-8"', "您好".encode(), "您好"),
        ("text/plain", b"<Response><Say>open", "<Response><Say>open"),
        ("text/plain", b"<html/>", "<html/>"),
    ],
)
def test_words_are_read_out(content_type: str, body: bytes, heard: str) -> None:
    (say,) = read_answer(content_type, body).children
    assert (say.name, say.own_text) == ("Say", heard)


@pytest.mark.parametrize("content_type", ["audio/mpeg", "audio/wav", "AUDIO/x-wav"])
def test_audio_is_played(content_type: str) -> None:
    # "audio is played, then the call ends"; "64 kB" are for documents
    (play,) = read_answer(content_type, b"ID3" * LARGEST_DOCUMENT, "https://a.example/x").children
    assert (play.name, play.own_text) == ("Play", "https://a.example/x")


@pytest.mark.parametrize("content_type", ["image/png", "application/json", ""])
def test_other_content_types(content_type: str) -> None:
    # "anything else 12300"
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
