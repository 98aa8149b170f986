"""How long the attacks and the search for marks are.

`make test` runs a short round of each; `make attack` (ATTACK=long) more. ATTACK_SEED repeats a
run's choices and people.
"""

import os

LONG = os.environ.get("ATTACK") == "long"
SEED = int(os.environ.get("ATTACK_SEED", "12333"))
