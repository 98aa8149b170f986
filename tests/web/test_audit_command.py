"""`flask audit` and `flask cardholders export`: who looked at whom, what we hold of a person."""

import gzip
import json
import pwd
import re
from datetime import UTC, datetime
from os import getuid
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from redis import Redis

from ivr.beijing import beijing_time
from ivr.cards.bank_event import UNBLOCKED, BankEvent
from ivr.cards.errors import NotThisBanksError, TooManyEventsError
from ivr.cards.notice import NoticeKind, Outcome
from ivr.cards.notice_bodies import iso
from ivr.cards.report_number import new_report_number
from ivr.spoken import BankNames
from ivr.store import keys
from ivr.store.codec import plain
from ivr.store.looks import Look
from ivr.store.unreadable import UnreadableRecordError
from tests.bank_side import BankSide, Records, new_id
from tests.builders import a_card, a_holder, an_app, an_id_number, hotline_of, names_of, settings
from tests.redis_server import RedisServer
from workers.texts import TextWriter

ZHANG = a_holder(a_card("1111"), a_card("2222", "ccb"))
LI = a_holder(a_card("9999"), id_number=an_id_number(serial="004"), phone="+8613800138004")
DAY = 24 * 3600
LOGIN = pwd.getpwuid(getuid()).pw_name


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (place := tmp_path / "archive").mkdir(mode=0o700)
    return place


@pytest.fixture
def app(redis_server: RedisServer, redis: Redis, place: Path) -> Flask:
    assert redis.dbsize() == 0
    return an_app(
        settings(redis_server.url, archive_dir=str(place), bank_events_per_minute="5"), ZHANG, LI
    )


@pytest.fixture
def records(app: Flask) -> Records:
    return Records(hotline_of(app))


def types(app: Flask, line: str, stdin: str = "", **env: str) -> Result:
    result = app.test_cli_runner().invoke(args=line.split(), input=stdin, env=env)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def looks(redis: Redis) -> list[dict[str, str]]:
    """Who looked, without when."""
    entries: Any = redis.xrange(keys.JOURNAL)
    plainly = ({plain(n): plain(v) for n, v in fields.items()} for _, fields in entries)
    return [fields for fields in plainly if fields.pop("event") == "looked_up"]


def refs(records: Records) -> tuple[str, str, str]:
    """Zhang's own, and those of both cards."""
    holders = records.hotline.holders
    first, second = (holders.card_ref(c.number) for c in ZHANG.cards)
    return holders.ref(ZHANG.id_number), first, second


