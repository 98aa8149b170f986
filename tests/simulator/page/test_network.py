"""What becomes of texts: receipts for whoever sent them, refusals, and words of Twilio's own."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from twilio.request_validator import RequestValidator
from werkzeug.wrappers import Request, Response

from simulator.page.network import FATES
from tests.simulator.engine.apps import Pages, served
from tests.simulator.page.served_page import ACCOUNT_SID, AUTH_TOKEN, ServedPage, TabPhone

FROM = "+8612333"


class App:
    """A foreign application: it hears what became of its texts, and replies to those that come."""

    def __init__(self) -> None:
        self.told: list[dict[str, str]] = []
        self.texts: list[str] = []
        self.replies = ""
        self.signed: list[bool] = []
        self.url = ""

    def status(self, request: Request) -> Response:
        form = request.form.to_dict()
        signature = request.headers["X-Twilio-Signature"]
        url = f"{self.url}/told?of={request.args['of']}"
        self.signed.append(RequestValidator(AUTH_TOKEN).validate(url, form, signature))
        self.told.append(form)
        return Response(status=204)

    def sms(self, request: Request) -> Response:
        self.texts.append(request.form["Body"])
        return Response(f"<Response>{self.replies}</Response>", content_type="text/xml")


@pytest.fixture
def app() -> Iterator[App]:
    app = App()
    with served(Pages({"/told": app.status, "/sms": app.sms})) as url:
        app.url = url
        yield app


@pytest.fixture
def page(tmp_path: Path, redis_url: str, app: App) -> Iterator[ServedPage]:
    with ServedPage(tmp_path, redis_url, app.url) as page:
        yield page


@pytest.fixture
def phone(page: ServedPage) -> TabPhone:
    return page.new_phone()


def number_of(page: ServedPage, phone: TabPhone) -> str:
    known = page.state.phone(phone.id)
    assert known is not None
    return known.number


def sends(page: ServedPage, to: str, callback: str = "", body: str = "hello") -> dict[str, Any]:
    form = {"To": to, "From": FROM, "Body": body, "StatusCallback": callback}
    answer = requests.post(
        f"{page.url}/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json", data=form,
        auth=(ACCOUNT_SID, AUTH_TOKEN), timeout=30,
    )  # fmt: skip
    return {"http": answer.status_code, **answer.json()}


def wait_until(true: Callable[[], object]) -> None:
    until = time.monotonic() + 30
    while not true():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.01)


@pytest.mark.parametrize("fate", FATES)
def test_every_fate_is_told_in_its_statuses(
    page: ServedPage, phone: TabPhone, app: App, fate: str
) -> None:
    number = number_of(page, phone)
    assert phone.does("fate", fate=fate) == 204
    sid = sends(page, number, f"{app.url}/told?of=1")["sid"]
    wait_until(lambda: len(app.told) == len(FATES[fate].statuses))
    assert [each["MessageStatus"] for each in app.told] == list(FATES[fate].statuses)
    assert app.told[-1].get("ErrorCode", "") == FATES[fate].code
    assert {each["MessageSid"] for each in app.told} == {sid}
    assert all(app.signed)
    (kept,) = page.get("/messages", to=number)["messages"]
    assert kept["status"] == FATES[fate].statuses[-1]


def test_there_is_no_other_fate(phone: TabPhone) -> None:
    assert phone.does("fate", fate="vanishes") == 422


def test_a_text_without_a_callback_arrives_too(page: ServedPage, phone: TabPhone) -> None:
    sends(page, number_of(page, phone))
    told = phone.sees("texts", "delivered", "hello")
    assert told["fate"] == "arrives"


def test_a_callback_nobody_answers_stops_no_other(
    page: ServedPage, phone: TabPhone, app: App
) -> None:
    number = number_of(page, phone)
    sends(page, number, "http://127.0.0.1:9/told")
    sends(page, number, f"{app.url}/told?of=2")
    wait_until(lambda: len(app.told) == 2)


def test_a_callback_that_is_no_address(page: ServedPage, phone: TabPhone) -> None:
    refused = sends(page, number_of(page, phone), "told")
    assert (refused["http"], refused["code"]) == (400, 21609)


def test_stop_is_answered_by_twilio_reaches_the_application_and_ends_texts(
    page: ServedPage, phone: TabPhone, app: App
) -> None:
    app.replies = "<Message>not said</Message>"
    number = number_of(page, phone)
    assert phone.does("texts", text=" Stop ") == 200
    assert app.texts == [" Stop "]
    bodies = [message["body"] for message in page.get("/messages", to=number)["messages"]]
    assert len(bodies) == 1
    assert bodies[0].startswith("You have successfully been unsubscribed")
    refused = sends(page, number)
    assert (refused["http"], refused["code"]) == (400, 21610)
    app.replies = ""
    phone.does("texts", text="START")
    assert sends(page, number)["http"] == 201


def test_yes_of_somebody_who_never_stopped_is_only_a_word(
    page: ServedPage, phone: TabPhone, app: App
) -> None:
    app.replies = "<Message>taken</Message>"
    phone.does("texts", text="YES")
    told = page.get("/messages", to=number_of(page, phone))["messages"]
    assert [message["body"] for message in told] == ["taken"]


def test_help_is_answered_twice(page: ServedPage, phone: TabPhone, app: App) -> None:
    app.replies = "<Message>ours</Message>"
    phone.does("texts", text="help")
    told = page.get("/messages", to=number_of(page, phone))["messages"]
    assert [message["body"][:5] for message in told] == ["Reply", "ours"]


def test_a_fault_is_shown_where_the_text_stands(phone: TabPhone, app: App) -> None:
    app.replies = "<Message></Message>"
    phone.does("texts", text="hello")
    phone.sees("texts", "14103 Message: Invalid Body")
