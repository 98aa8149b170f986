"""Several scripts in one round trip."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis import Redis
from redis.commands.core import Script
from redis.exceptions import NoScriptError


@dataclass(frozen=True)
class ScriptCall:
    """One script with what it is given."""

    script: Script
    keys: Sequence[str]
    args: Sequence[Any]


def run_all(redis: Redis, calls: Sequence[ScriptCall]) -> list[Any]:
    """What each answered, or the error it ended with. All run again when a server has forgotten one
    of them, so each must know what it has done already.

    Raises:
        redis.ConnectionError, redis.TimeoutError: any of them may have run.
    """
    while True:
        with redis.pipeline(transaction=False) as pipe:
            for call in calls:
                pipe.evalsha(call.script.sha, len(call.keys), *call.keys, *call.args)
            answers: list[Any] = pipe.execute(raise_on_error=False)
        if not any(isinstance(answer, NoScriptError) for answer in answers):
            return answers
        for script in {call.script for call in calls}:
            redis.script_load(script.script)