class TestEveryLookIsJournalled:
    def test_an_operator_at_a_report(self, app: Flask, records: Records, redis: Redis) -> None:
        report = records.reports_lost(ZHANG)
        types(app, f"reports show {report.number} --by li")
        ref, card, _ = refs(records)
        assert looks(redis) == [
            {"holder": ref, "cards": card, "channel": "operator", "by": "li",
             "purpose": "reports show", "found": "1"}
        ]  # fmt: skip

    def test_a_report_there_is_not(self, app: Flask, redis: Redis) -> None:
        types(app, f"reports show {new_report_number()} --by li")
        assert looks(redis) == [{"channel": "operator", "by": "li", "purpose": "reports show"}]

    def test_who_it_is(self, app: Flask, redis: Redis) -> None:
        """--by, or OPERATOR, or whoever is logged in."""
        line = f"reports show {new_report_number()}"
        types(app, line)
        types(app, line, OPERATOR="wang")
        types(app, f"{line} --by 李", OPERATOR="wang")
        assert [look["by"] for look in looks(redis)] == [LOGIN, "wang", "李"]

    @pytest.mark.parametrize("name", ["", "  ", "a" * 65, ZHANG.id_number, "li\x1b[2J"])
    def test_what_is_no_name(self, app: Flask, redis: Redis, name: str) -> None:
        line = ["reports", "show", new_report_number(), "--by", name]
        result = app.test_cli_runner().invoke(args=line)
        assert result.exit_code == 2
        assert ZHANG.id_number not in result.output
        assert looks(redis) == []

    def test_removing(self, app: Flask, records: Records, redis: Redis) -> None:
        ref, *cards = refs(records)
        types(app, "cardholders remove --by li", ZHANG.id_number)
        types(app, "cardholders remove --by li", ZHANG.id_number)
        by = {"holder": ref, "channel": "operator", "by": "li", "purpose": "cardholders remove"}
        assert looks(redis) == [{**by, "cards": " ".join(cards), "found": "1"}, by]

    def test_a_bank_that_names_a_card(self, app: Flask, records: Records, redis: Redis) -> None:
        report = records.reports_lost(ZHANG)
        bank = BankSide(app, "icbc")
        assert bank.unblocked(ZHANG.cards[0], report.reported_at + 1).status_code == 200
        ref, card, _ = refs(records)
        assert looks(redis) == [
            {"holder": ref, "cards": card, "channel": "bank", "by": "icbc",
             "purpose": UNBLOCKED, "found": "1"}
        ]  # fmt: skip

    def test_a_bank_whose_event_is_no_lawful_step(
        self, app: Flask, records: Records, redis: Redis
    ) -> None:
        """The refusal tells it how the block stands."""
        report = records.reports_lost(ZHANG)
        bank = BankSide(app, "icbc")
        bank.formally_lost(ZHANG.cards[0], report.reported_at + 1)
        before = len(looks(redis))
        assert bank.unblocked(ZHANG.cards[0], report.reported_at + 2).status_code == 409
        assert looks(redis)[before:] == [
            {"holder": refs(records)[0], "cards": refs(records)[1], "channel": "bank",
             "by": "icbc", "purpose": UNBLOCKED, "found": "1"}
        ]  # fmt: skip

    def test_a_bank_that_names_anothers_card(
        self, app: Flask, records: Records, redis: Redis
    ) -> None:
        assert BankSide(app, "icbc").unblocked(ZHANG.cards[1], 1795334400).status_code == 404
        assert looks(redis) == [
            {"cards": refs(records)[2], "channel": "bank", "by": "icbc", "purpose": UNBLOCKED}
        ]

    def test_a_bank_cannot_try_numbers_for_ever(self, records: Records, redis: Redis) -> None:
        service = records.hotline.service
        for n in range(7):
            event = BankEvent(new_id(), "icbc", UNBLOCKED, 1795334400, card_number=f"NOBODYS{n}")
            with pytest.raises(NotThisBanksError if n < 5 else TooManyEventsError):
                service.hear(event)
        assert len(looks(redis)) == 5

    def test_a_bank_that_compares_its_list(
        self, app: Flask, records: Records, redis: Redis
    ) -> None:
        bank = BankSide(app, "icbc")
        bank.every_block()
        records.reports_lost(ZHANG)
        records.reports_lost(LI)
        bank.every_block()
        none, page = looks(redis)
        assert none == {"channel": "bank", "by": "icbc", "purpose": "blocks"}
        li = records.card_ref(LI.cards[0])
        assert page.pop("cards") == " ".join(sorted([refs(records)[1], li]))
        assert page == {**none, "found": "1"}

    def test_nothing_is_shown_that_cannot_be_journalled(
        self, app: Flask, records: Records, redis: Redis
    ) -> None:
        records.reports_lost(ZHANG)
        redis.delete(keys.JOURNAL)
        redis.set(keys.JOURNAL, "another kind")
        answer = BankSide(app, "icbc").asks_for_blocks()
        assert answer.status_code == 503
        result = types(app, "audit holder", ZHANG.id_number)
        assert (result.exit_code, "journal cannot be read" in result.output) == (1, True)
        with pytest.raises(UnreadableRecordError):
            records.hotline.holders.look_up(refs(records)[0], Look("text", "worker", "text_filed"))

    def test_a_text_to_a_holder(self, app: Flask, records: Records, redis: Redis) -> None:
        from ivr.prompts.catalogue import load_catalogue

        records.reports_lost(ZHANG)
        (text,) = records.notices(NoticeKind.TEXT)
        hotline = hotline_of(app)
        names: BankNames = names_of(hotline)
        writer = TextWriter(
            hotline.cases, hotline.holders, load_catalogue(), names, hotline.spoken_languages
        )
        writer.write(hotline.outbox.body(text))
        ref, card, _ = refs(records)
        by = {"holder": ref, "cards": card, "channel": "text", "by": "worker",
              "purpose": "text_filed"}  # fmt: skip
        assert looks(redis) == [{**by, "found": "1"}]
        redis.delete(keys.holder(ref))
        with pytest.raises(Exception, match="no_holder"):
            writer.write(hotline.outbox.body(text))
        assert looks(redis)[1:] == [by]


