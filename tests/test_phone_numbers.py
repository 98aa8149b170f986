"""Phone numbers: which a text reaches. How they are written: test_cardholders_csv.py."""

import pytest

from ivr.phone_numbers import takes_texts


@pytest.mark.parametrize(
    ("number", "takes"),
    [
        ("+8613800138000", True),
        ("+8615400010001", True),
        ("+861062340001", False),
        ("+8657187654321", False),
        ("+85291234567", True),
        ("+85223456789", False),
        ("+12025550100", True),  # a landline or a mobile: nobody can tell
        ("+442079460958", False),
        ("+447911123456", True),
        ("+999123456789", False),
        ("", False),
    ],
)
def test_a_text_reaches_no_landline(number: str, takes: bool) -> None:
    assert takes_texts(number) is takes
