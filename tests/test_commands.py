"""Every command in README and docs is typed as it is written, in a fresh clone, or says why not."""

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from simulator.stack import embedded
from simulator.stack.data_dir import DataDir, Launch
from simulator.stack.ports import Ports
from tests.simulator.stack.launches import PATIENCE_SECONDS, person_environ, wait_until

BASH, MAKE = shutil.which("bash") or "bash", shutil.which("make") or "make"
ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PROGRAM = re.compile(
    r"([A-Z_]+=\S+ )*(\.venv/bin/)?"
    r"(make$|(make|flask|python3?|honcho|redis-cli|redis-server|rq"
    r"|curl|pip|openssl|gunicorn|git) .)"
)

# Not typed here, and why.
NOT_TYPED: Final = {
    "make test": "it is what runs this test; its recipe is looked at below",
    "make run": "goes on until it is stopped: the others are typed beside it",
    "honcho start": "tests/simulator/stack/test_procfile.py runs it",
    "make start": "tests/simulator/stack/test_procfile.py runs what it starts",
    "flask cardholders remove": "tests/web/test_remove_command.py gives it its input",
    "flask cardholders export": "tests/web/test_audit_command.py gives it its input",
    "flask places import PLACES.csv": "tests/store/test_places.py imports the sample of its page",
    "flask audit holder": "tests/web/test_audit_command.py gives it its input",
    "flask audit card": "tests/web/test_audit_command.py gives it its input",
    "flask callbacks take --by NAME": "tests/web/test_callbacks_command.py leaves one first",
    "flask callbacks done ID": "tests/web/test_callbacks_command.py leaves one first",
    "flask callbacks back ID": "tests/web/test_callbacks_command.py leaves one first",
    "flask callbacks take": "tests/web/test_callbacks_command.py leaves one first",
    "flask limits forget": "tests/web/test_limits_command.py gives it its input",
    "flask limits forget --id-number": "tests/web/test_limits_command.py gives it its input",
    "BANKS_FILE=/path/to/the/copy make run": "goes on until it is stopped: started below",
    "pip install standardwebhooks": "would load from the network what requirements.txt pins",
    "make attack": "takes minutes; make test runs the short form of each",
    "make bench": "measures for ten minutes, and writes docs/performance.md",
    "QUICK=1 make bench": "measures for minutes",
    'make bench ARGS="turn notice"': "measures for minutes",
    "flask …": "no command, but what `flask` stands for",
    ".venv/bin/flask --app app …": "no command, but what `flask` stands for",
}
OWN_REDIS: Final = ("redis-server ", "redis-cli ")  # typed below, to a server on a socket


def commands() -> list[str]:
    """Each once, in the order of the pages: lines of shell listings, and what stands in a line.

    A listing with a file's name is a program of bank-api.md: tests/web/test_bank_docs.py runs it.
    """
    found: dict[str, None] = {}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for kind, listing in re.findall(r"^```([^\n]*)\n(.*?)^```$", text, re.M | re.S):
            lines = [re.sub(r"\s+# .*", "", line).strip() for line in listing.splitlines()]
            if kind in ("", "sh"):
                found |= dict.fromkeys(s for s in lines if s and (kind or PROGRAM.match(s)))
        spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S))
        found |= dict.fromkeys(span for span in spans if PROGRAM.match(span))
    return list(found)


COMMANDS = commands()
TYPED = [c for c in COMMANDS if c not in NOT_TYPED and not c.startswith(OWN_REDIS)]


