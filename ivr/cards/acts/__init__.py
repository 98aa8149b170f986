"""What the business does to a card, one act a module, named by its verb.

Each is a pure function from how a card stands (a Case) and what came in to a Change: no clock,
no chance, no Redis. `now` is unix seconds by Redis' clock.
"""
