"""A client that keeps a connection for each thread, beside redis-py's pool.

For every command redis-py takes a connection out of its pool and puts it back, under a lock that
all threads want, and keeps count: half of what a command costs. Here a command goes over the
connection this thread used last. Pipelines and the like still take theirs from the pool.
"""

import os
import threading
from typing import Any

from redis import Redis
from redis.connection import ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.sentinel import SentinelConnectionPool


class OwnConnections(ConnectionPool):
    """`own` has the connection that each thread keeps; those of ended threads are closed.

    Whoever uses a connection takes it out, and puts it back to where it was: so a signal that
    interrupts a command finds none, and none outlives `disconnect`, which all connections that are
    idle share.
    """

    own: threading.local

    def reset(self) -> None:
        """As in a process just forked."""
        self.own = threading.local()
        super().reset()

    def disconnect(self, inuse_connections: bool = True) -> None:  # noqa: FBT001, FBT002 (redis-py's)
        """Also gives up what the threads keep."""
        self.own = threading.local()
        super().disconnect(inuse_connections)


class OwnPrimaryConnections(OwnConnections, SentinelConnectionPool):
    """The same for connections to the primary that sentinels name."""


class OwnConnectionClient(Redis):
    """Sends each command over this thread's own connection, once."""

    connection_pool: OwnConnections

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """What Redis answers; raises as redis-py does."""
        if self.connection:
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        mine = vars(self.connection_pool.own)
        connection = mine.pop("connection", None)
        if connection is None or not _is_usable(connection):
            connection = self._connected()
        try:
            connection.send_command(*args)
            return self.parse_response(connection, args[0], **options)  # type: ignore[no-untyped-call]
        except ResponseError:
            raise  # an answer like any other
        except BaseException:
            connection.disconnect()  # else what is still to come would answer the next command
            raise
        finally:
            mine["connection"] = connection

    def _connected(self) -> Any:
        pool = self.connection_pool
        connection = pool.connection_class(**pool.connection_kwargs)
        connection.connect()
        return connection


def _is_usable(connection: Any) -> bool:
    """Not in a fork, nor when the server has hung up: else its return would cost every thread a
    turn. A look at the socket is a tenth of a command.
    """
    if not connection.is_connected or connection.pid != os.getpid():
        return False
    try:
        return not connection.can_read()
    except (RedisConnectionError, RedisTimeoutError, OSError):
        return False
