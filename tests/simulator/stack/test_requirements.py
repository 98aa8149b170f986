"""What is imported is installed on purpose: named and pinned in the requirements files."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest

from simulator.stack.launcher import CHECKOUT

OURS = {"app", "ivr", "workers", "simulator", "tests", "bench"}
RUNS = ("app.py", "ivr", "workers", "simulator")
BROUGHT_ALONG = {"pydantic-core"}  # pydantic itself pins it to the last digit
PIN = re.compile(r"^([A-Za-z0-9_.-]+)==(\S+?);?(\s|$)", re.MULTILINE)


def pins(file: str) -> dict[str, str]:
    """normal name (PEP 503) -> version"""
    text = (CHECKOUT / file).read_text(encoding="utf-8")
    return {normal(name): pinned for name, pinned, _ in PIN.findall(text)}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def sources(places: tuple[str, ...]) -> Iterator[Path]:
    for place in places:
        path = CHECKOUT / place
        yield from path.rglob("*.py") if path.is_dir() else [path]


def imported(path: Path) -> set[str]:
    """Top-level names of the packages a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


def foreign(places: tuple[str, ...]) -> set[str]:
    """Distributions that the sources import, by normal name."""
    paths = [path for path in sources(places) if "pytest" not in path.stem]  # plugins
    tops = set[str]().union(*map(imported, paths))
    known = packages_distributions()
    tops -= OURS | sys.stdlib_module_names
    return {normal(known[top][0]) for top in tops if top in known} - BROUGHT_ALONG


def test_what_the_hotline_imports_is_in_requirements() -> None:
    assert foreign(RUNS) <= pins("requirements.txt").keys()


def test_what_tests_import_is_in_either_file() -> None:
    either = pins("requirements.txt").keys() | pins("requirements-dev.txt").keys()
    assert foreign(("tests",)) <= either


def test_what_benches_import_is_in_either_file() -> None:
    """Their own packages are installed by `make bench` alone."""
    either = pins("requirements.txt").keys() | pins("requirements-bench.txt").keys()
    assert foreign(("bench",)) <= either


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_the_pinned_versions_are_the_installed_ones(file: str) -> None:
    assert pins(file) == {name: version(name) for name in pins(file)}
