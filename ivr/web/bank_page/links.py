"""Links to a bank's own page: nothing is stored of them, and each ends by itself after an hour.

A token is the moment of its end and a keyed hash of that and the bank, under the key of the
references. So every process knows a good one, and nobody can make one without the vault.
"""

import hmac
import re
import time
from typing import Final

from ivr.store.vault import Vault

LINK_SECONDS: Final = 3600
_TOKEN: Final = re.compile("([0-9]{1,11})-([A-Za-z0-9_-]{22})")


class PageLinks:
    """Makes and checks them."""

    def __init__(self, vault: Vault, public_base_url: str) -> None:
        self._vault = vault
        self._base = public_base_url.rstrip("/")

    def make(self, bank: str) -> tuple[str, int]:
        """The URL, and the moment it ends, unix seconds."""
        until = int(time.time()) + LINK_SECONDS
        return f"{self._base}/banks/{bank}/page/{until}-{self._proof(bank, until)}", until

    def until(self, bank: str, token: str) -> int | None:
        """When a good token of this bank ends; None for any other, one that has ended as well."""
        found = _TOKEN.fullmatch(token)
        if found is None or token[0] == "0":
            return None
        until = int(found[1])
        is_ours = hmac.compare_digest(self._proof(bank, until), found[2])
        return until if is_ours and time.time() < until else None

    def _proof(self, bank: str, until: int) -> str:
        return self._vault.ref("bank page", f"{until}:{bank}")
