"""Report numbers: 8 digits, random, the last one a check digit (ISO 7064 MOD 11,10).

They are random, so that a number says nothing about the caller or the time, and nobody can guess
one number from another.
"""

import secrets

from stdnum.iso7064 import mod_11_10

DIGITS = 8


def new_report_number() -> str:
    """A new number. The store makes sure that no other report has it."""
    body = f"{secrets.randbelow(10 ** (DIGITS - 1)):0{DIGITS - 1}d}"
    return body + mod_11_10.calc_check_digit(body)


def is_report_number(text: str) -> bool:
    """Whether the text is 8 digits whose check digit is right."""
    return len(text) == DIGITS and text.isascii() and text.isdigit() and mod_11_10.is_valid(text)
