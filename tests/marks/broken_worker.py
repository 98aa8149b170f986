"""The worker with faults of ours in it: errors whose words hold what was to be sent."""

import sys

from workers import deliver
from workers.bank_client import BankClient
from workers.text_client import TextClient


async def _post(_client: object, notice_id: str, body: str, at: float) -> None:
    raise ValueError(f"{notice_id} {body} {at}")


for client in (BankClient, TextClient):
    setattr(client, "post", _post)  # noqa: B010 (not a method of this shape)

if __name__ == "__main__":
    sys.exit(deliver.main())
