"""`flask notices …` and `flask banks …`, as an operator types them."""

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from redis import Redis

from app import create_app
from ivr.beijing import beijing_time
from ivr.cards.bank_event import UNBLOCKED, BankEvent
from ivr.cards.notice import NoticeKind, NoticeState, Outcome
from ivr.cards.notice_bodies import iso
from ivr.cards.report_number import new_report_number
from ivr.settings import Settings
from ivr.store import keys
from simulator.bank.running import CHECKOUT, RunningBank
from tests.bank_side import Records, new_id
from tests.builders import BASE_URL, a_card, a_holder, an_app, an_id_number, hotline_of, settings
from tests.hotline import leased
from tests.redis_server import RedisServer
from tests.web.conftest import Wire

ZHANG = a_holder(a_card("5678", "icbc"))
LI = a_holder(a_card("9999", "ccb"), id_number=an_id_number(serial="004"))


@dataclass
class Operator:
    """Somebody at a shell of the hotline's machine."""

    app: Flask

    @property
    def records(self) -> Records:
        return Records(hotline_of(self.app))

    def types(self, line: str) -> Result:
        result = self.app.test_cli_runner().invoke(args=line.split())
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    def reads(self, line: str) -> list[str]:
        """The lines of a command that ends well."""
        result = self.types(line)
        assert result.exit_code == 0, result.output
        return result.output.splitlines()


@pytest.fixture
def operator(redis_server: RedisServer, redis: Redis) -> Operator:
    assert redis.dbsize() == 0
    return Operator(an_app(settings(redis_server.url), ZHANG, LI))


