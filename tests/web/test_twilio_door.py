"""Twilio's door: only requests Twilio signed come in, however they reach us."""

import hashlib
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from string import Template
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from flask import Flask, Request
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict
from werkzeug.test import EnvironBuilder

from ivr.web.twilio import TwilioDoor
from tests.builders import BANKS, BASE_URL, TWILIO_TOKEN, a_secret, an_app, settings
from tests.redis_server import RedisServer
from tests.web.conftest import FORM_TYPE, SID, SIGNATURE, Form, Twilio, signature_of

GENUINE: Form = (("CallSid", SID), ("Digits", "1"), ("From", "+8613800138000"))

VECTORS = [
    (
        "https://example.com",
        "L/OH5YylLD5NRKLltdqwSvS0BnU=",
        "CallSid=CA1234567890ABCDE Caller=+14158675310 Digits=1234 From=+14158675310 "
        "To=+18005551212",
    ),
    (
        "http://mycompany.com",
        "HpS7PBa1Agvt4OtO+wZp75IuQa0=",
        "CallSid=CA1234567890ABCDE Digits=1234 From=+14158675309 To=+18005551212",
    ),
    (
        "https://mycompany.com",
        "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
        "CallSid=CA1234567890ABCDE Caller=+14158675309 Digits=1234 From=+14158675309 "
        "To=+18005551212",
    ),
]

# What callers, the network and time may put into the URL or the form: all of it is signed.
TARGETS = [
    "/voice",
    "/voice/",
    "/voice?",
    "/voice/language?turn=0&lang=zh",
    "/voice/language/?turn=0",
    "/voice?From=%E5%8C%97%E4%BA%AC",
    "/voice?tilde=%7E&slash=%2F&plus=%2B&space=+&percent=%25&lower=%e5%8c%97",
    "/voice?a=1&a=2&empty=&bare",
    "/voice/%6Canguage?turn=0",
]
FORMS: list[Form] = [
    GENUINE,
    [("CallSid", SID)],
    [("CallSid", SID), ("FromCity", ""), ("FromState", "")],
    [("CallSid", SID), ("NewParameter", "nobody knows"), ("另一个", "也可以")],
    [("CallSid", SID), ("CallerName", "张三 +&=%~/\u00e9\U0001f600")],
    [("CallSid", SID), ("Digits", "2"), ("Digits", "1"), ("Digits", "1")],
    [("CallSid", SID), ("digits", "1"), ("DIGITS", "2"), ("a", "b"), ("A", "B")],
]


def a_request(target: str, form: Form, signature: str, **environ: str) -> Request:
    builder = EnvironBuilder(
        target, method="POST", data=urlencode(form).encode(), content_type=FORM_TYPE,
        headers=[(SIGNATURE, signature)], environ_overrides=dict[Any, Any](environ),
    )  # fmt: skip
    return Request(builder.get_environ())


def refusals(form: Form, url: str, other_url: str) -> dict[str, str | None]:
    """Every way not to have Twilio's signature."""
    right = signature_of(url, form)
    return {
        "none": None,
        "empty": "",
        "nonsense": "nonsense",
        "not ascii": "é中".encode().decode("latin-1"),
        "another URL": signature_of(other_url, form),
        "other parameters": signature_of(url, [*form, ("Digits", "2")]),
        "no parameters": signature_of(url),
        "another token": signature_of(url, form, token="54321"),
        "an empty token": signature_of(url, form, token=""),
        "longer": right + "=",
        "shorter": right[:-1],
        "other case": right.swapcase(),
    }


@pytest.mark.parametrize(("base", "signature", "parameters"), VECTORS)
def test_the_published_vectors_are_admitted(base: str, signature: str, parameters: str) -> None:
    form = [(n, v) for n, _, v in (pair.partition("=") for pair in parameters.split())]
    target = "/myapp.php?foo=1&bar=2"

    assert TwilioDoor(TWILIO_TOKEN, base).admits(a_request(target, form, signature))
    assert not TwilioDoor("12346", base).admits(a_request(target, form, signature))


@pytest.mark.parametrize("target", TARGETS)
def test_a_genuine_request_comes_in_whatever_its_url(twilio: Twilio, target: str) -> None:
    response = twilio.posts(target, GENUINE)

    assert response.status_code == 200
    assert b"<Response>" in response.get_data()


