"""`python -m bench` lists what can be measured; `python -m bench turn notice` measures it."""

import importlib
import sys
from collections.abc import Sequence
from typing import Final

MEASUREMENTS: Final = {
    "turn": "a voice turn and a filing turn, beside the same server with a fixed answer",
    "notice": "from filing a report to its receipt by the bank, beside BLPOP and a POST",
    "bulkhead": "one bank's notices while another bank never answers, beside the same without",
    "sure": "a filing made sure of by a journal or a replica, beside one that is not",
    "sentinel": "the primary Redis is killed three times under callers; what was lost is counted",
    "import": "100 000 lines of cardholders, beside reading and sealing them only",
}
MODULES: Final = {"import": "cardholders"}


def main(arguments: Sequence[str]) -> int:
    """Runs the named measurements one after another. Returns 2 for an unknown name."""
    unknown = [name for name in arguments if name not in MEASUREMENTS]
    if unknown or not arguments:
        print("\n".join(f"  {name:9} {what}" for name, what in MEASUREMENTS.items()))
        print('Choose one or more: python -m bench turn (make bench ARGS="turn notice")')
        return 2 if unknown else 0
    for name in arguments:
        importlib.import_module(f"bench.{MODULES.get(name, name)}").measure()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
