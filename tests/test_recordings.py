"""AUDIO_DIR: what is recorded, what is not and why, and what a server refuses to start with."""

from pathlib import Path

import pytest

from ivr.every_language import load_words
from ivr.recordings import (
    SCRIPT_FILE,
    Recordings,
    RecordingsError,
    read_recordings,
    voices_for_calls,
)
from ivr.settings import Settings
from tests.builders import settings
from tests.studio import empty_set


def deployment(place: Path | None, **changes: str) -> Settings:
    where = {} if place is None else {"audio_dir": str(place)}
    return settings("unix:///nowhere", **where, **changes)


def read(place: Path, **changes: str) -> Recordings:
    return read_recordings(deployment(place, **changes), load_words())


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return empty_set(deployment(None), tmp_path)


def test_a_whole_set_lacks_nothing(place: Path) -> None:
    found = read(place)
    assert found.missing == ()
    assert found.found["zh/welcome.1"].content_type == "audio/mpeg"
    voices_for_calls(deployment(place, voice="recorded"), load_words())


def test_what_is_missing_is_named(place: Path) -> None:
    (place / "zh" / "digit.7.mp3").unlink()
    (place / "en" / "bank.icbc.mp3").write_bytes(b"")
    (place / "en" / "goodbye.1.mp3").write_bytes(b"<html>")
    missing = (
        "zh/digit.7 is not there: 七",
        "en/goodbye.1 is no mp3 file: Thank you for calling. Goodbye.",
        "en/bank.icbc is no mp3 file: ICBC",
    )
    assert set(read(place).missing) == set(missing)
    with pytest.raises(RecordingsError) as refused:
        voices_for_calls(deployment(place, voice="recorded"), load_words())
    assert sorted(refused.value.faults) == sorted(f"AUDIO_DIR {line}" for line in missing)
    voices_for_calls(deployment(place), load_words())  # synthesis says the rest


def test_a_recording_of_other_words_is_missing(place: Path) -> None:
    """The hours of service have changed, and a bank its name."""
    missing = read(place, agent_hours="mon 08:00-12:00", voice="recorded").missing
    assert [line.partition(":")[0] for line in missing] == [
        "zh/hours was recorded with other words",
        "en/hours was recorded with other words",
    ]


def test_a_wav_will_do(place: Path) -> None:
    (place / "zh" / "digit.7.mp3").rename(place / "zh" / "digit.7.wav")
    assert read(place).missing == ("zh/digit.7 is no wav file: 七",)
    (place / "zh" / "digit.7.wav").write_bytes(b"RIFF\x24\0\0\0WAVEfmt ")
    assert read(place).found["zh/digit.7"].content_type == "audio/wav"


@pytest.mark.parametrize("text", [None, "", "no,columns\n1,2\n", 'file,text\n"unended'])
def test_without_a_script_nobody_knows_what_they_say(place: Path, text: str | None) -> None:
    script = place / SCRIPT_FILE
    script.unlink()
    if text is not None:
        script.write_text(text, encoding="utf-8")
    if text == "":
        assert len(read(place).found) == 0
        return
    with pytest.raises(RecordingsError, match=r"script\.csv.*flask prompts studio"):
        read(place)


def test_recorded_voices_need_a_place() -> None:
    with pytest.raises(RecordingsError, match="AUDIO_DIR is not set"):
        voices_for_calls(deployment(None, voice="recorded"), load_words())


def test_the_longest_suspension_and_a_city_with_its_own_name_have_recordings() -> None:
    found = read_recordings(deployment(None, loss_report_days="10"), load_words())
    assert any(line.startswith("zh/number.10 ") for line in found.missing)
