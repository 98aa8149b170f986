"""Starts a development hotline in its order, watches over it, and ends it in the reverse order."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import requests
from honcho.environ import parse_procfile

from simulator.stack import development, embedded
from simulator.stack.data_dir import PRIVATE_FOLDER, PRIVATE_UMASK, DataDir, Launch
from simulator.stack.managed_process import ManagedProcess, ProcessSettings, Program
from simulator.stack.ports import LOOPBACK, Ports, is_answered
from simulator.stack.problem import StartError
from simulator.stack.processes import Processes

CHECKOUT = Path(__file__).resolve().parents[2]
IMPORT_DEMO = Program("cardholders", 'flask --app app cardholders import "$DEMO_CARDHOLDERS"')
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
        self.data_dir = DataDir(Path(given.get("DATA_DIR") or CHECKOUT / "var").resolve())
        self.is_embedded = not given.get("REDIS_URL")
        self._given = given
        self._environ: Mapping[str, str] = {}
        self._told_to_stop = told_to_stop
        self._processes: Processes | None = None
        self._ready = False
        self._http = requests.Session()
        self._http.trust_env = False  # a proxy does not reach this machine's own ports

    def run(self, on_ready: Callable[["Launcher"], None]) -> None:
        """Returns when told to stop. Raises StartError; either way nothing is left running."""
        os.umask(PRIVATE_UMASK)
        lock = self.data_dir.lock()
        try:
            self.ports.must_be_free()
            self._processes = Processes(self._settings(lock), on_change=self._write_launch)
            self._start_all(self._processes)
            on_ready(self)
            self._watch(self._processes)
        except _ToldToStopError:
            pass
        finally:
            self._stop_all()
            self.data_dir.unlock()

    @property
    def launch(self) -> Launch:
        """As others find it in run.json."""
        by_name = self._processes.by_name if self._processes else {}
        return Launch(
            pid=os.getpid(),
            hotline_url=f"http://{LOOPBACK}:{self.ports.web}",
            operations_url=f"http://{self._environ.get('OPERATIONS_BIND', '')}",
            simulator_url=f"http://{LOOPBACK}:{self.ports.simulator}",
            bank_url=f"http://{LOOPBACK}:{self.ports.bank}",
            programs={name: process.pid for name, process in by_name.items()},
            ready=self._ready,
        )

    def _settings(self, lock: int) -> ProcessSettings:
        data_dir = self.data_dir.path
        redis_url = embedded.url_of(data_dir)
        environ = development.environment(self._given, data_dir, self.ports, redis_url)
        environ["PYTHONUNBUFFERED"] = "1"
        environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environ.get('PATH', '')}"
        self._environ = environ
        logs = data_dir / "logs"
        logs.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        return ProcessSettings(environ, CHECKOUT, logs, kept_open=(lock,))

    def _start_all(self, processes: Processes) -> None:
        if self.is_embedded:
            self._start_embedded(processes)
        for program in _procfile_programs():
            processes.start(program)
        self._write_launch()
        self._wait_until(processes, self._answers_everywhere, "the hotline")
        processes.tick()
        self._ready = True
        self._write_launch()

    def _start_embedded(self, processes: Processes) -> None:
        processes.start(embedded.server(self.data_dir.path))
        self._write_launch()
        path = self.data_dir.path
        self._wait_until(processes, lambda: embedded.is_up(path), "the embedded server")
        importing = processes.start(IMPORT_DEMO)
        while not importing.has_ended:
            self._tick(processes)
        if not importing.succeeded:
            raise _early_end(importing)
        processes.remove(importing)

    def _wait_until(self, processes: Processes, condition: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + READY_SECONDS
        while not condition():
            self._tick(processes)
            for process in processes.ended():
                raise _early_end(process)
            if time.monotonic() > until:
                raise StartError(
                    f"{what} is not ready after {READY_SECONDS:.0f} s. {self._unready()}"
                )

    def _tick(self, processes: Processes) -> None:
        processes.tick()
        if self._told_to_stop():
            raise _ToldToStopError

    def _answers_everywhere(self) -> bool:
        ports = self.ports
        listening = {"web": ports.web, "simulator": ports.simulator, "bank": ports.bank}
        by_name = self._processes.by_name if self._processes else {}
        expected = [port for name, port in listening.items() if name in by_name]
        return all(map(is_answered, expected)) and self._readiness() == ""

    def _readiness(self) -> str:
        """Why the hotline is not ready, in the words of /readyz; empty once it is."""
        try:
            answer = self._http.get(f"{self.launch.operations_url}/readyz", timeout=2)
        except requests.RequestException:
            return "the operators' listener does not answer"
        return "" if answer.ok else answer.text.strip()

    def _unready(self) -> str:
        return f"{self._readiness()}\nThe logs are in {self.data_dir.path / 'logs'}."

    def _watch(self, processes: Processes) -> None:
        while not self._told_to_stop():
            processes.tick()
            processes.restart_ended()

    def _write_launch(self) -> None:
        self.data_dir.write_launch(self.launch)

    def _stop_all(self) -> None:
        """The embedded server ends last, so that the others can finish what they write."""
        if self._processes is None:
            return
        self._processes.say("stopping")
        everyone = list(self._processes.by_name.values())
        servers = [process for process in everyone if process.program.name == embedded.NAME]
        asked_before = self._told_to_stop()
        for some in ([p for p in everyone if p not in servers], servers):
            self._processes.stop(some, lambda: self._told_to_stop() > max(1, asked_before))
        embedded.tidy_up(self.data_dir.path)


def _procfile_programs() -> list[Program]:
    """The hotline's programs (Procfile), then the simulator's (Procfile.dev)."""
    texts = [(CHECKOUT / name).read_text(encoding="utf-8") for name in ("Procfile", "Procfile.dev")]
    lines = {name: line for text in texts for name, line in parse_procfile(text).processes.items()}
    return [Program(name, line) for name, line in lines.items()]


def _early_end(process: ManagedProcess) -> StartError:
    """A program ended while everything starts; its last lines say why."""
    process.read_lines()
    said = "\n".join(f"  {line}" for line in process.last_lines)
    return StartError(f"{process.program.name} {process.how_it_ended}. It said:\n{said}")