@dataclass(frozen=True)
class Clone:
    """A checkout nobody has used yet, and a hotline that `make run` keeps going in it."""

    folder: Path
    ports: Ports

    @property
    def launch(self) -> Launch | None:
        return DataDir(self.folder / "var").launch()

    def types(self, command: str) -> "subprocess.CompletedProcess[str]":
        """In a second terminal, as written; only the ports are those of this launch."""
        for name in ("simulator", "bank", "web"):
            written = {"web": 8000, "simulator": 8001, "bank": 8002}[name]
            command = command.replace(
                f"127.0.0.1:{written}", f"127.0.0.1:{getattr(self.ports, name)}"
            )
        url = embedded.url_of(self.folder / "var")
        return subprocess.run(
            [BASH, "-c", command],
            cwd=self.folder,
            env=person_environ() | ({"REDIS_URL": url} if "$REDIS_URL" in command else {}),
            input="",
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    def reads(self, command: str) -> str:
        """What a command prints that ends well."""
        done = self.types(command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def a_clone(folder: Path) -> None:
    """Every file that git knows or would take, as it is now."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, check=True).stdout
    for name in map(os.fsdecode, filter(None, listed.split(b"\0"))):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def a_venv(folder: Path) -> None:
    """What `make` would install, taken from the environment that runs this test."""
    made = folder / ".venv"
    venv.create(made, with_pip=False, symlinks=True)
    (place,) = (made / "lib").glob("python*/site-packages")
    (place / "installed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    here, there = f"#!{sys.executable}".encode(), f"#!{made}/bin/python".encode()
    for program in Path(sysconfig.get_path("scripts")).iterdir():
        if program.is_file() and (text := program.read_bytes()).startswith(b"#!"):
            first, _, rest = text.partition(b"\n")
            if first.startswith(here[: here.rindex(b"/")]):
                copy = made / "bin" / program.name
                copy.write_bytes(there + b"\n" + rest)
                copy.chmod(0o755)
    for stamp in ("made", "ready", "ready-dev"):
        (made / stamp).touch()


def start(folder: Path, command: str, said: Path, **environ: str) -> "subprocess.Popen[bytes]":
    with said.open("wb") as out:
        return subprocess.Popen(
            [BASH, "-c", command], cwd=folder, env=person_environ() | environ,
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip


def end(started: "subprocess.Popen[bytes]") -> None:
    """Ctrl-C in its terminal."""
    if started.poll() is None:
        os.killpg(started.pid, signal.SIGINT)
    started.wait(PATIENCE_SECONDS)


def wait_until_ready(clone: Clone, started: "subprocess.Popen[bytes]", said: Path) -> None:
    def is_ready() -> bool:
        assert started.poll() is None, said.read_text()
        return bool(clone.launch and clone.launch.ready)

    wait_until(is_ready)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clone")
    a_clone(folder)
    a_venv(folder)
    return folder


@pytest.fixture(scope="module")
def clone(folder: Path) -> Iterator[Clone]:
    """With `make run` going, one report on record and FILE.csv written."""
    clone, said = Clone(folder, Ports.free()), folder.with_suffix(".said")
    started = start(folder, "make run", said, PORT=str(clone.ports.web))
    try:
        wait_until_ready(clone, started, said)
        clone.reads("make call")
        flask = ".venv/bin/flask --app app"
        clone.reads(f"{flask} cardholders generate 20 --seed 7 --output FILE.csv")
        yield clone
    finally:
        end(started)


def filled_in(command: str, clone: Clone) -> str:
    """What stands for something of the reader's own becomes that of the report on record."""
    command = re.sub(r"^flask ", ".venv/bin/flask --app app ", command)
    if re.search(r"\b(ID|NUMBER|B|T)\b", command):
        listed = clone.reads(".venv/bin/flask --app app notices list").splitlines()
        row = next(line.split() for line in listed if " card.loss_reported " in line)
        for word, value in {"T": row[0], "ID": row[1], "B": row[3], "NUMBER": row[4]}.items():
            command = re.sub(rf"(?<= ){word}\b", value, command)
    if "…" in command:
        accounts = clone.reads(f"curl -s http://127.0.0.1:{clone.ports.bank}/icbc/accounts")
        command = command.replace("…", re.findall(r'"card_number": ?"(\w+)"', accounts)[0])
    return command


def behave_again(clone: Clone) -> None:
    """A sandbox bank that was told to fail answers the next reader's commands again."""
    place = f"http://127.0.0.1:{clone.ports.bank}/icbc/behaviour"
    header = "content-type: application/json"
    clone.reads(f"""curl -s -X PUT {place} -H '{header}' -d '{{"kind": "normal"}}'""")


def test_there_are_commands() -> None:
    assert len(TYPED) > 15
    assert set(NOT_TYPED) <= set(COMMANDS), "no longer written anywhere"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("command", TYPED)
def test_it_works_as_written(clone: Clone, command: str) -> None:
    done = clone.types(filled_in(command, clone))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    if command.startswith("curl "):
        assert '"title"' not in done.stdout, "refused"
        behave_again(clone)


@pytest.mark.timeout(300)
def test_what_readyz_says_ends_a_suspension(clone: Clone) -> None:
    """It and the page give the same command, and that one works."""
    (resume,) = (c for c in COMMANDS if "rq resume" in c)
    readyz = f"curl -s http://127.0.0.1:{clone.ports.operations}/readyz"
    clone.reads(resume.replace("resume", "suspend"))
    try:
        assert f"(`{resume}` ends it)" in clone.reads(readyz)
    finally:
        clone.reads(resume)
    assert "suspended" not in clone.reads(readyz)


@pytest.mark.timeout(300)
def test_a_bank_of_ones_own(folder: Path, tmp_path: Path, clone: Clone) -> None:
    """As bank-api.md says, beside the other launch: with ports and a folder of its own."""
    copy = tmp_path / "copy.toml"
    shutil.copy(clone.folder / "var" / "banks.toml", copy)
    other, said = Ports.free(), tmp_path / "said"
    written = next(c for c in COMMANDS if c.startswith("BANKS_FILE="))
    command = written.replace("/path/to/the/copy", str(copy))
    place = {"PORT": str(other.web), "DATA_DIR": str(tmp_path / "var")}
    started = start(folder, command, said, **place)
    try:
        data_dir = DataDir(tmp_path / "var")
        wait_until(lambda: started.poll() is not None or bool(
            (launch := data_dir.launch()) and launch.ready))  # fmt: skip
        assert started.poll() is None, said.read_text()
    finally:
        end(started)


def test_make_test_checks_everything() -> None:
    recipe = subprocess.run(
        [MAKE, "--dry-run", "test"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for program in ("ruff check", "ruff format --check", "mypy", "lint-imports", "pytest"):
        assert program in recipe


@pytest.mark.skipif(not shutil.which("redis-server"), reason="apt-get install redis-server")
def test_redis_as_written() -> None:
    """On a socket: the port it would take may be somebody's."""
    server, client = (next(c for c in COMMANDS if c.startswith(name)) for name in OWN_REDIS)
    with tempfile.TemporaryDirectory(prefix="hl-") as place:
        words = [*server.split(), "--port", "0", "--unixsocket", f"{place}/r.sock", "--dir", place]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL) as running:
            try:
                wait_until(Path(place, "r.sock").exists)
                asked = client.replace(" USER ", " hotline ")
                asked = asked.replace("redis-cli", f"redis-cli -s {place}/r.sock", 1)
                done = subprocess.run([BASH, "-c", asked], capture_output=True, text=True,
                                      check=True)  # fmt: skip
                assert done.stdout == "OK\n"
            finally:
                running.terminate()
