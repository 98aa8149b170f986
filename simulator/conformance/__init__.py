"""The conformance kit: does a bank's receiver of notices keep the rules of docs/bank-api.md?

`SECRET=whsec_… python -m simulator.conformance URL` sends what a bank will meet, in `rules`, and
gives a verdict a rule: kept, BROKEN, or not seen (its answers do not show it). `--help` shows every
option; `--page FILE.html` writes the result for a bank's file.
"""
