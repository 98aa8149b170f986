"""Evidence of a load in which everything adds up; each test spoils one thing in it."""

from dataclasses import replace
from typing import Any

from simulator.load.calls import CallRecord
from simulator.load.checks import find_discrepancies
from simulator.load.claims import Claim, Heard
from simulator.load.errands import Errand
from simulator.load.evidence import Evidence, Notice, Receipt, Report
from simulator.load.repeating_transport import TimedTurn

STARTED = 1_000.0
NUMBER = "12345670"
CARD, OTHER_CARD = "AB1", "CD2"


def heard(claim: Claim, number: str = NUMBER, at: float = STARTED + 9) -> Heard:
    """Something a caller heard, after the bank's receipt unless told otherwise."""
    return Heard(claim, number, at)


def a_call(sid: str = "CA1", card: str = CARD, **told: Any) -> CallRecord:
    """A caller who confirmed and heard that all went well."""
    happened: dict[str, Any] = {
        "confirmed": True,
        "heard": (heard(Claim.FILED), heard(Claim.BLOCKED)),
        "turns": (TimedTurn("incoming", "", 200, 5.0, STARTED),),
        "faults": (),
    }
    return CallRecord(
        sid=sid,
        errand=Errand.REPORT,
        language="en",
        cards=(card,),
        last_step="after_report",
        seconds=60.0,
        **(happened | told),
    )


def a_caller_who_asks(claim: Claim, number: str = NUMBER, card: str = CARD) -> CallRecord:
    """Someone else's call, which files nothing."""
    return a_call("CA2", card, confirmed=False, heard=(heard(claim, number),))


def a_report(number: str = NUMBER, origin: str = "CA1", card_ref: str = "ref1") -> Report:
    return Report(number, card_ref, "icbc", f"ntc-{number}", origin, STARTED + 1, number)


def a_notice(number: str = NUMBER) -> Notice:
    return Notice(f"ntc-{number}", number, "delivered", is_owed=False)


def a_receipt(number: str = NUMBER, at: float = STARTED + 2, **told: Any) -> Receipt:
    arrival: dict[str, Any] = {"verified": True, "effect": "blocked"} | told
    return Receipt("icbc", f"ntc-{number}", number, at=at, **arrival)


def evidence(**told: Any) -> Evidence:
    """One call, one report, one notice, one receipt, one effect; `told` replaces any of them."""
    all_well = Evidence(
        calls=(a_call(),),
        started_at=STARTED,
        reports={NUMBER: a_report()},
        notices={f"ntc-{NUMBER}": a_notice()},
        receipts=(a_receipt(),),
        effects={NUMBER: 1},
        blocked_cards={CARD: NUMBER},
    )
    return replace(all_well, **told)


def found_in(doctored: Evidence) -> set[str]:
    """The names of the checks that found something."""
    return {discrepancy.check for discrepancy in find_discrepancies(doctored)}
