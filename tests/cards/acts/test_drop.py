"""A notice that is not true any more is closed unsent, once."""

from itertools import product

from ivr.cards.acts.drop import drop
from ivr.cards.change import NOTHING, Change, Entry, NoticeChange
from ivr.cards.notice import NoticeKind, NoticeState
from tests.cards.acts.builders import EVERY_NOTICE, a_notice


def test_only_an_open_notice_is_dropped() -> None:
    for state, kind in product(EVERY_NOTICE, NoticeKind):
        notice = a_notice(state, kind=kind)
        told = {"notice": "ntc-1", "report": "12345670", "bank": "icbc", "kind": kind.value}
        dropped = Change(
            notice=NoticeChange(notice, state=NoticeState.CLOSED, is_dropped=True),
            journal=(Entry("notice_overtaken", told),),
        )
        assert drop(notice) == (dropped if state == "open" else NOTHING), f"{kind} {state}"