class TestList:
    def test_nothing(self, operator: Operator) -> None:
        assert operator.reads("notices list") == ["0 notices"]

    def test_a_notice_with_its_attempts(self, operator: Operator) -> None:
        report = operator.records.reports_lost(ZHANG)
        operator.records.bank_answers(report, Outcome.REFUSED)
        heading, line, count = operator.reads("notices list --state refused")
        assert heading.split()[:2] == ["owed", "since"]
        assert re.fullmatch(
            rf"\S+Z  {report.notice_id}  card.loss_reported  icbc      {report.number}  refused"
            r"        1, the last \S+Z refused \(HTTP 200\)",
            line,
        ), line
        assert heading.index("state") == line.index("refused")
        assert count == "1 notice"

    def test_one_banks(self, operator: Operator) -> None:
        operator.records.reports_lost(ZHANG)
        report = operator.records.reports_lost(LI)
        listed = operator.reads("notices list --bank ccb")
        assert report.notice_id in "".join(listed)
        assert "icbc" not in "".join(listed)
        assert listed[-1] == "2 notices"  # the bank's and the holder's text

    def test_says_nothing_of_people(self, operator: Operator) -> None:
        report = operator.records.reports_lost(ZHANG)
        listed = "".join(operator.reads("notices list"))
        assert report.number in listed
        for personal in (ZHANG.id_number, ZHANG.name, ZHANG.phone, ZHANG.cards[0].number):
            assert personal not in listed

    def test_texts(self, operator: Operator) -> None:
        operator.records.reports_lost(ZHANG)
        listed = operator.reads("notices list --bank texts")
        assert listed[-1] == "1 notice"
        assert "  text  " in listed[1]

    def test_one_reports(self, operator: Operator) -> None:
        report, other = operator.records.reports_lost(ZHANG), operator.records.reports_lost(LI)
        listed = operator.reads(f"notices list --report {report.number}")
        assert listed[-1] == "2 notices"
        assert other.number not in "".join(listed)

    def test_what_a_person_must_look_at(self, operator: Operator) -> None:
        refused, open_one = (operator.records.reports_lost(who) for who in (ZHANG, LI))
        operator.records.bank_answers(refused, Outcome.REFUSED)
        listed = operator.reads("notices list --stuck")
        assert listed[-1] == "1 notice"
        assert refused.notice_id in listed[1]
        assert operator.reads(f"notices list --stuck --report {open_one.number}") == ["0 notices"]

    def test_a_stretch_of_time_in_the_words_it_prints(self, operator: Operator) -> None:
        now = operator.records.reports_lost(ZHANG).reported_at
        for since, until, count in (
            (iso(now), iso(now + 1), "2 notices"),
            (beijing_time(now), beijing_time(now + 1), "2 notices"),
            (iso(now - 9), iso(now), "0 notices"),
            (iso(now + 1), iso(now + 9), "0 notices"),
            ("2020-01-01", "2100-01-01", "2 notices"),
        ):
            listed = operator.reads(f"notices list --since {since} --until {until}")
            assert listed[-1] == count, (since, until)
        printed = operator.reads("notices list")[1].split()[0]
        assert operator.reads(f"notices list --since {printed}")[-1] == "2 notices"
        assert operator.types(f"notices resend --bank icbc --since {printed}").exit_code == 0

    def test_no_more_than_a_limit_and_how_to_see_the_rest(self, operator: Operator) -> None:
        for age in (30, 20, 10):
            report = operator.records.reports_lost(ZHANG)
            for notice_id in operator.records.hotline.outbox.ids_of(report.number):
                since = report.reported_at - age
                operator.records.hotline.redis.hset(keys.notice(notice_id), "created_at", since)
            operator.records.seven_days_pass(report)
        listed = operator.reads("notices list --until 2100-01-01 --limit 2")
        assert len(listed) == 4
        found = re.fullmatch(
            r"2 of (\d+) notices\. More: --since (\S+Z), or --limit (\d+)", listed[-1]
        )
        assert found is not None, listed[-1]
        rest = operator.reads(f"notices list --since {found[2]}")
        assert rest[-1] == f"{int(found[1]) - 2} notices"
        assert operator.reads(f"notices list --limit {found[3]}")[-1] == f"{found[1]} notices"

    def test_as_json(self, operator: Operator) -> None:
        report = operator.records.reports_lost(ZHANG)
        operator.records.bank_answers(report, Outcome.FAILED, again_in=0)
        operator.records.bank_answers(report, Outcome.REFUSED)
        said = json.loads("\n".join(operator.reads("notices list --json --state refused")))
        (notice,) = said["notices"]
        assert said["found"] == 1
        assert notice["notice"] == report.notice_id
        assert (notice["bank"], notice["report"]) == ("icbc", report.number)
        assert [(a["outcome"], a["status"]) for a in notice["attempts"]] == [
            ("failed", 200),
            ("refused", 200),
        ]
        assert "0 notices" not in operator.reads("notices list --json --state closed")

    @pytest.mark.parametrize(
        ("line", "status", "why"),
        [
            ("--bank boc", 1, "There is no bank boc; there are icbc, ccb, texts."),
            ("--report 11111111", 2, "that is no report number"),
            (f"--report {ZHANG.id_number}", 2, "that is no report number"),
            ("--since yesterday", 2, "is no time like 2026-11-22T08:30:00Z"),
            ("--limit 0", 2, "--limit"),
            ("--since 2026-02-01 --until 2026-01-01", 2, "--since must be before --until"),
        ],
    )
    def test_what_there_is_not(self, operator: Operator, line: str, status: int, why: str) -> None:
        operator.records.reports_lost(ZHANG)
        result = operator.types(f"notices list {line}")
        assert (result.exit_code, why in result.output) == (status, True), result.output
        assert ZHANG.id_number not in result.output

    def test_a_report_there_is_not(self, operator: Operator) -> None:
        number = new_report_number()
        result = operator.types(f"notices list --report {number}")
        assert result.exit_code == 1
        assert result.output == f"Error: There is no report {number}, or none any more.\n"

    def test_a_bank_that_left_is_known_while_it_is_printed(self, operator: Operator) -> None:
        operator.records.reports_lost(LI)
        known = operator.records.hotline.settings
        left = known.model_copy(update={"banks": {"icbc": known.banks["icbc"]}})
        assert Operator(create_app(left)).reads("notices list --bank ccb")[-1] == "2 notices"

    def test_many_take_no_more_round_trips_than_one(
        self, wire: Wire, wired_settings: Settings
    ) -> None:
        operator = Operator(an_app(wired_settings, ZHANG, LI))
        report = operator.records.reports_lost(ZHANG)
        operator.records.bank_answers(report, Outcome.BLOCKED)
        operator.reads("notices list")
        taken = []
        for _ in range(2):
            before = wire.round_trips
            operator.reads("notices list")
            taken.append(wire.round_trips - before)
            for _ in range(20):
                operator.records.seven_days_pass(report)
                report = operator.records.reports_lost(ZHANG)
                operator.records.bank_answers(report, Outcome.BLOCKED)
        assert int(operator.reads("notices list")[-1].split()[0]) > 60
        assert taken[1] <= taken[0] + 10, "one for a thousand keys"

    def test_an_unknown_state(self, operator: Operator) -> None:
        result = operator.types("notices list --state lost")
        assert result.exit_code == 2
        assert "undeliverable" in result.output


DELIVERED = "1 left alone: delivered already (to send those too, add --again)"


