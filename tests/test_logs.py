"""Log lines are JSON, and an error's text, which may hold an ID number, is never in them."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = """
import logging
import structlog
from ivr.logs import configure_logs

configure_logs()
structlog.get_logger().warning("turn_failed", step="confirm")
try:
    int("11010519491231002X")
except ValueError:
    logging.getLogger("rq.worker").exception("job failed")
    structlog.get_logger().error("broken", exc_info=True)
"""


def test_every_line_is_json_and_none_carries_an_errors_text() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True
    )
    lines = [json.loads(line) for line in ran.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["turn_failed", "job failed", "broken"]
    assert [line.get("error") for line in lines] == [None, "ValueError", "ValueError"]
    assert "<module>" in lines[1]["at"]
    assert "19491231" not in ran.stderr
