"""Each check finds evidence that was spoilt in one place, and nothing where all is well."""

from dataclasses import replace

import pytest

from simulator.engine import Fault
from simulator.load.checks import CHECKS
from simulator.load.claims import Claim
from simulator.load.evidence import Evidence
from simulator.load.repeating_transport import TimedTurn
from tests.simulator.load.builders import (
    CARD,
    NUMBER,
    OTHER_CARD,
    STARTED,
    a_call,
    a_caller_who_asks,
    a_notice,
    a_receipt,
    a_report,
    evidence,
    found_in,
    heard,
)

OTHER = "76543210"
NOTHING_HEARD = a_call(heard=())

DOCTORED = [
    ("a side that could not be asked", evidence(silent=("the bank: connection refused",))),
    ("a success without a record", evidence(calls=(a_call(heard=(heard(Claim.FILED, OTHER),)),))),
    (
        "a success without a record",
        evidence(reports={NUMBER: replace(a_report(), suspended_by="")}),
    ),
    (
        "a failure with a record",
        evidence(calls=(a_call(heard=(heard(Claim.NOT_FILED, ""),)),)),
    ),
    ("a record nobody confirmed", evidence(calls=(a_call(confirmed=False),))),
    (
        "a record nobody confirmed",
        evidence(
            calls=(a_call(confirmed=False, heard=()),),
            reports={NUMBER: a_report(origin="a call nobody made")},
        ),
    ),
    (
        "a record of another card",
        evidence(calls=(a_call(card=OTHER_CARD, heard=()),)),
    ),
    (
        "two records of one card",
        evidence(
            calls=(a_call(), a_call("CA2", heard=())),
            reports={NUMBER: a_report(), OTHER: a_report(OTHER, "CA2")},
            notices={f"ntc-{n}": a_notice(n) for n in (NUMBER, OTHER)},
            receipts=(a_receipt(), a_receipt(OTHER)),
        ),
    ),
    ("a record without a notice", evidence(notices={})),
    (
        "a record without a notice",
        evidence(notices={f"ntc-{NUMBER}": replace(a_notice(), report_number="")}, receipts=()),
    ),
    ("a record without a bank receipt", evidence(calls=(NOTHING_HEARD,), receipts=())),
    (
        "a record without a bank receipt",
        evidence(calls=(NOTHING_HEARD,), receipts=(a_receipt(effect="none"),)),
    ),
    (
        "a notice without a report",
        evidence(notices={f"ntc-{n}": a_notice(n) for n in (NUMBER, OTHER)}),
    ),
    ("a notice without a report", evidence(receipts=(a_receipt(), a_receipt(OTHER)))),
    (
        "a receipt without a good signature",
        evidence(receipts=(a_receipt(), a_receipt("", verified=False, effect="refused"))),
    ),
    ("an effect twice at the bank", evidence(effects={NUMBER: 2})),
    (
        '"blocked" heard before the bank\'s receipt',
        evidence(receipts=(a_receipt(at=STARTED + 30),)),
    ),
    (
        '"blocked" heard before the bank\'s receipt',
        evidence(receipts=(a_receipt(effect="none"), a_receipt(at=STARTED + 30))),
    ),
    (
        "another report's number",
        evidence(calls=(a_call(), a_caller_who_asks(Claim.ALREADY, OTHER))),
    ),
    (
        "another report's number",
        evidence(calls=(a_call(), a_caller_who_asks(Claim.STATUS, card=OTHER_CARD))),
    ),
    (
        "another report's number",
        evidence(
            calls=(a_call(), a_caller_who_asks(Claim.ALREADY, card=OTHER_CARD)),
            receipts=None,
            blocked_cards={},
        ),
    ),
    (
        "an HTTP error answered to Twilio",
        evidence(calls=(a_call(turns=(TimedTurn("confirm", "late", 500, 5.0, STARTED),)),)),
    ),
    (
        "an HTTP error answered to Twilio",
        evidence(calls=(a_call(turns=(TimedTurn("confirm", "", 0, 5.0, STARTED, "read"),)),)),
    ),
    ("an error in Twilio's debugger", evidence(calls=(a_call(faults=(Fault(12100, "line 1"),)),))),
    (
        "an honest caller who met a limit",
        evidence(calls=(a_call(), a_caller_who_asks(Claim.MORE_ASKED, ""))),
    ),
]


def test_nothing_is_found_where_everything_adds_up() -> None:
    assert found_in(evidence()) == set()


@pytest.mark.parametrize(("check", "doctored"), DOCTORED)
def test_each_check_finds_its_discrepancy(check: str, doctored: Evidence) -> None:
    assert check in found_in(doctored)


def test_every_check_is_seen_failing() -> None:
    assert {check for check, _ in DOCTORED} == set(CHECKS)


@pytest.mark.parametrize(
    "harmless",
    [
        pytest.param(
            evidence(calls=(a_call(), a_caller_who_asks(Claim.ALREADY))), id="already, rightly"
        ),
        pytest.param(
            evidence(receipts=(a_receipt(), a_receipt(at=STARTED + 20, effect="duplicate"))),
            id="a notice that came twice and blocked once",
        ),
        pytest.param(
            evidence(calls=(NOTHING_HEARD,), receipts=(a_receipt(effect="refused"),)),
            id="a bank that refuses for good",
        ),
        pytest.param(evidence(calls=(a_call(heard=()),)), id="confirmed, then hung up"),
        pytest.param(
            evidence(
                reports={NUMBER: a_report(), OTHER: a_report(OTHER, "a call of others", "ref2")},
                notices={f"ntc-{n}": a_notice(n) for n in (NUMBER, OTHER)},
                blocked_cards={CARD: NUMBER, OTHER_CARD: OTHER},
            ),
            id="somebody else calls meanwhile",
        ),
        pytest.param(
            evidence(reports=None, notices=None, receipts=None, effects={}, blocked_cards={}),
            id="nothing but the calls can be looked at",
        ),
        pytest.param(
            evidence(receipts=(a_receipt(), a_receipt(OTHER, at=STARTED - 100))),
            id="the bank remembers a report of an earlier Redis",
        ),
    ],
)
def test_what_is_as_it_should_be_is_not_reported(harmless: Evidence) -> None:
    assert found_in(harmless) == set()


def test_settling_waits_for_receipts_where_there_is_a_bank_to_ask() -> None:
    assert evidence().unsettled() == 0
    assert evidence(receipts=()).unsettled() == 1
    assert evidence(receipts=(a_receipt(effect="none"),)).unsettled() == 1
    assert evidence(receipts=None).unsettled() == 0
