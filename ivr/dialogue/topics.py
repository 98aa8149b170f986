"""What a call is about, by the step at which somebody asks for a person: named by a prompt."""

from collections.abc import Mapping
from typing import Final

from ivr.dialogue.diagram import nearest
from ivr.dialogue.flow import FLOW, START
from ivr.dialogue.steps import MAIN_MENU, ONLY_PERSON, PERSON

_MENU: Final = "topic_menu"
_ROOTS: Final[Mapping[str, str]] = {
    START: _MENU,
    MAIN_MENU: _MENU,
    "report_id": "topic_report",
    "status_id": "topic_status",
    "card_services": "topic_services",
    "first_card": "topic_first_card",
    # Who asks once more, asks about the same.
    PERSON: "",
    ONLY_PERSON: "",
}

TOPIC_OF: Final[Mapping[str, str]] = nearest(FLOW, _ROOTS)
