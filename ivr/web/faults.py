"""What may be logged of an unexpected error: its kind and place. Its text, and the values of the
variables around it, may hold an ID number.
"""

import traceback
from pathlib import Path


def fault(error: BaseException) -> dict[str, str]:
    """The error's kind, and where it was raised: function and line, outermost first."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in frames]
    return {"error": type(error).__name__, "at": " > ".join(places)}
