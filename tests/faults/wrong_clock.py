"""A machine's clock that can be set wrong while its programs run: Debian's `faketime`.

Only the wall clock jumps; the time a program measures intervals with (CLOCK_MONOTONIC) goes on,
as on a machine whose clock somebody sets.
"""

from pathlib import Path

# libfaketime 0.9.10 answers EINVAL to clock_nanosleep(TIMER_ABSTIME), which is how Python sleeps,
# when it is to leave CLOCK_MONOTONIC alone. Python runs this file before any program.
SLEEP_OTHERWISE = """import select, time
time.sleep = lambda seconds: select.select([], [], [], seconds) and None
"""
LIBRARY = "libfaketimeMT.so.1"
_PLACES = (Path("/usr/lib"), Path("/usr/local/lib"))
MISSING = f"{LIBRARY} is not here: as root, `apt-get install faketime` (make test does it)"


def library() -> Path | None:
    """Where Debian and others put it: /usr/lib/<architecture>/faketime."""
    found = (path for place in _PLACES for path in place.glob(f"**/faketime/{LIBRARY}"))
    return next(found, None)


class WrongClock:
    """The clock of every process started with `environ`; right at first."""

    def __init__(self, folder: Path) -> None:
        found = library()
        if found is None:
            raise RuntimeError(MISSING)
        self._file = folder / "offset"
        (folder / "sitecustomize.py").write_text(SLEEP_OTHERWISE, encoding="utf-8")
        self.environ = {
            "LD_PRELOAD": str(found),
            "PYTHONPATH": str(folder),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",  # read again at every look at the clock
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        self.is_off_by(0)

    def is_off_by(self, seconds: int) -> None:
        """From the next look at it. Replaced in one step: nobody reads half a number."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n", encoding="ascii")
        new.replace(self._file)
