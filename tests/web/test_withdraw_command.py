"""`flask reports disputed|dismiss|withdraw`, as operators type them."""

import re

import pytest
from click.testing import Result
from flask import Flask
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from ivr.cards.acts.withdraw import Decision, Withdrawal
from ivr.cards.block import BlockState
from ivr.cards.loss import LossReport, ReportState
from ivr.cards.notice import Outcome
from ivr.cards.notice_bodies import iso
from ivr.cards.report_number import new_report_number
from ivr.service import CardService
from ivr.store import keys
from tests.bank_side import Records
from tests.builders import a_card, a_holder, an_app, an_id_number, hotline_of, settings
from tests.redis_server import RedisServer
from tests.web.conftest import PhoneCall, Twilio

PEOPLE = [
    a_holder(a_card(f"{n:04}"), id_number=an_id_number(serial=f"{n:03}")) for n in range(1, 13)
]
PRANKSTER = "+8613900139009"
YES = "--yes-withdraw-them"
SIGNED = ("--reason", "a prank, they say", "--by", "Li Wei")


@pytest.fixture
def app(redis_server: RedisServer, redis: Redis) -> Flask:
    assert redis.dbsize() == 0
    return an_app(settings(redis_server.url), *PEOPLE)


@pytest.fixture
def records(app: Flask) -> Records:
    return Records(hotline_of(app))


def types(app: Flask, *words: str, stdin: str = "") -> Result:
    return app.test_cli_runner().invoke(args=["reports", *words], input=stdin)


def reads(app: Flask, *words: str, stdin: str = "") -> str:
    result = types(app, *words, stdin=stdin)
    assert result.exit_code == 0, result.output
    return result.output


def states(records: Records, reports: list[LossReport]) -> set[ReportState]:
    return {records.report_state(report) for report in reports}


def test_it_is_shown_first_and_nothing_is_done(app: Flask, records: Records, redis: Redis) -> None:
    blocked, waiting = (records.reports_lost(person) for person in PEOPLE[:2])
    records.bank_answers(blocked, Outcome.BLOCKED)
    before = {key: redis.dump(key) for key in redis.scan_iter()}
    said = reads(app, "withdraw", blocked.number, waiting.number, new_report_number(), *SIGNED)
    assert {key: redis.dump(key) for key in redis.scan_iter()} == before
    first, second, third, last = said.splitlines()
    assert first.startswith(f"{blocked.number}  reported {iso(blocked.reported_at)}  phone  icbc")
    assert first.endswith("to be withdrawn; the bank function stays blocked until the holder visits"
                          " an outlet")  # fmt: skip
    assert "has not confirmed a block (notified) and is not asked any more" in second
    assert third.endswith("there is no such report, or none any more")
    assert last == f"Nothing was done. To withdraw them, add --reason, --by and {YES}"
    assert PEOPLE[0].id_number not in said
    assert PEOPLE[0].cards[0].number not in said


def test_a_few_are_withdrawn_by_one_operator(app: Flask, records: Records) -> None:
    reports = [records.reports_lost(person) for person in PEOPLE[:2]]
    said = reads(app, "withdraw", *(r.number for r in reports), *SIGNED, YES)
    assert said.splitlines()[-2:] == [f"{r.number} withdrawn" for r in reports]
    assert states(records, reports) == {ReportState.WITHDRAWN}
    again = reads(app, "withdraw", reports[0].number, *SIGNED, YES)
    assert again.endswith("left alone: withdrawn already\n")
    story = reads(app, "show", reports[0].number)
    assert f"Report {reports[0].number} (withdrawn)" in story
    assert "suspension  none: the social security function is active" in story
    assert "report_withdrawn report=" in story
    assert "by=Li Wei reason=a prank, they say" in story


def planned(app: Flask, records: Records, people: int = 11) -> tuple[str, list[LossReport]]:
    """The name of a plan for more than one operator may do alone."""
    reports = [records.reports_lost(person) for person in PEOPLE[:people]]
    said = reads(app, "withdraw", *(r.number for r in reports), *SIGNED, YES)
    found = re.search(r"flask reports withdraw --confirm (\w+) --by NAME", said)
    assert found is not None
    return found[1], reports


def test_more_than_ten_need_a_second_operator(app: Flask, records: Records, redis: Redis) -> None:
    name, reports = planned(app, records)
    assert states(records, reports) == {ReportState.ACTIVE}
    assert 3500 < redis.ttl(keys.plan(name)) <= 3600
    for who in ((), ("--by", "li wei"), ("--by", "Li Wei.")):
        refused = types(app, "withdraw", "--confirm", name, *who)
        assert refused.exit_code == 1
        assert "Another operator than Li Wei must confirm it" in refused.output
    assert states(records, reports) == {ReportState.ACTIVE}

    said = reads(app, "withdraw", "--confirm", name, "--by", "Wang Fang")
    assert said.count(" withdrawn\n") == 11
    assert states(records, reports) == {ReportState.WITHDRAWN}
    assert "confirmed_by=Wang Fang" in reads(app, "show", reports[3].number)
    gone = types(app, "withdraw", "--confirm", name, "--by", "Wang Fang")
    assert "There is no such plan, or its hour is over." in gone.output


