"""The target whose signature is checked is the target that was routed, or nothing comes in; nor
does a body that breaks off.
"""

import io
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask, Request
from werkzeug.test import EnvironBuilder

from ivr.web.wsgi import raw_target
from tests.bank_side import new_id, signed
from tests.builders import BASE_URL, hotline_of
from tests.web.conftest import FORM_TYPE, SID, SIGNATURE, Twilio, signature_of

SIGNED = "/voice/language?turn=0&lang=zh"
FORM = (("CallSid", SID), ("Digits", "1"))


def a_request(routed: str, **environ: str) -> Request:
    """What the web server makes of a request line: where it routes to, and what it was."""
    overrides: dict[str, Any] = dict(environ)
    return Request(EnvironBuilder(routed, environ_overrides=overrides).get_environ())


@pytest.mark.parametrize(
    ("raw", "routed", "target"),
    [
        ("/voice?x=%7E", "/voice", "/voice?x=%7E"),
        ("/voice?z=://h/voice/status", "/voice", "/voice?z=://h/voice/status"),
        ("/voice#/x?y", "/voice", "/voice#/x?y"),
        ("/voice/%6Canguage?a", "/voice/language", "/voice/%6Canguage?a"),
        ("/voice/%E4%B8%AD", "/voice/中", "/voice/%E4%B8%AD"),
        ("http://10.0.0.7:8000/voice?x", "/voice", "/voice?x"),
        ("https://hotline.example/voice", "/voice", "/voice"),
    ],
)
def test_a_target_is_passed_on_untouched(raw: str, routed: str, target: str) -> None:
    assert raw_target(a_request(routed, RAW_URI=raw)) == target


@pytest.mark.parametrize(
    ("raw", "routed"),
    [
        ("voice/confirm?turn=3&z=://h" + SIGNED, "/voice/confirm"),
        ("voice?z=://h/voice", "/voice"),
        ("x:/voice?z=://h/voice", "/voice"),
        ("ftp://h/voice", "/voice"),
        ("xhttp://h/voice", "/voice"),
        ("http://h?z=/voice", "/voice"),
        ("http://h#/voice", "/voice"),
        ("http:///voice", "/voice"),
        ("*", "/voice"),
        ("/voice/status", "/voice/confirm"),
        ("http://h/voice/status", "/voice/confirm"),
        ("/voice/%2563onfirm", "/voice/confirm"),
    ],
)
def test_any_other_target_is_none(raw: str, routed: str) -> None:
    assert raw_target(a_request(routed, RAW_URI=raw)) is None


def test_bytes_that_are_no_text_are_compared_as_bytes() -> None:
    raw = "/voice/%ff%C3"
    assert raw_target(a_request("/", RAW_URI=raw, PATH_INFO="/voice/\xff\xc3")) == raw
    assert raw_target(a_request("/", RAW_URI=raw, PATH_INFO="/voice/\xff\xc4")) is None


def test_a_script_name_is_part_of_the_path() -> None:
    assert raw_target(a_request("/voice", RAW_URI="/ivr/voice", SCRIPT_NAME="/ivr")) == "/ivr/voice"
    assert raw_target(a_request("/voice", RAW_URI="/voice", SCRIPT_NAME="/ivr")) is None


def test_a_signature_of_another_route_opens_nothing(twilio: Twilio) -> None:
    """A captured request is sent to where it would do most harm."""
    response = twilio.client.post(
        "/voice/confirm?turn=3", data=urlencode(FORM).encode(), content_type=FORM_TYPE,
        headers={SIGNATURE: signature_of(BASE_URL + SIGNED, FORM)},
        environ_overrides={"RAW_URI": "voice/confirm?turn=3&z=://h" + SIGNED},
    )  # fmt: skip

    assert response.status_code == 403


def test_a_bank_gets_no_list_for_the_signature_of_another_target(
    app: Flask, twilio: Twilio
) -> None:
    secret = hotline_of(app).settings.banks["icbc"].secrets[0].get_secret_value()
    target = "/banks/icbc/blocks"

    def status(raw: str) -> int:
        headers = signed(secret, target.encode(), new_id())
        overrides = {"RAW_URI": raw}
        return twilio.client.get(target, headers=headers, environ_overrides=overrides).status_code

    assert status(target) == 200
    assert status(f"banks/icbc/blocks?z=://h{target}") == 401


def test_a_form_in_parts_is_turned_away_whoever_signed_it(twilio: Twilio) -> None:
    """Twilio never sends one, and its signature would not cover the files in it."""
    response = twilio.client.post(
        "/voice", data=dict(FORM), content_type="multipart/form-data",
        headers={SIGNATURE: signature_of(BASE_URL + "/voice", FORM)},
    )  # fmt: skip

    assert response.status_code == 403


class _BreaksOff(io.BytesIO):
    """What a web server passes on of chunks that are none; gunicorn's own errors are no OSError."""

    def read(self, *_: object) -> bytes:
        raise EOFError

    readinto = read  # type: ignore[assignment]


@pytest.mark.parametrize("target", ["/voice", "/voice/status", "/banks/icbc/events"])
def test_a_body_that_breaks_off_is_no_fault_of_ours(twilio: Twilio, target: str) -> None:
    response = twilio.client.post(
        target, headers={SIGNATURE: "A" * 27 + "="}, input_stream=_BreaksOff(),
        environ_overrides={"wsgi.input_terminated": True}, content_type=FORM_TYPE,
    )  # fmt: skip

    assert response.status_code == 400
    assert b"Response" not in response.get_data()
