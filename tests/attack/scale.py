"""How long the attacks and the search for marks are.

`make test` runs a short round of each, always with the same choices and people; `make attack`
(ATTACK=long) more, each time with others, and says by which ATTACK_SEED they come again.
"""

import os
import time

LONG = os.environ.get("ATTACK") == "long"
SEED = int(os.environ.get("ATTACK_SEED", time.time() if LONG else 12333))
