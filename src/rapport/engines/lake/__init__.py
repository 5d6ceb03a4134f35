"""The lake: columns on Delta tables, asked in one restricted SQL dialect."""

from rapport.engines.lake.query import Query, Step
from rapport.engines.lake.store import Lake

__all__ = ["Lake", "Query", "Step"]