@pytest.mark.parametrize("form", FORMS, ids=range(len(FORMS)))
def test_a_genuine_request_comes_in_whatever_its_parameters(twilio: Twilio, form: Form) -> None:
    assert twilio.posts("/voice", form).status_code == 200


def test_every_voice_route_turns_away_what_twilio_did_not_sign(app: Flask, twilio: Twilio) -> None:
    rules = [rule for rule in app.url_map.iter_rules() if str(rule).startswith("/voice")]
    assert {str(rule) for rule in rules} >= {
        "/voice",
        "/voice/<step>",
        "/voice/status",
        "/voice/agent",
    }

    for rule in rules:
        target = str(rule).replace("<step>", "confirm") + "?turn=3"
        for why, signature in refusals(GENUINE, BASE_URL + target, BASE_URL + "/voice/x").items():
            response = twilio.sends(target, GENUINE, signature)
            assert response.status_code == 403, (target, why)
            assert response.get_data() == b"", "without detail"


def test_other_methods_are_no_way_in(twilio: Twilio) -> None:
    steps = ("confirm?turn=3", "status", "fallback", "agent")
    for target in ("/voice", *(f"/voice/{step}" for step in steps)):
        for method in ("GET", "PUT", "DELETE", "PATCH", "HEAD"):
            right = signature_of(BASE_URL + target)
            assert twilio.sends(target, (), right, method).status_code == 405, (method, target)
            assert twilio.sends(target, (), None, method).status_code == 405, (method, target)
        assert twilio.sends(target, (), None, "OPTIONS").status_code in (403, 405)


@pytest.mark.parametrize(
    "target", ["/voice/", "//voice", "/voice//language", "/voice//", "/voice/language//"]
)
def test_no_spelling_of_a_voice_url_is_redirected(twilio: Twilio, target: str) -> None:
    """A redirect of a Gather's action loses the keys."""
    assert twilio.posts(target, GENUINE).status_code in (200, 404)
    assert twilio.sends(target, GENUINE, None).status_code in (403, 404)


@pytest.mark.parametrize(
    ("configured", "signed"),
    [
        ("https://hotline.example", "https://hotline.example"),
        ("https://hotline.example/", "https://hotline.example"),
        ("https://hotline.example", "https://hotline.example:443"),
        ("https://hotline.example:8443", "https://hotline.example"),
        ("https://hotline.example:8443", "https://hotline.example:8443"),
        ("http://hotline.example:8080", "http://hotline.example:8080"),
        ("http://hotline.example", "http://hotline.example"),
        ("https://user:p%40ss@hotline.example", "https://hotline.example"),
        ("https://user:pass@hotline.example:8443", "https://hotline.example"),
        ("https://[::1]", "https://[::1]"),
        ("https://[::1]:8443", "https://[::1]"),
        ("http://user:pass@[::1]:8080", "http://[::1]:8080"),
        ("https://Hotline.Example", "https://Hotline.Example"),
        ("https://hotline.example/ivr/12333", "https://hotline.example/ivr/12333"),
        ("https://user:pass@hotline.example:8443/ivr/", "https://hotline.example/ivr"),
    ],
)
def test_the_base_url_is_read_as_twilio_signs_it(configured: str, signed: str) -> None:
    door = TwilioDoor(TWILIO_TOKEN, configured)
    signature = signature_of(signed + "/voice?x=%7E", GENUINE)

    assert door.admits(a_request("/voice?x=%7E", GENUINE, signature))


@pytest.mark.parametrize(
    ("configured", "signed"),
    [
        ("https://hotline.example", "http://hotline.example"),
        ("https://hotline.example", "https://hotline.example:8443"),
        ("http://hotline.example:8080", "http://hotline.example"),
        ("http://hotline.example:8080", "http://hotline.example:80"),
        ("https://hotline.example", "https://user:pass@hotline.example"),
        ("https://hotline.example/ivr", "https://hotline.example"),
        ("https://hotline.example", "https://hotline.example.evil"),
    ],
)
def test_another_base_url_is_another_url(configured: str, signed: str) -> None:
    door = TwilioDoor(TWILIO_TOKEN, configured)

    assert not door.admits(a_request("/voice", GENUINE, signature_of(signed + "/voice", GENUINE)))


