"""An event loop in a thread of its own, always running, as in a delivering process."""

import asyncio
import threading
from collections.abc import Coroutine
from functools import cache
from typing import Any, TypeVar

from ivr.cards.notice import Attempt
from workers.delivery import Client

T = TypeVar("T")


def wait_for(coroutine: Coroutine[Any, Any, T], seconds: float = 60) -> T:
    """Runs it in the loop, from a test that is no coroutine itself."""
    return asyncio.run_coroutine_threadsafe(coroutine, _loop()).result(seconds)


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop


class Waiting:
    """A client whose posts are waited for."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def post(self, notice_id: str, body: str, at: float) -> Attempt:
        return wait_for(self._client.post(notice_id, body, at))

    def close(self) -> None:
        wait_for(self._client.close())
