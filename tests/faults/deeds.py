"""What can go wrong in a city, as verbs."""

import signal
import time
from collections.abc import Callable
from random import Random

from tests.faults.city import City
from tests.faults.healing import Stopwatch
from tests.faults.process import kill_9
from tests.faults.spots import DELIVERY, POSTING, WEB
from tests.faults.tripwire import Spot, Trap, Tripwire


class Deeds:
    """Each does its deed once; `stopwatch` measures how long the city takes to get over it."""

    def __init__(self, city: City, rng: Random, stopwatch: Stopwatch, pause: float = 10) -> None:
        self.city = city
        self.rng = rng
        self.stopwatch = stopwatch
        self.pause = pause
        self.kills_at_spots = 0

    def kills_the_web(self) -> None:
        self.city.restarts("web")

    def kills_a_web_worker(self) -> None:
        self._kill_a_child("web")

    def kills_the_worker(self) -> None:
        self.city.processes["worker"].kill()
        self.stopwatch.starts("worker killed")
        self.city.processes["worker"].start()

    def kills_one_delivery(self) -> None:
        self._kill_a_child("worker")
        self.stopwatch.starts("worker killed")

    def kills_the_sweep(self) -> None:
        self.city.restarts("clock")
        self.stopwatch.starts("sweep killed")

    def kills_a_web_worker_at_a_line(self) -> None:
        self._kill_at(self.city.redis_wire, "web", self.rng.choice(WEB))

    def kills_a_delivery_at_a_line(self) -> None:
        spot = self.rng.choice(DELIVERY + POSTING)
        wire = self.city.bank_wire if spot in POSTING else self.city.redis_wire
        self._kill_at(wire, "worker", spot)

    def restarts_redis(self) -> None:
        self.stopwatch.rests()
        self.city.redis.restart()
        self.stopwatch.starts("Redis back after kill -9", needs_a_call=True)

    def pauses_redis(self) -> None:
        process = self.city.redis.process
        if process is None:
            raise RuntimeError("Redis is not running")
        self.stopwatch.rests()
        process.send_signal(signal.SIGSTOP)
        time.sleep(self.pause)
        process.send_signal(signal.SIGCONT)
        cause = f"Redis back after {self.pause:.0f} s of silence"
        self.stopwatch.starts(cause, needs_a_call=True)

    def flushes_the_queues(self) -> None:
        redis = self.city.hotline.redis
        for pattern in ("rq:queue:*", "rq:job:*"):
            for key in redis.scan_iter(match=pattern):
                redis.delete(key)

    def restarts_the_bank(self) -> None:
        self.city.bank.kill()
        time.sleep(self.rng.uniform(0, 2))
        self.city.bank.start()

    def _kill_at(self, wire: Tripwire, whose: str, spot: Spot) -> None:
        """The next one of that program to come by dies there."""

        def kill(pid: int) -> None:
            kill_9(pid)
            self.kills_at_spots += 1
            if whose == "worker":
                self.stopwatch.starts("worker killed")

        set_trap(self.city, wire, whose, spot, kill)

    def _kill_a_child(self, name: str) -> None:
        children = self.city.processes[name].children()
        if children:
            kill_9(self.rng.choice(children))


def set_trap(
    city: City, wire: Tripwire, whose: str, spot: Spot, deed: Callable[[int], None] = kill_9
) -> Trap:
    """For the next process of a program (`web`, `worker`, `clock`) that comes by."""

    def catches(pid: int) -> bool:
        return city.processes[whose].includes(pid)

    return wire.set(Trap(spot, catches, deed))
