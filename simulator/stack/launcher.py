"""Starts a development hotline in its order, watches over it, and ends it in the reverse order."""

import csv
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import requests
from honcho.environ import parse_procfile

from simulator.stack import development, embedded
from simulator.stack.crew import Crew
from simulator.stack.member import Member, Program, Surroundings
from simulator.stack.place import Launch, Place
from simulator.stack.ports import LOOPBACK, Ports, is_answered
from simulator.stack.problem import StartError

CHECKOUT = Path(__file__).resolve().parents[2]
DEMO_CARDHOLDERS = Path("simulator/demo_cardholders.csv")
IMPORT_DEMO = Program("cardholders", f"flask --app app cardholders import {DEMO_CARDHOLDERS}")
READY_SECONDS = 60.0


class _ToldToStopError(Exception):
    """Ctrl-C before everything was ready."""


class Launcher:
    """One launch, from the lock on its data directory to the last program's end.

    Args:
        given: the environment of the person who starts it; everything in it wins.
        told_to_stop: how often somebody asked to stop; twice means at once.
    """

    def __init__(self, given: Mapping[str, str], told_to_stop: Callable[[], int]) -> None:
        self.ports = Ports.read(given.get("PORT") or "8000")
        self.place = Place(Path(given.get("DATA_DIR") or CHECKOUT / "var").resolve())
        self.is_embedded = not given.get("REDIS_URL")
        self._given = given
        self._told_to_stop = told_to_stop
        self._crew: Crew | None = None
        self._ready = False
        self._http = requests.Session()
        self._http.trust_env = False  # a proxy does not reach this machine's own ports

    def run(self, on_ready: Callable[["Launcher"], None]) -> None:
        """Returns when told to stop. Raises StartError; either way nothing is left running."""
        lock = self.place.take()
        try:
            self.ports.must_be_free()
            self._crew = Crew(self._surroundings(lock), on_change=self._tell)
            self._start_all(self._crew)
            on_ready(self)
            self._watch(self._crew)
        except _ToldToStopError:
            pass
        finally:
            self._stop_all()
            self.place.leave()

    @property
    def launch(self) -> Launch:
        """As others find it in run.json."""
        members = self._crew.members if self._crew else {}
        return Launch(
            pid=os.getpid(),
            hotline_url=f"http://{LOOPBACK}:{self.ports.web}",
            simulator_url=f"http://{LOOPBACK}:{self.ports.simulator}",
            bank_url=f"http://{LOOPBACK}:{self.ports.bank}",
            programs={name: member.pid for name, member in members.items()},
            ready=self._ready,
        )

    def _surroundings(self, lock: int) -> Surroundings:
        data_dir = self.place.data_dir
        redis_url = embedded.url_of(data_dir)
        environ = development.environment(self._given, data_dir, self.ports, redis_url)
        environ["PYTHONUNBUFFERED"] = "1"
        environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environ.get('PATH', '')}"
        logs = data_dir / "logs"
        logs.mkdir(exist_ok=True)
        return Surroundings(environ, CHECKOUT, logs, kept_open=(lock,))

    def _start_all(self, crew: Crew) -> None:
        if self.is_embedded:
            self._start_embedded(crew)
        for program in _procfile_programs():
            crew.start(program)
        self._tell()
        self._wait_until(crew, self._answers_everywhere, "the hotline")
        crew.tick()
        self._ready = True
        self._tell()

    def _start_embedded(self, crew: Crew) -> None:
        crew.start(embedded.server(self.place.data_dir))
        self._tell()
        self._wait_until(crew, lambda: embedded.is_up(self.place.data_dir), "the embedded server")
        importing = crew.start(IMPORT_DEMO)
        while not importing.has_ended:
            self._tick(crew)
        if not importing.succeeded:
            raise _early_end(importing)
        crew.dismiss(importing)

    def _wait_until(self, crew: Crew, condition: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + READY_SECONDS
        while not condition():
            self._tick(crew)
            for member in crew.ended():
                raise _early_end(member)
            if time.monotonic() > until:
                raise StartError(
                    f"{what} is not ready after {READY_SECONDS:.0f} s. {self._unready()}"
                )

    def _tick(self, crew: Crew) -> None:
        crew.tick()
        if self._told_to_stop():
            raise _ToldToStopError

    def _answers_everywhere(self) -> bool:
        listening = {"simulator": self.ports.simulator, "bank": self.ports.bank}
        members = self._crew.members if self._crew else {}
        ports = [port for name, port in listening.items() if name in members]
        return all(map(is_answered, ports)) and self._readiness() == ""

    def _readiness(self) -> str:
        """Empty once /readyz says yes; before that, what it says."""
        try:
            answer = self._http.get(f"{self.launch.hotline_url}/readyz", timeout=2)
        except requests.RequestException:
            return "the web does not answer"
        return "" if answer.ok else answer.text.strip()

    def _unready(self) -> str:
        return f"{self._readiness()}\nThe logs are in {self.place.data_dir / 'logs'}."

    def _watch(self, crew: Crew) -> None:
        while not self._told_to_stop():
            crew.tick()
            crew.revive()

    def _tell(self) -> None:
        self.place.tell(self.launch)

    def _stop_all(self) -> None:
        """The embedded server last: until then the others have something to finish with."""
        if self._crew is None:
            return
        self._crew.say("stopping")
        everyone = list(self._crew.members.values())
        servers = [member for member in everyone if member.program.name == embedded.NAME]
        asked_before = self._told_to_stop()
        for members in ([m for m in everyone if m not in servers], servers):
            self._crew.stop(members, lambda: self._told_to_stop() > max(1, asked_before))
        embedded.tidy_up(self.place.data_dir)


def _procfile_programs() -> list[Program]:
    """Production's programs, then the other side of the line."""
    texts = [(CHECKOUT / name).read_text(encoding="utf-8") for name in ("Procfile", "Procfile.dev")]
    lines = {name: line for text in texts for name, line in parse_procfile(text).processes.items()}
    return [Program(name, line) for name, line in lines.items()]


def _early_end(member: Member) -> StartError:
    """A program that ends while everything starts has said why."""
    member.hear()
    said = "\n".join(f"  {line}" for line in member.last_lines)
    return StartError(f"{member.program.name} {member.how_it_ended}. It said:\n{said}")


def first_demo_id_number() -> str:
    """The ID number that a person may key in."""
    with (CHECKOUT / DEMO_CARDHOLDERS).open(encoding="utf-8", newline="") as file:
        return next(csv.DictReader(file))["id_number"]
