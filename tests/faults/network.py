"""A network of its own, in namespaces that it makes and removes, whose ways can be cut.

Every host hangs on one router. To cut two hosts apart, the router drops what goes between them in
silence, as a broken line does. A socket belongs to the namespace in which it was made, so the test,
which stays outside, has its doors into the network made inside.
"""

import ctypes
import os
import secrets
import subprocess
import threading
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import SHUT_WR, create_connection, create_server, socket
from typing import Self

CLONE_NEWNET = 0x40000000
PIECE = 1 << 16


def why_impossible() -> str:
    """Why no network can be made and cut here; empty when one can. A container may have root and
    namespaces, and yet let nobody make a line between them or forward on it.
    """
    if os.geteuid():
        return "network namespaces need root"
    try:
        with Network(["a", "b"]) as network:
            network.cut(["a"], ["b"])
    except (OSError, subprocess.CalledProcessError) as error:
        return f"no network can be made and cut here ({type(error).__name__})"
    return ""


class Network:
    """Hosts by name; `with Network(["a", "b"]) as network:`."""

    def __init__(self, hosts: Collection[str]) -> None:
        self._prefix = f"hl-{secrets.token_hex(3)}"
        self._numbers = {host: number for number, host in enumerate(hosts, 1)}
        self._doors: list[socket] = []

    def __enter__(self) -> Self:
        try:
            _ip("netns", "add", self._name("router"))
            self._write_in_router("net/ipv4/ip_forward", "1")
            for host in self._numbers:
                self._add(host)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for door in self._doors:
            door.close()
        for host in ("router", *self._numbers):
            with suppress(OSError, subprocess.CalledProcessError):
                _ip("netns", "del", self._name(host))

    def address(self, host: str) -> str:
        return f"10.77.{self._numbers[host]}.2"

    def within(self, host: str) -> list[str]:
        """What stands before a command that is to run there."""
        return ["ip", "netns", "exec", self._name(host)]

    def cut(self, some: Collection[str], others: Collection[str]) -> None:
        """Nothing passes between some and others any more, in either direction."""
        self._rules("add", some, others)

    def heal(self, some: Collection[str], others: Collection[str]) -> None:
        self._rules("del", some, others)

    def door_out(self, host: str, port: int) -> None:
        """Who connects to 127.0.0.1 and this port on the host reaches the same port out here."""
        listener = self._made_in(host, lambda: create_server(("127.0.0.1", port)))
        self._carry(listener, lambda: create_connection(("127.0.0.1", port)))

    def door_in(self, host: str, port: int) -> None:
        """Who connects to 127.0.0.1 and this port out here reaches the same port on the host."""
        listener = create_server(("127.0.0.1", port))
        self._carry(listener, lambda: self._made_in(host, lambda: _to_loopback(port)))

    def _add(self, host: str) -> None:
        number, router, name = self._numbers[host], self._name("router"), self._name(host)
        device, net = f"to-{host}", f"10.77.{number}"
        _ip("netns", "add", name)
        _ip("link", "add", device, "netns", router, "type", "veth", "peer", "eth0", "netns", name)
        _ip("-n", router, "addr", "add", f"{net}.1/24", "dev", device)
        _ip("-n", router, "link", "set", device, "up")
        _ip("-n", name, "addr", "add", f"{net}.2/24", "dev", "eth0")
        for line in ("eth0", "lo"):
            _ip("-n", name, "link", "set", line, "up")
        _ip("-n", name, "route", "add", "default", "via", f"{net}.1")

    def _rules(self, verb: str, some: Collection[str], others: Collection[str]) -> None:
        for one in some:
            for other in others:
                for near, far in ((one, other), (other, one)):
                    way = ["from", self.address(near), "to", self.address(far)]
                    _ip("-n", self._name("router"), "rule", verb, *way, "blackhole")

    def _write_in_router(self, path: str, value: str) -> None:
        line = f"echo {value} > /proc/sys/{path}"
        _run("ip", "netns", "exec", self._name("router"), "sh", "-c", line)

    def _name(self, host: str) -> str:
        return f"{self._prefix}-{host}"

    def _made_in(self, host: str, make: Callable[[], socket]) -> socket:
        """In a thread of its own, which enters the namespace and ends there."""

        def inside() -> socket:
            with _entered(Path("/run/netns") / self._name(host)):
                return make()

        with ThreadPoolExecutor(1) as pool:
            return pool.submit(inside).result()

    def _carry(self, listener: socket, dial: Callable[[], socket]) -> None:
        self._doors.append(listener)
        threading.Thread(target=_accept, args=(listener, dial), daemon=True).start()


@contextmanager
def _entered(namespace: Path) -> Iterator[None]:
    libc = ctypes.CDLL(None, use_errno=True)
    with namespace.open("rb") as there:
        if libc.setns(there.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
        yield


def _to_loopback(port: int) -> socket:
    return create_connection(("127.0.0.1", port), timeout=5)


def _accept(listener: socket, dial: Callable[[], socket]) -> None:
    with suppress(OSError):  # it is closed when the network goes
        while True:
            near, _ = listener.accept()
            threading.Thread(target=_connect, args=(near, dial), daemon=True).start()


def _connect(near: socket, dial: Callable[[], socket]) -> None:
    try:
        far = dial()
    except OSError:
        near.close()
        return
    far.settimeout(None)
    back = threading.Thread(target=_pump, args=(far, near), daemon=True)
    back.start()
    _pump(near, far)
    back.join()
    near.close()
    far.close()


def _pump(source: socket, target: socket) -> None:
    with suppress(OSError):
        while piece := source.recv(PIECE):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(SHUT_WR)


def _ip(*words: str) -> None:
    _run("ip", *words)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