class TestAudit:
    def test_who_looked_at_a_holder(self, app: Flask, records: Records) -> None:
        report = records.reports_lost(ZHANG)
        records.reports_lost(LI)
        types(app, f"reports show {report.number} --by wang")
        BankSide(app, "icbc").every_block()
        result = types(app, "audit holder --by li", f"{ZHANG.id_number}\n")
        assert result.exit_code == 0
        heading, *lines, count = result.output.splitlines()
        assert heading.split() == ["UTC", "Beijing", "what", "happened"]
        assert [re.sub(r"^\S+Z  \S+\+08:00  ", "", line) for line in lines] == [
            f"loss_reported (…1111 of icbc) report={report.number} bank=icbc channel=phone "
            f"origin={report.origin}",
            "looked_up (the holder, …1111 of icbc) channel=operator by=wang "
            "purpose=reports show found",
            "looked_up (…1111 of icbc) channel=bank by=icbc purpose=blocks found",
            "looked_up (the holder, …1111 of icbc, …2222 of ccb) channel=operator by=li "
            "purpose=audit holder found",
        ]
        assert lines[0].startswith(f"{iso(report.reported_at)}  {beijing_time(report.reported_at)}")
        assert count == "4 entries"
        for personal in (ZHANG.id_number, ZHANG.name, ZHANG.phone, ZHANG.cards[0].number,
                         *refs(records)):  # fmt: skip
            assert personal not in result.output

    def test_a_call_from_the_registered_phone(
        self, app: Flask, records: Records, redis: Redis
    ) -> None:
        """As a call's turn journals it; another caller stays a keyed hash."""
        ref, card, _ = refs(records)
        vault = records.hotline.vault
        own, other = (vault.ref("caller", n) for n in (ZHANG.phone, LI.phone))
        for caller in (own, other, "hidden"):
            fields: dict[Any, Any] = {
                "event": "looked_up", "holder": ref, "cards": card, "channel": "phone",
                "by": caller, "purpose": "status", "found": "1",
            }  # fmt: skip
            redis.xadd(keys.JOURNAL, fields)
        found = re.findall(
            r"by=(.+) purpose=status", types(app, "audit holder", ZHANG.id_number).output
        )
        assert found == ["the registered phone", other, "hidden"]

    def test_who_looked_at_a_card(self, app: Flask, records: Records) -> None:
        records.reports_lost(ZHANG, ZHANG.cards[1])
        lower = ZHANG.cards[1].number.lower()
        result = types(app, "audit card --by li", f" {lower}\n")
        _, *lines, _ = result.output.splitlines()
        assert [line.split()[2] for line in lines] == ["loss_reported", "looked_up"]
        assert "(the card)" in lines[1]
        other = types(app, "audit card --by li", ZHANG.cards[0].number)
        assert len(other.output.splitlines()) == 3, "only that somebody asks just now"

    def test_a_number_that_nobody_has(self, app: Flask, redis: Redis) -> None:
        """That somebody asked for it before is told all the same."""
        nobody = an_id_number(serial="009")
        types(app, "audit holder --by wang", nobody)
        result = types(app, "audit holder --by li", nobody)
        assert "Nobody on record has this ID number" in result.output
        assert "by=wang purpose=audit holder found nothing" in result.output
        result = types(app, "audit card --by li", "NOBODYS1")
        assert "Nobody on record has this card" in result.output
        assert "found" not in looks(redis)[-1]

    def test_days_that_were_moved_are_read_as_well(
        self, app: Flask, records: Records, redis: Redis
    ) -> None:
        now = records.hotline.outbox.now()
        cards = " ".join(refs(records))
        for ago in (300, 31, 3):
            at, purpose = int(now - ago * DAY) * 1000, f"{ago} days ago"
            fields: dict[Any, Any] = {"event": "looked_up", "cards": cards, "purpose": purpose}
            redis.xadd(keys.JOURNAL, fields, f"{at}-0")
        for _ in records.hotline.mover.steps(now):
            pass
        assert redis.xlen(keys.JOURNAL) == 1
        found = types(app, "audit holder", ZHANG.id_number).output
        assert [n for n in (300, 31, 3) if f"{n} days ago" in found] == [300, 31, 3]
        day = datetime.fromtimestamp(now - 40 * DAY, UTC).date().isoformat()
        found = types(app, f"audit holder --since {day}", ZHANG.id_number).output
        assert [n for n in (300, 31, 3) if f"{n} days ago" in found] == [31, 3]
        found = types(app, f"audit holder --until {day}", ZHANG.id_number).output
        assert [n for n in (300, 31, 3) if f"{n} days ago" in found] == [300]

    @pytest.mark.parametrize(
        ("line", "stdin", "said"),
        [
            ("audit holder", "110105194912310021", "the ID number has a wrong check digit"),
            ("audit holder", "", "the ID number has fewer than 18 places"),
            ("audit card", "12", "the card number must be 8 to 32 digits and letters"),
        ],
    )
    def test_what_is_no_number(
        self, app: Flask, redis: Redis, line: str, stdin: str, said: str
    ) -> None:
        result = types(app, line, stdin)
        assert (result.exit_code, result.output) == (2, f"Error: {said}\n")
        assert redis.xlen(keys.JOURNAL) == 0

    @pytest.mark.parametrize("what", ["card", "holder"])
    def test_the_number_is_never_an_argument(self, app: Flask, what: str) -> None:
        assert types(app, f"audit {what} {ZHANG.id_number}").exit_code == 2


