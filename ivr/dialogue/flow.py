"""The whole call on one screen: every step, what is said there, and where each key leads.

docs/call-flow.md is drawn from this table. Universal keys (0 a person, 9 repeat, * back) and
the way out after three tries are in steps.py, once.
"""

from collections.abc import Mapping
from typing import Any, Final

from ivr.dialogue.call import UNPROVEN
from ivr.dialogue.checks import check_flow
from ivr.dialogue.filing import filing_steps_in
from ivr.dialogue.steps import ENTERED, Action, Ask, Do, End, Menu, Pick, Step, Tell, Transfer

START: Final = "language"

# A letter on the card or an old 15-place number cannot be keyed in: a person helps (domain 3).
_ID_EXITS: Final = {"fifteen_places": "id_needs_person"}

# A second factor: the last places of a card's number, or a texted code.
_PROOF: Final[Mapping[str, Any]] = {
    "digits": 6,
    "check": "proof",
    "no_digits": "id_needs_person",
}

_HELP: Final = ("menu_help", "for_a_person")

FLOW: Final[Mapping[str, Step]] = {
    "language": Menu(
        asks=("welcome",),
        choices={"1": "main_menu", "2": "main_menu"},
        languages={"1": "zh", "2": "en"},
        silence="main_menu",
        back="language",
        in_every_language=True,
    ),
    "main_menu": Menu(
        asks=("main_menu", "for_a_person"),
        choices={"1": "report_id", "2": "status_id", "3": "card_services", "4": "first_card"},
        back="language",
    ),
    # 1 · report a lost card
    "report_id": Ask(
        asks=("id_entry",),
        digits=18,
        check="id_number",
        then="find_holder",
        exits=_ID_EXITS,
        no_digits="id_needs_person",
        looks_up="report",
    ),
    "find_holder": Do(
        "find_holder",
        {
            "none": "not_found",
            "too_many": "only_person",
            "one": "look_at_card",
            "several": "pick_card",
            "prove": "report_prove",
        },
    ),
    # Over a limit, and where a deployment asks everybody: the same words whether the number is
    # anybody's or not.
    "report_prove": Do(
        "ask_proof", {"tail": "report_tail", "code": "report_code", "too_many": "only_person"}
    ),
    "report_tail": Ask(asks=("card_tail",), then="report_proof", **_PROOF),
    "report_code": Ask(asks=("code_entry",), then="report_proof", **_PROOF),
    "report_proof": Do(
        "check_proof",
        {
            "one": "look_at_card",
            "several": "pick_card",
            "wrong_tail": "report_tail",
            "wrong_code": "report_code",
            "too_many": "only_person",
        },
    ),
    "not_found": Menu(asks=("not_found", "for_a_person"), choices={"1": "report_id"}),
    "pick_card": Pick(
        asks=("pick_card",), item="pick_item", fact="card_ref", then="look_at_card",
        takes_all="look_at_all",
    ),
    "look_at_card": Do(
        "look_at_card",
        {
            "reportable": "confirm",
            "again": "confirm_again",
            "already": "already_reported",
            "already_own": "already_reported_own",
            "formal": "already_formal",
            "not_by_phone": "not_by_phone",
            "phone_closed": "phone_closed",
            "not_renewed": "not_renewed",
            "under_16": "under_16",
            "unknown": "outcome_unknown",
            "prove": "report_prove",
        },
    ),
    # The card is named to the end, so that a 19th digit is lost; from the price on an early key
    # counts.
    "confirm": Menu(
        says=("confirm_what",),
        asks=("confirm_price", "confirm"),
        choices={"1": "file_report", "2": "cancelled"},
        gives_up="not_confirmed",
    ),
    "not_confirmed": Tell(says=("not_confirmed",), then="person"),
    "confirm_again": Menu(
        says=("confirm_what",),
        asks=("confirm_price_again", "confirm"),
        choices={"1": "file_report", "2": "cancelled_again"},
        gives_up="not_confirmed_again",
    ),
    "not_confirmed_again": Tell(says=("not_confirmed_again",), then="person"),
    # All cards of the holder at once: a report of each, and each tells what came of it.
    "look_at_all": Do(
        "look_at_all",
        {
            "several": "confirm_all",
            "one": "look_at_card",
            "none": "other_cards",
            "prove": "report_prove",
        },
    ),
    "confirm_all": Menu(
        says=("confirm_all_what",),
        lists=True,
        asks=("confirm_price", "confirm"),
        choices={"1": "file_all", "2": "cancelled_all"},
        gives_up="not_confirmed_all",
    ),
    "cancelled_all": Menu(
        asks=("cancelled_all", "main_menu_or_hang_up"), choices={"1": "report_id"}
    ),
    "not_confirmed_all": Tell(says=("not_confirmed_all",), then="person"),
    "file_all": Do("file_all", {"told": "filed_all", "prove": "one_more_check"}),
    "filed_all": Tell(says=(), lists=True, then="ask_banks"),
    "ask_banks": Do("read_blocks", {"told": "after_all", "none": "part"}),
    "after_all": Menu(
        asks=("what_next", "antifraud", "repeat_or_hang_up", "for_a_person"),
        choices={"1": "other_cards", "9": "filed_all"},
        gives_up="goodbye",
        silence="goodbye",
    ),
    "file_report": Do(
        "file_report",
        {
            "filed": "filed",
            "already": "already_reported",
            "already_own": "already_reported_own",
            "formal": "already_formal",
            "not_by_phone": "not_by_phone",
            "phone_closed": "phone_closed",
            "not_renewed": "not_renewed",
            "under_16": "under_16",
            "unknown": "outcome_unknown",
            "prove": "one_more_check",
        },
    ),
    # Another call of this caller has reported somebody meanwhile.
    "one_more_check": Tell(says=("one_more_check",), then="report_prove"),
    "filed": Tell(says=("filed",), then="ask_bank"),
    "ask_bank": Do(
        "read_block",
        {
            "blocked": "bank_blocked",
            "waiting": "bank_waiting",
            "waiting_untexted": "bank_waiting_untexted",
            "failed": "bank_failed",
            "unreached": "bank_unreached",
        },
    ),
    "bank_blocked": Tell(says=("bank_blocked",), then="after_report"),
    "bank_waiting": Tell(says=("bank_waiting",), then="after_report"),
    # A text to a landline never arrives, so none is promised.
    "bank_waiting_untexted": Tell(says=("bank_waiting_untexted",), then="after_report"),
    "bank_failed": Tell(says=("bank_failed",), then="after_report"),
    "bank_unreached": Tell(says=("bank_unreached",), then="after_report"),
    "after_report": Menu(
        asks=("what_next", "antifraud", "repeat_or_hang_up", "for_a_person"),
        choices={"1": "other_cards", "9": "filed"},
        gives_up="goodbye",
        silence="goodbye",
    ),
    # A wallet holds two cards: the next one needs no 18 digits again.
    "other_cards": Do("list_cards", {"several": "pick_card", "none": "report_id"}),
    "already_reported": Menu(
        asks=("reported_next", "for_a_person"), choices={"2": "read_status", "9": "look_at_card"}
    ),
    # On the registered phone of the holder: "it was not me".
    "already_reported_own": Menu(
        asks=("not_me", "reported_next", "for_a_person"),
        choices={"5": "not_me", "2": "read_status", "9": "look_at_card"},
    ),
    "already_formal": Menu(asks=("already_formal", "for_a_person"), choices={"3": "reissue_guide"}),
    "cancelled": Menu(asks=("cancelled", "main_menu_or_hang_up"), choices={"1": "report_id"}),
    "cancelled_again": Menu(
        asks=("cancelled_again", "main_menu_or_hang_up"), choices={"1": "report_id"}
    ),
    "outcome_unknown": Menu(
        asks=("outcome_unknown", "for_a_person"), choices={"2": "read_status"}
    ),
    "not_by_phone": Tell(says=("not_by_phone",), then="only_person"),
    "phone_closed": Tell(says=("phone_closed",), then="only_person"),
    # What the bank's part is, is said before it.
    "not_renewed": Tell(says=("formal_loss",), then="only_person"),
    "under_16": Tell(says=("under_16",), then="only_person"),
    "id_needs_person": Tell(says=("id_needs_person",), then="only_person"),
    # 2 · status
    "status_id": Ask(
        asks=("id_entry",),
        digits=18,
        check="id_number",
        then="status_holder",
        exits=_ID_EXITS,
        no_digits="id_needs_person",
        looks_up="status",
    ),
    "status_holder": Do(
        "find_holder",
        {
            "none": "status_not_found",
            "too_many": "only_person",
            "one": "read_status",
            "several": "status_pick",
            "prove": "status_prove",
        },
    ),
    "status_prove": Do(
        "ask_proof", {"tail": "status_tail", "code": "status_code", "too_many": "only_person"}
    ),
    "status_tail": Ask(asks=("card_tail",), then="status_proof", **_PROOF),
    "status_code": Ask(asks=("code_entry",), then="status_proof", **_PROOF),
    "status_proof": Do(
        "check_proof",
        {
            "one": "read_status",
            "several": "status_pick",
            "wrong_tail": "status_tail",
            "wrong_code": "status_code",
            "too_many": "only_person",
        },
    ),
    "status_not_found": Menu(asks=("not_found", "for_a_person"), choices={"1": "status_id"}),
    "status_pick": Pick(
        asks=("status_pick",), item="pick_item", fact="card_ref", then="read_status"
    ),
    "read_status": Do(
        "read_status",
        {
            "reportable": "status_reportable",
            "reportable_own": "status_reportable_own",
            "read": "status_told",
            "read_own": "status_own",
            "unknown": "outcome_unknown",
        },
    ),
    "status_told": Menu(
        asks=("status_next", "for_a_person"), choices={"9": "read_status", "3": "card_services"}
    ),
    "status_reportable": Menu(
        asks=("status_report", "status_next", "for_a_person"),
        choices={"1": "look_at_card", "9": "read_status", "3": "card_services"},
    ),
    "status_own": Menu(
        asks=("not_me", "status_next", "for_a_person"),
        choices={"5": "not_me", "9": "read_status", "3": "card_services"},
    ),
    "status_reportable_own": Menu(
        asks=("status_report", "not_me", "status_next", "for_a_person"),
        choices={"1": "look_at_card", "5": "not_me", "9": "read_status", "3": "card_services"},
    ),
    # It was not me: operators decide, and nothing is released by the call
    "not_me": Menu(
        asks=("not_me_confirm", "for_a_person"),
        choices={"1": "dispute", "2": "read_status"},
    ),
    "dispute": Do("dispute_report", {"disputed": "disputed", "unsure": "dispute_unsure"}),
    "disputed": Menu(
        says=("disputed",),
        asks=("reported_next", "for_a_person"),
        choices={"2": "read_status"},
    ),
    "dispute_unsure": Menu(
        says=("dispute_unsure",),
        asks=("reported_next", "for_a_person"),
        choices={"2": "read_status"},
    ),
    # 3 · formal loss, decoupling, reissue
    "card_services": Menu(
        asks=("card_services", "for_a_person"),
        choices={"1": "formal_loss", "2": "decoupling", "3": "reissue_guide"},
    ),
    "formal_loss": Menu(asks=("formal_loss", *_HELP), choices={}, back="card_services"),
    "decoupling": Menu(asks=("decoupling", *_HELP), choices={}, back="card_services"),
    # For the holder's city, once the holder is known
    "reissue_guide": Do(
        "find_place", {"default": "reissue", "place": "reissue_place", "text": "reissue_text"}
    ),
    "reissue": Menu(asks=("reissue", "meanwhile", *_HELP), choices={}, back="card_services"),
    "reissue_place": Menu(asks=_HELP, choices={"9": "reissue_guide"}, back="card_services"),
    "reissue_text": Menu(
        asks=("place_text_offer", *_HELP),
        choices={"1": "text_place", "9": "reissue_guide"},
        back="card_services",
    ),
    "text_place": Do("owe_place", {"texted": "place_texted", "gone": "reissue"}),
    "place_texted": Menu(
        says=("place_texted",), asks=_HELP, choices={"9": "reissue_guide"}, back="card_services"
    ),
    # 4 · first card
    "first_card": Menu(
        asks=("first_card", "for_a_person"), choices={"1": "first_worker", "2": "first_resident"}
    ),
    "first_worker": Menu(
        asks=("first_worker_apply", "first_worker_bring", "first_worker_collect", *_HELP),
        choices={},
        back="first_card",
    ),
    "first_resident": Menu(asks=("first_resident", *_HELP), choices={}, back="first_card"),
    # 0 · a person, for whom self-service can still help
    "person": Do(
        "find_person",
        {
            "open": "transfer",
            "closed": "person_closed",
            "open_only": "transfer_only",
            "closed_only": "nobody_there",
        },
    ),
    "transfer": Transfer(says=("transfer",), answered="goodbye", unanswered="person_busy"),
    "person_closed": Menu(
        says=("person_closed",),
        asks=("callback_offer", "self_service"),
        choices={"1": "report_id", "2": "callback"},
        gives_up="part",
    ),
    "person_busy": Menu(
        says=("person_busy",),
        asks=("wait_for_person", "callback_offer", "self_service"),
        choices={"1": "report_id", "2": "callback"},
        gives_up="part",
    ),
    # and for whom it cannot: nobody is sent in a circle
    "only_person": Do(
        "find_only_person", {"open_only": "transfer_only", "closed_only": "nobody_there"}
    ),
    "transfer_only": Transfer(says=("transfer",), answered="goodbye", unanswered="nobody_answers"),
    "nobody_there": Menu(
        says=("person_closed",), asks=("call_any_bank", "callback_offer", "again_or_hang_up"),
        choices={"0": "only_person", "2": "callback"}, gives_up="part", silence="part",
    ),
    "nobody_answers": Menu(
        says=("person_busy",),
        asks=("call_any_bank", "wait_for_person", "callback_offer", "again_or_hang_up"),
        choices={"0": "only_person", "2": "callback"}, gives_up="part", silence="part",
    ),
    # Nobody is there, or nobody answers: a person calls back. The number is the one that calls, by
    # a key, or one that is keyed twice, so that none need be kept to be read out.
    "callback": Do(
        "find_callback",
        {"calling": "callback_calling", "keyed": "callback_number", "left": "callback_left"},
    ),
    "callback_calling": Menu(
        asks=("callback_calling", "for_a_person"),
        choices={"0": "only_person", "1": "callback_leave", "2": "callback_number"},
        gives_up="part",
    ),
    "callback_leave": Do("leave_callback", {"left": "callback_left", "keyed": "callback_number"}),
    "callback_number": Ask(
        asks=("callback_number",), digits=20, check="phone", then="callback_note", gives_up="part",
        no_digits="only_person",
    ),
    "callback_note": Do("note_callback", {"noted": "callback_again"}),
    "callback_again": Ask(
        asks=("callback_again",), digits=20, check="phone", then="callback_leave_keyed",
        gives_up="part", no_digits="only_person",
    ),
    "callback_leave_keyed": Do(
        "leave_keyed_callback",
        {"left": "callback_left", "differs": "callback_number", "too_many": "part"},
    ),
    "callback_left": Tell(says=("callback_left",), then="part"),
    # Nobody is hung up on without knowing whether a card is reported.
    "part": Do("look_back", {"reported": "goodbye", "unknown": "goodbye", "nothing": "goodbye"}),
    "goodbye": End(says=("goodbye",)),
}  # fmt: skip

