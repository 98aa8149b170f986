"""How a card stands at this moment, for whoever is about to say so to its holder."""

from redis import Redis

from ivr.cards.block import Block
from ivr.cards.loss import Suspension
from ivr.store import keys
from ivr.store.calls import Standing
from ivr.store.codec import load


class Standings:
    """The suspensions and blocks of this Redis, read only."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis

    def of(self, card_ref: str) -> Standing:
        """Both at one moment."""
        loss, block = self._redis.mget(keys.loss(card_ref), keys.block(card_ref))
        return Standing(
            None if loss is None else load(Suspension, loss),
            None if block is None else load(Block, block),
        )
