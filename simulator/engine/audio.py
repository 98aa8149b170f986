"""What a Play plays: fetched as Twilio does, once in a call, and how long it sounds.

Source: twilio.com/docs/voice/twiml/play, and the "Error and Warning Dictionary" (see faults.py).
"""

import io
import wave

from .faults import FaultError
from .fetch import Fetcher, HttpRequest
from .markup import media_type
from .rules import Rules

UNKNOWN_LENGTH = 3.0  # of what is no WAV: nothing here decodes MP3
# twilio.com/docs/voice/twiml/play: the types it takes.
AUDIO_TYPES = {
    "audio/mpeg", "audio/wav", "audio/wave", "audio/x-wav", "audio/aiff", "audio/x-aifc",
    "audio/x-aiff", "audio/x-gsm", "audio/gsm", "audio/ulaw",
}  # fmt: skip


class Recordings:
    """The recordings that one call has heard: seconds by URL. "Cached by ETag": asked for once."""

    def __init__(self, fetcher: Fetcher, rules: Rules) -> None:
        self._fetcher = fetcher
        self._rules = rules
        self._seconds: dict[str, float] = {}

    def seconds(self, url: str, now: float) -> float:
        """How long it sounds. FaultError 11200 when there is none, 13420 when it is no audio."""
        if self._rules.audio_seconds:
            return self._rules.audio_seconds(url)
        if url not in self._seconds:
            self._seconds[url] = self._fetched(url, now)
        return self._seconds[url]

    def _fetched(self, url: str, now: float) -> float:
        """A GET "without the call's parameters"."""
        try:
            _, answer = self._fetcher.fetch(HttpRequest(url, {}, {}, "GET", "audio"), now)
        except FaultError as error:
            raise FaultError(11200, error.fault.detail or str(error), url) from error
        content_type = media_type(answer.header("Content-Type"))
        if content_type not in AUDIO_TYPES:
            raise FaultError(13420, f"{content_type or 'no type'} is no audio", url)
        return _seconds(answer.body)


def _seconds(body: bytes) -> float:
    try:
        with wave.open(io.BytesIO(body)) as file:
            return float(file.getnframes() / file.getframerate())
    except (wave.Error, EOFError, ZeroDivisionError):
        return UNKNOWN_LENGTH