_HOLDER: Final = frozenset({"holder_ref"})
_ASKED: Final = frozenset({UNPROVEN})
_CARD: Final = frozenset({"holder_ref", "card_ref"})

# What each action needs to know of the call, and what it finds out.
ACTIONS: Final[Mapping[str, Action]] = {
    "find_holder": Action(
        needs=frozenset({ENTERED}), finds={"one": _CARD, "several": _HOLDER, "prove": _ASKED}
    ),
    "ask_proof": Action(needs=_ASKED),
    "check_proof": Action(needs=_ASKED | {ENTERED}, finds={"one": _CARD, "several": _HOLDER}),
    "look_at_card": Action(needs=_CARD, finds={"prove": _ASKED}),
    "file_report": Action(needs=_CARD, finds={"prove": _ASKED}),
    "look_at_all": Action(needs=_HOLDER, finds={"one": _CARD, "prove": _ASKED}),
    "file_all": Action(needs=_HOLDER, finds={"prove": _ASKED}),
    "read_blocks": Action(needs=_HOLDER),
    "read_block": Action(needs=_CARD),
    "read_status": Action(needs=_CARD),
    "dispute_report": Action(needs=_CARD),
    "find_person": Action(),
    "find_only_person": Action(),
    "find_callback": Action(),
    "leave_callback": Action(),
    "note_callback": Action(
        needs=frozenset({ENTERED}), finds={"noted": frozenset({"callback_ref"})}
    ),
    "leave_keyed_callback": Action(needs=frozenset({ENTERED, "callback_ref"})),
    "list_cards": Action(needs=_HOLDER),
    "find_place": Action(finds={"place": _CARD, "text": _CARD}),
    "owe_place": Action(needs=_CARD),
    "look_back": Action(),
}

FILING_STEPS: Final = filing_steps_in(FLOW)

check_flow(FLOW, START, ACTIONS)
