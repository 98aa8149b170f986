"""One process that delivers the notices of many queues at once.

A few threads share the work: one waits for bells and claims what is due, the event loop posts, and
two write down what came of it, all that has come by then in one step, and claim what may go next.
So what is due and what is allowed decide how much is on its way, not how many processes there are.
"""

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Final

import structlog
from redis.exceptions import RedisError

from ivr.service import CardService
from ivr.store.claims import Made
from ivr.store.connection import OUTAGE
from workers.delivery import MOST_AT_ONCE, Asking, Delivery, Posting, Taken
from workers.doorbell import Bell, Doorbell
from workers.news import tell_fault

WRITERS: Final = 2  # while one waits for Redis, the other prepares what it sends
PAUSE_SECONDS: Final = 0.2  # before Redis is asked again
WAIT_SECONDS: Final = 0.5  # for something to write down, before looking whether to stop
POLL_SECONDS: Final = 0.02  # while it stops

Finished = tuple[Delivery, Made | None]

log = structlog.get_logger()


class Courier:
    """Delivers until it is told to stop."""

    def __init__(
        self, deliveries: Iterable[Delivery], doorbell: Doorbell, service: CardService
    ) -> None:
        self._deliveries = {delivery.queue.name: delivery for delivery in deliveries}
        self._doorbell = doorbell
        self._service = service
        self._finished: SimpleQueue[Finished] = SimpleQueue()
        self._bell: Bell | None = None
        self._waiting: set[str] = set()  # queues in which more is due than could be taken
        self._busy = 0  # claims in progress, and notices that are claimed and not written down
        self._counting = threading.Lock()
        self._is_stopping = False
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self) -> None:
        """Returns after SIGTERM, when all that was on its way is written down."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        self._loop.add_signal_handler(signal.SIGTERM, stopped.set)
        threads = [
            threading.Thread(target=self._keep, args=(work,), daemon=True)
            for work in (self._listen, *(partial(self._write_down, []) for _ in range(WRITERS)))
        ]
        for thread in threads:
            thread.start()
        await stopped.wait()
        self._is_stopping = True
        while self._busy:
            await asyncio.sleep(POLL_SECONDS)
        for delivery in self._deliveries.values():
            await delivery.close()
        with suppress(RedisError):
            self._doorbell.leave()

    def _keep(self, work: Callable[[], object]) -> None:
        """Does it for ever. A fault costs a moment: what was claimed comes back when its lease
        ends, and the sweep rings again for what is due.
        """
        is_away = False
        while not self._is_stopping or self._busy:
            try:
                work()
                is_away = False
            except OUTAGE as error:
                if not is_away:
                    log.warning("redis_is_down", error=type(error).__name__)
                is_away = True
                time.sleep(PAUSE_SECONDS)
            except Exception as error:
                tell_fault("delivery_failed", error)
                time.sleep(PAUSE_SECONDS)

    def _listen(self) -> None:
        """A bell is heard once: Redis may go away before what it rang for is claimed."""
        if self._is_stopping:
            time.sleep(POLL_SECONDS)
            return
        self._bell = self._bell or self._doorbell.wait()
        if self._bell is not None:
            self._claim(self._deliveries[self._bell.queue], self._bell.job_id)
            self._bell = None

    def _claim(self, delivery: Delivery, bell: str = "") -> None:
        """Nothing more is claimed once it is to stop."""
        self._count(1)
        try:
            if not self._is_stopping:
                self._hand_over(delivery, delivery.claim(bell))
        finally:
            self._count(-1)

    def _hand_over(self, delivery: Delivery, taken: Taken) -> None:
        self._count(len(taken.postings) + len(taken.made))
        (self._waiting.add if taken.more else self._waiting.discard)(delivery.queue.name)
        for made in taken.made:
            self._finished.put((delivery, made))
        self._loop.call_soon_threadsafe(self._send, delivery, taken.postings)

    def _count(self, more: int) -> None:
        with self._counting:
            self._busy += more

    def _send(self, delivery: Delivery, postings: Iterable[Posting]) -> None:
        """In the event loop, which keeps no strong reference to its tasks."""
        for posting in postings:
            task = self._loop.create_task(self._post(delivery, posting))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _post(self, delivery: Delivery, posting: Posting) -> None:
        made = None
        try:
            made = await delivery.post(posting)
        except Exception as error:
            tell_fault("delivery_failed", error, notice=posting.claim.notice.id)
        finally:
            self._finished.put((delivery, made))

    def _write_down(self, unwritten: list[Finished]) -> None:
        """Until Redis has taken it: nobody else knows what the other side answered. `unwritten`:
        what this thread has not written down yet.
        """
        unwritten += self._finished_by_now(unwritten)
        made = [made for _, made in unwritten if made]
        asked = [delivery.asking() for delivery in self._asking_for_more(unwritten)]
        self._count(1)  # it is not over between what is written down and what is claimed
        try:
            answers = self._settled(unwritten, made, asked)
            for asking, answer in zip(asked, answers, strict=True):
                self._hand_over(asking.delivery, asking.delivery.answered(asking, answer))
        finally:
            self._count(-1)

    def _settled(
        self, unwritten: list[Finished], made: list[Made], asked: list[Asking]
    ) -> list[Any]:
        """What the claims that were asked for answered; whatever becomes of them, what was written
        down is not written again, and keeps no other waiting.
        """
        try:
            answers = self._service.settle_all(made, [asking.call for asking in asked])
        except RedisError:
            raise
        except Exception:
            self._forget(unwritten)
            raise
        self._forget(unwritten)
        return answers

    def _asking_for_more(self, unwritten: list[Finished]) -> set[Delivery]:
        """Whose share is free again as soon as this is written down, and who have more to send."""
        if self._is_stopping:
            return set()
        return {d for d, _ in unwritten if d.queue.name in self._waiting}

    def _forget(self, unwritten: list[Finished]) -> None:
        self._count(-len(unwritten))
        unwritten.clear()

    def _finished_by_now(self, unwritten: list[Finished]) -> list[Finished]:
        """Waits for the first."""
        found: list[Finished] = []
        with suppress(Empty):
            if not unwritten:
                found.append(self._finished.get(timeout=WAIT_SECONDS))
            while len(unwritten) + len(found) < MOST_AT_ONCE:
                found.append(self._finished.get_nowait())
        return found
