"""Opens the accounts of a cardholders CSV, so that testers see a bank's cards before any call."""

import csv
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simulator.bank import accounts
from simulator.bank.ledger import Ledger
from simulator.bank.received_notices import last_four, masked_name

FORMALLY_LOST, TEMPORARILY_LOST = "2", "4"


class CardholderRow(BaseModel):
    """What a bank needs of one row of a cardholders CSV."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    id_number: str = Field(pattern=r"^[0-9]{17}[0-9X]$", repr=False)
    name: str = Field(min_length=1, repr=False)
    card_number: str = Field(pattern=r"^[0-9A-Za-z]{4,32}$", repr=False)
    bank: str
    bank_account: str = Field(pattern=r"^[0-9A-Za-z]{4,32}$", repr=False)
    card_state: str = Field(pattern=r"^[0-9]$")


def open_accounts(ledger: Ledger, banks: Iterable[str], path: Path) -> list[str]:
    """An account for each good row; known ones stay as they are. -> problems, a line each."""
    known, problems = set(banks), []
    with path.open(encoding="utf-8-sig", newline="") as file, ledger.transaction() as transaction:
        for number, row in enumerate(csv.DictReader(file), start=2):
            try:
                holder = CardholderRow.model_validate(row)
            except ValidationError as error:
                problems.append(f"line {number}: {_faults(error)}")
                continue
            if holder.bank not in known:
                problems.append(f"line {number}: this sandbox has no such bank")
                continue
            accounts.open_account(transaction, holder.bank, _account(holder))
    return problems


def _account(holder: CardholderRow) -> accounts.NewAccount:
    return accounts.NewAccount(
        holder.card_number,
        holder.bank_account,
        masked_name(holder.name),
        last_four(holder.id_number),
        blocked=holder.card_state in (FORMALLY_LOST, TEMPORARILY_LOST),
        formal_loss=holder.card_state == FORMALLY_LOST,
    )


def _faults(error: ValidationError) -> str:
    faults = error.errors(include_input=False, include_url=False)
    return "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults)
