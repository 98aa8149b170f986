"""AUDIO_DIR: the recorded voices, a file for each fragment and language, and which are missing.

`script.csv` in it is what the voices were recorded from. A file whose words have changed since is
as good as missing: nobody is to hear last year's hours.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final, TextIO

from ivr.errors import HotlineError
from ivr.prompts.catalogue import Catalogue
from ivr.prompts.fragments import Fragment, Script
from ivr.prompts.languages import LANGUAGES, LanguageCode
from ivr.settings import Settings
from ivr.spoken import hours_text

SCRIPT_FILE: Final = "script.csv"
COLUMNS: Final = ("file", "language", "text", "note")
ENCODING: Final = "utf-8-sig"  # with the mark by which Excel knows UTF-8
CONTENT_TYPES: Final = {".mp3": "audio/mpeg", ".wav": "audio/wav"}  # the first there is, wins
_KEYS_TO_PICK: Final = range(1, 9)  # of a list of cards
_MP3: Final = (b"ID3", b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2", b"\xff\xe3", b"\xff\xe2")


class RecordingsError(HotlineError):
    """The recorded voices cannot be used; `faults` has one line for each thing to correct."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("Recorded voices to correct:\n" + "\n".join(f"  - {f}" for f in faults))
        self.faults = faults


@dataclass(frozen=True)
class Recording:
    """One file. `name` as it stands in AUDIO_DIR and in URLs: "zh/welcome.1.mp3"."""

    name: str
    path: Path
    digest: str

    @property
    def content_type(self) -> str:
        return CONTENT_TYPES[self.path.suffix]


@dataclass(frozen=True)
class Recordings:
    """What is recorded (by a fragment's name), and what is not: one line for each with the reason.

    `script`: how what is said is put together of them.
    """

    script: Script
    found: Mapping[str, Recording] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


def script_of(settings: Settings, words: Catalogue) -> Script:
    """What this deployment may say, in fragments."""
    names = {code: _names(settings, code) for code in LANGUAGES}
    is_all = settings.voice == "recorded"
    return Script(words, names, is_all_recorded=is_all)


def read_recordings(settings: Settings, words: Catalogue) -> Recordings:
    """The files of AUDIO_DIR that say what is said today.

    Raises:
        RecordingsError: AUDIO_DIR or its script cannot be read.
    """
    script = script_of(settings, words)
    place = settings.audio_dir
    told = _read_script(place) if place else {}
    found: dict[str, Recording] = {}
    missing: list[str] = []
    for fragment in script.fragments():
        recording, why = _look_for(place, fragment, told) if place else (None, "is not there")
        if recording is None:
            missing.append(f"{fragment.name} {why}: {fragment.text}")
        else:
            found[fragment.name] = recording
    return Recordings(script, found, tuple(missing))


def voices_for_calls(settings: Settings, words: Catalogue) -> Recordings:
    """The same for a server, which must not begin a call that it cannot end.

    Raises:
        RecordingsError: as above, or VOICE=recorded lacks a file.
    """
    recordings = read_recordings(settings, words)
    if settings.voice == "recorded" and settings.audio_dir is None:
        raise RecordingsError(["AUDIO_DIR is not set, and VOICE=recorded needs it"])
    if settings.voice == "recorded" and recordings.missing:
        raise RecordingsError([f"AUDIO_DIR {line}" for line in recordings.missing])
    return recordings


def write_script(fragments: Iterable[Fragment], file: TextIO) -> None:
    """The script for the studio as CSV: one line a file, what to say and how."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for each in fragments:
        writer.writerow((f"{each.name}.mp3", each.language, each.text, each.note))


def _names(settings: Settings, code: LanguageCode) -> dict[str, str]:
    """What is filled into sentences and is neither digits nor a moment."""
    row = LANGUAGES[code]
    numbers = sorted({*_KEYS_TO_PICK, settings.loss_report_days})
    return {
        "line": settings.rules.line_itself.values(code)["line"],
        "hours": hours_text(settings.agent_hours, code),
        "issuing_bank": row.issuing_bank,
        "unknown_phone": row.unknown_phone,
        **{f"language.{each}": other.called for each, other in LANGUAGES.items()},
        **{f"bank.{bank.id}": bank.name[code] for bank in settings.banks.values()},
        **{f"number.{number}": str(number) for number in numbers},
    }


def _read_script(place: Path) -> dict[str, str]:
    """Fragment's name -> the text that its file says."""
    try:
        with (place / SCRIPT_FILE).open(encoding=ENCODING, newline="") as file:
            rows = list(csv.DictReader(file, strict=True))
            return {row["file"].rpartition(".")[0]: row["text"] for row in rows}
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, AttributeError) as error:
        why = error.strerror if isinstance(error, OSError) else "is no script"
        raise RecordingsError(
            [
                f"AUDIO_DIR {place / SCRIPT_FILE}: {why}; it is what `flask prompts studio` wrote "
                "and the voices were recorded from"
            ]
        ) from None


def _look_for(
    place: Path, fragment: Fragment, told: Mapping[str, str]
) -> tuple[Recording | None, str]:
    """The fragment's file, or why there is none."""
    for path in _paths(place, fragment):
        if told.get(fragment.name) != fragment.text:
            return None, "was recorded with other words"
        body = path.read_bytes()
        if not _is_audio(path.suffix, body):
            return None, f"is no {path.suffix.removeprefix('.')} file"
        name = fragment.name + path.suffix
        return Recording(name, path, sha256(body).hexdigest()), ""
    return None, "is not there"


def _paths(place: Path, fragment: Fragment) -> Iterator[Path]:
    paths = (place / f"{fragment.name}{suffix}" for suffix in CONTENT_TYPES)
    return (path for path in paths if path.is_file())


def _is_audio(suffix: str, body: bytes) -> bool:
    if suffix == ".wav":
        return body[:4] == b"RIFF" and body[8:12] == b"WAVE"
    return body.startswith(_MP3)
