"""X-Twilio-Signature: twilio.com/docs/usage/security."""

from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from simulator.engine.signature import sign, signed_url, signing_token

from .apps import Pages, a_line, dialled


@pytest.mark.parametrize("listed", ["new", "new,old", " new , old\n", '"new"'])
def test_while_a_token_is_changed_the_first_signs(listed: str) -> None:
    assert signing_token(listed) == "new"


VECTORS = [
    (
        "https://example.com/myapp.php?foo=1&bar=2",
        "CallSid=CA1234567890ABCDE Caller=+14158675310 Digits=1234 From=+14158675310 "
        "To=+18005551212",
        "L/OH5YylLD5NRKLltdqwSvS0BnU=",
    ),
    (
        "http://mycompany.com/myapp.php?foo=1&bar=2",
        "CallSid=CA1234567890ABCDE Digits=1234 From=+14158675309 To=+18005551212",
        "HpS7PBa1Agvt4OtO+wZp75IuQa0=",
    ),
    (
        "https://mycompany.com/myapp.php?foo=1&bar=2",
        "CallSid=CA1234567890ABCDE Caller=+14158675309 Digits=1234 From=+14158675309 "
        "To=+18005551212",
        "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
    ),
]


@pytest.mark.parametrize(("url", "parameters", "signature"), VECTORS)
def test_published_vectors(url: str, parameters: str, signature: str) -> None:
    # "Vectors, token `12345`"
    form = dict(pair.split("=", 1) for pair in parameters.split())
    assert sign("12345", url, form) == signature


_words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_urls = st.builds(
    "{}://host.example{}/{}{}".format,
    st.sampled_from(["http", "https"]),
    st.sampled_from(["", ":8080", ":443", ":80"]),
    st.sampled_from(["", "voice", "voice/%E6%8C%82", "a%2Fb/~c"]),
    st.sampled_from(["", "?turn=1", "?x=%7E&y=", "?a=1&a=2"]),
)


# No time limits: a busy machine is not a wrong answer.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_words, _urls, st.dictionaries(_words, _words, max_size=6))
def test_agrees_with_twilios_own_validator(
    token: str, url: str, parameters: dict[str, str]
) -> None:
    # "each parameter sorted by name, name+value, nothing between, ... empty values included"
    signature = sign(token, url, parameters)
    assert RequestValidator(token).validate(url, parameters, signature)


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        # "The fragment (`#rc=2`) is neither sent nor signed."
        ("https://a.example/voice?x=1#rc=2", "https://a.example/voice?x=1"),
        # "Voice over HTTP keeps the port, over HTTPS drops it"
        ("http://a.example:8000/voice", "http://a.example:8000/voice"),
        ("https://a.example:8443/voice", "https://a.example/voice"),
        ("https://[::1]:8443/voice", "https://[::1]/voice"),
        # "user:password is always dropped"
        ("http://me:secret@a.example:8000/v", "http://a.example:8000/v"),
        ("https://me:secret@a.example:8443/v", "https://a.example/v"),
        # "percent-encoding untouched"
        ("https://a.example/v?x=%E5%7E%2F&y=a+b", "https://a.example/v?x=%E5%7E%2F&y=a+b"),
    ],
)
def test_what_of_the_url_is_signed(url: str, signed: str) -> None:
    assert signed_url(url) == signed


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_request_of_a_call_validates(method: str) -> None:
    # "GET: S = URL with query, percent-encoding untouched" / POST: URL and form.
    pages = Pages(
        {
            "/voice": f'<Redirect method="{method}">/next?who=%E6%8C%82%7E&amp;x=挂</Redirect>',
            "/next": f'<Gather numDigits="1" method="{method}" action="/end"/>',
            "/end": "<Say>Bye</Say>",
            "/status": "",
        }
    )
    line = a_line(status="/status", auth_token="another token", voice_method=method)
    call = dialled(pages, line)
    call.press("7")
    call.run_to_silence()
    assert [request.method for request in pages.requests] == [method] * 3 + ["POST"]
    for request in pages.requests:
        url = f"{request.scheme}://{request.host}{request.environ['RAW_URI']}"
        form = request.form.to_dict()
        signature = request.headers["X-Twilio-Signature"]
        assert RequestValidator(line.auth_token).validate(url, form, signature)
    assert urlsplit(pages.requests[1].environ["RAW_URI"]).query.startswith(
        "who=%E6%8C%82%7E&x=%E6%8C%82"
    )
