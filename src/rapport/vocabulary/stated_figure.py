"""What the company states of itself because no data say it: unit costs, spending and targets."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal

from msgspec import Struct

Scope = Literal["none", "product", "product_category", "acquisition_channel", "metric"]

#: What is aimed at for a metric.
TARGET = "target"


class FigureKind(Struct, frozen=True, kw_only=True):
    """A figure that can be stated.

    Attributes
    ----------
    unit : str
        "money" (reporting currency), "share" (0 … 1), "minutes", "hours", or that of the
        "metric" it is stated for.
    scope : str
        What it may be stated for; without one it holds for everything.
    needs_scope : bool
        Whether it means nothing without one.
    spread : bool
        The amount is the sum of the days from the first to the last, which both are needed.
    """

    name: str
    unit: Literal["money", "share", "minutes", "hours", "metric"]
    description: str
    scope: Scope = "none"
    needs_scope: bool = False
    spread: bool = False


#: Every figure that metrics read, in alphabetical order.
FIGURE_KINDS: tuple[FigureKind, ...] = (
    FigureKind(
        name="acquisition_spend",
        unit="money",
        scope="acquisition_channel",
        spread=True,
        description="What was spent on winning customers from the first day to the last.",
    ),
    FigureKind(name="call_cost", unit="money", description="What one answered call costs."),
    FigureKind(name="chat_cost", unit="money", description="What one chat costs."),
    FigureKind(name="email_cost", unit="money", description="What one e-mail received costs."),
    FigureKind(
        name="first_response_target_minutes",
        unit="minutes",
        description="Within how many minutes a customer should have a first answer.",
    ),
    FigureKind(
        name="goods_cost",
        unit="money",
        scope="product",
        needs_scope=True,
        description="What one unit of a product costs; it outranks `goods_cost_share`.",
    ),
    FigureKind(
        name="goods_cost_share",
        unit="share",
        scope="product_category",
        description="What goods cost, as a share of the amount paid for them.",
    ),
    FigureKind(
        name="resolution_target_hours",
        unit="hours",
        description="Within how many hours a ticket should be resolved.",
    ),
    FigureKind(name="return_cost", unit="money", description="What handling one refund costs."),
    FigureKind(
        name=TARGET,
        unit="metric",
        scope="metric",
        needs_scope=True,
        description=(
            "What is aimed at for a metric: of counts and sums in all of the days, of shares and "
            "means on each of them."
        ),
    ),
    FigureKind(name="ticket_cost", unit="money", description="What one ticket costs."),
)

KIND_OF: dict[str, FigureKind] = {kind.name: kind for kind in FIGURE_KINDS}


class StatedFigure(Struct, frozen=True, kw_only=True):
    """A figure with the local days for which it holds, both included; None: until further notice.

    `scope` is None where it holds for everything that has no figure of its own.
    """

    name: str
    amount: Decimal
    first_day: date
    last_day: date | None = None
    scope: str | None = None
