"""How long the fault tests are, and with which choices.

`make test` runs a short round of each; `make faults` (FAULTS=long) many more. FAULTS_SEED
repeats a run's choices.
"""

import os

LONG = os.environ.get("FAULTS") == "long"
SEED = int(os.environ.get("FAULTS_SEED", "12333"))
BANK_SECONDS = 5.0 if LONG else 2.0  # a bank's time limit: as deployed, or to be quicker
