"""What comes in minutes or days, made to come now, and what must follow from it exactly once."""

import json
from collections import Counter

from ivr.cards.loss import LossReport, ReportState
from ivr.cards.notice import NoticeKind, NoticeState
from ivr.store import keys
from ivr.store.codec import plain
from tests.faults.audit import Records, read_records, wait_until_calm
from tests.faults.city import City
from tests.faults.tripwire import wait_until

Figures = dict[str, int]


def end_suspensions(city: City, reports: list[LossReport]) -> None:
    """Redis ends them as it does after 7 days: the key's time is over. A formal loss by then
    has no time, and stays.
    """
    for report in reports:
        city.hotline.redis.pexpire(keys.loss(report.card_ref), 1, xx=True)


def ask_again(city: City) -> None:
    """The ten minutes are over after which a bank that only said "received" is asked again."""
    wait_until_calm(city, 120)
    redis = city.hotline.redis
    for notice_id in redis.zrange(keys.AWAITING, 0, -1):
        redis.zadd(keys.AWAITING, {plain(notice_id): 0}, xx=True)
    wait_until(lambda: not redis.zcard(keys.AWAITING), "every bank's word")


def lose(city: City, number: str) -> None:
    """A failover to a server that never saw this report, nor anything that followed from it."""
    redis, report = city.hotline.redis, city.hotline.cases.find_report(number)
    assert report is not None
    for notice in read_records(city).notices[number]:
        redis.delete(keys.notice(notice.id), keys.attempts(notice.id))
        for listed in (keys.NOTICES_OPEN, keys.AWAITING, keys.NOTICES_STUCK):
            redis.zrem(listed, notice.id)
    redis.delete(
        keys.report(number), keys.loss(report.card_ref), keys.block(report.card_ref),
        keys.notices_of(number), *redis.keys("request:*"), *redis.keys("rq:*"),
    )  # fmt: skip
    redis.zrem(keys.DEADLINES, number)
    redis.zrem(keys.blocks(report.bank), report.card_ref)
    for entry_id, fields in redis.xrange(keys.JOURNAL) or []:
        if entry_id is not None and (fields or {}).get(b"report") == number.encode():
            redis.xdel(keys.JOURNAL, entry_id)


def wait_for_releases(city: City, count: int) -> None:
    """Until so many reports are released and nothing is owed any more."""

    def told() -> bool:
        redis = city.hotline.redis
        events = redis.hget(keys.COUNTERS, "event:loss_released")
        return int(events or 0) >= count and not redis.zcard(keys.NOTICES_OPEN)

    wait_until(told, f"{count} releases", 120)


def release_faults(city: City, numbers: list[str]) -> list[str]:
    """What is not exactly once: journal, notice to the bank, receipt there, text to the holder."""
    records = read_records(city)
    return [
        f"report {number}: {what} {count}x"
        for number in numbers
        for what, count in _counts(city, records, records.reports[number]).items()
        if count != 1
    ]


def _counts(city: City, records: Records, report: LossReport) -> Figures:
    notices = records.notices[report.number]
    events = Counter(entry["event"] for entry in records.journal.get(report.number, []))
    told = [n for n in notices if n.kind is NoticeKind.LOSS_RELEASED]
    texts = [n for n in notices if n.kind is NoticeKind.TEXT]
    prompts = Counter(city.hotline.outbox.body(text)["prompt"] for text in texts)
    return {
        "released in the journal": events["loss_released"],
        "state released": int(report.state is ReportState.RELEASED),
        "notice delivered": sum(n.state is NoticeState.DELIVERED for n in told),
        "notice to the bank": len(told),
        "notice known at the bank": len(_known_at_bank(city, report)),
        "text owed": prompts["text_released"],
        "text sent": min(records.texts[report.number, "text_released"], 1),
        "suspension gone": 1 - int(city.hotline.redis.exists(keys.loss(report.card_ref))),
    }


def _known_at_bank(city: City, report: LossReport) -> set[str]:
    """The webhook ids under which the bank heard of the release; attempts may be many."""
    receipts = city.bank.client.receipts(report.bank)
    mine = [r for r in receipts if r["report_number"] == report.number]
    return {r["webhook_id"] for r in mine if r["type"] == NoticeKind.LOSS_RELEASED}


def as_figures(name: str, **figures: object) -> str:
    """One line to print."""
    return f"{name}: {json.dumps(figures, default=str)}"
