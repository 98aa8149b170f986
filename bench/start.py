"""`make run` to the first call answered, the second start: in a copy of this tree with a `.venv`
that uses the packages of the one that measures. The first start makes keys, records and folders.
"""

import os
import shutil
import signal
import subprocess
import sysconfig
import time
import venv
from contextlib import suppress
from pathlib import Path

from bench.machine import CHECKOUT, a_folder
from bench.phone import ACCOUNT, TOKEN, Call, Line
from bench.table import Page
from simulator.stack.ports import Ports

LONGEST = 120.0


def measure(page: Page) -> None:
    """Seconds of the first and second start."""
    with a_folder() as folder:
        checkout = folder / "checkout"
        _copy(checkout)
        seconds = [_start(checkout) for _ in range(2)]
    rows = [("first", f"{seconds[0]:.1f}"), ("second", f"{seconds[1]:.1f}")]
    page.table("`make run` to the first call answered", ("start", "seconds"), rows)
    page.at_most("second start", seconds[1], 4, " s", digits=1)


def _copy(checkout: Path) -> None:
    ignored = shutil.ignore_patterns(".venv", ".git", "var", "tests", "__pycache__", ".*_cache")
    shutil.copytree(CHECKOUT, checkout, ignore=ignored)
    made = checkout / ".venv"
    venv.create(made, symlinks=True)
    (place,) = (made / "lib").glob("python*/site-packages")
    (place / "installed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    for program in Path(sysconfig.get_path("scripts")).iterdir():
        text = program.read_bytes() if program.is_file() else b""
        if text.startswith(b"#!") and b"python" in text.partition(b"\n")[0]:
            copy = made / "bin" / program.name
            copy.write_bytes(f"#!{made}/bin/python\n".encode() + text.partition(b"\n")[2])
            copy.chmod(0o755)
    for stamp in ("made", "ready", "ready-dev", "ready-bench"):
        (made / stamp).touch()


def _start(checkout: Path) -> float:
    """-> seconds until a signed call was answered with TwiML."""
    port = Ports.free().web
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    told = {"PORT": str(port), "TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": TOKEN}
    log = checkout.with_name("start.log")
    begun = time.monotonic()
    with log.open("ab") as out:
        started = subprocess.Popen(
            [shutil.which("make") or "make", "run"], cwd=checkout, env=inherited | told,
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip
    try:
        while not _answers(port):
            if started.poll() is not None or time.monotonic() > begun + LONGEST:
                raise RuntimeError(log.read_text(encoding="utf-8"))
            time.sleep(0.02)
        return time.monotonic() - begun
    finally:
        with suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(started.pid, signal.SIGINT)
        started.wait(60)


def _answers(port: int) -> bool:
    call = Call(f"http://127.0.0.1:{port}")
    try:
        line = Line(call.base_url)
        call.hears(line.ask(call.request(None)))
    except OSError:
        return False
    line.close()
    return bool(call.target)
