"""A bank's own page: who gets in, what is on it, what is done there, and never another bank's."""

import base64
import json
import os
import re
import time
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from click.testing import Result
from flask import Flask
from redis import Redis
from werkzeug.test import Client, TestResponse

from app import create_app
from ivr.cards.block import BlockState
from ivr.cards.notice import TO_BANKS, Attempt, NoticeKind, NoticeState, Outcome
from ivr.cards.trial_bodies import trial_bodies
from ivr.store import keys
from ivr.store.bank_health import PAUSE_AFTER
from ivr.store.bank_notices import PAGE
from ivr.store.codec import plain
from ivr.web.bank_page.links import LINK_SECONDS, PageLinks
from ivr.web.bank_page.routes import DONE
from ivr.web.bank_page.words import FILE, rows
from ivr.web.bank_signature import Fault
from simulator.bank.running import RunningBank
from tests.bank_side import BankSide, Records
from tests.builders import (
    BASE_URL,
    a_card,
    a_holder,
    a_secret,
    an_app,
    an_id_number,
    hotline_of,
    settings,
)
from tests.redis_server import RedisServer
from tests.simulator.stack.launches import wait_until
from tests.web.test_notices_command import Operator, bank, working

__all__ = ["bank"]

ZHANG = a_holder(a_card("5678", "icbc"))
LI = a_holder(a_card("9999", "ccb"), id_number=an_id_number(serial="004"))
PERSONAL = (ZHANG.id_number, ZHANG.name, ZHANG.phone, ZHANG.cards[0].number, "6222021234565678",
            ZHANG.id_number[-4:])  # fmt: skip


@dataclass
class Developer:
    """Somebody at a bank who was given a link."""

    app: Flask
    bank: str = "icbc"
    target: str = ""

    def __post_init__(self) -> None:
        link, _ = PageLinks(hotline_of(self.app).vault, BASE_URL).make(self.bank)
        self.target = urlsplit(link).path

    def asks(self, query: str = "", **headers: str) -> TestResponse:
        given = {name.replace("_", "-"): text for name, text in headers.items()}
        return Client(self.app).get(f"{self.target}?lang=en&{query}", headers=given)

    def reads(self, query: str = "") -> str:
        """The page's words."""
        answer = self.asks(query)
        assert answer.status_code == 200
        text = re.sub(r"<style.*?</style>", "", answer.get_data(as_text=True), flags=re.S)
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())

    def posts(self, form: "dict[str, str] | None" = None, **headers: str) -> TestResponse:
        given = {name.replace("_", "-"): text for name, text in headers.items()}
        return Client(self.app).post(f"{self.target}?lang=en", data=form or {}, headers=given)

    def does(self, **form: str) -> str:
        """What the page says was done."""
        answer = self.posts(form, Sec_Fetch_Site="same-origin")
        assert answer.status_code == 303
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        where = answer.headers["Location"]
        assert where.startswith("?")
        page = Client(self.app).get(self.target + where).get_data(as_text=True)
        found = re.search(r'<p class="said" role="status">(.*?)</p>', page)
        assert found is not None
        return unescape(found[1])


def entries(redis: Redis, event: str) -> list[dict[bytes, bytes]]:
    """The fields of the journal's entries of one kind."""
    found: Any = redis.xrange(keys.JOURNAL)
    return [fields for _, fields in found if fields[b"event"] == event.encode()]


@pytest.fixture
def app(redis_server: RedisServer, redis: Redis) -> Flask:
    assert redis.dbsize() == 0
    return an_app(settings(redis_server.url), ZHANG, LI)


@pytest.fixture
def records(app: Flask) -> Records:
    return Records(hotline_of(app))


@pytest.fixture
def icbc(app: Flask) -> Developer:
    return Developer(app)


def prints(app: Flask, line: str) -> Result:
    return app.test_cli_runner().invoke(args=line.split())


