"""kill -9 at the worst moments: what was answered for is there, and nothing is done twice."""

from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from threading import Event

import pytest
import requests

from simulator.bank.pytest_plugin import StartBank
from simulator.bank.running import RunningBank
from tests.simulator.bank.builders import Json, Sender, a_loss_report, card_of, report_of
from tests.simulator.bank.hotline import ToyHotline

pytestmark = pytest.mark.faults
QUICK = ("--event-retry-seconds", "0.02")


# A kill may fall between the head of an answer and its body.
CUT_OFF = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)


def test_killed_between_receipt_and_answer(start_bank: StartBank) -> None:
    running = start_bank("http://127.0.0.1:9")
    notice = a_loss_report()
    running.client.behaves("icbc", "late", seconds=600)

    with Sender(running) as sender, ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(sender.sends, notice, "ntc_1")
        running.client.wait_for_receipt("icbc", report_of(notice))
        assert running.kill() == -9
        with pytest.raises(requests.ConnectionError):
            waiting.result()

    running.start()
    account = running.client.account("icbc", card_of(notice))
    assert account
    assert account["blocked"]
    with Sender(running) as sender:
        assert sender.sends(notice, "ntc_1").json() == {"status": "blocked"}
    assert running.client.effects("icbc") == {report_of(notice): 1}
    effects = [a["effect"] for a in running.client.receipt("icbc", "ntc_1")["attempts"]]
    assert effects == ["blocked", "duplicate"]


def test_killed_under_load_keeps_every_answered_notice_once(start_bank: StartBank) -> None:
    running = start_bank("http://127.0.0.1:9")
    warm = Event()
    with ThreadPoolExecutor(4) as threads:
        senders = [threads.submit(sends_until_cut_off, running, warm) for _ in range(4)]
        assert warm.wait(30)
        running.kill()
    sent = [notice for sender in senders for notice in sender.result()]

    running.start()
    kept = running.client.effects("icbc")
    answered = [report_of(notice) for notice, was_answered in sent if was_answered]
    assert answered
    assert [report for report in answered if kept.get(report) != 1] == []
    with Sender(running) as sender:
        for notice, _ in sent:
            answer = sender.sends(notice, webhook_id=f"ntc_{report_of(notice)}")
            assert answer.json() == {"status": "blocked"}
    assert running.client.effects("icbc") == {report_of(notice): 1 for notice, _ in sent}


def sends_until_cut_off(running: RunningBank, warm: Event) -> list[tuple[Json, bool]]:
    """-> each notice sent, and whether it was answered; the last one was not."""
    sent: list[tuple[Json, bool]] = []
    with Sender(running) as sender:
        for number in count():
            notice = a_loss_report()
            try:
                answer = sender.sends(notice, webhook_id=f"ntc_{report_of(notice)}")
            except CUT_OFF:
                return [*sent, (notice, False)]
            sent.append((notice, answer.status_code == 200))
            if number == 20:
                warm.set()
    raise AssertionError


def test_an_event_owed_outlives_the_bank(
    start_bank: StartBank, hotline: ToyHotline, secret: str
) -> None:
    running = start_bank(hotline.url, options=QUICK, known_secrets={"icbc": (secret,)})
    notice = a_loss_report()
    hotline.will_answer(*[503] * 10_000)
    with Sender(running) as sender:
        sender.sends(notice)
    event_id = running.client.unblocks("icbc", card_of(notice))["event_id"]
    hotline.wait_until(lambda events: len(events) >= 2)

    running.kill()
    hotline.will_answer()
    running.start()

    event = running.client.wait_for_event("icbc", "financial_function.unblocked", "delivered")
    assert event["event_id"] == event_id
    assert {event.webhook_id for event in hotline.events} == {event_id}


def test_an_event_waits_for_a_hotline_that_is_not_there_yet(
    start_bank: StartBank, secret: str
) -> None:
    running = start_bank("http://127.0.0.1:9", known_secrets={"icbc": (secret,)}, options=QUICK)
    notice = a_loss_report()
    with Sender(running) as sender:
        sender.sends(notice)
    running.client.unblocks("icbc", card_of(notice))
    running.client.wait_for_event("icbc", "financial_function.unblocked", "waiting")
    assert running.stop() == 0

    with ToyHotline(secret) as hotline:
        running.hotline_url = hotline.url
        running.start()
        hotline.wait_until(lambda events: len(events) == 1)
        event = running.client.wait_for_event("icbc", "financial_function.unblocked", "delivered")

    assert event["attempts"][-1]["status"] == 200


def test_stops_at_once_even_while_it_hangs(start_bank: StartBank) -> None:
    running = start_bank("http://127.0.0.1:9")
    notice = a_loss_report()
    running.client.behaves("icbc", "hang")

    with Sender(running) as sender, ThreadPoolExecutor(1) as thread:
        waiting: Future[requests.Response] = thread.submit(sender.sends, notice)
        running.client.wait_for_receipt("icbc", report_of(notice))
        assert running.stop() == 0
        assert isinstance(waiting.exception(), requests.ConnectionError)