@pytest.mark.usefixtures("redis")
def test_a_path_prefix_is_in_every_url_of_the_answers(redis_server: RedisServer) -> None:
    app = an_app(settings(redis_server.url, public_base_url="https://u:p@h.example:8443/ivr"))
    answer = Twilio(app, "https://h.example/ivr").posts("/voice").get_data(as_text=True)

    assert 'action="/ivr/voice/language?turn=0&amp;lang=zh"' in answer
    assert "u:p" not in answer


def test_what_a_proxy_makes_of_host_and_scheme_does_not_matter() -> None:
    door = TwilioDoor(TWILIO_TOKEN, BASE_URL)
    signature = signature_of(BASE_URL + "/voice?x=%2F", GENUINE)
    behind = {
        "HTTP_HOST": "10.0.0.7:8000", "SERVER_NAME": "10.0.0.7", "SERVER_PORT": "8000",
        "wsgi.url_scheme": "http", "HTTP_X_FORWARDED_HOST": "evil.example",
        "HTTP_X_FORWARDED_PROTO": "http",
    }  # fmt: skip

    assert door.admits(a_request("/voice?x=%2F", GENUINE, signature, **behind))


@pytest.mark.parametrize("origin", ["http://10.0.0.7:8000", "https://hotline.example"])
@pytest.mark.parametrize("target", ["/voice", "/voice?x=%7E%2F", "/voice?", "//voice"])
def test_a_proxy_may_send_the_whole_url_as_target(origin: str, target: str) -> None:
    door = TwilioDoor(TWILIO_TOKEN, BASE_URL)
    signature = signature_of(BASE_URL + target, GENUINE)

    path = target.partition("?")[0]
    routed: dict[str, str] = {"PATH_INFO": path, "RAW_URI": origin + target}
    assert door.admits(a_request("/", GENUINE, signature, **routed))
    routed["RAW_URI"] += "?x" if path == target else "x"
    assert not door.admits(a_request("/", GENUINE, signature, **routed))


def test_a_json_body_is_covered_by_its_hash(twilio: Twilio) -> None:
    body = json.dumps({"CallSid": SID}).encode()

    def status(claimed: str) -> int:
        target = f"/voice/status?bodySHA256={claimed}"
        signature = signature_of(BASE_URL + target)
        response = twilio.client.post(
            target, data=body, content_type="application/json", headers={SIGNATURE: signature}
        )
        return response.status_code

    right = hashlib.sha256(body).hexdigest()
    assert status(right) == 204
    assert status(right.upper()) == 204
    assert status(hashlib.sha256(b"{}").hexdigest()) == 403
    assert status("") == 403
    assert status("%E4%B8%AD") == 403


def test_a_json_body_without_a_hash_is_not_signed(twilio: Twilio) -> None:
    response = twilio.client.post(
        "/voice", data=b'{"CallSid": "CA1"}', content_type="application/json",
        headers={SIGNATURE: signature_of(BASE_URL + "/voice")},
    )  # fmt: skip

    assert response.status_code == 403


@pytest.mark.parametrize("size", [64 * 1024 + 1, 200_000])
def test_a_body_over_64_kb_is_too_large(twilio: Twilio, size: int) -> None:
    form = [("CallSid", SID), ("Digits", "1" * size)]

    assert twilio.posts("/voice", form).status_code == 413
    assert twilio.sends("/voice", form, None).status_code in (403, 413)


def test_bytes_that_are_no_form_are_turned_away(twilio: Twilio) -> None:
    for body in (b"\xff\xfe=\x00&%zz", b"CallSid=%ff%fe", b"&&&&"):
        response = twilio.client.post(
            "/voice", data=body, content_type=FORM_TYPE, headers={SIGNATURE: "x"}
        )
        assert response.status_code in (403, 413)


# --- any request at all --------------------------------------------------------------------