class TestTheLink:
    def test_is_printed_and_who_made_it_is_journalled(self, app: Flask, redis: Redis) -> None:
        result = prints(app, "banks page icbc --by Wang")
        assert result.exit_code == 0
        link = result.stdout.strip()
        assert link.startswith(f"{BASE_URL}/banks/icbc/page/")
        assert Client(app).get(urlsplit(link).path).status_code == 200
        entries = str(redis.xrange(keys.JOURNAL))
        assert "bank_page_link" in entries
        assert "Wang" in entries
        assert link.rpartition("/")[2] not in entries

    def test_of_a_bank_there_is_not(self, app: Flask) -> None:
        result = prints(app, "banks page boc")
        assert result.exit_code == 1
        assert "There is no bank boc; there are icbc, ccb." in result.output

    def test_ends_after_an_hour(self, icbc: Developer, monkeypatch: pytest.MonkeyPatch) -> None:
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + LINK_SECONDS - 5)
        assert icbc.asks().status_code == 200
        monkeypatch.setattr(time, "time", lambda: now + LINK_SECONDS + 1)
        assert icbc.asks().status_code == 404
        assert icbc.posts().status_code == 404

    def test_is_good_in_every_process_and_after_new_data_keys(
        self, icbc: Developer, redis_server: RedisServer
    ) -> None:
        """No process keeps anything of it."""
        old = hotline_of(icbc.app).settings.data_keys[0].get_secret_value()
        new = base64.urlsafe_b64encode(os.urandom(32)).decode()
        another = create_app(settings(redis_server.url, data_keys=f"{new},{old}"))
        assert Client(another).get(icbc.target).status_code == 200

    def test_any_other_is_answered_alike(self, app: Flask, icbc: Developer) -> None:
        until, _, proof = icbc.target.rpartition("/")[2].partition("-")
        others = [
            f"/banks/ccb/page/{until}-{proof}",
            f"/banks/boc/page/{until}-{proof}",
            f"/banks/icbc/page/{int(until) + 1}-{proof}",
            f"/banks/icbc/page/0{until}-{proof}",
            f"/banks/icbc/page/{until}-{proof[:-1]}",
            f"/banks/icbc/page/{until}-{proof}=",
            f"/banks/icbc/page/{until}-{proof.swapcase()}",
            f"/banks/icbc/page/{until}-{'A' * 22}",
            f"/banks/icbc/page/{until}-é{proof[1:]}",
            f"/banks/icbc/page/{proof}",
            "/banks/icbc/page/x",
        ]
        nonce = re.compile('nonce="[^"]+"')
        said = set()
        for target in others:
            for answer in (Client(app).get(target), Client(app).post(target)):
                assert answer.status_code == 404, target
                said.add(nonce.sub("", answer.get_data(as_text=True)))
        assert len(said) == 1

    @pytest.mark.parametrize("query", ["", "view=blocks", "view=signatures", "done=tested"])
    def test_every_answer_is_kept_nowhere_and_loads_nothing(
        self, icbc: Developer, query: str
    ) -> None:
        for answer in (icbc.asks(query), Client(icbc.app).get("/banks/icbc/page/x")):
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert "noindex" in answer.headers["X-Robots-Tag"]
            policy = answer.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'; ")
            assert "; style-src 'nonce-" in policy
            assert "unsafe" not in policy
            assert "Set-Cookie" not in answer.headers
            html = answer.get_data(as_text=True)
            assert "<script" not in html
            assert not re.findall(r'(?:src|href)="(?!data:|\?)', html)

    def test_stands_in_no_log(
        self, icbc: Developer, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        hotline_of(icbc.app).redis.set(keys.signature_faults("icbc"), "another kind")
        assert icbc.asks("view=signatures").status_code == 503
        icbc.asks()
        said = "".join(capfd.readouterr()) + caplog.text
        assert "bank_page_failed" in said
        assert icbc.target.rpartition("/")[2] not in said


class TestNotices:
    def test_one_with_its_attempts_and_nothing_of_its_holder(
        self, icbc: Developer, records: Records
    ) -> None:
        report = records.reports_lost(ZHANG)
        notice = records.notice(report.notice_id)
        at = int(records.hotline.outbox.now())
        tried = Attempt(at, Outcome.FAILED, None, 5003, "timeout")
        records.hotline.service.settle(notice.id, tried, at)
        records.bank_answers(report, Outcome.REFUSED)
        page = icbc.reads()
        for words in (report.number, report.notice_id, "card.loss_reported", "ends in 5678",
                      "Attempts: 2", "5003 ms", "timeout", "refused", "200"):  # fmt: skip
            assert words in page, words
        assert page.index("12 ms") < page.index("5003 ms"), "the newest first"
        for view in ("", "state=stuck", "view=blocks", "view=signatures"):
            html = icbc.asks(view).get_data(as_text=True)
            assert [word for word in PERSONAL if word in html] == []

    def test_newest_first_page_by_page(self, icbc: Developer, records: Records) -> None:
        for number in range(PAGE + 5):
            notice_id = records.hotline.service.ping("icbc")
            redis = records.hotline.redis
            redis.zadd(keys.notices_to("icbc"), {notice_id: 1_700_000_000 + number})
        first = icbc.asks().get_data(as_text=True)
        (older,) = re.findall(r'href="(\?[^"]*after=[^"]*)"', first)
        last = icbc.asks(unescape(older)[1:]).get_data(as_text=True)
        ids = [re.findall(r"<code class=.id.>(ntc-\w+)</code>", page) for page in (first, last)]
        assert list(map(len, ids)) == [PAGE, 5]
        newest = map(plain, redis.zrevrange(keys.notices_to("icbc"), 0, -1))
        assert ids[0] + ids[1] == list(newest)
        assert "after=" not in last

    def test_open_and_stuck(self, icbc: Developer, records: Records) -> None:
        report = records.reports_lost(ZHANG)
        assert report.notice_id in icbc.reads("state=open")
        assert report.notice_id not in icbc.reads("state=stuck")
        records.bank_answers(report, Outcome.REFUSED)
        records.hotline.condition.news()
        assert report.notice_id not in icbc.reads("state=open")
        assert report.notice_id in icbc.reads("state=stuck")

    def test_each_page_is_a_look(self, icbc: Developer, records: Records, redis: Redis) -> None:
        report = records.reports_lost(ZHANG)
        icbc.reads()
        icbc.reads("view=blocks")
        looks = entries(redis, "looked_up")
        assert [look[b"cards"].decode() for look in looks] == [report.card_ref] * 2
        assert {(look[b"channel"], look[b"by"], look[b"purpose"]) for look in looks} == {
            (b"bank", b"icbc", b"page")
        }

    def test_what_is_not_journalled_is_not_shown(self, icbc: Developer, records: Records) -> None:
        report = records.reports_lost(ZHANG)
        records.hotline.redis.delete(keys.JOURNAL)
        records.hotline.redis.set(keys.JOURNAL, "another kind")
        for view in ("", "view=blocks"):
            answer = icbc.asks(view)
            assert answer.status_code == 503
            assert report.number not in answer.get_data(as_text=True)

    def test_a_notice_nobody_can_read_hides_no_other(
        self, icbc: Developer, records: Records
    ) -> None:
        report = records.reports_lost(ZHANG)
        ping = records.hotline.service.ping("icbc")
        records.hotline.redis.hset(keys.notice(report.notice_id), "sealed_body", "broken")
        page = icbc.reads()
        assert ping in page
        assert report.notice_id in page
        assert "5678" not in page


class TestSendAgain:
    @pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.RECEIVED])
    def test_what_is_closed(self, icbc: Developer, records: Records, outcome: Outcome) -> None:
        report = records.reports_lost(ZHANG)
        records.bank_answers(report, outcome)
        assert "Send again" in icbc.reads()
        said = icbc.does(notice=report.notice_id)
        assert said == "It will be sent again, under its own id."
        assert records.is_owed(report.notice_id)
        assert "Send again" not in icbc.reads()
        assert icbc.does(notice=report.notice_id).startswith("Not sent: it is still open")
        (entry,) = entries(records.hotline.redis, "notice_resent")
        assert entry[b"by"] == b"bank"

    def test_not_what_was_overtaken(self, icbc: Developer, records: Records) -> None:
        report = records.reports_lost(ZHANG)
        records.bank_answers(report, Outcome.REFUSED)
        BankSide(icbc.app, "icbc").unblocked(ZHANG.cards[0], report.reported_at + 1)
        assert "Send again" not in icbc.reads()
        assert icbc.does(notice=report.notice_id).startswith("Not sent")
        assert not records.is_owed(report.notice_id)

    @pytest.mark.parametrize("odd", ["", "ntc-0", "A12345678", "é", "x" * 5000, "icbc\n"])
    def test_what_is_no_notice(self, icbc: Developer, records: Records, odd: str) -> None:
        before = sorted(records.hotline.redis.scan_iter())
        assert icbc.does(notice=odd) == "There is no such notice of yours."
        assert sorted(records.hotline.redis.scan_iter()) == before

    @pytest.mark.parametrize(
        "headers",
        [
            {"Sec_Fetch_Site": "cross-site"},
            {"Sec_Fetch_Site": "same-site"},
            {"Sec_Fetch_Site": "none"},
            {"Origin": "https://elsewhere.example"},
            {"Origin": BASE_URL, "Sec_Fetch_Site": "cross-site"},
        ],
    )
    def test_not_what_another_site_sends(
        self, icbc: Developer, records: Records, headers: dict[str, str]
    ) -> None:
        report = records.reports_lost(ZHANG)
        records.bank_answers(report, Outcome.REFUSED)
        for form in ({"notice": report.notice_id}, {}):
            assert icbc.posts(form, **headers).status_code == 403
        assert not records.is_owed(report.notice_id)
        assert records.notices(NoticeKind.TEST) == []

    @pytest.mark.parametrize("headers", [{}, {"Origin": "null"}, {"Origin": BASE_URL}])
    def test_older_browsers(self, icbc: Developer, headers: dict[str, str]) -> None:
        answer = Client(icbc.app).post(icbc.target, headers=headers)
        assert answer.status_code == 303


