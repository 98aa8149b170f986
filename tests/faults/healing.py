"""How long it takes until everything that was owed at the moment of a fault is settled: what is
owed to banks, and with the texts to holders, which wait for one worker's turn.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from redis import Redis
from redis.exceptions import RedisError

from ivr.store import keys
from ivr.store.codec import plain
from ivr.store.outbox import TEXTS_QUEUE


@dataclass
class Wound:
    """One fault: when it was, and what was open then (None: nobody could say yet)."""

    cause: str
    at: float
    needs_a_call: bool
    texts_too: bool
    open: set[str] | None = None


@dataclass
class Stopwatch:
    """Looks at the outbox many times a second, from a thread of its own.

    A wound is healed when every notice that was open at its moment is settled; after Redis'
    return, when also a call begun since then has got its report number.
    """

    redis: Redis
    helped_at: Callable[[], float]
    seconds: dict[str, list[float]] = field(default_factory=dict)
    _wounds: list[Wound] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def starts(self, cause: str, *, needs_a_call: bool = False) -> None:
        """A fault happens now."""
        with self._lock:
            now = time.monotonic()
            self._wounds.append(Wound(cause, now, needs_a_call, texts_too=False))
            self._wounds.append(Wound(f"{cause}, texts too", now, needs_a_call, texts_too=True))
        self._look()

    def rests(self, seconds: float = 60) -> None:
        """Returns when all wounds so far are healed, so that the next fault lengthens none."""
        until = time.monotonic() + seconds
        while self._wounds and time.monotonic() < until:
            time.sleep(0.05)

    def ends(self) -> dict[str, str]:
        """Nobody calls any more; -> each cause with how often, the median and the longest."""
        self._over.set()
        self._thread.join()
        for wound in self._wounds:
            self.seconds.setdefault(wound.cause, []).append(float("inf"))
        return {
            cause: f"{len(times)}x, median {sorted(times)[len(times) // 2]:.1f} s, "
            f"longest {max(times):.1f} s"
            for cause, times in sorted(self.seconds.items())
        }

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            self._look()
        with self._lock:
            for wound in self._wounds:
                wound.needs_a_call = False
        self._look()

    def _look(self) -> None:
        with self._lock:
            if not self._wounds:
                return
            try:
                found = {plain(n) for n in self.redis.zrange(keys.NOTICES_OPEN, 0, -1)}
                for wound in self._wounds:
                    wound.open = self._open_for(wound, found)
            except RedisError:
                return  # Redis is away: nothing heals meanwhile
            for wound in [w for w in self._wounds if self._is_healed(w)]:
                self._wounds.remove(wound)
                self.seconds.setdefault(wound.cause, []).append(time.monotonic() - wound.at)

    def _open_for(self, wound: Wound, found: set[str]) -> set[str]:
        if wound.open is not None:
            return wound.open & found
        return found if wound.texts_too else {n for n in found if not self._is_text(n)}

    def _is_text(self, notice_id: str) -> bool:
        return bool(self.redis.hget(keys.notice(notice_id), "queue") == TEXTS_QUEUE.encode())

    def _is_healed(self, wound: Wound) -> bool:
        called = not wound.needs_a_call or self.helped_at() >= wound.at
        return called and not wound.open
