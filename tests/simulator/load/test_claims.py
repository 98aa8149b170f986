"""What callers understand is what the prompt catalogue says, in both languages."""

import re
import tomllib
from pathlib import Path

import pytest

from simulator.load.claims import Claim, claims_in

PROMPTS = tomllib.loads(
    (Path(__file__).resolve().parents[3] / "ivr/prompts/prompts.toml").read_text(encoding="utf-8")
)
SPOKEN = {"zh": "幺 二 三 四 五 六 七 零", "en": "1 2 3 4 5 6 7 0"}
CLAIMED = {
    "filed": (Claim.FILED, "12345670"),
    "filed_card": (Claim.FILED, "12345670"),
    "already_reported": (Claim.ALREADY, "12345670"),
    "status_social_temporary": (Claim.STATUS, "12345670"),
    "bank_blocked": (Claim.BLOCKED, ""),
    "status_bank_blocked": (Claim.BLOCKED, ""),
    "bank_waiting": (Claim.WAITING, ""),
    "bank_waiting_untexted": (Claim.WAITING, ""),
    "status_bank_waiting": (Claim.WAITING, ""),
    "bank_failed": (Claim.NOT_BLOCKED, ""),
    "status_bank_failed": (Claim.NOT_BLOCKED, ""),
    "busy": (Claim.NOT_FILED, ""),
    "nothing_reported": (Claim.NOT_FILED, ""),
    "outcome_unknown": (Claim.UNKNOWN, ""),
    "card_tail": (Claim.MORE_ASKED, ""),
    "code_entry": (Claim.MORE_ASKED, ""),
    "outcome_unknown_now": (Claim.UNKNOWN, ""),
}


def as_spoken(prompt: str, language: str) -> str:
    words = PROMPTS[prompt][language].replace("{report_number:digits}", SPOKEN[language])
    return re.sub(r"\{bank[^}]*\}", "ICBC", words)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("prompt", [name for name in PROMPTS if not name.startswith("text_")])
def test_a_prompt_claims_what_it_should_and_nothing_else(prompt: str, language: str) -> None:
    expected = [CLAIMED[prompt]] if prompt in CLAIMED else []

    assert list(claims_in(as_spoken(prompt, language))) == expected
