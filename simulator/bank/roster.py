"""Opens the accounts of a cardholders CSV, so that testers see a bank's cards before any call."""

import csv
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simulator.bank import accounts
from simulator.bank.ledger import Ledger
from simulator.bank.notices import last_four, masked_name

FORMALLY_LOST, TEMPORARILY_LOST = "2", "4"


class Line(BaseModel):
    """What a bank needs of a line `id_number,name,phone,card_number,bank,bank_account,…`."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    id_number: str = Field(pattern=r"^[0-9]{17}[0-9X]$", repr=False)
    name: str = Field(min_length=1, repr=False)
    card_number: str = Field(pattern=r"^[0-9A-Za-z]{4,32}$", repr=False)
    bank: str
    bank_account: str = Field(pattern=r"^[0-9A-Za-z]{4,32}$", repr=False)
    card_state: str = Field(pattern=r"^[0-9]$")


def opens_accounts(ledger: Ledger, banks: Iterable[str], path: Path) -> list[str]:
    """The good lines become accounts (those known stay as they are); -> problems, a line each."""
    known, problems = set(banks), []
    with path.open(encoding="utf-8-sig", newline="") as file, ledger.transaction() as transaction:
        for number, row in enumerate(csv.DictReader(file), start=2):
            try:
                line = Line.model_validate(row)
            except ValidationError as error:
                problems.append(f"line {number}: {_faults(error)}")
                continue
            if line.bank not in known:
                problems.append(f"line {number}: this sandbox has no such bank")
                continue
            accounts.opens(transaction, line.bank, _account(line))
    return problems


def _account(line: Line) -> accounts.NewAccount:
    return accounts.NewAccount(
        line.card_number,
        line.bank_account,
        masked_name(line.name),
        last_four(line.id_number),
        blocked=line.card_state in (FORMALLY_LOST, TEMPORARILY_LOST),
        formal_loss=line.card_state == FORMALLY_LOST,
    )


def _faults(error: ValidationError) -> str:
    faults = error.errors(include_input=False, include_url=False)
    return "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults)
