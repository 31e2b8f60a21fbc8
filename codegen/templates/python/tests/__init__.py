"""Tests: every vector that the client's layers can replay, and what no vector shows."""

from __future__ import annotations

import os
import sys


def _fail(found: sys.UnraisableHookArgs) -> None:
    """What is raised where nobody can take it ends the run: with `-W error`, a file that was left open."""
    sys.__unraisablehook__(found)
    sys.stderr.flush()
    os._exit(1)


sys.unraisablehook = _fail
