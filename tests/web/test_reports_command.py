"""`flask reports show`: one report's whole story, and nothing of the person it is about."""

import re
from typing import Any

import pytest
from flask import Flask
from redis import Redis

from ivr.beijing import beijing_time
from ivr.cards.bank_event import UNBLOCKED, BankEvent
from ivr.cards.loss import LossReport
from ivr.cards.notice import Attempt, NoticeKind, Outcome
from ivr.cards.notice_bodies import iso
from ivr.cards.report_number import new_report_number
from ivr.store import keys
from ivr.store.journal import PAGE
from tests.bank_side import new_id
from tests.builders import a_holder, an_app, settings
from tests.redis_server import RedisServer
from tests.web.conftest import PhoneCall, Twilio
from tests.web.test_notices_command import Operator

ZHANG = a_holder()


@pytest.fixture
def operator(redis_server: RedisServer, redis: Redis) -> Operator:
    assert redis.dbsize() == 0
    return Operator(an_app(settings(redis_server.url), ZHANG))


def story(operator: Operator, report: LossReport) -> tuple[str, list[str]]:
    """What `reports show` says above the time line, and the time line."""
    said = operator.reads(f"reports show {report.number}")
    begin = next(n for n, line in enumerate(said) if line.startswith("UTC "))
    return "\n".join(said[:begin]), said[begin + 1 :]


def happenings(lines: list[str]) -> list[str]:
    """The first word of each, without the times."""
    found = [re.fullmatch(r"\S+Z  \S+\+08:00  (\S+).*", line) for line in lines]
    return [line[1] for line in found if line]


def unblocked(operator: Operator, at: int) -> None:
    number = ZHANG.cards[0].number
    event = BankEvent(new_id(), "icbc", UNBLOCKED, at, card_number=number)
    assert operator.records.hotline.service.hear(event) == "applied"


def test_all_that_happened_in_order(operator: Operator) -> None:
    records = operator.records
    report = records.reports_lost(ZHANG)
    (text,) = records.notices(NoticeKind.TEXT)
    records.bank_answers(report, Outcome.FAILED, again_in=0)
    records.bank_answers(report, Outcome.REFUSED)
    records.settles(text, Outcome.RECEIVED)
    assert records.hotline.service.send_again(report.notice_id)
    records.bank_answers(report, Outcome.BLOCKED)
    records.seven_days_pass(report)
    unblocked(operator, report.reported_at + 1)

    above, lines = story(operator, report)
    assert set(happenings(lines)) == {
        "loss_reported", "notice_failed", "notice_refused", "notice_received", "notice_blocked",
        "block_refused", "notice_resent", "block_notified", "block_blocked", "loss_released",
        "block_unblocked", "bank_event",
    }  # fmt: skip
    in_order = [
        happenings(lines).index(e)
        for e in ("loss_reported", "notice_failed", "loss_released", "bank_event")
    ]
    assert in_order == sorted(in_order)
    times = [line.split()[0] for line in lines if line[:2] == "20"]
    assert times == sorted(times)
    assert (
        f"{iso(report.reported_at)}  {beijing_time(report.reported_at)}  loss_reported"
        in "\n".join(lines)
    )
    assert "origin=" + report.origin in "\n".join(lines)
    assert "text=text_filed status=200" in "\n".join(lines)
    assert f"Report {report.number} (released)" in above
    assert "block       unblocked since" in above
    assert "suspension  none: the social security function is active" in above
    assert above.count(report.notice_id) == 1
    assert lines[-1].startswith("Journal read from ")


def test_a_running_one_says_what_redis_says(operator: Operator) -> None:
    report = operator.records.reports_lost(ZHANG)
    operator.records.hotline.redis.expire(keys.loss(report.card_ref), 1000)
    above, _ = story(operator, report)
    assert re.search(
        rf"suspension  until {iso(report.release_at)} \(UTC\), \S+ \(Beijing\): "
        r"Redis ends it in (1000|9\d\d) s",
        above,
    ), above


def test_a_call_over_the_phone(app: Flask) -> None:
    call = PhoneCall(Twilio(app)).to_report()
    operator = Operator(app)
    spoken = f"{call.report_number[:4]} {call.report_number[4:]}"
    result = app.test_cli_runner().invoke(args=["reports", "show", spoken])
    assert result.exit_code == 0, result.output
    assert f"by          phone, origin {call.sid}" in result.output
    assert operator.reads(f"reports show {call.report_number}")