names = st.text(min_size=1, max_size=8)
forms = st.dictionaries(names, st.text(max_size=12), max_size=5)
queries = st.dictionaries(names, st.text(max_size=8), max_size=3)
QUICK = hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@QUICK
@given(path=st.text(max_size=8), query=queries, form=forms)
def test_whatever_twilio_signs_is_admitted(
    path: str, query: dict[str, str], form: dict[str, str]
) -> None:
    target = f"/voice/{quote(path)}" + ("?" if query else "") + urlencode(query)
    signature = signature_of(BASE_URL + target, list(form.items()))

    assert RequestValidator(TWILIO_TOKEN).validate(BASE_URL + target, form, signature)
    request = a_request(target, list(form.items()), signature)
    assert TwilioDoor(TWILIO_TOKEN, BASE_URL).admits(request)


@QUICK
@given(query=queries, form=forms, seed=st.integers())
def test_one_changed_character_is_refused(
    query: dict[str, str], form: dict[str, str], seed: int
) -> None:
    target = "/voice/confirm?" + urlencode(query)
    items = list(form.items())
    signature = signature_of(BASE_URL + target, items)
    other_target, other_items, other_signature = target, items, signature
    rng = Random(seed)
    match rng.choice(["target", "signature", "value"]):
        case "target":
            other_target = "/voice" + changed(target[6:], "abcxyz019%=&.", rng)
        case "signature":
            other_signature = changed(signature, "ABCxyz019+/=", rng)
        case "value":
            assume(any(form.values()))
            place = rng.choice([i for i, (_, value) in enumerate(items) if value])
            name, value = items[place]
            other_items = [*items[:place], (name, changed(value, "a1中", rng)), *items[place + 1 :]]

    door = TwilioDoor(TWILIO_TOKEN, BASE_URL)
    assert not door.admits(a_request(other_target, other_items, other_signature))
    assert door.admits(a_request(target, items, signature))


def changed(text: str, alphabet: str, rng: Random) -> str:
    """The text with one character replaced by another."""
    place = rng.randrange(len(text))
    other = rng.choice([c for c in alphabet if c != text[place]])
    return text[:place] + other + text[place + 1 :]


def test_any_request_agrees_with_twilios_own_validator() -> None:
    """Repeated parameters too: their library sorts them and drops doubles."""
    form = MultiDict([("b", "2"), ("a", "1"), ("b", "1"), ("b", "2")])
    url = BASE_URL + "/voice"
    signature = RequestValidator(TWILIO_TOKEN).compute_signature(url, form)

    assert RequestValidator(TWILIO_TOKEN).validate(url, form, signature)
    request = a_request("/voice", list(form.items(multi=True)), signature)
    assert TwilioDoor(TWILIO_TOKEN, BASE_URL).admits(request)


# --- through the real web server -------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def web_command(port: int) -> list[str]:
    """The Procfile's web line, on loopback."""
    lines = Path("Procfile").read_text(encoding="utf-8").splitlines()
    line = next(line for line in lines if line.startswith("web:")).removeprefix("web:")
    line = re.sub(r"\$\{(\w+):-[^}]*\}", r"${\1}", line)
    values = {"BIND_ADDRESS": "127.0.0.1", "PORT": str(port), "WEB_CONCURRENCY": "1"}
    program, *options = shlex.split(Template(line).substitute(values))
    assert program == "gunicorn"
    return [sys.executable, "-m", "gunicorn", *options]


