"""What is said of every state: the prompts by name, for whoever changes one to see it here."""

from typing import Final

from ivr.cards.words import (
    BLOCK_WORDS,
    NEVER_BLOCKED,
    SOCIAL_WORDS,
    TEXT_DISPUTED,
    TEXT_FILED,
    TEXT_RELEASED,
    TEXT_WITHDRAWN,
    state_told_by,
)
from tests.cards.acts.builders import EVERY_BLOCK

# fmt: off
# How far the block is: what somebody who just reported hears, the status, the text that is owed.
# Only "blocked" says the account is safe; "received" is not yet "blocked" (domain section 1).
OF_A_BLOCK: Final = {
    "notified":      ("waiting",   "status_bank_waiting",        None),
    "received":      ("waiting",   "status_bank_waiting",        None),
    "blocked":       ("blocked",   "status_bank_blocked",        "text_blocked"),
    "refused":       ("failed",    "status_bank_failed",         "text_failed"),
    "undeliverable": ("unreached", "status_bank_unreached",      "text_unreached"),
    "unblocked":     ("failed",    "status_bank_unblocked",      "text_unblocked"),
    "formal_loss":   ("blocked",   "status_bank_blocked_formal", "text_formal"),
    "withdrawn":     ("unreached", "status_bank_withdrawn",      None),
    "lapsed":        ("failed",    "status_bank_lapsed",         "text_lapsed"),
    "replaced":      ("failed",    "status_bank_normal",         "text_replaced"),
}

OF_SOCIAL_SECURITY: Final = {
    "active":     "status_social_active",
    "restored":   "status_social_restored",
    "suspended":  "status_social_temporary",
    "formal":     "status_social_formal",
    "elsewhere":  "already_elsewhere",
    "not_normal": "status_social_not_normal",
}

# A text is true only while the block is where it says; the others are about something else.
TRUE_WHILE: Final = {
    "text_blocked":   "blocked",
    "text_failed":    "refused",
    "text_unreached": "undeliverable",
    "text_unblocked": "unblocked",
    "text_formal":    "formal_loss",
    "text_lapsed":    "lapsed",
    "text_replaced":  "replaced",
    "text_filed":     None,
    "text_released":  None,
    "text_disputed":  None,
    "text_withdrawn": None,
    "":               None,
}
# fmt: on


def test_of_every_block() -> None:
    said = {state: (w.outcome, w.status, w.text) for state, w in BLOCK_WORDS.items()}
    assert said == OF_A_BLOCK
    assert set(OF_A_BLOCK) == set(EVERY_BLOCK) - {"none"}
    assert NEVER_BLOCKED == "status_bank_normal"


def test_of_the_social_security_function() -> None:
    assert SOCIAL_WORDS == OF_SOCIAL_SECURITY


def test_while_which_state_a_text_is_true() -> None:
    assert {text: state_told_by(text) for text in TRUE_WHILE} == TRUE_WHILE
    texts = {TEXT_FILED, TEXT_RELEASED, TEXT_DISPUTED, TEXT_WITHDRAWN}
    assert texts == {"text_filed", "text_released", "text_disputed", "text_withdrawn"}
