"""A hotline to call: the one that `make run` keeps going, or one just for this call."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from simulator.stack.data_dir import DataDir, Launch
from simulator.stack.launcher import CHECKOUT, READY_SECONDS
from simulator.stack.managed_process import tied_to_us
from simulator.stack.ports import Ports
from simulator.stack.problem import StartError


@dataclass(frozen=True)
class RunningHotline:
    """A launch that is ready, and the environment its programs were started with."""

    launch: Launch
    environ: Mapping[str, str]


@contextmanager
def running_hotline(given: Mapping[str, str]) -> Iterator[RunningHotline]:
    """The launch of DATA_DIR if one is going; else one on free ports, ended afterwards.

    Raises StartError.
    """
    data_dir = DataDir(Path(given.get("DATA_DIR") or CHECKOUT / "var").resolve())
    if data_dir.launch():
        yield _when_ready(data_dir)
        return
    print("No `make run` is going here: starting a hotline just for this call.", flush=True)
    with _folder(given) as folder, _own_launch(given, folder) as hotline:
        yield hotline


@contextmanager
def _folder(given: Mapping[str, str]) -> Iterator[Path]:
    """A folder for this call only, or the usual one if the records are in a given Redis.

    Records that development keys have sealed need the same keys the next time.
    """
    if given.get("REDIS_URL"):
        yield Path(given.get("DATA_DIR") or CHECKOUT / "var").resolve()
        return
    with tempfile.TemporaryDirectory(prefix="hotline-") as folder:
        yield Path(folder)


@contextmanager
def _own_launch(given: Mapping[str, str], folder: Path) -> Iterator[RunningHotline]:
    environ = {**given, "DATA_DIR": str(folder), "PORT": str(Ports.free().web)}
    with tempfile.TemporaryFile() as said:
        launcher = subprocess.Popen(
            [*tied_to_us(), sys.executable, "-m", "simulator.run"],
            cwd=CHECKOUT,
            env=environ,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield _when_ready(DataDir(folder), launcher)
        except StartError as problem:
            said.seek(0)
            raise StartError(f"{problem}\n{said.read().decode('utf-8', 'replace')}") from None
        finally:
            launcher.terminate()
            launcher.wait()


def _when_ready(
    data_dir: DataDir, launcher: "subprocess.Popen[bytes] | None" = None
) -> RunningHotline:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        launch = data_dir.launch()
        if launch and launch.ready:
            return RunningHotline(launch, data_dir.environment_of(launch))
        if launcher and launcher.poll() is not None:
            raise StartError("the hotline did not start.")
        time.sleep(0.1)
    raise StartError(f"the hotline in {data_dir.path} is not ready after {READY_SECONDS:.0f} s.")
