"""How every worker process begins: settings that make sense and a Redis that keeps its word."""

import logging
import time
from collections.abc import Mapping
from typing import Final

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from ivr.errors import HotlineError
from ivr.logs import configure_logs
from ivr.settings import Settings, SettingsError, read_settings
from ivr.store.connection import UnsafeRedisError, check_durability, connect

OUTAGE: Final = (RedisConnectionError, RedisTimeoutError)
PAUSE_SECONDS: Final = 0.5

log = logging.getLogger("workers")


class StartupError(HotlineError):
    """These processes cannot work like this; the text says what to mend."""


def begin(environ: Mapping[str, str]) -> Settings:
    """Reads the settings and waits until Redis is up and found safe.

    Raises:
        StartupError: for a person to mend; waiting would not help.
    """
    configure_logs()
    try:
        settings = read_settings(environ)
    except SettingsError as error:
        raise StartupError(str(error)) from None
    with connect(settings.redis_location) as redis:
        try:
            wait_until_up(redis)
            for weakness in check_durability(redis, development=settings.hotline_development):
                log.warning("for development only: %s", weakness)
        except (UnsafeRedisError, RedisError) as error:
            raise StartupError(str(error)) from None
    return settings


def wait_until_up(redis: "Redis") -> None:
    """Returns once Redis answers; says once that it does not.

    Raises:
        RedisError: it answers, but not to us (a wrong password, for one).
    """
    told = False
    while True:
        try:
            redis.ping()
        except OUTAGE as error:
            if not told:
                log.warning("waiting for Redis: %s", error)
            told = True
            time.sleep(PAUSE_SECONDS)
        else:
            return
