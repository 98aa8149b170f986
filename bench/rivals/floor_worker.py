"""The floor of a delivery: BLPOP, sign with `standardwebhooks`, POST over a kept-open connection.

`python -m bench.rivals.floor_worker REDIS_URL URL`: no record, nothing tried again.
"""

import sys
from datetime import UTC, datetime
from urllib.parse import urlsplit

import urllib3
from redis import Redis
from standardwebhooks import Webhook

from bench.rivals import QUEUE
from ivr.store.codec import plain

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def headers(notice_id: str, body: str) -> dict[str, str]:
    """What each of them sends, and how it is signed."""
    at = datetime.now(UTC)
    return {
        "webhook-id": notice_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(SECRET).sign(notice_id, at, body),
        "content-type": "application/json",
    }


class Posting:
    """One kept-open connection to one bank."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._path = parts.path
        self._bank = urllib3.HTTPConnectionPool(parts.hostname or "", parts.port)

    def posts(self, notice_id: str, body: str) -> bool:
        answer = self._bank.urlopen(
            "POST", self._path, body=body.encode(), headers=headers(notice_id, body)
        )
        return answer.status < 300 and "blocked" in answer.data.decode()


def main(redis_url: str, url: str) -> None:
    """Until it is ended. A job is `<webhook-id> <body>`."""
    bank = Posting(url)
    # Without a time limit, or it gives up while idle.
    redis: Redis = Redis.from_url(redis_url, socket_timeout=None)
    while True:
        popped = redis.blpop([QUEUE])
        if popped is not None:
            notice_id, _, body = plain(popped[1]).partition(" ")
            bank.posts(notice_id, body)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