class TestTrials:
    def test_one_of_each_type_about_nobody(self, icbc: Developer, records: Records) -> None:
        assert icbc.does().startswith("The tests are on their way")
        bodies = [records.hotline.outbox.body(n) for n in records.notices(NoticeKind.TEST)]
        assert {body["type"] for body in bodies} == set(TO_BANKS)
        assert all(body["data"]["test"] is True for body in bodies)
        assert all(n.queue == "bank-icbc" for n in records.notices(NoticeKind.TEST))
        assert icbc.reads().count(" test ") >= len(TO_BANKS)

    def test_they_are_as_the_real_ones(self, records: Records) -> None:
        """A field that comes to a real notice comes to these too, with `test` beside it."""
        report = records.reports_lost(ZHANG)
        real = records.hotline.outbox.body(records.notice(report.notice_id))
        first = trial_bodies("icbc", 1_795_334_400)[0]
        assert first["data"].keys() - {"test"} == real["data"].keys()
        text = json.dumps(first)
        assert ZHANG.cards[0].number not in text
        assert first["data"]["report_number"] == "00000000"

    def test_not_again_at_once_and_of_each_bank_its_own(
        self, app: Flask, icbc: Developer, redis: Redis
    ) -> None:
        icbc.does()
        count = len(redis.keys(keys.notice("*")))
        assert icbc.does() == "Tests were sent just now: try again in 10 seconds."
        assert len(redis.keys(keys.notice("*"))) == count
        assert Developer(app, "ccb").does().startswith("The tests are on their way")

    @pytest.mark.parametrize(
        ("outcome", "state"),
        [
            (Outcome.FAILED, NoticeState.UNDELIVERABLE),
            (Outcome.REFUSED, NoticeState.REFUSED),
            (Outcome.BLOCKED, NoticeState.DELIVERED),
        ],
    )
    def test_each_is_tried_once_and_nobody_has_to_look(
        self, icbc: Developer, records: Records, outcome: Outcome, state: NoticeState
    ) -> None:
        report = records.reports_lost(ZHANG)
        icbc.does()
        redis = records.hotline.redis
        for _ in range(PAUSE_AFTER):
            for notice in records.notices(NoticeKind.TEST):
                records.settles(notice, outcome, again_in=5)
        assert {n.state for n in records.notices(NoticeKind.TEST)} == {state}
        assert redis.zcard(keys.NOTICES_STUCK) == 0
        assert not any(records.is_owed(n.id) for n in records.notices(NoticeKind.TEST))
        assert records.state(report) == BlockState.NOTIFIED
        assert not redis.exists(keys.bank_health("icbc")), "no live notice waits for a failed test"
        lives = [redis.ttl(keys.notice(n.id)) for n in records.notices(NoticeKind.TEST)]
        assert all(0 < life <= keys.DAY for life in lives)

    def test_through_a_real_worker_to_the_sandbox_bank(
        self, redis_server: RedisServer, redis: Redis, bank: RunningBank, tmp_path: Path
    ) -> None:
        assert redis.dbsize() == 0
        environ = bank.environment | {"DATA_DIR": str(tmp_path / "var")}
        changes = {name.lower(): text for name, text in environ.items()}
        operator = Operator(an_app(settings(redis_server.url, **changes), ZHANG))
        developer = Developer(operator.app)
        with working(operator, redis_server, environ):
            developer.does()
            wait_until(lambda: redis.zcard(keys.NOTICES_OPEN) == 0)
        page = developer.reads()
        assert page.count(" test delivered ") == len(trial_bodies("icbc", 0))
        assert page.count(" received 200 ") == len(trial_bodies("icbc", 0))
        effects = sorted(row["effect"] for row in bank.client.receipts("icbc"))
        assert effects == ["noted", "noted", "noted", "noted", "pong"]
        assert bank.client.accounts("icbc") == []

    def test_a_test_may_be_sent_again(self, icbc: Developer, records: Records) -> None:
        icbc.does()
        one = records.notices(NoticeKind.TEST)[0]
        records.settles(one, Outcome.FAILED)
        assert icbc.does(notice=one.id) == "It will be sent again, under its own id."
        assert records.is_owed(one.id)

    def test_a_bank_that_says_blocked_to_one_is_told_no_such_report(
        self, icbc: Developer, records: Records
    ) -> None:
        assert records.reports() == []
        told = {"report_number": "00000000"}
        answer = BankSide(icbc.app, "icbc").tells("financial_function.blocked", told)
        assert answer.status_code == 404


