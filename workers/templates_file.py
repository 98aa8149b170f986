"""TEMPLATES_FILE: under which ids a gateway has registered our texts."""

import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from workers.startup import StartupError


def read_templates(path: Path | None, names: Collection[str]) -> dict[str, str]:
    """TEMPLATES_FILE: a table [templates] from each of these names to an id; without a file the
    names are the ids.

    Raises:
        StartupError: it cannot be read, or lacks one.
    """
    if path is None:
        return {name: name for name in names}
    try:
        table: Any = tomllib.loads(path.read_text(encoding="utf-8")).get("templates", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise StartupError(f"TEMPLATES_FILE {path}: {error}") from None
    known = {name: table.get(name) for name in names if isinstance(table, dict)}
    missing = [name for name in names if not isinstance(known.get(name), str) or not known[name]]
    if missing:
        raise StartupError(f"TEMPLATES_FILE {path}: no id of {', '.join(missing)}")
    return {name: str(known[name]) for name in names}
