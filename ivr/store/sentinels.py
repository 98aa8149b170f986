"""The way to the primary that the sentinels have elected last, for as long as it is one.

redis-py asks one sentinel, and stays with a primary that refuses to write. Both are wrong while the
network is split: a sentinel that is cut off still names the old primary, and the old primary still
answers.
"""

from typing import Any, Final

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError, RedisError, ResponseError
from redis.sentinel import MasterNotFoundError, Sentinel, SentinelManagedConnection

from ivr.errors import HotlineError

SENTINEL_SECONDS: Final = 0.5  # a caller is waiting, and there are others to ask

Address = tuple[str, int]
State = dict[str, Any]  # what SENTINEL MASTERS says of a primary


class NotThePrimaryError(HotlineError, RedisConnectionError):
    """The server is no primary any more, or has too few replicas: nothing was written there. The
    sentinels are asked again before the next command.
    """


class PrimaryConnection(SentinelManagedConnection):
    """A connection to the primary, given up as soon as the server refuses to write."""

    def read_response(self, *args: Any, **kwargs: Any) -> Any:
        """Raises: NotThePrimaryError."""
        try:
            return super(SentinelManagedConnection, self).read_response(*args, **kwargs)
        except ReadOnlyError:
            refused = "a replica now"
        except ResponseError as error:
            if not str(error).startswith("NOREPLICAS"):
                raise
            refused = "has too few replicas"
        self.disconnect()  # type: ignore[no-untyped-call]
        raise NotThePrimaryError(refused)


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


def _state(sentinel: Any, service_name: str) -> State | None:
    try:
        state: State | None = sentinel.sentinel_masters().get(service_name)
    except RedisError:
        return None
    return state