class TestResend:
    def test_one_by_its_id(self, operator: Operator) -> None:
        report = operator.records.reports_lost(ZHANG)
        operator.records.bank_answers(report, Outcome.FAILED)
        said = operator.reads(f"notices resend {report.notice_id}")
        assert said == [f"{report.notice_id} will be sent again"]
        assert operator.records.is_owed(report.notice_id)
        assert operator.records.journal().count("notice_resent") == 1

    def test_all_of_a_bank_since(self, operator: Operator) -> None:
        """A bank lost its records: it gets all it was told again, the holders nothing."""
        records = operator.records
        mine, theirs = records.reports_lost(ZHANG), records.reports_lost(LI)
        records.bank_answers(mine, Outcome.BLOCKED)
        records.bank_answers(theirs, Outcome.BLOCKED)
        for text in records.notices(NoticeKind.TEXT):
            claimed = leased(records.hotline, text.id, 30)
            assert claimed is not None
            records.settles(claimed, Outcome.RECEIVED)
        said = operator.reads("notices resend --bank icbc --since 2020-01-01")
        assert said == [DELIVERED]
        said = operator.reads("notices resend --bank icbc --since 2020-01-01 --again")
        assert said == [f"{mine.notice_id} will be sent again"]
        assert records.notice_state(theirs) == NoticeState.DELIVERED

    def test_what_was_delivered_is_not_sent_twice_without_a_word(self, operator: Operator) -> None:
        report = operator.records.reports_lost(ZHANG)
        operator.records.bank_answers(report, Outcome.BLOCKED)
        assert operator.reads(f"notices resend {report.notice_id}") == [DELIVERED]
        assert operator.records.notice_state(report) == NoticeState.DELIVERED
        said = operator.reads(f"notices resend {report.notice_id} --again")
        assert said == [f"{report.notice_id} will be sent again"]

    def test_delivered_ones_among_others_are_counted(self, operator: Operator) -> None:
        records = operator.records
        delivered = records.reports_lost(ZHANG)
        records.bank_answers(delivered, Outcome.BLOCKED)
        records.seven_days_pass(delivered)
        (released,) = records.notices(NoticeKind.LOSS_RELEASED)
        claimed = leased(records.hotline, released.id, 30)
        assert claimed is not None
        records.settles(claimed, Outcome.REFUSED)
        assert operator.reads("notices resend --bank icbc --since 2020-01-01") == [
            f"{released.id} will be sent again",
            DELIVERED,
        ]

    def test_texts(self, operator: Operator) -> None:
        """What `list` takes, this takes too."""
        report = operator.records.reports_lost(ZHANG)
        (text,) = operator.records.notices(NoticeKind.TEXT)
        claimed = leased(operator.records.hotline, text.id, 30)
        assert claimed is not None
        operator.records.settles(claimed, Outcome.REFUSED)
        said = operator.reads("notices resend --bank texts --since 2020-01-01")
        assert said == [f"{text.id} will be sent again"]
        assert operator.records.is_owed(report.notice_id)

    def test_it_is_owed_as_long_as_before_and_tried_for_another_72_hours(
        self, operator: Operator
    ) -> None:
        report = operator.records.reports_lost(ZHANG)
        hotline, notice_id = operator.records.hotline, report.notice_id
        owed = report.reported_at - 100 * 3600
        hotline.redis.hset(keys.notice(notice_id), "created_at", owed)
        operator.records.bank_answers(report, Outcome.REFUSED)
        operator.reads(f"notices resend {notice_id}")
        assert operator.reads("notices list --bank icbc --state open")[1].startswith(iso(owed))
        assert hotline.condition.figures().standings["icbc"].owed_seconds >= 100 * 3600
        notice = hotline.outbox.find(notice_id)
        assert notice is not None
        assert notice.tried_since >= report.reported_at

    def test_none_since(self, operator: Operator) -> None:
        operator.records.bank_answers(operator.records.reports_lost(ZHANG), Outcome.BLOCKED)
        result = operator.types("notices resend --bank icbc --since 2100-01-01")
        assert result.exit_code == 1
        assert result.output == "Error: There is no such notice.\n"

    def test_what_was_overtaken_is_left_alone(self, operator: Operator) -> None:
        records = operator.records
        report = records.reports_lost(ZHANG)
        records.bank_answers(report, Outcome.REFUSED)
        card_number = ZHANG.cards[0].number
        at = report.reported_at + 1
        told = BankEvent(new_id(), "icbc", UNBLOCKED, at, card_number=card_number)
        assert records.hotline.service.hear(told) == "applied"
        (said,) = operator.reads(f"notices resend {report.notice_id}")
        assert said.startswith("1 left alone: still open, or overtaken")
        assert not records.is_owed(report.notice_id)

    @pytest.mark.parametrize(
        "line",
        [
            "",
            "--bank icbc",
            "--since 2020-01-01",
            "ntc-1 --bank icbc",
            "ntc-1 --bank icbc --since 2020-01-01",
        ],
    )
    def test_half_an_order(self, operator: Operator, line: str) -> None:
        result = operator.types(f"notices resend {line}")
        assert result.exit_code == 2
        assert "Give a notice's ID, or --bank and --since together." in result.output

    @pytest.mark.parametrize("typed", ["A12345678", "6222021234565678", "ntc-", "ntc-1 2"])
    def test_what_is_no_id_goes_nowhere(self, operator: Operator, redis: Redis, typed: str) -> None:
        before = redis.dbsize()
        result = operator.app.test_cli_runner().invoke(args=["notices", "resend", typed])
        assert result.exit_code == 2
        assert "that is no notice's id, like ntc-…" in result.output
        assert typed not in result.output.replace("ntc-…", "")
        assert redis.dbsize() == before

    def test_an_unknown_one(self, operator: Operator) -> None:
        assert operator.types("notices resend ntc-0").exit_code == 1
        result = operator.types("notices resend --bank boc --since 2020-01-01")
        assert result.output == "Error: There is no bank boc; there are icbc, ccb, texts.\n"


