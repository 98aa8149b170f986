"""Four job queues of renown doing a delivery's work, one process each: the body from Redis, sign,
POST, the bank's answer read.

`python -m bench.rivals.peers NAME work|owe REDIS_URL URL [COUNT]`: works, or makes a backlog.
"""

import asyncio
import sys
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import aiohttp
from celery import Celery
from huey import RedisHuey
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer
from taskiq.receiver import Receiver
from taskiq_redis import ListQueueBroker

from bench.rivals import BODY
from bench.rivals.floor_worker import Posting, headers
from ivr.store.codec import plain

PEERS: Final = ("rq", "celery", "huey", "taskiq")
_, NAME, MODE, REDIS_URL, URL, *COUNT = sys.argv if len(sys.argv) > 4 else ("", *[""] * 4)


@cache
def redis() -> Redis:
    return Redis.from_url(REDIS_URL)


@cache
def bank() -> Posting:
    return Posting(URL)


def deliver(notice_id: str) -> bool:
    """What each of them does with a job."""
    return bank().posts(notice_id, plain(redis().get(f"peer:{notice_id}") or b""))


def rq_queue() -> Queue:
    return Queue("peers", connection=redis(), serializer=JSONSerializer)


def with_rq() -> None:
    SimpleWorker([rq_queue()], connection=redis(), serializer=JSONSerializer).work(
        logging_level="WARNING"
    )


def owe_rq(ids: list[str]) -> None:
    job = "bench.rivals.peers.deliver"
    rq_queue().enqueue_many([Queue.prepare_data(job, (each,), result_ttl=0) for each in ids])


@cache
def celery() -> Any:
    address = REDIS_URL.replace("unix://", "redis+socket://")
    app = Celery("peers", broker=address)
    app.conf.update(task_ignore_result=True, worker_prefetch_multiplier=4)
    app.task(name="deliver")(deliver)
    return app


def with_celery() -> None:
    celery().worker_main(["worker", "-c", "1", "-P", "solo", "-l", "WARNING", "--without-gossip",
                          "--without-mingle"])  # fmt: skip


def owe_celery(ids: list[str]) -> None:
    for each in ids:
        celery().send_task("deliver", (each,))


@cache
def huey() -> tuple[RedisHuey, Any]:
    made = RedisHuey("peers", url=REDIS_URL, results=False)
    return made, made.task(name="deliver")(deliver)


def with_huey() -> None:
    huey()[0].create_consumer(workers=1, periodic=False, check_worker_health=False).run()


def owe_huey(ids: list[str]) -> None:
    _, task = huey()
    for each in ids:
        task(each)


@cache
def taskiq() -> tuple[ListQueueBroker, Any]:
    broker = ListQueueBroker(REDIS_URL, queue_name="peers", socket_timeout=None)

    async def deliver_async(notice_id: str) -> bool:
        body = (await broker.state.redis.get(f"peer:{notice_id}") or b"").decode()
        session: aiohttp.ClientSession = broker.state.session
        async with session.post(
            URL, data=body.encode(), headers=headers(notice_id, body)
        ) as answer:
            return "blocked" in await answer.text()

    return broker, broker.task(task_name="deliver")(deliver_async)


def with_taskiq() -> None:
    async def work() -> None:
        broker, _ = taskiq()
        broker.is_worker_process = True
        await broker.startup()
        broker.state.session = aiohttp.ClientSession()
        broker.state.redis = AsyncRedis(connection_pool=broker.connection_pool)
        await Receiver(broker, max_async_tasks=8).listen(asyncio.Event())

    asyncio.run(work())


def owe_taskiq(ids: list[str]) -> None:
    async def owe() -> None:
        broker, task = taskiq()
        await broker.startup()
        for each in ids:
            await task.kiq(each)
        await broker.shutdown()

    asyncio.run(owe())


def owe(count: int) -> None:
    """Bodies first, then a job for each."""
    ids = [f"{NAME}-{number}" for number in range(count)]
    with redis().pipeline(transaction=False) as pipe:
        for each in ids:
            pipe.set(f"peer:{each}", BODY)
        pipe.execute()
    _called(f"owe_{NAME}")(ids)


def _called(name: str) -> Callable[..., None]:
    found: Callable[..., None] = globals()[name]
    return found


if __name__ == "__main__":
    owe(int(COUNT[0])) if MODE == "owe" else _called(f"with_{NAME}")()
