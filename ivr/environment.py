"""The environment as people fill it, from secret files and forms: made clean in one place."""

from collections.abc import Mapping


def cleaned(environ: Mapping[str, str]) -> dict[str, str]:
    """Every value without what a file or a form has put around it."""
    return {name: unwrapped(value) for name, value in environ.items()}


def unwrapped(value: str) -> str:
    """A value without blanks, the end of its line, a byte order mark and a pair of quotes."""
    value = value.strip().strip("\ufeff").strip()
    for quote in ('"', "'"):
        inside = value[1:-1]
        if value == f"{quote}{inside}{quote}" and quote not in inside:
            return inside.strip()
    return value


def listed(value: str) -> tuple[str, ...]:
    """The parts of a comma list, each as clean as a value of its own."""
    return tuple(unwrapped(part) for part in value.split(","))


def all_visible(value: object) -> object:
    """For pydantic, before anything else looks at a text.

    Raises:
        ValueError: it holds a control character or the like. Nobody means one; an answer to a
            caller could not be written with it, and what it does in a log or a URL is luck.
    """
    if isinstance(value, str) and not value.isprintable():
        raise ValueError("holds a character that cannot be seen (a control character, say)")
    return value
