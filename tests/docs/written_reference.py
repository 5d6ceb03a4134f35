"""The generator of the reference pages, which lives beside the package and not in it."""

from __future__ import annotations

import runpy
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@cache
def generator() -> dict[str, Any]:
    """The names of `scripts/write_reference.py`."""
    return runpy.run_path(str(ROOT / "scripts" / "write_reference.py"))
