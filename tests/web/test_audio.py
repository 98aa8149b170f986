"""GET /audio: recordings for Twilio, kept long, and nothing but recordings."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from werkzeug.test import Client

from ivr.dialogue.filing import OnRecord
from ivr.every_language import load_words
from ivr.prompts.languages import LANGUAGES
from ivr.recordings import voices_for_calls
from ivr.spoken import hours_text
from ivr.web.apology import Apology, Whereabouts
from ivr.web.played import Played
from ivr.web.twiml import Voice
from simulator.engine.checks import faults_in
from simulator.engine.markup import LARGEST_DOCUMENT, parse
from tests.builders import BASE_URL, an_app, settings
from tests.redis_server import RedisServer
from tests.studio import empty_set
from tests.web.conftest import PhoneCall, Twilio
from tests.web.test_twiml import SPOKEN, a_call

TARGET = "/audio/zh/welcome.1.mp3"


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A whole set, which nobody changes."""
    with tempfile.TemporaryDirectory(prefix="voices-") as directory:
        (Path(directory) / "secret.mp3").write_bytes(b"ID3 secret")
        yield empty_set(settings("unix:///nowhere"), Path(directory))


@pytest.fixture
def own_place(place: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(place, tmp_path / "voices"))


@pytest.fixture
def twilio(redis: Redis, redis_server: RedisServer, place: Path) -> Twilio:
    assert redis.dbsize() == 0
    return Twilio(an_app(settings(redis_server.url, audio_dir=str(place))))


@pytest.fixture
def client(twilio: Twilio) -> Client:
    return twilio.client


def played(call: PhoneCall) -> list[str]:
    text = call.answer.decode()
    return [part.partition("<")[0] for part in text.split("<Play>")[1:]]


def test_a_call_names_absolute_urls_that_are_kept_for_a_year(
    twilio: Twilio, client: Client
) -> None:
    urls = played(PhoneCall(twilio).dials())
    assert urls[0].startswith(f"https://hotline.example{TARGET}?v=")
    answer = client.get(urls[0].removeprefix("https://hotline.example"))
    assert (answer.status_code, answer.content_type) == (200, "audio/mpeg")
    assert answer.get_data() == b"ID3zh/welcome.1"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_asked_again_it_is_not_sent_again(client: Client) -> None:
    first = client.get(TARGET)
    again = client.get(TARGET, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.get_data()) == (304, b"")
    part = client.get(TARGET, headers={"Range": "bytes=0-2"})
    assert (part.status_code, part.get_data()) == (206, b"ID3")
    assert client.head(TARGET).status_code == 200


def test_another_version_is_not_kept_as_this_one(client: Client) -> None:
    assert "max-age" not in client.get(f"{TARGET}?v=0123456789ab").headers["Cache-Control"]


@pytest.mark.parametrize(
    "target",
    [
        "/audio/zh/nothing.mp3", "/audio/zh/welcome.1", "/audio/zh/welcome.1.wav",
        "/audio/zh/", "/audio/script.csv", "/audio/zh/script.csv", "/audio/zh/../secret.mp3",
        "/audio/../secret.mp3", "/audio/zh/..%2fsecret.mp3", "/audio/%2e%2e/secret.mp3",
        "/audio/zh/%00", "/audio/zh/welcome.1.mp3%00", "/audio//etc/passwd", "/audio/zh/.",
    ],
)  # fmt: skip
def test_nothing_else_is_there(client: Client, target: str) -> None:
    assert client.get(target).status_code == 404


def test_a_recording_that_is_gone_is_not_there(redis_server: RedisServer, own_place: Path) -> None:
    client = Twilio(an_app(settings(redis_server.url, audio_dir=str(own_place)))).client
    (own_place / "zh" / "welcome.1.mp3").unlink()
    assert client.get(TARGET).status_code == 404


def test_what_is_not_recorded_is_said(
    redis: Redis, redis_server: RedisServer, own_place: Path
) -> None:
    assert redis.dbsize() == 0
    (own_place / "zh" / "digit.2.mp3").unlink()
    (own_place / "zh" / "main_menu.1.mp3").unlink()
    call = PhoneCall(Twilio(an_app(settings(redis_server.url, audio_dir=str(own_place)))))
    call.dials()
    (own_number, *_) = played(call)[1:]
    assert "line.mp3" in own_number, "12333 is said whole: two voices in one number help nobody"
    call.hears("12333").presses("1").hears("挂失请按1")
    assert 'voice="Polly.Zhiyu-Neural"' in call.answer.decode()


def test_with_recorded_voices_no_step_and_no_apology_needs_synthesis(place: Path) -> None:
    deployment = settings("unix:///nowhere", audio_dir=str(place), voice="recorded")
    words = load_words()
    played = Played(voices_for_calls(deployment, words), BASE_URL)
    voice = Voice(words, "", "+861012333", "+8612333", played)
    answers = [
        voice.render(a_call(step, code, tries, hours=hours_text(deployment.agent_hours, code)))
        for step in SPOKEN
        for code in LANGUAGES
        for tries in (0, 1)
    ]
    apology = Apology(deployment, voice)
    at = Whereabouts("confirm", None, OnRecord.NO, failed=False)
    answers += [apology.for_broken_records(at), apology.for_unknown_outcome(at)]
    for answer in answers:
        assert "<Say" not in answer
        assert faults_in(parse(answer.encode())) == []
        assert len(answer.encode()) < LARGEST_DOCUMENT