class TestRotate:
    def test_a_new_secret_and_what_to_do_with_it(
        self, operator: Operator, redis_server: RedisServer
    ) -> None:
        said = "\n".join(operator.reads("banks rotate icbc"))
        found = re.search(r"whsec_\S+", said)
        assert found is not None
        assert len(base64.b64decode(found[0].removeprefix("whsec_"))) == 32
        assert "ICBC_SECRETS=<new>,<old>" in said
        old = operator.records.hotline.settings.banks["icbc"].secrets[0].get_secret_value()
        assert old not in said
        used = settings(redis_server.url, icbc_secrets=f"{found[0]},{old}")
        assert len(used.banks["icbc"].secrets) == 2

    def test_two_are_never_the_same(self, operator: Operator) -> None:
        assert operator.reads("banks rotate icbc")[2] != operator.reads("banks rotate icbc")[2]

    def test_an_unknown_bank(self, operator: Operator) -> None:
        result = operator.types("banks rotate boc")
        assert result.exit_code == 1
        assert result.output == "Error: There is no bank boc; there are icbc, ccb.\n"


def test_redis_is_down(tmp_path: Path) -> None:
    operator = Operator(an_app_on_nothing(tmp_path))
    for line in ("notices list", "notices resend ntc-1", "banks ping icbc"):
        result = operator.types(line)
        assert result.exit_code == 1
        assert result.output == "Error: Redis does not answer (ConnectionError).\n"


def an_app_on_nothing(directory: Path) -> Flask:
    return an_app(settings(f"unix://{directory}/no.sock"))


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[RunningBank]:
    with RunningBank(tmp_path / "bank", "http://127.0.0.1:9", banks=["icbc"]) as bank:
        yield bank


class TestPing:
    def test_through_a_real_worker_to_a_real_bank(
        self, redis_server: RedisServer, redis: Redis, bank: RunningBank, tmp_path: Path
    ) -> None:
        assert redis.dbsize() == 0
        environ = bank.environment | {"DATA_DIR": str(tmp_path / "var")}
        operator = Operator(an_app(settings(redis_server.url, **_lower(environ))))
        with working(operator, redis_server, environ):
            said = operator.reads("banks ping icbc")
            assert re.fullmatch(r"icbc: received \(HTTP 200\) in \d+ ms: ok", said[0]), said
            bank.client.behaves("icbc", "fail", status=503)
            failed = operator.types("banks ping icbc")
        assert failed.exit_code == 1
        assert "icbc: failed (HTTP 503)" in failed.output
        assert redis.zcard(keys.NOTICES_OPEN) == 0
        first, second = sorted(bank.client.receipts("icbc"), key=lambda row: row["number"])
        assert (first["type"], first["effect"]) == ("ping", "pong")
        assert second["webhook_id"] != first["webhook_id"]


def _lower(environ: dict[str, str]) -> dict[str, str]:
    return {name.lower(): text for name, text in environ.items()}


class working:  # noqa: N801 (reads as a verb)
    """`with working(…):` a delivering process is there."""

    def __init__(self, operator: Operator, server: RedisServer, environ: dict[str, str]) -> None:
        known = operator.records.hotline.settings
        self._environ = {
            **os.environ,
            **environ,
            "REDIS_URL": server.url,
            "PUBLIC_BASE_URL": BASE_URL,
            "TWILIO_ACCOUNT_SID": known.twilio_account_sid,
            "TWILIO_AUTH_TOKEN": "12345",
            "TWILIO_FROM_NUMBER": "+8612333",
            "AGENT_NUMBER": known.agent_number,
            "AGENT_HOURS": "00:00-24:00",
            "DATA_KEYS": known.data_keys[0].get_secret_value(),
            "WORKER_PROCESSES": "1",
        }

    def __enter__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "workers.deliver"], cwd=CHECKOUT, env=self._environ
        )

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)
