"""The accounts behind the cards: blocked, unblocked at an outlet, formally lost."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from sqlite3 import Connection, IntegrityError
from typing import Any, Literal

from simulator.bank.ledger import Ledger, now_text, text_of

Effect = Literal["blocked", "late", "formal"]
Visit = Callable[[Connection, str, str], str]  # a teller's act: ledger, bank, card -> moment


class UnknownAccountError(Exception):
    """This bank has no account behind that card."""


class FormallyLostError(Exception):
    """The card is formally lost: only its withdrawal or a replacement changes that."""


class NotFormallyLostError(Exception):
    """There is no formal loss to withdraw."""


class CardNumberTakenError(Exception):
    """The bank has another account behind the new card's number."""


@dataclass(frozen=True)
class NewAccount:
    """An account to open; the holder is masked before it gets here."""

    card_number: str
    bank_account: str
    holder_name: str
    last4: str
    blocked: bool = False
    formal_loss: bool = False


def open_account(ledger: Connection, bank: str, account: NewAccount) -> bool:
    """Opens the account unless the bank has it; True if it is new."""
    cursor = ledger.execute(
        "INSERT OR IGNORE INTO accounts (bank, card_number, bank_account, holder_name, last4,"
        " blocked, formal_loss) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            bank,
            account.card_number,
            account.bank_account,
            account.holder_name,
            account.last4,
            account.blocked,
            account.formal_loss,
        ),
    )
    return cursor.rowcount == 1


def block(
    ledger: Connection, bank: str, card_number: str, report: str, reported_at: datetime
) -> Effect:
    """Blocks the financial function for a loss report, unless that would undo a later visit.

    "late": the holder has been at an outlet since the report was made (or for this very report);
    "formal": the card is formally lost, the account stays blocked as it is.
    """
    account = _account(ledger, bank, card_number)
    if _is_late(account, report, reported_at):
        return "late"
    if account["formal_loss"]:
        return "formal"
    ledger.execute(
        "UPDATE accounts SET blocked = 1, since = ?, by_report = ?"
        " WHERE bank = ? AND card_number = ?",
        (now_text(), report, bank, card_number),
    )
    return "blocked"


def unblock(ledger: Connection, bank: str, card_number: str) -> str:
    """Decoupling at an outlet; an account that is not blocked only notes the visit.

    -> the moment. Raises UnknownAccountError, FormallyLostError.
    """
    return _settle(ledger, bank, card_number, blocked=False, formal_loss=False)


def report_formal_loss(ledger: Connection, bank: str, card_number: str) -> str:
    """A formal loss report at a counter: blocked until the card is replaced.

    -> the moment. Raises UnknownAccountError, FormallyLostError.
    """
    return _settle(ledger, bank, card_number, blocked=True, formal_loss=True)


def take_report(ledger: Connection, bank: str, card_number: str) -> str:
    """The bank's own service line takes a temporary report, and blocks.

    -> the moment. Raises UnknownAccountError, FormallyLostError.
    """
    return _settle(ledger, bank, card_number, blocked=True, formal_loss=False)


def let_lapse(ledger: Connection, bank: str, card_number: str) -> str:
    """A rule of the bank ends its block.

    -> the moment. Raises UnknownAccountError, FormallyLostError.
    """
    return _settle(ledger, bank, card_number, blocked=False, formal_loss=False)


def withdraw_formal_loss(ledger: Connection, bank: str, card_number: str) -> str:
    """The outlet takes the formal loss back; the account stays blocked until it is unblocked.

    -> the moment. Raises UnknownAccountError, NotFormallyLostError.
    """
    if not _account(ledger, bank, card_number)["formal_loss"]:
        raise NotFormallyLostError
    at = now_text()
    ledger.execute(
        "UPDATE accounts SET formal_loss = 0, settled_at = ? WHERE bank = ? AND card_number = ?",
        (at, bank, card_number),
    )
    return at


def replace(ledger: Connection, bank: str, card_number: str, new: str, new_account: str) -> str:
    """A new card and account in the place of the old ones, which are gone.

    -> the moment. Raises UnknownAccountError, CardNumberTakenError.
    """
    _account(ledger, bank, card_number)
    at = now_text()
    try:
        ledger.execute(
            "UPDATE accounts SET card_number = ?, bank_account = ?, blocked = 0, since = NULL,"
            " by_report = NULL, formal_loss = 0, settled_at = ?, settled_report = NULL"
            " WHERE bank = ? AND card_number = ?",
            (new, new_account, at, bank, card_number),
        )
    except IntegrityError:
        raise CardNumberTakenError from None
    return at


def list_all(ledger: Ledger, bank: str) -> list[dict[str, Any]]:
    """Every account of the bank, by card number."""
    rows = ledger.rows("SELECT * FROM accounts WHERE bank = ? ORDER BY card_number", bank)
    return [_as_json(row) for row in rows]


def find(ledger: Connection, bank: str, card_number: str) -> dict[str, Any]:
    """The account behind a card. Raises UnknownAccountError."""
    return _as_json(_account(ledger, bank, card_number))


def _settle(
    ledger: Connection, bank: str, card_number: str, *, blocked: bool, formal_loss: bool
) -> str:
    account = _account(ledger, bank, card_number)
    if account["formal_loss"]:
        raise FormallyLostError
    at = now_text()
    ledger.execute(
        "UPDATE accounts SET blocked = ?, since = ?, by_report = NULL, formal_loss = ?,"
        " settled_at = ?, settled_report = coalesce(by_report, settled_report)"
        " WHERE bank = ? AND card_number = ?",
        (blocked, at if blocked else None, formal_loss, at, bank, card_number),
    )
    return at


def _account(ledger: Connection, bank: str, card_number: str) -> dict[str, Any]:
    row = ledger.execute(
        "SELECT * FROM accounts WHERE bank = ? AND card_number = ?", (bank, card_number)
    ).fetchone()
    if row is None:
        raise UnknownAccountError
    return dict(row)


def _is_late(account: dict[str, Any], report: str, reported_at: datetime) -> bool:
    """A report made in whole seconds is compared in whole seconds. A tie blocks: the safe side."""
    if account["settled_at"] is None:
        return False
    settled = datetime.fromisoformat(account["settled_at"])
    if reported_at.microsecond == 0:
        settled = settled.replace(microsecond=0)
    return account["settled_report"] == report or text_of(settled) > text_of(reported_at)


def _as_json(row: dict[str, Any]) -> dict[str, Any]:
    flags = {"blocked": bool(row["blocked"]), "formal_loss": bool(row["formal_loss"])}
    return {**row, **flags}
