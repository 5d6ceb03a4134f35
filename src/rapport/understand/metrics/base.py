"""What a metric states about itself; the plan gives the rest."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from msgspec import Struct

Unit = Literal["count", "money", "points", "share", "score"]
Direction = Literal["up", "down", "none"]
Relation = Literal["sales", "customer_orders", "retained", "answers", "contacts", "moods"]


class Metric(Struct, frozen=True, kw_only=True):
    """A number with one definition, asked of one relation of `relations.py`.

    Parameters
    ----------
    unit : str
        "count"; "money" (reporting currency); "share" (0 … 1); "points" (−100 … 100);
        "score" (−1 … 1).
    grain : str
        What is counted or averaged: "order", "customer", "answer", "contact".
    direction : str
        "up" when more is better, "down" when less is better, "none" when neither.
    empty : Decimal, int or None
        The value where nothing happened. None: there is no value, which is not the same as 0.
    expression : str
        The aggregate, exact in every engine: a whole number or a DECIMAL.
    per : str or None
        For a ratio, what `expression` is divided by, outside the engine (whose division and
        rounding of decimals differ). A ratio per zero is `empty`.
    parts : str
        Whether `expression` and `per` are whole numbers or decimals.
    n : str
        How many observations the value rests upon.
    """

    name: str
    unit: Unit
    grain: str
    direction: Direction
    empty: int | Decimal | None
    relation: Relation
    expression: str
    n: str
    source: str
    description: str
    per: str | None = None
    parts: Literal["whole", "decimal"] = "whole"
