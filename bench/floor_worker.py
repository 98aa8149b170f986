"""The floor of a delivery: takes a body off a Redis list, posts it over a kept-open connection.

`python -m bench.floor_worker SOCKET URL`: no signature, no record, nothing tried again.
"""

import sys
from typing import Final
from urllib.parse import urlsplit

import urllib3
from redis import Redis

from ivr.store.codec import plain

QUEUE: Final = "floor"


def main(redis_url: str, bank_url: str) -> None:
    """Until it is ended. A job is `<webhook-id> <body>`."""
    parts = urlsplit(bank_url)
    bank = urllib3.HTTPConnectionPool(parts.hostname or "", parts.port)
    redis = Redis.from_url(redis_url, socket_timeout=None)  # or it gives up while idle
    while True:
        popped = redis.blpop([QUEUE])
        if popped is None:
            continue
        notice_id, _, body = plain(popped[1]).partition(" ")
        headers = {"webhook-id": notice_id, "content-type": "application/json"}
        bank.urlopen("POST", parts.path, body=body, headers=headers)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