@pytest.fixture(scope="module")
def web_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that the web server says."""
    return tmp_path_factory.mktemp("web") / "web.log"


@pytest.fixture(scope="module")
def web_port(redis_server: RedisServer, web_log: Path) -> Iterator[int]:
    """gunicorn as in production; yields its port."""
    directory = web_log.parent
    (directory / "banks.toml").write_text(BANKS, encoding="utf-8")
    environ = {
        "PATH": os.environ["PATH"], "HOME": str(directory), "REDIS_URL": redis_server.url,
        "PUBLIC_BASE_URL": BASE_URL, "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": TWILIO_TOKEN, "TWILIO_FROM_NUMBER": "12333",
        "BANKS_FILE": str(directory / "banks.toml"), "ICBC_SECRETS": a_secret(),
        "CCB_SECRETS": a_secret(), "DATA_KEYS": "B" * 43 + "=", "AGENT_NUMBER": "12333",
        "AGENT_HOURS": "00:00-24:00",
    }  # fmt: skip
    port = free_port()
    with redis_server.client() as client:
        client.flushall()  # what another test sealed under its own key would refuse this one
    with web_log.open("wb") as log:
        web = subprocess.Popen(web_command(port), env=environ, stdout=log, stderr=log)
    try:
        wait_for_answers(port, web, web_log)
        yield port
    finally:
        web.send_signal(signal.SIGTERM)
        web.wait(30)


def wait_for_answers(port: int, web: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert web.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)


def posted(port: int, target: str, body: bytes, signature: str | None, **headers: str) -> int:
    """The status of one real HTTP request; nothing on the way touches the target."""
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    connection.putrequest("POST", target, skip_host=True, skip_accept_encoding=True)
    sent = {"Host": "hotline.example", "Content-Type": FORM_TYPE, "Content-Length": str(len(body))}
    for name, value in {**sent, **headers}.items():
        connection.putheader(name, value)
    if signature is not None:
        connection.putheader(SIGNATURE, signature.encode("utf-8"))
    connection.endheaders(body)
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize("target", TARGETS)
def test_the_raw_target_reaches_the_check_untouched(web_port: int, target: str) -> None:
    body = urlencode(GENUINE).encode()
    signature = signature_of(BASE_URL + target, GENUINE)

    assert posted(web_port, target, body, signature) == 200
    assert posted(web_port, target + ("&" if "?" in target else "?x"), body, signature) == 403


@pytest.mark.parametrize("target", ["/voice/", "//voice", "/voice//language", "/voice/language/"])
def test_the_web_server_redirects_nothing(web_port: int, target: str) -> None:
    signature = signature_of(BASE_URL + target, GENUINE)

    assert posted(web_port, target, urlencode(GENUINE).encode(), signature) in (200, 404)


def test_behind_a_proxy_the_web_server_sees_another_host_and_scheme(web_port: int) -> None:
    signature = signature_of(BASE_URL + "/voice", GENUINE)
    body = urlencode(GENUINE).encode()
    proxied = {"Host": "10.0.0.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "h.example"}

    assert posted(web_port, "/voice", body, signature, **proxied) == 200
    assert posted(web_port, "http://10.0.0.7/voice", body, signature, **proxied) == 200


def test_the_web_server_turns_away_what_is_not_twilios(web_port: int) -> None:
    body = urlencode(GENUINE).encode()
    for why, signature in refusals(GENUINE, BASE_URL + "/voice", BASE_URL + "/x").items():
        assert posted(web_port, "/voice", body, signature) == 403, why


def test_a_signature_of_another_route_opens_nothing(web_port: int) -> None:
    """gunicorn takes any target with "://" in it, and routes to what comes first."""
    signed = "/voice/language?turn=0&lang=zh"
    signature = signature_of(BASE_URL + signed, GENUINE)
    body = urlencode(GENUINE).encode()

    assert posted(web_port, signed, body, signature) == 200
    for other in ("voice/confirm?turn=3&z=://h", "voice/status?z=://h", "x:/voice?z=://h"):
        assert posted(web_port, other + signed, body, signature) in (403, 404), other


def test_what_cannot_be_read_is_logged_without_its_content(web_port: int, web_log: Path) -> None:
    """The rest of a body that was longer than it said, with an ID number in it."""
    for line in (b"Digits=11010519491231002X&x HTTP", b"GET / HTTP/1.1\r\nId 11010519491231002X"):
        with socket.create_connection(("127.0.0.1", web_port), 20) as line_to_web:
            line_to_web.sendall(line + b"\r\n\r\n")
            assert line_to_web.recv(100).startswith(b"HTTP/1.1 400")

    said = web_log.read_text()
    assert "Invalid request from ip=127.0.0.1: InvalidRequestLine" in said
    assert "Invalid request from ip=127.0.0.1: InvalidHeader" in said
    assert "19491231" not in said


def test_the_web_server_refuses_large_bodies_and_lives_on(web_port: int) -> None:
    body = b"Digits=" + b"1" * 70_000
    signature = signature_of(BASE_URL + "/voice", GENUINE)

    assert posted(web_port, "/voice", body, signature) == 413
    assert posted(web_port, "/voice", urlencode(GENUINE).encode(), signature) == 200