def test_what_is_left_alone_does_not_count(app: Flask, records: Records) -> None:
    reports = [records.reports_lost(person) for person in PEOPLE[:11]]
    records.hotline.service.withdraw(reports[0].number, Decision("Li", "a prank"))
    reads(app, "withdraw", *(r.number for r in reports), *SIGNED, YES)
    assert states(records, reports) == {ReportState.WITHDRAWN}


def test_after_a_crash_midway_the_same_is_typed_again(
    app: Flask, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, reports = planned(app, records)
    whole, done = CardService.withdraw, list[str]()

    def breaks(service: CardService, number: str, decision: Decision) -> Withdrawal:
        if len(done) == 4:
            raise RedisConnectionError
        done.append(number)
        return whole(service, number, decision)

    with monkeypatch.context() as broken:
        broken.setattr(CardService, "withdraw", breaks)
        assert types(app, "withdraw", "--confirm", name, "--by", "Wang").exit_code == 1
    assert states(records, reports) == {ReportState.ACTIVE, ReportState.WITHDRAWN}
    reads(app, "withdraw", "--confirm", name, "--by", "Wang")
    assert states(records, reports) == {ReportState.WITHDRAWN}
    assert records.journal().count("report_withdrawn") == 11


# --- all from one calling number -----------------------------------------------------------------


def reported_by(app: Flask, records: Records, caller: str, person: int, call: str) -> LossReport:
    """By a real call."""
    before = {report.number for report in records.reports()}
    phone = PhoneCall(Twilio(app), "CA" + call * 32)
    phone.caller = caller
    keyed = PEOPLE[person].id_number.replace("X", "*")
    phone.dials().presses("1", "1", keyed, "1").hears("挂失成功")
    (new,) = {report.number for report in records.reports()} - before
    return records.report(new)


def test_all_that_one_number_reported(app: Flask, records: Records) -> None:
    pranks = [reported_by(app, records, PRANKSTER, n, str(n)) for n in range(2)]
    honest = reported_by(app, records, "+8613900139008", 2, "2")
    hidden = reported_by(app, records, "anonymous", 3, "3")
    when = ("--since", "2026-01-01", "--until", "2100-01-01")
    said = reads(app, "withdraw", "--caller", *when, *SIGNED, YES, stdin="139 0013 9009\n")
    assert PRANKSTER[3:] not in said
    assert states(records, pranks) == {ReportState.WITHDRAWN}
    assert states(records, [honest, hidden]) == {ReportState.ACTIVE}
    early = reads(app, "withdraw", "--caller", "--since", "2020-01-01", "--until", "2020-01-02",
                  stdin="hidden\n")  # fmt: skip
    assert early == "There are none.\n"
    reads(app, "withdraw", "--caller", *when, *SIGNED, YES, stdin="hidden\n")
    assert states(records, [honest, hidden]) == {ReportState.ACTIVE, ReportState.WITHDRAWN}


@pytest.mark.parametrize(
    ("words", "stdin", "says"),
    [
        ((), "", "Give report numbers, or --caller, or --confirm."),
        (("54700755", "--caller"), "", "Give report numbers, or --caller, or --confirm."),
        (("--caller",), "1", "--caller needs --since and a later --until."),
        (("--caller", "--since", "2026-01-02", "--until", "2026-01-01"), "1", "a later --until"),
        (("--caller", "--since", "2026-01-01", "--until", "2026-01-02"), "110105194912310021",
         "That is no phone number"),
        (("54700755", "--by", "110105194912310021"), "", "no number of a person"),
        (("54700755", "--reason", "x" * 201), "", "write 1 to 200 characters"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant(app: Flask, words: tuple[str, ...], stdin: str, says: str) -> None:
    result = types(app, "withdraw", *words, stdin=stdin)
    assert result.exit_code != 0
    assert says in result.output
    assert "1949" not in result.output


def test_it_is_signed_or_not_done(app: Flask, records: Records) -> None:
    report = records.reports_lost(PEOPLE[0])
    assert types(app, "withdraw", report.number, "--by", "Li", YES).exit_code == 2
    assert states(records, [report]) == {ReportState.ACTIVE}


# --- objections ----------------------------------------------------------------------------------


def test_an_objection_is_listed_until_it_is_decided(app: Flask, records: Records) -> None:
    first, second = (records.reports_lost(person) for person in PEOPLE[:2])
    for report in (first, second):
        records.hotline.service.dispute(report.number, "phone")
    listed = reads(app, "disputed").splitlines()
    assert sorted(line.split()[1] for line in listed[:-1]) == sorted([first.number, second.number])
    assert listed[-1] == "2 to decide on"
    assert "disputed    " in reads(app, "show", first.number)

    assert "runs on" in reads(app, "dismiss", first.number, *SIGNED)
    assert types(app, "dismiss", first.number, *SIGNED).exit_code == 1
    assert records.suspension(first) is not None
    reads(app, "withdraw", second.number, *SIGNED, YES)
    assert reads(app, "disputed") == "0 to decide on\n"
    assert "dispute_dismissed report=" in reads(app, "show", first.number)
    assert records.state(second) is BlockState.WITHDRAWN
