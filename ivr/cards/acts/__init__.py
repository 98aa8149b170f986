"""The acts: what the business does to a card. Each module is one act, named by its verb.

Each act is a pure function. From a Case (how a card stands) and what came in, it makes a Change.
It uses no clock, no random values and no Redis. `now` is unix seconds by Redis' clock.
"""
