"""Load: many callers at once, careful and careless, and a check of what came of every call.

    python -m simulator.load --calls-per-second 20 --for 60 --mix report=60,status=15,agent=5

Callers know only what a caller knows. Afterwards what they heard is compared with the records in
Redis and with the bank's own ledger. Exit status 1 when anything does not add up.
"""
