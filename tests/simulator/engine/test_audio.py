"""Play: fetched as Twilio does. twilio.com/docs/voice/twiml/play."""

import io
import wave

import pytest
from werkzeug.wrappers import Request, Response

from simulator.engine import Rules

from .apps import Page, Pages, answer, codes, dialled, said

GATHER = '<Gather timeout="5"><Play>/a.wav</Play><Say>press</Say></Gather><Say>bye</Say>'


def a_wav(seconds: float) -> bytes:
    body = io.BytesIO()
    with wave.open(body, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(2 * int(8000 * seconds)))
    return body.getvalue()


def audio(body: bytes, content_type: str = "audio/wav", status: int = 200) -> Response:
    return answer(body, status, content_type)


def test_a_recording_is_fetched_once_without_the_calls_parameters_and_lasts_as_long_as_it_is() -> (
    None
):
    pages = Pages({"/voice": '<Play>/a.wav?v=1</Play><Play loop="2">/a.wav?v=1</Play>',
                   "/a.wav": lambda _request: audio(a_wav(1.5))})  # fmt: skip
    call = dialled(pages)
    assert (codes(call), call.now) == ([], 3 * 1.5)
    (request,) = [each for each in pages.requests if each.path == "/a.wav"]
    assert (request.method, request.query_string, request.form) == ("GET", b"v=1", {})
    assert "X-Twilio-Signature" in request.headers
    (exchange,) = [each for each in call.exchanges if each.purpose == "audio"]
    assert exchange.body == ""


def test_what_is_no_wav_lasts_three_seconds() -> None:
    pages: dict[str, Page] = {
        "/voice": "<Play>/a</Play>",
        "/a": lambda _request: audio(b"ID3", "audio/mpeg"),
    }
    assert dialled(pages).now == 3


def test_a_recording_that_is_not_there_ends_the_document() -> None:
    # "a missing ... file is an error (11200 ...)"
    call = dialled({"/voice": "<Play>/a.wav</Play><Say>bye</Say>"})
    assert (codes(call), call.ended) == ([11200], True)
    assert "bye" not in said(call)


def test_what_is_no_audio_is_passed_over() -> None:
    # "non-audio file is an error (13420 ...)"
    pages: dict[str, Page] = {"/voice": "<Play>/a.wav</Play><Say>bye</Say>",
             "/a.wav": lambda _request: answer("<html/>", 200, "text/html")}  # fmt: skip
    call = dialled(pages)
    assert (codes(call), said(call)) == ([13420], ["bye"])


def not_there(_request: Request) -> Response:
    return answer("", 404)


def no_audio(_request: Request) -> Response:
    return answer("{}", 200, "application/json")


@pytest.mark.parametrize("page", [not_there, no_audio])
def test_in_a_gather_both_are_one_warning(page: Page) -> None:
    # "13325 in a Gather"
    call = dialled(Pages({"/voice": GATHER, "/a.wav": page}))
    assert (codes(call), said(call)) == ([13325], ["press"])


def test_all_plays_of_a_gather_are_fetched_before_the_first_sounds() -> None:
    nested = "<Gather><Say>press</Say><Play>/a.wav</Play></Gather>"
    pages = Pages({"/voice": nested, "/a.wav": lambda _request: audio(a_wav(1))})
    call = dialled(pages)
    assert pages.paths == ["/voice", "/a.wav"]
    assert call.exchanges[-1].at_seconds == 0


def test_a_tester_says_what_a_recording_says() -> None:
    rules = Rules(audio_seconds=lambda _url: 1.0, said_by=lambda url: f"the words of {url[-5:]}")
    pages = Pages({"/voice": "<Play>/a.wav</Play>"})
    call = dialled(pages, rules=rules)
    assert [event.text for event in call.transcript if event.kind == "played"] == [
        "the words of a.wav"
    ]
    assert pages.paths == ["/voice"]
