"""Which data keys each running process has, so that nothing is lost when keys are rotated.

A process says so by fingerprints, which reveal nothing: the keys are 32 random bytes.
"""

import os
import socket
import threading
import time
from typing import Final

import structlog
from redis import Redis
from redis.exceptions import RedisError

from ivr.store import keys
from ivr.store.codec import plain
from ivr.store.vault import Vault

EVERY_SECONDS: Final = 30.0

log = structlog.get_logger()


class Roster:
    """Publishes this process' fingerprints, and finds processes that seal with another key."""

    def __init__(self, redis: Redis, vault: Vault) -> None:
        self._redis = redis
        self._vault = vault
        self._next = 0.0

    def publish(self, kind: str) -> None:
        """Says that this process runs, and with which keys; at most once in 30 s."""
        if time.monotonic() >= self._next:
            name = f"{kind}:{socket.gethostname()}:{os.getpid()}"
            fingerprints = " ".join(self._vault.fingerprints)
            self._redis.set(keys.running(name), fingerprints, ex=keys.RUNNING_SECONDS)
            self._next = time.monotonic() + EVERY_SECONDS

    def keep_published(self, kind: str) -> None:
        """Publishes now, and from then on in every process that is forked from this one: gunicorn
        loads the app once and forks the processes that serve it.
        """
        self._try_to_publish(kind)
        os.register_at_fork(after_in_child=lambda: self._start(kind))

    def sealing_otherwise(self) -> list[str]:
        """The processes, "web:<machine>:<pid>", that seal under another key or by another suite
        than we. One that lacks our key could not read what we seal; what one that has it seals is
        lost when its own is dropped.
        """
        ours = self._vault.fingerprints[0]
        found = [plain(key) for key in self._redis.scan_iter(keys.running("*"), count=1000)]
        held = self._redis.mget(found) if found else []
        return sorted(
            key.removeprefix(keys.running(""))
            for key, fingerprints in zip(found, held, strict=True)
            if fingerprints is not None and plain(fingerprints).split()[:1] != [ours]
        )

    def _start(self, kind: str) -> None:
        self._next = 0.0
        threading.Thread(target=self._go_on, args=(kind,), daemon=True).start()

    def _go_on(self, kind: str) -> None:
        while True:
            self._try_to_publish(kind)
            time.sleep(EVERY_SECONDS)

    def _try_to_publish(self, kind: str) -> None:
        try:
            self.publish(kind)
        except RedisError as error:  # it is down: the next one tells
            log.warning("keys_not_published", error=type(error).__name__)
