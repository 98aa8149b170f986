"""A city whose programs are started by the lines of the Procfile: what stands in the open is what
is attacked, with every option of its web server.
"""

import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from honcho.environ import parse_procfile

from tests.attack.scale import SEED
from tests.builders import SUBSCRIBERS, a_secret
from tests.faults.city import CHECKOUT, City, Process, free_port

PROGRAMS = Path(sys.executable).parent


class ProcfileCity(City):
    """`with ProcfileCity(folder, holders) as city:`; its web listens on loopback only."""

    def __init__(
        self, folder: Path, holders: int, seed: int = SEED, environ: Mapping[str, str] | None = None
    ) -> None:
        path = f"{PROGRAMS}{os.pathsep}{os.environ.get('PATH', '')}"
        more = {"BIND_ADDRESS": "127.0.0.1", "PATH": path, **(environ or {})}
        super().__init__(folder, holders, seed, environ=more)
        self.traces = folder / "traces"  # what an attack that ran would leave there
        self.traces.mkdir()

    def _environ(self) -> dict[str, str]:
        """With subscribers that only ask."""
        file = self.folder / "subscribers.toml"
        file.write_text(re.sub("notice_url = .*\n", "", SUBSCRIBERS), encoding="utf-8")
        names = ("CLINIC_SECRETS", "CENTRE_SECRETS", "ELSEWHERE_SECRETS")
        secrets = {name: a_secret() for name in names}
        return {**super()._environ(), "SUBSCRIBERS_FILE": str(file), **secrets}

    def _commands(self) -> dict[str, list[str]]:
        lines = parse_procfile((CHECKOUT / "Procfile").read_text(encoding="utf-8")).processes
        return {name: ["/bin/bash", "-c", f"exec {line}"] for name, line in lines.items()}

    def environ_of(self, **changes: str) -> dict[str, str]:
        """What one more program of this city gets."""
        return {**self.environ, **changes}

    @contextmanager
    def another_web(self, module: str, **changes: str) -> Iterator[str]:
        """The web as the Procfile starts it, but from another module, or with other settings; ->
        its URL.
        """
        port = str(free_port())
        line = parse_procfile((CHECKOUT / "Procfile").read_text(encoding="utf-8")).processes["web"]
        command = ["/bin/bash", "-c", f"exec {line.replace('app:app', f'{module}:app')}"]
        url = f"http://127.0.0.1:{port}"
        environ = self.environ_of(PORT=port, PUBLIC_BASE_URL=url, **changes)
        name = f"{module.rpartition('.')[2]}-{port}"
        process = Process(name, command, environ, self.folder / f"{name}.log")
        self.processes[name] = process
        process.start()
        try:
            self.wait_for(f"{url}/healthz")
            yield url
        finally:
            process.kill()
            del self.processes[name]

    def logs(self) -> dict[str, bytes]:
        """Every log of a program so far, by its name."""
        return {path.stem: path.read_bytes() for path in self.folder.rglob("*.log")}

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    def __exit__(self, *what: object) -> None:
        """Nobody is waited for: what they would finish is of no interest any more."""
        for process in self.processes.values():
            process.kill()
        super().__exit__(*what)


@contextmanager
def a_procfile_city(
    holders: int, seed: int = SEED, environ: Mapping[str, str] | None = None
) -> Iterator[ProcfileCity]:
    """A city in a folder of its own (a socket's path must be short)."""
    with (
        tempfile.TemporaryDirectory(prefix="city-", ignore_cleanup_errors=True) as folder,
        ProcfileCity(Path(folder), holders, seed, environ) as city,
    ):
        yield city