class TestVerify:
    @pytest.fixture
    def moved(self, records: Records, redis: Redis) -> Records:
        now = records.hotline.outbox.now()
        for ago in (50, 40):
            at = int(now - ago * DAY) * 1000
            redis.xadd(keys.JOURNAL, {"event": "looked_up", "by": "li"}, f"{at}-0")
        for _ in records.hotline.mover.steps(now):
            pass
        return records

    def test_all_is_well(self, app: Flask, moved: Records) -> None:
        result = types(app, "audit verify")
        end = moved.hotline.moved.read().last["looks"]
        assert result.exit_code == 0
        assert result.output.splitlines() == [
            "2 files with 2 lines are as they were written",
            f"the last line of looks: {end}",
            f"the last line of reports: {'0' * 64}",
        ]

    def test_a_file_that_somebody_put_there(self, app: Flask, moved: Records, place: Path) -> None:
        """It is named, and nobody reads it."""
        fields = {"holder": refs(moved)[0], "by": "a forger", "channel": "bank"}
        known = {"at": "1000-0", "event": "looked_up", "fields": fields, "before": "0" * 64}
        line = json.dumps(known)
        name = "looks-1970-01-01.jsonl.gz"
        (place / name).write_bytes(gzip.compress(line.encode() + b"\n"))
        assert name in types(app, "audit verify").output
        told = types(app, "audit holder --since 1970-01-01", ZHANG.id_number)
        assert told.exit_code == 0
        assert "forger" not in told.output

    def test_nothing_yet(self, app: Flask) -> None:
        assert "0 files with 0 lines" in types(app, "audit verify").output

    @pytest.mark.usefixtures("moved")
    def test_a_file_that_is_gone(self, app: Flask, place: Path) -> None:
        first = min(place.glob("*.gz"))
        first.unlink()
        result = types(app, "audit verify")
        assert (result.exit_code, result.output) == (1, f"Error: {first.name}: is missing.\n")
        result = types(app, "audit holder", ZHANG.id_number)
        assert result.exit_code == 0, "the others can still be read"

    @pytest.mark.usefixtures("moved")
    def test_a_file_cut_off(self, app: Flask, place: Path) -> None:
        first = min(place.glob("*.gz"))
        first.write_bytes(first.read_bytes()[:-9])
        assert f"Error: {first.name} after line" in types(app, "audit verify").output
        result = types(app, "audit holder", ZHANG.id_number)
        assert (result.exit_code, "cannot be read" in result.output) == (1, True)

    def test_on_another_machine(
        self, moved: Records, redis_server: RedisServer, tmp_path: Path
    ) -> None:
        (other := tmp_path / "other").mkdir()
        url = redis_server.url
        keyed = {"data_keys": moved.hotline.settings.data_keys}
        without = an_app(settings(url).model_copy(update=keyed))
        assert "no ARCHIVE_DIR" in types(without, "audit verify").output
        assert (
            "lies in the archive of another machine"
            in types(without, "audit holder", ZHANG.id_number).output
        )
        wrong = an_app(settings(url, archive_dir=str(other)).model_copy(update=keyed))
        assert "Another directory has" in types(wrong, "audit verify").output


