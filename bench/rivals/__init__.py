"""What the hotline is measured beside: floors, which do the least that is honest, and peers."""

import json
from typing import Final

QUEUE: Final = "floor"
# As long as a notice to a bank.
BODY: Final = json.dumps(
    {
        "type": "card.loss_reported",
        "timestamp": "2026-11-22T08:30:00Z",
        "data": {
            "kind": "temporary",
            "action": "block_financial_function",
            "reported_at": "2026-11-22T08:30:00Z",
            "social_security_release_at": "2026-11-29T08:30:00Z",
            "channel": "phone",
            "card": {"number": "AB1234567890", "bank_account": "6" * 19, "city_code": "330100"},
            "holder": {"social_security_number": "110101199001011234", "name": "王伟"},
        },
    },
    ensure_ascii=False,
)
