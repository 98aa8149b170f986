"""A recording studio: espeak-ng speaks the studio's script, a file for each line of it."""

import shutil
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from ivr.every_language import load_words
from ivr.prompts.fragments import Fragment
from ivr.recordings import ENCODING, SCRIPT_FILE, script_of, write_script
from ivr.settings import Settings

ESPEAK: Final = shutil.which("espeak-ng")
VOICES: Final[Mapping[str, str]] = {"zh": "cmn", "en": "en-us"}


def fragments_of(settings: Settings) -> list[Fragment]:
    """Everything a deployment may say."""
    return list(script_of(settings, load_words()).fragments())


def record(settings: Settings, place: Path) -> Path:
    """Fills an AUDIO_DIR with a whole set of WAV files."""
    fragments = fragments_of(settings)
    for code in VOICES:
        (place / code).mkdir()
    with (place / SCRIPT_FILE).open("w", encoding=ENCODING) as script:
        write_script(fragments, script)
    with ThreadPoolExecutor(4) as voices:
        list(voices.map(lambda each: _speak(each, place), fragments))
    return place


def _speak(fragment: Fragment, place: Path) -> None:
    assert ESPEAK is not None
    path = place / f"{fragment.name}.wav"
    words = [ESPEAK, "-v", VOICES[fragment.language], "-w", str(path), "--stdin"]
    subprocess.run(words, input=fragment.text.encode(), check=True)


def empty_set(settings: Settings, place: Path) -> Path:
    """The same without a voice: each file is the shortest MP3 that is one at a glance."""
    fragments = fragments_of(settings)
    with (place / SCRIPT_FILE).open("w", encoding=ENCODING) as script:
        write_script(fragments, script)
    for each in fragments:
        path = place / f"{each.name}.mp3"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"ID3" + each.name.encode())
    return place
