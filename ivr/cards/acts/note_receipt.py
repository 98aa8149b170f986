"""Note what the network says of a text: it arrived, or it never will."""

from ivr.cards.change import NOTHING, Change, Entry, NoticeChange
from ivr.cards.notice import Arrival, Notice, NoticeKind, Receipt


def note_receipt(notice: Notice, receipt: Receipt) -> Change:
    """A text that did not arrive is not sent again by itself: a person looks, for the phone may be
    another's by now. NOTHING for what is known, and once it has arrived: receipts come in any
    order, and of an attempt whose answer was lost there may be two.

    A code that did not arrive is nobody's to look at: whoever waits for it asks for another one.
    """
    has_arrived = notice.receipt == str(Receipt(Arrival.DELIVERED))
    if notice.kind is not NoticeKind.TEXT or has_arrived or notice.receipt == str(receipt):
        return NOTHING
    if receipt.arrival is Arrival.DELIVERED:
        taken_off = False if notice.never_arrived else None
        written = NoticeChange(notice, receipt=str(receipt), needs_person=taken_off)
        return Change(notice=written)
    fields = {"notice": notice.id, "report": notice.report_number, "status": str(receipt)}
    written = NoticeChange(
        notice, receipt=str(receipt), needs_person=True if notice.report_number else None
    )
    return Change(notice=written, journal=(Entry("undelivered_text", fields),))
