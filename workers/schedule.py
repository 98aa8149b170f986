"""When to try again. Pure: the worker that made an attempt asks, the outbox remembers."""

import math
from random import Random
from typing import Final

MINUTE: Final = 60
HOUR: Final = 3600

# After the 1st, 2nd, … attempt; hourly from then on. The first two fall within a phone call.
PAUSES: Final = (5, 30, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR)
GIVE_UP_AFTER: Final = 72 * HOUR
JITTER: Final = 0.1  # so that the notices of one outage do not all come back in one second


def next_due(
    attempts_made: int, tried_since: float, now: float, retry_after: int | None, rng: Random
) -> int | None:
    """When the next attempt is due after a failed one, in unix seconds.

    Args:
        attempts_made: how many there have been, the failed one included (at least 1).
        retry_after: seconds the other side asked for; it can only lengthen the pause.

    Returns:
        None when that would be later than 72 hours after `tried_since`: undeliverable.
    """
    pause = PAUSES[min(attempts_made, len(PAUSES)) - 1] * rng.uniform(1 - JITTER, 1 + JITTER)
    due = math.ceil(now + max(pause, retry_after or 0))
    return due if due <= tried_since + GIVE_UP_AFTER else None
