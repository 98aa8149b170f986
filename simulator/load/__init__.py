"""Load: many callers at once, well-behaved and not, and a reckoning of what came of every call.

    python -m simulator.load --calls-per-second 20 --for 60 --mix report=60,status=15,agent=5

Callers know what a caller knows; the reckoning compares what they heard with the records in
Redis and with the bank's own ledger. Exit status 1 when anything does not add up.
"""
