"""A second pair of eyes: a phone that knows nothing but TwiML and Twilio's signature rule.

It shares no code with our simulator: the standard library's XML, HTTP and HMAC only, over real
HTTP to the Procfile's web server, so that a mistake our own tools share would show here.
"""

import base64
import hashlib
import hmac
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from redis import Redis

from ivr.settings import read_settings
from ivr.store import keys
from tests.builders import BANKS, a_holder, a_secret, enrol
from tests.hotline import open_hotline
from tests.redis_server import RedisServer

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a token of Twilio's"
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Phone:
    """Follows TwiML: hears what is said, presses keys where a Gather listens."""

    def __init__(self, base: str, token: str = TOKEN) -> None:
        self._base = base
        self._token = token
        self._form = {"CallSid": "CA" + os.urandom(16).hex(), "From": "anonymous", "To": "12333"}
        self._document: ET.Element = self._post("/voice")

    def press(self, keys: str) -> None:
        gather = self._document.find("Gather")
        assert gather is not None, self.heard
        limit = int(gather.get("numDigits", "999"))
        finish = gather.get("finishOnKey", "#")
        digits, _, rest = keys.partition(finish) if finish else (keys, "", "")
        assert len(digits) <= limit
        assert not rest
        self._document = self._post(gather.attrib["action"], Digits=digits)

    def stay_silent(self) -> None:
        redirect = self._document.find("Redirect")
        assert redirect is not None, self.heard
        self._document = self._post((redirect.text or "").strip())

    @property
    def heard(self) -> str:
        return " ".join("".join(say.itertext()) for say in self._document.iter("Say"))

    def _post(self, target: str, **more: str) -> ET.Element:
        url = urllib.parse.urljoin(self._base, target)
        form = {**self._form, **more}
        signed = url + "".join(name + form[name] for name in sorted(form))
        mac = hmac.new(self._token.encode(), signed.encode(), hashlib.sha1)
        request = urllib.request.Request(url, urllib.parse.urlencode(form).encode())  # noqa: S310
        request.add_header("X-Twilio-Signature", base64.b64encode(mac.digest()).decode())
        with OPENER.open(request, timeout=15) as answer:
            assert answer.status == 200
            return ET.fromstring(answer.read())  # noqa: S314 (our own server's answer)


@pytest.fixture
def base(redis: Redis, redis_server: RedisServer, tmp_path: Path) -> Iterator[str]:
    """The web server on a free port, knowing one cardholder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    (tmp_path / "banks.toml").write_text(BANKS, encoding="utf-8")
    environ = {
        "REDIS_URL": redis_server.url,
        "PUBLIC_BASE_URL": f"http://{address}",
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_FROM_NUMBER": "+8612333",
        "BANKS_FILE": str(tmp_path / "banks.toml"),
        "ICBC_SECRETS": a_secret(),
        "CCB_SECRETS": a_secret(),
        "DATA_KEYS": Fernet.generate_key().decode(),
        "AGENT_NUMBER": "+861012333",
        "AGENT_HOURS": "00:00-24:00",
    }
    enrol(open_hotline(read_settings(environ), redis), a_holder())
    command = [sys.executable, "-m", "gunicorn", "app:app", "--bind", address, "--threads", "4"]
    with subprocess.Popen(
        [*command, "--worker-class", "gthread", "--no-control-socket"],
        cwd=ROOT,
        env={**os.environ, **environ},
        stderr=subprocess.DEVNULL,
    ) as server:
        _wait_until_alive(f"http://{address}/healthz")
        yield f"http://{address}"
        server.terminate()


def _wait_until_alive(url: str) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            OPENER.open(url, timeout=2).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


@pytest.mark.parametrize(
    ("language", "asked", "said"),
    [
        ("1", "确认请按1", r"编号(\d{4}) (\d{4})。再说一遍，(\d{4}) (\d{4})"),
        ("2", "press 1", r"Number (\d{4}) (\d{4})\. Again, (\d{4}) (\d{4})\."),
    ],
)
def test_it_reports_a_card_and_gets_the_number(
    base: str, redis: Redis, language: str, asked: str, said: str
) -> None:
    phone = Phone(base)
    for key in (language, "1", a_holder().id_number.replace("X", "*")):
        phone.press(key)
    assert asked in phone.heard
    phone.press("1")
    groups = re.search(said, phone.heard)
    assert groups is not None, phone.heard
    assert groups[1] + groups[2] == groups[3] + groups[4]
    assert redis.exists(keys.report(groups[1] + groups[2]))


def test_silence_at_the_language_is_mandarin_and_never_confirms(base: str, redis: Redis) -> None:
    phone = Phone(base)
    phone.stay_silent()
    assert "挂失请按1" in phone.heard
    phone.press("1")
    phone.press(a_holder().id_number.replace("X", "*"))
    for _ in range(4):
        phone.stay_silent()
    assert not list(redis.scan_iter(match=keys.loss("*")))


def test_a_wrong_signature_is_turned_away_without_a_word(base: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        Phone(base, token="somebody else's")
    with refused.value as answer:
        assert answer.code == 403
        assert answer.read() == b""
