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

# KEYS: what was answered, the question, the misses, the answers. ARGV: the answer, the question (""
# for none), and whether it counts as a miss and as an answer. What a text was answered stays,
# whoever answers it again; and a question that stays waits no longer by that, but for a yes to it
# that was answered.
_SAVE: Final = f"""
{CALLS}
if not call('SET', KEYS[1], ARGV[1], 'NX', 'EX', {keys.ANSWERED_SECONDS}) then return end
if ARGV[2] == '' then call('DEL', KEYS[2])
elseif call('GET', KEYS[2]) ~= ARGV[2] then
  call('SET', KEYS[2], ARGV[2], 'EX', {keys.TEXTING_SECONDS})
end
for place = 3, 4 do
  if ARGV[place] == '1' and try('INCR', KEYS[place]) == 1 then
    redis.call('EXPIRE', KEYS[place], {keys.DAY})
  end
end
"""


@dataclass(frozen=True)
class Question:
    """Whether a card is to be reported lost: asked of a phone, in answer to the text `id`. A yes
    files under that id, however often it comes. told: how many yeses were answered.
    """

    id: str
    holder_ref: str
    card_ref: str
    asked_at: int
    language: LanguageCode
    told: int = 0


@dataclass(frozen=True)
class Before:
    """How an exchange stands when a text comes. answered: what this very text was answered, if it
    was. misses: of this phone's texts that led nowhere, within 24 hours. answers: of its texts that
    were answered, within 24 hours.
    """

    now: int
    answered: tuple[str, ...] | None
    question: Question | None
    misses: int
    answers: int


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
            pipe.get(keys.answered(phone_ref, text_id))
            pipe.get(asked)
            pipe.get(keys.texts_missed(phone_ref))
            pipe.get(keys.texts_answered(phone_ref))
            (now, _), answered, question, misses, answers = pipe.execute()
            return Before(
                int(now),
                None if answered is None else msgspec.json.decode(answered, type=tuple[str, ...]),
                None if question is None else read(Question, asked, question),
                whole(plain(misses or 0)),
                whole(plain(answers or 0)),
            )

    def save(
        self,
        phone_ref: str,
        text_id: str,
        answer: Sequence[str],
        question: Question | None,
        *,
        is_miss: bool,
        is_counted: bool,
    ) -> None:
        """Remembers the answer and the question that waits now, and counts both. One round trip."""
        places = [
            keys.answered(phone_ref, text_id), keys.texting(phone_ref),
            keys.texts_missed(phone_ref), keys.texts_answered(phone_ref),
        ]  # fmt: skip
        asked = b"" if question is None else dump(question)
        args: list[bytes | int] = [
            msgspec.json.encode(answer), asked, int(is_miss), int(is_counted),
        ]  # fmt: skip
        with naming(self._redis):
            self._save(keys=places, args=args)