class TestExport:
    def held(self, app: Flask, line: str = "cardholders export --by li") -> Any:
        result = types(app, line, ZHANG.id_number)
        assert (result.exit_code, result.stderr) == (0, "")
        return json.loads(result.stdout)

    def test_all_that_is_held(self, app: Flask, records: Records, redis: Redis) -> None:
        report = records.reports_lost(ZHANG)
        records.reports_lost(LI)
        records.bank_answers(report, Outcome.BLOCKED)
        caller = records.hotline.vault.ref("caller", ZHANG.phone)
        now = records.hotline.outbox.now()
        fields: dict[Any, Any] = {"event": "looked_up", "channel": "phone", "by": caller}
        redis.delete(keys.JOURNAL)
        redis.xadd(keys.JOURNAL, fields, f"{int(now - 40 * DAY) * 1000}-0")
        redis.xadd(keys.JOURNAL, {"event": "looked_up", "by": "somebody else"})
        for _ in records.hotline.mover.steps(now):
            pass
        held = self.held(app)
        assert held["holder"] == {
            "id_number": ZHANG.id_number, "name": ZHANG.name, "phone": ZHANG.phone
        }  # fmt: skip
        assert [card["number"] for card in held["cards"]] == [c.number for c in ZHANG.cards]
        assert held["cards"][0]["block"]["state"] == "blocked"
        assert held["cards"][0]["suspension"]["release_at"] == iso(report.release_at)
        assert (held["cards"][1]["block"], held["cards"][1]["suspension"]) == (None, None)
        assert [r["number"] for r in held["reports"]] == [report.number]
        assert {n["kind"] for n in held["notices"]} == {"card.loss_reported", "text"}
        attempts = [a["outcome"] for notice in held["notices"] for a in notice["attempts"]]
        assert attempts == ["blocked"]
        assert [e.get("by") for e in held["journal"]] == [caller, "li"]
        assert looks(redis)[-1]["purpose"] == "cardholders export"

    def test_into_a_file_of_ones_own(self, app: Flask, tmp_path: Path) -> None:
        file = tmp_path / "zhang.json"
        result = types(app, f"cardholders export --output {file}", ZHANG.id_number)
        assert (result.exit_code, result.output) == (0, "")
        assert file.stat().st_mode & 0o777 == 0o600
        assert json.loads(file.read_text())["holder"]["name"] == ZHANG.name
        again = types(app, f"cardholders export --output {file}", ZHANG.id_number)
        assert (again.exit_code, "File exists" in again.output) == (2, True)

    def test_after_the_removal(self, app: Flask, records: Records) -> None:
        """What stays are lines with references that nothing leads from to the person."""
        records.reports_lost(ZHANG)
        types(app, "cardholders remove --by li", ZHANG.id_number)
        result = types(app, "cardholders export --by li", ZHANG.id_number)
        held = json.loads(result.stdout)
        assert (result.exit_code, held["holder"], held["reports"]) == (1, None, [])
        assert [e["event"] for e in held["journal"]] == [
            "looked_up", "cardholder_removed", "looked_up",
        ]  # fmt: skip
        told = json.dumps(held)
        for personal in (ZHANG.id_number, ZHANG.name, ZHANG.phone, ZHANG.cards[0].number):
            assert personal not in told
