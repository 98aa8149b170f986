"""The way to the primary that the sentinels have elected last, for as long as it is one.

redis-py asks one sentinel, and stays with a primary that refuses to write. Both are wrong while the
network is split: a sentinel that is cut off still names the old primary, and the old primary still
answers.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.sentinel import (
    MasterNotFoundError,
    Sentinel,
    SentinelConnectionPool,
    SentinelManagedConnection,
)

from ivr.errors import HotlineError

SENTINEL_SECONDS: Final = 0.5  # a caller is waiting, and there are others to ask

FEWEST_SENTINELS: Final = 3
MOST_LAG: Final = 10  # seconds, as min-replicas-max-lag is unless it is set

Address = tuple[str, int]
State = dict[str, Any]  # what SENTINEL MASTERS says of a primary


class NotThePrimaryError(HotlineError, RedisError):
    """The server is no primary any more, or has too few replicas: nothing was written there. The
    sentinels are asked again before the next command. No ConnectionError, for redis-py takes one
    under WATCH for a change by somebody else, and tries for ever.
    """


class PrimaryConnection(SentinelManagedConnection):
    """A connection to the primary. When the server does not answer or refuses to write, all idle
    connections to it are given up too: else each of them would be tried, one after the other.
    """

    def read_response(self, *args: Any, **kwargs: Any) -> Any:
        """Raises: NotThePrimaryError."""
        try:
            return super(SentinelManagedConnection, self).read_response(*args, **kwargs)
        except (RedisConnectionError, RedisTimeoutError):
            self._give_up()
            raise
        except ReadOnlyError:
            refused = "a replica now"
        except ResponseError as error:
            if not str(error).startswith("NOREPLICAS"):
                raise
            refused = "has too few replicas"
        self._give_up()
        raise NotThePrimaryError(refused)

    def _give_up(self) -> None:
        self.disconnect()  # type: ignore[no-untyped-call]
        pool = self.connection_pool.connection_pool_ref()
        if pool is not None:
            pool.disconnect(inuse_connections=False)


class Sentinels(Sentinel):
    """Asks all sentinels and believes the latest election. If none answers, the primary that was
    last known is used: reports told there are filed again elsewhere (local_journal.py).
    """

    _last: Address | None = None

    def discover_master(self, service_name: str) -> Address:
        """Raises: MasterNotFoundError: no sentinel knows one, or they think it is down."""
        states = [state for state in self.states(service_name) if state is not None]
        if states:
            epoch = max(state["config-epoch"] for state in states)
            latest = [state for state in states if state["config-epoch"] == epoch]
            if all(state["is_sdown"] for state in latest):
                raise MasterNotFoundError(f"all sentinels think that {service_name} is down")
            self._last = latest[0]["ip"], latest[0]["port"]
        if self._last is None:
            raise MasterNotFoundError(f"no sentinel knows {service_name}")
        return self._last

    def states(self, service_name: str) -> list[State | None]:
        """What each sentinel says of the primary; None for one that does not answer."""
        return [_state(sentinel, service_name) for sentinel in self.sentinels]

    def replicas(self, service_name: str) -> list[Address]:
        """Every replica that any sentinel knows, also one that is down just now."""
        found: set[Address] = set()
        for sentinel in self.sentinels:
            with suppress(RedisError):
                known = sentinel.sentinel_slaves(service_name)
                found |= {(replica["ip"], replica["port"]) for replica in known}
        return sorted(found)


def _state(sentinel: Any, service_name: str) -> State | None:
    try:
        state: State | None = sentinel.sentinel_masters().get(service_name)
    except RedisError:
        return None
    return state


def sentinel_faults(states: Sequence[State | None]) -> list[str]:
    """What is weak about the sentinels, by what each says of the primary (None: no answer)."""
    known = [state for state in states if state]
    found = [f"{len(states) - len(known)} of {len(states)} sentinels do not answer"]
    faults = found if len(known) < len(states) else []
    if len(states) < FEWEST_SENTINELS:
        faults.append(f"{len(states)} sentinels: with fewer than 3, none can be lost")
    if any(2 * state["quorum"] <= len(states) for state in known):
        faults.append("the sentinels' quorum is not most of them: a minority starts failovers")
    return faults


def split_troubles(redis: Redis, replicas: int) -> list[str]:
    """Why this primary may not be the right one, or has too few replicas; nothing when it is one
    Redis alone.

    Raises:
        redis.RedisError: the primary did not answer.
    """
    found = []
    if replicas and (in_step := _in_step(redis.info("replication"))) < replicas:
        found.append(
            f"{replicas} replicas must have a report before it is told, and {in_step} are in step"
        )
    pool = redis.connection_pool
    if not isinstance(pool, SentinelConnectionPool):
        return found
    states = pool.sentinel_manager.states(pool.service_name)
    naming = [s for s in states if s and (s["ip"], s["port"]) == pool.master_address]
    if 2 * len(naming) <= len(states):
        found.append(
            f"only {len(naming)} of {len(states)} sentinels name the primary that is written to "
            "here: the network may be split"
        )
    return found


def _in_step(replication: Mapping[str, Any]) -> int:
    """How many replicas the primary counts as good (`min-replicas-max-lag`), as far as it says."""
    rows = [row for name, row in replication.items() if re.fullmatch("slave[0-9]+", name)]
    return sum(row["state"] == "online" and row["lag"] <= MOST_LAG for row in rows)
