"""What a metric states about itself; the plan gives the rest."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from msgspec import Struct

Unit = Literal["count", "money", "points", "share", "score", "number", "minutes", "hours"]
Theme = Literal["sales", "acquisition", "loyalty", "profit", "voice", "service", "reach", "web"]
Direction = Literal["up", "down", "none"]


class Metric(Struct, frozen=True, kw_only=True):
    """A number with one definition, asked of one relation of `relations/`.

    Parameters
    ----------
    theme : str
        Under which heading the catalogue lists it.
    unit : str
        "count"; "money" (reporting currency); "share" (0 … 1); "points" (−100 … 100);
        "score" (−1 … 1); "number" (any mean that is none of these); "minutes"; "hours".
    grain : str
        What is counted or averaged: "order", "customer", "answer", "contact"…
    direction : str
        "up" when more is better, "down" when less is better, "none" when neither.
    empty : Decimal, int or None
        The value where nothing happened, or where a cost is not known. None: there is no value,
        which is not the same as 0.
    expression : str
        The aggregate, exact in every engine: a whole number or a DECIMAL.
    per : str or None
        For a ratio, what `expression` is divided by, outside the engine (whose division and
        rounding of decimals differ). A ratio per zero is `empty`.
    parts : str
        Whether `expression` and `per` are whole numbers or decimals.
    n : str
        How many observations the value rests upon.
    squares : str or None
        For a mean of observations that vary: the sum of their squares, from which its margin of
        error follows (`answer.margin`).
    needs : tuple of str
        Names of `STATED` figures that the company has to state before there is a value.
    """

    name: str
    theme: Theme
    unit: Unit
    grain: str
    direction: Direction
    empty: int | Decimal | None
    relation: str
    expression: str
    n: str
    source: str
    description: str
    per: str | None = None
    parts: Literal["whole", "decimal"] = "whole"
    squares: str | None = None
    needs: tuple[str, ...] = ()
