"""One card on a real Redis, and what must be so of all its records."""

from ivr.cards.notice import NoticeState
from ivr.store import keys
from ivr.store.codec import plain
from tests.bank_side import Records
from tests.builders import a_holder

ZHANG = a_holder()
(CARD,) = ZHANG.cards


def what_holds_of_one_card(records: Records) -> None:
    """What must be so of a card and its records after whatever happened, also at once."""
    redis, ref = records.hotline.redis, records.card_ref(CARD)
    suspension, block = records.suspension(CARD), records.block(CARD)
    reports = records.reports()
    running = [report for report in reports if report.state == "active"]
    listed = [plain(name) for name in redis.zrange(keys.blocks("icbc"), 0, -1)]
    is_over = block is None or block.state in ("unblocked", "lapsed", "replaced")
    # A temporary suspension is held by the one report that runs, which is the block's; nothing else
    # runs, and only what runs has a deadline.
    if suspension is not None and suspension.release_at is not None:
        assert block is not None
        assert [report.number for report in running] == [suspension.report_number]
        assert block.report_number == suspension.report_number
        assert running[0].release_at == suspension.release_at
    else:
        assert running == []
    deadlines = [plain(name) for name in redis.zrange(keys.DEADLINES, 0, -1)]
    assert sorted(deadlines) == sorted(report.number for report in running)
    # Subscribers read of it on the list of its city, exactly while it is suspended.
    suspended = [plain(name) for name in redis.zrange(keys.SUSPENDED, 0, -1)]
    assert suspended == ([f"{CARD.city}:{ref}"] if suspension else [])
    # A formal loss holds both functions.
    is_formal = suspension is not None and suspension.release_at is None
    assert is_formal == (block is not None and block.state == "formal_loss")
    # The bank's list is what it is believed to block, or asked to.
    assert listed == ([] if is_over else [ref])
    # Only for the block there is anybody asks, and never for one that is over.
    for report in reports:
        notice = records.hotline.outbox.find(report.notice_id)
        is_open = notice is not None and notice.state is NoticeState.OPEN
        is_wanted = block is not None and block.notice_id == report.notice_id and not is_over
        assert is_wanted or not is_open
    if block is not None and block.state == "notified":
        assert records.is_owed(block.notice_id)
