"""Drop a notice without sending it, because what it says is no longer true."""

from ivr.cards.change import NOTHING, Change, Entry, NoticeChange
from ivr.cards.notice import Notice, NoticeState


def drop(notice: Notice) -> Change:
    """Closes an open notice; NOTHING when it is closed already."""
    if notice.state is not NoticeState.OPEN:
        return NOTHING
    fields = {"notice": notice.id, "report": notice.report_number, "bank": notice.bank,
              "kind": notice.kind}  # fmt: skip
    closed = NoticeChange(notice, state=NoticeState.CLOSED, is_dropped=True)
    return Change(notice=closed, journal=(Entry("notice_overtaken", fields),))
