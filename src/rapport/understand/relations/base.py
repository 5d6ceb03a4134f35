"""What a relation states about itself; the plan places its rows in time, splits and groups them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from rapport.engines.lake import Step

#: Dimensions that any row answers which comes from a touchpoint and may be somebody's.
OF_TOUCHPOINTS: frozenset[str] = frozenset(
    {
        "acquisition_channel", "age_band", "agent", "campaign", "channel", "city", "country",
        "gender", "language", "place", "postcode_area", "region", "rfm_segment", "segment",
        "source",
    }
)  # fmt: skip


class Relation(Struct, frozen=True, kw_only=True):
    """Rows with a moment (``occurred_at``), of which metrics are aggregates.

    Parameters
    ----------
    columns : tuple of str
        What the metrics compute with.
    steps : callable
        The named SELECTs, given whether only what was known then counts. Relations may share
        steps: those of one name are the same.
    rows : str
        The step whose rows carry ``profile_id`` and what dimensions read.
    unnamed : str or None
        The same rows without ``profile_id``, where looking people up can be spared.
    sales : str
        Which orders and refunds the steps read: none, those of the period, of the period before
        too, or of all of history.
    orders : bool
        Whether the steps read orders among other touchpoints; those that read `sales` do anyway.
    dimensions : frozenset of str
        What the rows can be split by and filtered on. "segment" stands for a segment's rule too.
    """

    name: str
    columns: tuple[str, ...]
    steps: Callable[[bool], tuple[Step, ...]]
    rows: str
    unnamed: str | None = None
    sales: Literal["", "period", "before", "all"] = ""
    orders: bool = False
    dimensions: frozenset[str] = OF_TOUCHPOINTS

    @property
    def reads_orders(self) -> bool:
        """Whether an order that was cancelled or told twice would spoil the rows."""
        return self.orders or bool(self.sales)
