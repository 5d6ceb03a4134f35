"""What was bought: the lines of the orders and refunds that hold."""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from rapport.engines.lake import Step
from rapport.understand.relations.base import OF_TOUCHPOINTS, Relation
from rapport.understand.relations.holding import SPLIT


def _lines(_as_known_then: bool) -> tuple[Step, ...]:
    splits = ", ".join(f"n.{name}" for name in SPLIT)
    return (
        Step(
            "sold_lines",
            "SELECT n.atom_id, n.occurred_at, n.is_order, n.position, i.quantity, "
            "i.amount_base AS line_amount, i.sku AS product, i.category AS product_category, "
            f"{splits} FROM sales AS n JOIN order_items AS i ON i.position = n.position",
        ),
        Step(
            "named_lines",
            "SELECT r.*, m.profile_id FROM sold_lines AS r "
            "LEFT JOIN membership AS m ON m.atom_id = r.atom_id",
        ),
    )


LINES = Relation(
    name="lines",
    columns=("is_order", "position", "quantity", "line_amount"),
    steps=_lines,
    rows="named_lines",
    unnamed="sold_lines",
    sales="period",
    dimensions=OF_TOUCHPOINTS | {"product", "product_category"},
)
