"""What is remembered of an exchange of texts: the question that waits, and what was answered.

No words of anybody's text, and no digits but those of our own answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from redis import Redis

from ivr.prompts.languages import LanguageCode
from ivr.store import keys
from ivr.store.codec import dump, plain, whole
from ivr.store.unreadable import CALLS, naming, read

# KEYS: what was answered, the question, the misses. ARGV: the answer, the question ("" for none),
# and whether it was a miss. What a text was answered stays, whoever answers it again.
_SAVE: Final = f"""
{CALLS}
if not call('SET', KEYS[1], ARGV[1], 'NX', 'EX', {keys.ANSWERED_SECONDS}) then return end
if ARGV[2] == '' then call('DEL', KEYS[2])
else call('SET', KEYS[2], ARGV[2], 'EX', {keys.TEXTING_SECONDS}) end
if ARGV[3] == '1' and try('INCR', KEYS[3]) == 1 then
  redis.call('EXPIRE', KEYS[3], {keys.DAY})
end
"""


@dataclass(frozen=True)
class Question:
    """Whether a card is to be reported lost: asked of a phone, in answer to the text `id`. A yes
    files under that id, however often it comes.
    """

    id: str
    holder_ref: str
    card_ref: str
    asked_at: int
    language: LanguageCode


@dataclass(frozen=True)
class Before:
    """How an exchange stands when a text comes. answered: what this very text was answered, if it
    was. misses: of this phone's texts that led nowhere, within 24 hours.
    """

    now: int
    answered: tuple[str, ...] | None
    question: Question | None
    misses: int


class TextExchanges:
    """Exchanges by the phone's reference."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._save = redis.register_script(_SAVE)

    def before(self, phone_ref: str, text_id: str) -> Before:
        """One round trip."""
        asked = keys.texting(phone_ref)
        with naming(self._redis, asked), self._redis.pipeline(transaction=False) as pipe:
            pipe.time()
            pipe.get(keys.answered(text_id))
            pipe.get(asked)
            pipe.get(keys.texts_missed(phone_ref))
            (now, _), answered, question, misses = pipe.execute()
            return Before(
                int(now),
                None if answered is None else msgspec.json.decode(answered, type=tuple[str, ...]),
                None if question is None else read(Question, asked, question),
                whole(plain(misses or 0)),
            )

    def save(
        self,
        phone_ref: str,
        text_id: str,
        answer: Sequence[str],
        question: Question | None,
        *,
        is_miss: bool,
    ) -> None:
        """Remembers the answer and the question that waits now. One round trip."""
        places = [keys.answered(text_id), keys.texting(phone_ref), keys.texts_missed(phone_ref)]
        asked = b"" if question is None else dump(question)
        args = [msgspec.json.encode(answer), asked, "1" if is_miss else "0"]
        with naming(self._redis):
            self._save(keys=places, args=args)
