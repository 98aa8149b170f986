"""A city on many machines: Redis thrice, three sentinels, and two sites with web, worker and clock.

Every machine is a namespace of one network that can be cut (network.py). The banks, Twilio's
message service and the callers are outside and always reach both sites.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

from redis.exceptions import RedisError

from ivr.made_up import made_up_holder
from ivr.settings import read_settings
from ivr.store.cardholders_csv import CardLine
from simulator.bank.running import RunningBank
from tests.faults.city import BANKS, a_deployment, free_port
from tests.faults.network import Network
from tests.faults.process import GUNICORN, Process
from tests.faults.text_service import TextService
from tests.faults.watched_redis import Node
from tests.hotline import Hotline, open_hotline

NODES: Final = ("r1", "r2", "r3")
SENTINELS: Final = ("s1", "s2", "s3")
SITES: Final = ("w1", "w2")
SERVICE: Final = "mymaster"
DOWN_AFTER_MILLISECONDS: Final = 2000
WHOLE_SECONDS: Final = 90.0

_ASKS: Final = """
import sys, urllib.error, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    print(200, opener.open(sys.argv[1], timeout=9).read())
except urllib.error.HTTPError as error:
    print(error.code, error.read())
except OSError as error:
    print(0, error)
"""


@dataclass(frozen=True)
class Promise:
    """How sure a deployment wants to be: WAIT_FOR_REPLICAS and min-replicas-to-write."""

    wait_for: int = 1
    least: int = 1


@dataclass
class SplitCity:
    """`with SplitCity(folder, holders, seed) as city:`; see the module."""

    folder: Path
    count: int
    seed: int
    promise: Promise = Promise()

    def __post_init__(self) -> None:
        self.network = Network([*NODES, *SENTINELS, *SITES])
        self.ports = {site: free_port() for site in SITES}
        self.base_urls = {site: f"http://127.0.0.1:{port}" for site, port in self.ports.items()}
        self.bank = RunningBank(self.folder / "bank", self.base_urls["w2"], BANKS)
        self.texts = TextService()
        self.processes: dict[str, Process] = {}
        rng = Random(self.seed)
        self.holders = [made_up_holder(rng, BANKS) for _ in range(self.count)]
        self.nodes: dict[str, Node] = {}
        self.sentinels: dict[str, Node] = {}

    def __enter__(self) -> "SplitCity":
        try:
            self.network.__enter__()
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            process.kill()
        self.bank.__exit__(None, None, None)
        self.texts.stop()
        for node in (*self.sentinels.values(), *self.nodes.values()):
            node.kill()
        self.network.__exit__()

    @property
    def hotline(self) -> Hotline:
        """The hotline on the primary that the others follow."""
        primary = self.primary()
        if primary is None:
            raise RuntimeError("there is no primary")
        there = read_settings({**self._environ, "REDIS_URL": f"unix://{primary.socket}"})
        return open_hotline(there)

    def primary(self) -> Node | None:
        """The one node that is a primary with both replicas in step."""
        roles = {name: node.says("ROLE") or [b""] for name, node in self.nodes.items()}
        first = [name for name, role in roles.items() if role[0] == b"master"]
        in_step = [r for r in roles.values() if r[0] == b"slave" and r[3] == b"connected"]
        is_whole = len(first) == 1 and len(in_step) == len(NODES) - 1
        return self.nodes[first[0]] if is_whole else None

    def wait_until_whole(self) -> None:
        self._wait_for(lambda: self.primary() is not None, "one primary with two replicas")

    def wait_until_calm(self) -> None:
        """Nothing is owed any more, for three seconds on end."""
        calm_since = time.monotonic()

        def is_calm() -> bool:
            nonlocal calm_since
            try:
                owed = self.hotline.redis.zcard("notices:open")
            except (RedisError, RuntimeError):
                owed = 1
            if owed:
                calm_since = time.monotonic()
            return time.monotonic() - calm_since > 3

        self._wait_for(is_calm, "calm")

    def ready(self, site: str) -> tuple[bool, str]:
        """What /readyz says on a site, asked there."""
        url = f"http://127.0.0.1:{self.ports[site] + 3}/readyz"
        command = [*self.network.within(site), sys.executable, "-c", _ASKS, url]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return said.startswith("200"), said

    def _is_ready(self, site: str) -> bool:
        return self.ready(site)[0]

    def _start(self) -> None:
        address = self.network.address
        for number, host in enumerate(NODES):
            lines = ["appendonly yes", "appendfsync always", 'save ""', "protected-mode no",
                     f"min-replicas-to-write {self.promise.least}",
                     "repl-diskless-sync-delay 0"]  # fmt: skip
            if number:
                lines.append(f"replicaof {address(NODES[0])} {self.nodes[NODES[0]].port}")
            self.nodes[host] = self._node(host, lines)
        watched = f"{address(NODES[0])} {self.nodes[NODES[0]].port}"
        for host in SENTINELS:
            lines = [f"sentinel monitor {SERVICE} {watched} 2",
                     f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER_MILLISECONDS}",
                     f"sentinel failover-timeout {SERVICE} 5000",
                     f"sentinel parallel-syncs {SERVICE} 2", "protected-mode no"]  # fmt: skip
            self.sentinels[host] = self._node(host, lines, "--sentinel")
        self.wait_until_whole()
        self._wait_for(self._sentinels_agree, "sentinels that know each other")
        self.bank.start()
        self._environ = self._common()
        self.hotline.holders.put_all(
            [CardLine(number, holder) for number, holder in enumerate(self.holders, 2)]
        )
        for site in SITES:
            self._open(site)
        for site in SITES:
            self._wait_for(partial(self._is_ready, site), f"{site} to be ready")

    def _node(self, host: str, lines: list[str], *options: str) -> Node:
        node = Node(
            self.folder / host, lines, *options,
            host=self.network.address(host), within=self.network.within(host),
        )  # fmt: skip
        node.start()
        return node

    def _sentinels_agree(self) -> bool:
        for sentinel in self.sentinels.values():
            found: Any = sentinel.says("SENTINEL", "MASTER", SERVICE) or {}
            if not isinstance(found, dict):
                found = dict(zip(found[::2], found[1::2], strict=True))
            if [found.get(b"num-slaves"), found.get(b"num-other-sentinels")] != [b"2", b"2"]:
                return False
        return True

    def _common(self) -> dict[str, str]:
        hosts = ",".join(
            f"{self.network.address(host)}:{node.port}" for host, node in self.sentinels.items()
        )
        return {
            "REDIS_URL": f"redis+sentinel://{hosts}/{SERVICE}/0",
            "PUBLIC_BASE_URL": self.base_urls["w1"],
            "WAIT_FOR_REPLICAS": str(self.promise.wait_for),
            **a_deployment(self.bank, self.texts),
        }

    def _open(self, site: str) -> None:
        port, python = self.ports[site], sys.executable
        journal = self.folder / f"journal-{site}"
        journal.mkdir()
        self.network.door_in(site, port)
        self.network.door_out(site, self.bank.port)
        self.network.door_out(site, int(self.texts.url.rpartition(":")[2]))
        environ = {
            **os.environ,
            **self._environ,
            "PUBLIC_BASE_URL": self.base_urls[site],
            "JOURNAL_DIR": str(journal),
        }
        gunicorn = [python, *GUNICORN]
        commands: dict[str, Sequence[str]] = {
            "web": [*gunicorn, "app:app", "--bind", f"127.0.0.1:{port}", "--workers", "2"],
            "operations": [*gunicorn, "app:operations", "--bind", f"127.0.0.1:{port + 3}"],
            "worker": [python, "-m", "workers.deliver"],
            "clock": [python, "-m", "workers.sweep"],
        }
        for name, command in commands.items():
            log = self.folder / f"{name}-{site}.log"
            here = [*self.network.within(site), *command]
            self.processes[f"{name}-{site}"] = Process(name, here, environ, log)
            self.processes[f"{name}-{site}"].start()

    def _wait_for(self, reached: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + WHOLE_SECONDS
        while not reached():
            if time.monotonic() > until:
                logs = "\n".join(f"--- {n}\n{p.said()[-1500:]}" for n, p in self.processes.items())
                raise TimeoutError(f"waited {WHOLE_SECONDS} s in vain for {what}\n{logs}")
            time.sleep(0.2)