def test_nothing_of_the_person(operator: Operator) -> None:
    """Nor what a bank or anybody else wrote beside a status; nor what moves the cursor."""
    report = operator.records.reports_lost(ZHANG)
    service = operator.records.hotline.service
    service.settle(report.notice_id, Attempt(0, Outcome.REFUSED, 422, 9, ZHANG.name), None)
    event = BankEvent("evt\x1b[2J", "icbc", UNBLOCKED, report.reported_at + 1,
                      card_number=ZHANG.cards[0].number)  # fmt: skip
    service.hear(event)
    above, lines = story(operator, report)
    card = ZHANG.cards[0]
    for personal in (ZHANG.id_number, ZHANG.last4, ZHANG.name, ZHANG.phone, card.number,
                     card.bank_account, report.holder_ref, report.card_ref, "\x1b"):  # fmt: skip
        assert personal not in above + "".join(lines)
    assert f"…{card.last4} of icbc" in above


def test_another_report_is_another_story(operator: Operator) -> None:
    first = operator.records.reports_lost(ZHANG)
    operator.records.bank_answers(first, Outcome.BLOCKED)
    operator.records.seven_days_pass(first)
    second = operator.records.reports_lost(ZHANG)
    operator.records.bank_answers(second, Outcome.REFUSED)
    unblocked(operator, second.reported_at + 1)

    above, lines = story(operator, first)
    assert f"of report {second.number}" in above
    assert happenings(lines).count("loss_reported") == 1
    assert not {"bank_event", "notice_refused"} & set(happenings(lines))
    _, lines = story(operator, second)
    assert "bank_event" in happenings(lines)
    assert "loss_released" not in happenings(lines)


def test_a_journal_that_was_trimmed_says_so(operator: Operator, redis: Redis) -> None:
    report = operator.records.reports_lost(ZHANG)
    _, lines = story(operator, report)
    assert "trimmed" not in "".join(lines)
    redis.xtrim(keys.JOURNAL, maxlen=0, approximate=False)
    _, lines = story(operator, report)
    assert re.match(r"It was trimmed and begins at \S+Z \(UTC\)", lines[-1])


def test_it_reads_the_days_around_a_report_and_not_years(operator: Operator, redis: Redis) -> None:
    """A year of journal lies behind and before it; what happened late is found all the same."""
    report = operator.records.reports_lost(ZHANG)
    entries: Any = redis.xrange(keys.JOURNAL)
    redis.delete(keys.JOURNAL)
    day = 24 * 3600
    with redis.pipeline() as pipe:
        for n in range(2 * PAGE):
            pipe.xadd(
                keys.JOURNAL,
                {"event": "before"},
                f"{(report.reported_at - 200 * day) * 1000 + n}-0",
            )
        for entry_id, fields in entries:
            pipe.xadd(keys.JOURNAL, fields, entry_id)
        pipe.execute()
    redis.config_resetstat()
    _, lines = story(operator, report)
    assert happenings(lines) == ["loss_reported"]
    read = redis.info("commandstats")["cmdstat_xrange"]["calls"]
    assert read <= 3, "not page after page of other days"


def test_what_happened_months_later_is_found(operator: Operator, redis: Redis) -> None:
    report = operator.records.reports_lost(ZHANG)
    long_ago = report.reported_at - 200 * 24 * 3600
    filed = operator.records.report(report.number)
    move(redis, filed, long_ago)
    operator.records.seven_days_pass(report)
    operator.records.hotline.service.send_again(report.notice_id)
    unblocked(operator, report.reported_at)

    _, lines = story(operator, report)
    assert "bank_event" in happenings(lines)
    assert ", " in lines[-2] or ", " in lines[-1], "two stretches of the journal"


def move(redis: Redis, report: LossReport, to: int) -> None:
    """The report was filed at another time."""
    text = redis.get(keys.report(report.number))
    assert isinstance(text, bytes)
    moved = text.decode().replace(str(report.reported_at), str(to))
    moved = moved.replace(str(report.release_at), str(to + 7 * 24 * 3600))
    redis.set(keys.report(report.number), moved, keepttl=True)


@pytest.mark.parametrize("number", ["12345", "47110817", ZHANG.id_number, "ntc-1"])
def test_what_is_no_report_number(operator: Operator, number: str) -> None:
    result = operator.types(f"reports show {number}")
    assert result.exit_code == 2
    assert "that is no report number: 8 digits" in result.output
    assert ZHANG.id_number not in result.output


def test_a_report_there_is_not(operator: Operator) -> None:
    number = new_report_number()
    result = operator.types(f"reports show {number}")
    assert result.exit_code == 1
    assert result.output == f"Error: There is no report {number}, or none any more.\n"