class TestTheOtherParts:
    def test_signature_errors_with_the_reason(self, icbc: Developer) -> None:
        bank = BankSide(icbc.app, "icbc")
        bank.sends(b"{}", at=time.time() - 3600)
        bank.sends(b"{}", secret=a_secret())
        page = icbc.reads("view=signatures")
        assert "The signature is right, but the clock is off." in page
        assert re.search(r"seconds behind our clock: 36\d\d|seconds behind our clock: 3599", page)
        assert "No signature fits: another secret" in page
        assert "/events" in page

    def test_blocks(self, icbc: Developer, records: Records) -> None:
        report = records.reports_lost(ZHANG)
        page = icbc.reads("view=blocks")
        assert "ends in 5678 notified" in page
        assert report.number in page

    def test_pauses(self, icbc: Developer, records: Records) -> None:
        assert "No failures" in icbc.reads()
        long_ago = int(records.hotline.outbox.now()) - 60
        for _ in range(PAUSE_AFTER):
            for words in records.hotline.bank_health.count_failure("icbc", long_ago):
                records.hotline.redis.execute_command(*words)
        page = icbc.reads()
        assert "Paused Failures in a row since" in page
        assert "(failures: 10)" in page
        assert "No failures" in Developer(icbc.app, "ccb").reads()

    def test_time_to_block(self, icbc: Developer, records: Records) -> None:
        assert "No block was confirmed in the last day." in icbc.reads()
        records.bank_answers(records.reports_lost(ZHANG), Outcome.BLOCKED)
        assert re.search(r"count 1 half within [0-9.]+ s 95% within [0-9.]+ s", icbc.reads())
        assert "No block was confirmed" in Developer(icbc.app, "ccb").reads()

    @pytest.mark.parametrize("query", ["view=x", "state=x", "after=A12345678", "lang=x", "done=x",
                                       "view=blocks&after=A12345678", "lang=%00", "after=%ff",
                                       "view=blocks&after=%ff"])  # fmt: skip
    def test_an_odd_query_shows_the_beginning(
        self, icbc: Developer, records: Records, query: str
    ) -> None:
        report = records.reports_lost(ZHANG)
        answer = icbc.asks(query)
        assert answer.status_code == 200
        page = answer.get_data(as_text=True)
        assert report.number in page
        assert "A12345678" not in page


