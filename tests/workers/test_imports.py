"""What a worker has to load, and what it must not."""

import subprocess
import sys

from tests.workers.programs import ROOT


def loaded_by(module: str) -> set[str]:
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_a_bank_worker_loads_neither_the_web_nor_twilio() -> None:
    loaded = loaded_by("workers.deliver")
    assert "workers.doorbell" in loaded
    assert not loaded & {"flask", "werkzeug", "twilio", "phonenumbers", "ivr.web", "simulator"}


def test_the_clock_loads_no_client() -> None:
    loaded = loaded_by("workers.sweep")
    assert not loaded & {"flask", "werkzeug", "twilio", "workers.wire", "workers.doorbell"}
