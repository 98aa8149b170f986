"""People with unmistakable numbers: what of theirs lies about anywhere can only be theirs."""

from dataclasses import dataclass, replace
from datetime import date
from random import Random

from ivr.cards.records import CardState, Holder
from ivr.made_up import made_up_birth, made_up_holder, made_up_id_number
from tests.faults.city import BANKS

# Who they are: each goes a way of their own. Those without cards are not on record.
ROLES: dict[str, tuple[CardState, ...]] = {
    "reports": (CardState.NORMAL,),
    "reports in Mandarin": (CardState.NORMAL,),
    "asks": (CardState.NORMAL,),
    "has three cards": (CardState.NORMAL,) * 3,
    "visits the website": (CardState.NORMAL,) * 2,
    "is a child": (CardState.NORMAL,),
    "has a formal loss": (CardState.FORMAL_LOSS,),
    "has a locked card": (CardState.LOCKED,),
    "goes to the outlet": (CardState.NORMAL,),
    "is refused by the bank": (CardState.NORMAL,),
    "meets a broken bank": (CardState.NORMAL,),
    "meets a silent bank": (CardState.NORMAL,),
    "meets no Redis": (CardState.NORMAL,),
    "has a broken record": (CardState.NORMAL,),
    "meets a fault of ours": (CardState.NORMAL,),
    "meets a fault of the worker": (CardState.NORMAL,),
    "is removed": (CardState.NORMAL,),
    "texts": (CardState.NORMAL,),
    "stands on a bad line": (CardState.NORMAL,),
    "is nobody": (CardState.NORMAL,),
}
NOT_IMPORTED = ("stands on a bad line", "is nobody")


@dataclass(frozen=True)
class Person:
    """One of them, and the number they call from: never their registered one."""

    role: str
    holder: Holder
    calls_from: str

    @property
    def keys(self) -> str:
        return self.holder.id_number.replace("X", "*")

    def marks(self) -> dict[str, str]:
        """What must be found nowhere, by what it is."""
        holder, own = self.holder, {"calling number": self.calls_from.removeprefix("+86")}
        own |= {"ID number": holder.id_number, "name": holder.name}
        own |= {"phone": holder.phone.removeprefix("+86")}
        for place, card in enumerate(holder.cards):
            own |= {f"card number {place}": card.number, f"account {place}": card.bank_account}
        return {f"{what} of who {self.role}": value for what, value in own.items()}


def marked_people(seed: int) -> dict[str, Person]:
    """By role. The same seed gives the same."""
    rng = Random(f"marks {seed}")
    return {role: _person(rng, role, states) for role, states in ROLES.items()}


def _person(rng: Random, role: str, states: tuple[CardState, ...]) -> Person:
    birth = date(2020, 2, 3) if role == "is a child" else made_up_birth(rng, 20, 90)
    made_up = made_up_holder(rng, BANKS, id_number=made_up_id_number(rng, birth), states=states)
    name = "".join(chr(rng.randrange(0x6000, 0x9000)) for _ in range(4))
    return Person(role, replace(made_up, name=name), f"+86137{rng.randrange(10**8):08}")
