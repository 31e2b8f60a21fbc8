"""The driver interface: the simulator of hispos lives this client as HIS or as POS (clients/driver of hispos).

    hispos-sim lives 500 --his "python -m tests.driver"

One JSON object a line comes in, one goes out. Clock, randomness, line, store, platforms and people are the simulator's.
"""

from __future__ import annotations

import sys
from typing import Final

# only: his
from .driver_his import HIS
# only: end
# only: pos
from .driver_pos import POS
# only: end
from .driver_program import Kind, Program

SIDES: Final[dict[str, Kind]] = {
    # only: his
    "his": HIS,
    # only: end
    # only: pos
    "pos": POS,
    # only: end
}

if __name__ == "__main__":
    sys.exit(Program(SIDES, sys.stdin, sys.stdout).run())
