"""The page's server: live calls, many phones, absent tabs, who may reach it, what it shows."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import requests
from redis import Redis
from twilio.request_validator import RequestValidator
from werkzeug.wrappers import Request, Response

from simulator.engine import Call, HttpTransport, PhoneLine, State
from simulator.page.__main__ import main
from simulator.page.live_call import LiveCall
from simulator.page.settings import PageSettingsError, read_page_settings
from tests.simulator.engine.apps import Pages, answer, served, twiml
from tests.simulator.page.served_page import AUTH_TOKEN, ServedPage
from tests.simulator.stack.launches import wait_until

MENU = '<Gather action="/got" numDigits="1"><Say language="cmn-CN">请按键</Say></Gather>'
NUMBER = '<Gather action="/done" numDigits="18"><Say>Your number</Say></Gather>'
ID_KEYS = "11010519491231002*"


def a_line() -> Pages:
    """Asks for a key, then for 18."""
    return Pages({"/voice": MENU, "/got": NUMBER, "/done": "<Say>Thank you</Say>"})


@pytest.fixture
def line() -> Iterator[tuple[Pages, str]]:
    pages = a_line()
    pages.pages["/voice/status"] = lambda _request: answer("", 204)
    with served(pages) as url:
        yield pages, url


@pytest.fixture
def page(tmp_path: Path, redis_url: str, line: tuple[Pages, str]) -> Iterator[ServedPage]:
    with ServedPage(tmp_path, redis_url, line[1]) as page:
        yield page


def test_a_call_goes_on_in_real_time_and_its_keys_come_in_order(page: ServedPage) -> None:
    phone = page.new_phone()
    assert phone.does("call") == 204
    assert phone.does("call") == 409
    phone.sees("transcript", "请按键")
    assert phone.does("keys", keys="1") == 204
    phone.sees("transcript", "Your number")
    phone.does("keys", keys=ID_KEYS)
    phone.sees("transcript", "Thank you")
    ended = phone.sees("phone", '"ended": true')
    assert ended["call"]["status"] == "completed"
    assert ended["owner"] == 0, "who keyed this number is the phone's owner"


def test_an_answer_that_cannot_be_read_leaves_the_phone_free(
    page: ServedPage, line: tuple[Pages, str]
) -> None:
    chinese = '<?xml version="1.0" encoding="GBK"?><Response><Say>您好</Say></Response>'
    line[0].pages["/voice"] = lambda _request: answer(chinese.encode("gbk"))
    phone = page.new_phone()
    assert phone.does("call") == 204
    phone.sees("phone", '"ended": true')
    assert phone.does("call") == 204


def test_a_call_that_waits_rests(line: tuple[Pages, str]) -> None:
    """Its thread wakes when something is due, not all the time."""
    wakings: list[float] = []
    with closing(HttpTransport()) as transport:
        call = Call(PhoneLine(f"{line[1]}/voice"), transport)
        live = LiveCall(call, lambda: wakings.append(call.now))
        live.start()
        wait_until(lambda: call.state is State.LISTENING)
        wait_until(lambda: live.seconds > call.now + 0.5)
        live.hang_up()
        wait_until(lambda: call.ended)
    assert len(wakings) <= 2 * len(call.transcript) + 5


def test_a_hurried_call_passes_prompts_faster_than_time(page: ServedPage) -> None:
    phone = page.new_phone()
    phone.does("pace", fast=True)
    phone.does("call")
    told = phone.sees("phone", '"listening"')
    assert told["fast"]
    assert told["call"]["pace"] == 1, "waiting for keys is never hurried"


def test_numbers_keyed_in_are_masked_wherever_requests_are_shown(page: ServedPage) -> None:
    phone = page.new_phone()
    phone.does("call")
    phone.does("keys", keys="1")
    phone.does("keys", keys=ID_KEYS)
    shown = json.dumps(phone.sees("exchanges", "/done"), ensure_ascii=False)
    assert "•002*" in shown
    assert ID_KEYS[:8] not in shown


def test_many_phones_call_at_once(page: ServedPage) -> None:
    phones = [page.new_phone() for _ in range(12)]
    with ThreadPoolExecutor(len(phones)) as tabs:
        assert set(tabs.map(lambda phone: phone.does("call"), phones)) == {204}
        told = list(tabs.map(lambda phone: phone.sees("transcript", "请按键"), phones))
    assert len({news["call"] for news in told}) == len(phones)


def test_a_tab_that_went_away_is_hung_up_for(
    tmp_path: Path, redis_url: str, line: tuple[Pages, str]
) -> None:
    pages, url = line
    with ServedPage(tmp_path, redis_url, url, away_seconds=0.5) as page:
        phone = page.new_phone()
        phone.does("call")
        phone.sees("transcript", "请按键")
        wait_until(lambda: "/voice/status" in pages.paths)
        assert pages.requests[-1].form["CallStatus"] == "completed"
        phone.sees("transcript", "caller hung up")


def test_an_answer_is_signed_and_its_reply_arrives(
    page: ServedPage, line: tuple[Pages, str]
) -> None:
    pages, url = line

    def sms(request: Request) -> Response:
        signature = request.headers["X-Twilio-Signature"]
        form = request.form.to_dict()
        good = RequestValidator(AUTH_TOKEN).validate(f"{url}/sms", form, signature)
        return answer(twiml(f"<Message>{form['Body']}: {good}</Message>"))

    pages.pages["/sms"] = sms
    phone = page.new_phone()
    assert phone.does("texts", text="挂失") == 200
    items = phone.sees("texts", "挂失: True")["items"]
    assert [item["direction"] for item in items] == ["inbound", "outbound-reply"]
    assert items[0]["status"] == "delivered"


def test_an_answer_nobody_takes_says_so(page: ServedPage) -> None:
    phone = page.new_phone()
    assert phone.does("texts", text="TD") == 200
    assert phone.sees("texts", "TD")["items"][0]["status"] == "HTTP 404"


def test_without_redis_the_call_goes_on_and_the_page_says_so(
    tmp_path: Path, line: tuple[Pages, str]
) -> None:
    with ServedPage(tmp_path, f"unix://{tmp_path}/nobody.sock", line[1]) as page:
        phone = page.new_phone()
        phone.does("call")
        assert phone.sees("case", '"reachable": false')["case"] is None
        phone.sees("transcript", "请按键")
        assert phone.does("seven-days-later") == 503


def test_a_loss_key_without_end_is_left_alone(page: ServedPage, redis: "Redis") -> None:
    redis.set("report:12345670", json.dumps(["12345670", "", "abc"]))
    redis.set("loss:abc", json.dumps(["formal", "12345670"]))
    phone = page.new_phone()
    assert phone.does("look-at", report="12345670") == 204
    assert phone.does("seven-days-later") == 409
    redis.expire("loss:abc", 604_800)
    assert phone.does("seven-days-later") == 204
    assert 0 < redis.pttl("loss:abc") <= 1000


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example:8001"}, 403),
        ({"Host": "[::1"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Content-Type": "text/plain"}, 403),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 403),
        ({}, 200),
        ({"Host": "[::1]"}, 200),
        ({"Host": "LocalHost:8001"}, 200),
    ],
)
def test_other_web_sites_cannot_reach_in(
    page: ServedPage, headers: dict[str, str], status: int
) -> None:
    assert page.ask("/phones", headers=headers).status_code == status


def test_nothing_but_the_pages_own_files_may_run(page: ServedPage) -> None:
    answered = requests.get(f"{page.url}/simulator", timeout=30)
    policy = answered.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("keys", ["12a", "", "1" * 65, 7, None])
def test_what_is_no_key_is_refused(page: ServedPage, keys: object) -> None:
    assert page.new_phone().does("keys", keys=keys) == 422


def test_unknown_phones_banks_and_reports(page: ServedPage) -> None:
    assert page.ask("/phones/nobody/call").status_code == 404
    assert page.new_phone().does("look-at", report="00000000") == 404
    assert page.ask("/banks/icbc/behaviour", {"behaviour": "angry"}).status_code == 422
    assert page.ask("/banks/icbc/behaviour", {"behaviour": "down"}).status_code == 502
    assert page.ask("/banks/icbc/unblock", {"account": "x"}).status_code == 404


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "hotline.example"])  # noqa: S104
def test_only_loopback_is_served(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--host", host]) == 2
    assert "not loopback" in capsys.readouterr().err


def test_all_missing_settings_are_named_at_once() -> None:
    with pytest.raises(PageSettingsError) as error:
        read_page_settings([], {"TWILIO_ACCOUNT_SID": "AC"})
    assert str(error.value).splitlines() == [
        "PUBLIC_BASE_URL is not set.",
        "TWILIO_AUTH_TOKEN is not set.",
        "TWILIO_FROM_NUMBER is not set.",
    ]


def test_while_the_token_is_changed_calls_are_signed_with_the_first() -> None:
    names = ("PUBLIC_BASE_URL", "TWILIO_ACCOUNT_SID", "TWILIO_FROM_NUMBER")
    environ = {**dict.fromkeys(names, "x"), "TWILIO_AUTH_TOKEN": "new,old"}
    assert read_page_settings([], environ).auth_token == "new"


@pytest.mark.parametrize(
    ("public", "via"),
    [("https://12333.example", "http://127.0.0.1:7000"), ("http://127.0.0.1:7000", "")],
)
def test_a_public_address_is_reached_through_this_machines_port(public: str, via: str) -> None:
    wanted = dict.fromkeys(("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"), "x")
    environ = {**wanted, "TWILIO_FROM_NUMBER": "+8612333", "PUBLIC_BASE_URL": public}
    assert read_page_settings([], {**environ, "PORT": "7000"}).via == via


TRANSFER = {
    "/voice": '<Dial action="/after"><Number url="/whisper">+8610</Number></Dial>',
    "/whisper": '<Gather numDigits="1" action="/take"><Say>a caller</Say></Gather><Hangup/>',
    "/take": "<Pause/>",
    "/after": "<Say>Nobody took it</Say>",
}


@pytest.mark.parametrize(
    ("agent", "seen"),
    [("takes", "connected"), ("refuses", "Nobody took it"), ("busy", "Nobody took it")],
)
def test_the_tester_says_what_the_person_does(
    page: ServedPage, line: tuple[Pages, str], agent: str, seen: str
) -> None:
    line[0].pages.update(TRANSFER)
    phone = page.new_phone()
    assert phone.does("agent", agent=agent) == 204
    assert phone.sees("phone", f'"agent": "{agent}"')["agent"] == agent
    phone.does("call")
    phone.sees("transcript", seen)
    phone.does("hang-up")


def test_a_person_may_change_their_mind_while_it_rings(
    page: ServedPage, line: tuple[Pages, str]
) -> None:
    line[0].pages.update(TRANSFER)
    phone = page.new_phone()
    phone.does("agent", agent="silent")
    phone.does("call")
    phone.sees("transcript", "dialled")
    phone.does("agent", agent="takes")
    phone.sees("transcript", "connected")
    phone.does("hang-up")


@pytest.mark.parametrize("confidence", [0.3, None])
def test_the_caller_may_speak(
    page: ServedPage, line: tuple[Pages, str], confidence: float | None
) -> None:
    line[0].pages["/voice"] = MENU.replace("<Gather", '<Gather input="dtmf speech"')
    phone = page.new_phone()
    phone.does("call")
    phone.sees("transcript", "请按键")
    assert phone.does("speech", text="挂失", confidence=confidence) == 204
    phone.sees("transcript", "Your number")
    form = line[0].requests[1].form
    told = None if confidence is None else str(confidence)
    assert (form["SpeechResult"], form.get("Confidence")) == ("挂失", told)
    phone.does("hang-up")


@pytest.mark.parametrize(
    ("act", "told"),
    [
        ("agent", {"agent": "sleeps"}),
        ("speech", {"text": "挂失", "confidence": 2}),
        ("speech", {"text": "挂失", "confidence": "much"}),
        ("speech", {"text": "", "confidence": None}),
    ],
)
def test_what_no_phone_does_is_refused(page: ServedPage, act: str, told: dict[str, object]) -> None:
    assert page.new_phone().does(act, **told) == 422