def test_never_another_banks(app: Flask, records: Records) -> None:
    """Every id of the other bank, in every place that takes one."""
    mine, theirs = records.reports_lost(ZHANG), records.reports_lost(LI)
    for report in (mine, theirs):
        records.bank_answers(report, Outcome.REFUSED)
    Developer(app, "icbc").does()
    Developer(app, "ccb").does()
    BankSide(app, "icbc").sends(b"{}", secret=a_secret())
    records.hotline.condition.news()
    other, redis = Developer(app, "ccb"), records.hotline.redis
    its_own = {plain(i) for i in redis.zrange(keys.notices_to("icbc"), 0, -1)}
    texts = {n.id for n in records.notices(NoticeKind.TEXT)}
    ids = {*its_own, *texts, mine.number, mine.card_ref, mine.holder_ref}
    assert len(ids) > 8
    seen = [other.asks(f"view={view}&state={state}&after={cursor}").get_data(as_text=True)
            for view in ("notices", "blocks", "signatures") for state in ("all", "open", "stuck")
            for cursor in ("", *ids)]  # fmt: skip
    for page in seen:
        assert [each for each in its_own | {mine.number, "5678"} if each in page] == []
    assert sum(theirs.number in page for page in seen) >= 2 * len(ids), "its own it does see"
    before = {key: redis.dump(key) for key in redis.scan_iter()}
    for each in ids:
        assert other.does(notice=each) == "There is no such notice of yours."
    changed = {plain(k) for k, v in before.items() if redis.dump(k) != v}
    assert not {key for key in changed if key.startswith(("notice", "open", "owed", "block"))}


