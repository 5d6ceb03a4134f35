"""Work on large batches without Python looking through them for cycles."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused_cycle_search() -> Iterator[None]:
    """Leave cycles of objects uncollected until the block ends.

    Python searches all young objects for cycles at every few hundred allocations. A batch is
    hundreds of thousands of objects, of which none is in a cycle: a third of the time went into
    looking. Memory stays bounded because a block is one batch, and whatever has no cycle is freed
    at once as ever. Blocks of several threads may overlap: the search is on again when the first
    that found it on has ended, which costs the others time and nothing else.
    """
    searched = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searched:
            gc.enable()
