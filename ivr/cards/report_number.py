"""Report numbers: 8 digits, random, the last one a check digit (ISO 7064 MOD 11,10).

Random, so that nothing about the caller or the hour can be read from it, and a number
cannot be guessed from another one.
"""

import secrets

from stdnum.iso7064 import mod_11_10

DIGITS = 8


def new_report_number() -> str:
    """A fresh number; that no report has it yet is for the store to make sure."""
    body = f"{secrets.randbelow(10 ** (DIGITS - 1)):0{DIGITS - 1}d}"
    return body + mod_11_10.calc_check_digit(body)


def is_report_number(text: str) -> bool:
    """Whether the text is 8 digits whose check digit is right."""
    return len(text) == DIGITS and text.isascii() and text.isdigit() and mod_11_10.is_valid(text)
