"""All that is held about one person, for that person: found by the ID number's reference."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from ivr.cards.loss import LossReport
from ivr.cards.notice import Notice
from ivr.cards.notice_bodies import iso
from ivr.store.holders import Holders
from ivr.store.journal import Journal
from ivr.store.known import KnownHolder
from ivr.store.looks import Look
from ivr.store.outbox import Outbox
from ivr.store.removal import Removal
from ivr.store.vault import Vault

Json = dict[str, Any]
_MOMENTS: Final = ("at", "changed_at", "created_at", "release_at", "reported_at")
_OF_A_NOTICE: Final = ("id", "kind", "bank", "report_number", "state", "receipt", "created_at")


class Export:
    """Gathers it, rarely: it looks through all reports and the whole journal."""

    def __init__(
        self, vault: Vault, holders: Holders, removal: Removal, outbox: Outbox, journal: Journal
    ) -> None:
        self._vault = vault
        self._holders = holders
        self._removal = removal
        self._outbox = outbox
        self._journal = journal

    def of(self, ref: str, look: Look) -> Json:
        """The holder of this reference with cards, reports, notices and texts (what they were and
        when, not their words) and journal; times are RFC 3339 in UTC. `holder` is None when nobody
        has this reference (any more). That somebody looks is journalled first.

        Raises:
            MisfitError: a file of the archive cannot be read.
        """
        found = self._holders.look_up(ref, look)
        known = self._holders.known(ref) if found else None
        reports = sorted(self._removal.reports_of(ref), key=lambda report: report.reported_at)
        notices = self._notices(reports)
        return {
            "holder": known and {
                "id_number": known.holder.id_number,
                "name": known.holder.name,
                "phone": known.holder.phone,
            },
            "cards": list(_cards(known)) if known else [],
            "reports": [_readable(asdict(report)) for report in reports],
            "notices": list(self._told(notices)),
            "journal": list(self._journalled(ref, known, reports, notices)),
        }  # fmt: skip

    def _notices(self, reports: Sequence[LossReport]) -> list[Notice]:
        ids = {i for report in reports for i in self._outbox.ids_of(report.number)}
        ids |= {report.notice_id for report in reports}
        return sorted(self._outbox.find_all(sorted(ids)), key=lambda notice: notice.created_at)

    def _told(self, notices: Sequence[Notice]) -> Iterator[Json]:
        attempts = self._outbox.attempts_of(notice.id for notice in notices)
        for notice in notices:
            known = {name: getattr(notice, name) for name in _OF_A_NOTICE}
            tried = [_readable(asdict(attempt)) for attempt in attempts[notice.id]]
            yield {**_readable(known), "attempts": tried}

    def _journalled(
        self,
        ref: str,
        known: KnownHolder | None,
        reports: Sequence[LossReport],
        notices: Sequence[Notice],
    ) -> Iterator[Json]:
        """Whatever names the person, a card, a report, a notice, or the phone as the caller's."""
        words = {ref, *(notice.id for notice in notices)}
        for report in reports:
            words |= {report.number, report.card_ref}
        if known is not None:
            words |= {*known.cards, self._vault.ref("caller", known.holder.phone)}
        for at, entry in self._journal.between(0, self._outbox.now() + 1, words):
            yield {"at": iso(at), "event": entry.event, **entry.fields}


def _cards(known: KnownHolder) -> Iterator[Json]:
    for ref, card in known.cards.items():
        case = known.readings[ref].case
        yield {
            **asdict(card),
            "reference": ref,
            "suspension": case.suspension and _readable(asdict(case.suspension)),
            "block": case.block and _readable(asdict(case.block)),
        }


def _readable(fields: Json) -> Json:
    return {n: iso(v) if n in _MOMENTS and v is not None else v for n, v in fields.items()}