class TestWords:
    def test_both_languages_have_all(self) -> None:
        for key, row in rows().items():
            assert row.keys() == rows()["tag"].keys(), key
            assert all(row.values()), key

    def test_every_word_that_is_named_is_there(self) -> None:
        named = [f"fault_{fault}" for fault in Fault] + [f"done_{done}" for done in DONE]
        named += [f"state_{state}" for state in NoticeState]
        named += [f"outcome_{outcome}" for outcome in Outcome]
        named += [f"block_{state}" for state in BlockState]
        templates = (FILE.parent / "templates").glob("*.html")
        text = "".join(path.read_text(encoding="utf-8") for path in templates)
        named += re.findall(r"\bt\.([a-z_0-9]+)", text)
        routes = (FILE.parent / "routes.py").read_text(encoding="utf-8")
        named += re.findall(r'_plain\("(\w+)"', routes)
        named += ["all", "open", "stuck", "notices", "blocks", "signatures", "its_name"]
        assert set(named) == set(rows()), "none is missing, and none is left over"

    def test_the_browsers_language_unless_another_is_asked_for(self, icbc: Developer) -> None:
        def lang(query: str, accepted: str) -> str:
            headers = {"Accept-Language": accepted}
            page = Client(icbc.app).get(icbc.target + query, headers=headers)
            found = re.search('<html lang="(.*?)"', page.get_data(as_text=True))
            return found[1] if found else ""

        assert lang("", "en-GB,en;q=0.9") == "en"
        assert lang("", "zh-CN,zh;q=0.9,en;q=0.8") == "zh-CN"
        assert lang("", "fr") == "zh-CN"
        assert lang("?lang=en", "zh-CN") == "en"
