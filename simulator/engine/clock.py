"""The call's own clock: seconds since the caller dialled. It moves only when told to."""

from dataclasses import dataclass

NEVER = float("inf")


@dataclass
class Clock:
    """Virtual time; a day of waiting costs nothing, and the same call takes the same seconds."""

    now: float = 0.0

    def move_to(self, seconds: float) -> None:
        """Moves forward; a moment already past changes nothing."""
        self.now = max(self.now, seconds)
