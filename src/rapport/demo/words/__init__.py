"""Names, places, products and texts of the demo company, as TOML tables."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def words(name: str) -> dict[str, Any]:
    """The tables of ``<name>.toml`` in this folder; callers do not change them."""
    return tomllib.loads(files(__package__).joinpath(f"{name}.toml").read_text("utf-8"))
