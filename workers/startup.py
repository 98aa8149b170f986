"""How every worker process begins: it checks the settings, the words and Redis."""

import logging
import time
from collections.abc import Mapping

from redis.exceptions import RedisError

from ivr.beijing import beijing_day
from ivr.errors import HotlineError
from ivr.every_language import load_words
from ivr.logs import configure_logs
from ivr.prompts.catalogue import CatalogueError
from ivr.settings import Settings, SettingsError, read_settings
from ivr.store.connection import (
    UnsafeRedisError,
    check_durability,
    check_others,
    connect,
    wait_until_up,
)
from ivr.store.vault import WrongDataKeysError, open_vault
from ivr.weak_settings import weak_settings

log = logging.getLogger("workers")


class StartupError(HotlineError):
    """These processes cannot work like this; the text says what to correct."""


def begin(environ: Mapping[str, str]) -> Settings:
    """Checks settings and words, and waits until Redis is up and found safe.

    Raises:
        StartupError: a person must correct something; waiting would not help.
    """
    configure_logs()
    try:
        settings = read_settings(environ)
        load_words()
    except (SettingsError, CatalogueError) as error:
        raise StartupError(str(error)) from None
    for line in weak_settings(settings, beijing_day(time.time())):
        log.warning("weak setting: %s", line)
    with connect(settings.redis_location) as redis:
        try:
            wait_until_up(redis)
            development = settings.hotline_development
            weak = check_durability(redis, development=development)
            for weakness in weak + check_others(redis, development=development):
                log.warning("this Redis is weak: %s", weakness)
            open_vault(redis, settings).check()
        except (UnsafeRedisError, WrongDataKeysError, RedisError) as error:
            raise StartupError(str(error)) from None
    return settings
