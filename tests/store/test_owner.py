"""A card's record: short, and read back as it was written."""

from ivr.store.owner import Owner, letters_of, read_owner

REF = "G5SItll4jjinjF68r67QXQ"


def test_every_city_comes_back() -> None:
    for number in range(10_000):
        owner = Owner(REF, "icbc", f"{number:04}")
        assert read_owner(owner.record) == owner
        assert len(owner.record) == 30, "up to 30 bytes take as much memory as 22"


def test_one_without_a_city_is_as_it_was_before() -> None:
    owner = Owner(REF, "hz-bank_2")
    assert owner.record == f"{REF} hz-bank_2"
    assert read_owner(owner.record.encode()) == owner


def test_no_two_cities_are_one() -> None:
    assert len({letters_of(f"{number:04}") for number in range(10_000)}) == 10_000
    assert read_owner(None) is None
