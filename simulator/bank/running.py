"""A sandbox bank in a process of its own, for tests: started, stopped, killed, started again."""

import base64
import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from simulator.bank.client import SandboxBank

CHECKOUT = Path(__file__).resolve().parents[2]
NAMES = {
    "icbc": ("工商银行", "ICBC", "95588"),
    "ccb": ("建设银行", "CCB", "95533"),
    "abc": ("农业银行", "ABC", "95599"),
    "boc": ("中国银行", "BOC", "95566"),
}


def new_secret() -> str:
    """A fresh `whsec_…` of 32 random bytes."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


class RunningBank:
    """`with RunningBank(folder, hotline_url) as bank:` listens on a free port of 127.0.0.1.

    `secrets`: bank -> whsec_… newest first. `banks_file` and `environment` are what the hotline
    needs to know the banks; `client` talks to it. The port stays the same from one start to the
    next.
    """

    def __init__(
        self,
        folder: Path,
        hotline_url: str,
        banks: Sequence[str] = ("icbc", "ccb"),
        options: Sequence[str] = (),
        known_secrets: Mapping[str, Sequence[str]] | None = None,
        timeout_seconds: float = 5,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.hotline_url = hotline_url
        self.banks = tuple(banks)
        self.options = tuple(options)
        given = known_secrets or {}
        self.secrets = {bank: tuple(given.get(bank, (new_secret(),))) for bank in banks}
        self.timeout_seconds = timeout_seconds
        self.banks_file = folder / "banks.toml"
        self.log_file = folder / "bank.log"
        self.port = 0
        self.client = SandboxBank(self.url)
        self.child: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Where it listens, once started."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """BANKS_FILE and the secrets' variables, for the hotline."""
        listed = {_variable(bank): ",".join(held) for bank, held in self.secrets.items()}
        return {"BANKS_FILE": str(self.banks_file), **listed}

    def start(self) -> None:
        """Returns when it listens. Raises RuntimeError with its log if it does not start."""
        self._write_banks_file()
        with self.log_file.open("a", encoding="utf-8") as log:
            self.child = subprocess.Popen(
                self._command(),
                cwd=CHECKOUT,
                env={**os.environ, **self.environment},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.port = self._port_told(self.child)
        self.client.base_url = self.url
        self._write_banks_file()

    def stop(self) -> int:
        """SIGTERM; -> the exit code."""
        return self._end("terminate")

    def kill(self) -> int:
        """SIGKILL, as a power cut; -> the exit code."""
        return self._end("kill")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.client.close()
        if self.child:
            self.stop()

    def _command(self) -> list[str]:
        python = [sys.executable, "-m", "simulator.bank"]
        places = ["--hotline-url", self.hotline_url, "--data-dir", str(self.folder)]
        return [*python, "--port", str(self.port), *places, *self.options]

    def _port_told(self, child: subprocess.Popen[str]) -> int:
        line = child.stdout.readline() if child.stdout else ""
        told = re.search(r":(\d+)$", line.strip())
        if told is None:
            self.kill()
            raise RuntimeError(self.log_file.read_text(encoding="utf-8"))
        return int(told[1])

    def _end(self, how: str) -> int:
        if self.child is None:
            raise RuntimeError("the sandbox bank is not running")
        child, self.child = self.child, None
        with child:
            getattr(child, how)()
        return child.returncode

    def _write_banks_file(self) -> None:
        tables = [self._table(bank) for bank in self.banks]
        self.banks_file.write_text("\n".join(tables), encoding="utf-8")

    def _table(self, bank: str) -> str:
        zh, en, phone = NAMES.get(bank, (bank, bank.upper(), "95000"))
        return (
            f"[banks.{bank}]\n"
            f"name = {{ zh = {json.dumps(zh, ensure_ascii=False)}, en = {json.dumps(en)} }}\n"
            f'phone = "{phone}"\n'
            f'notice_url = "{self.url}/{bank}/notices"\n'
            f'secrets_env = "{_variable(bank)}"\n'
            f"timeout_seconds = {self.timeout_seconds}\n"
            "max_in_flight = 8\n"
        )


def _variable(bank: str) -> str:
    return f"{bank.upper().replace('-', '_')}_SECRETS"
