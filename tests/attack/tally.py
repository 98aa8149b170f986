"""What was tried, how often, and what got through."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Tries by kind of attack. `through`: one line for each try that got what it wanted."""

    name: str
    tries: Counter[str] = field(default_factory=Counter)
    through: list[str] = field(default_factory=list)

    def note(self, attack: str, where: str, *, got_through: bool, saw: object = "") -> None:
        """One try of an attack at one place."""
        self.tries[attack] += 1
        if got_through:
            self.through.append(f"{attack} at {where}: {saw}")

    def prints(self) -> None:
        """One line, past pytest's capturing when it runs with -s."""
        total = self.tries.total()
        print(
            f"\n{self.name}: {total} tries of {len(self.tries)} kinds, "
            f"{len(self.through)} got through",
            flush=True,
        )
        for line in self.through[:5]:
            print(f"  {line[:300]}", flush=True)
