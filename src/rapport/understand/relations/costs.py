"""What customers leave after costs: sales beside the cost of goods, contacts beside theirs.

Costs are what the company states (`STATED_FIGURES`); none is ever guessed. A null cost is one that
is not known, and metrics say so instead of counting it as nothing.
"""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from rapport.engines.lake import Step
from rapport.understand.relations.base import Relation
from rapport.understand.relations.holding import IN_PERIOD, SPLIT, current
from rapport.understand.relations.sales import customer_orders, named_sales


def _valid(alias: str, moment: str) -> str:
    """The figure was stated for that moment; the periods of one figure never overlap."""
    return (
        f"{moment} >= {alias}.starts_at AND ({alias}.ends_at IS NULL OR {moment} < {alias}.ends_at)"
    )


def _trade() -> tuple[Step, ...]:
    """Orders and refunds with the cost of their goods; null where it is not known.

    Of a line the cost of its product counts, else the share of its category, else the share that
    holds for everything; an order without lines knows only the last. Goods come back with what
    they cost where their line is named; a refund that names none takes its whole amount.
    """
    return (
        Step(
            "costed_lines",
            # A refund's line has its quantity or its amount negative, as the silo writes it.
            "SELECT s.position, CASE WHEN g.amount IS NULL "
            "THEN coalesce(c.amount, e.amount) * i.amount_base "
            "WHEN s.is_order = 1 AND i.quantity >= 0 THEN g.amount * i.quantity "
            "ELSE -(g.amount * abs(i.quantity)) END AS cost "
            "FROM sales AS s JOIN order_items AS i ON i.position = s.position "
            "LEFT JOIN stated_figures AS g ON g.name = 'goods_cost' AND g.scope = i.sku "
            f"AND {_valid('g', 's.occurred_at')} "
            "LEFT JOIN stated_figures AS c ON c.name = 'goods_cost_share' "
            f"AND c.scope = i.category AND {_valid('c', 's.occurred_at')} "
            "LEFT JOIN stated_figures AS e ON e.name = 'goods_cost_share' "
            f"AND e.scope IS NULL AND {_valid('e', 's.occurred_at')}",
        ),
        Step(
            "costed_orders",
            "SELECT position, CASE WHEN count(*) = count(cost) THEN sum(cost) END AS cost, "
            "count(*) AS line_count FROM costed_lines GROUP BY position",
        ),
        Step(
            "trade",
            "SELECT s.*, CASE WHEN o.line_count IS NOT NULL THEN "
            "CAST(o.cost AS DECIMAL(38, 6)) "
            "ELSE CAST(e.amount * s.amount_base AS DECIMAL(38, 6)) END AS goods_cost "
            "FROM named_sales AS s LEFT JOIN costed_orders AS o ON o.position = s.position "
            "LEFT JOIN stated_figures AS e ON e.name = 'goods_cost_share' AND e.scope IS NULL "
            f"AND {_valid('e', 's.occurred_at')}",
        ),
    )


#: What each kind of contact costs, by its stated figure.
_CONTACT_COSTS = (
    ("ticket_opened", "ticket_cost"),
    ("call_ended", "call_cost"),
    ("chat_ended", "chat_cost"),
    ("email_received", "email_cost"),
)


def _profits(as_known_then: bool) -> tuple[Step, ...]:
    splits = ", ".join(f"r.{name}" for name in SPLIT)
    figure = " ".join(f"WHEN t.type = ${kind} THEN '{name}'" for kind, name in _CONTACT_COSTS)
    kinds = ", ".join(f"${kind}" for kind, _ in _CONTACT_COSTS)
    return (
        *named_sales(),
        *_trade(),
        Step(
            "cared",
            current(
                ("atom_id", "occurred_at", "type", *SPLIT),
                f"t.type IN ({kinds})",
                as_known_then=as_known_then,
                only=IN_PERIOD,
            ),
        ),
        Step(
            "service_acts",
            "SELECT m.profile_id, t.occurred_at, "
            f"CASE {figure} END AS figure, {splits.replace('r.', 't.')} "
            "FROM cared AS t LEFT JOIN membership AS m ON m.atom_id = t.atom_id "
            f"UNION ALL SELECT r.profile_id, r.occurred_at, 'return_cost' AS figure, {splits} "
            "FROM named_sales AS r WHERE r.is_order = 0",
        ),
        Step(
            "profits",
            "SELECT r.profile_id, r.occurred_at, 0 AS is_service, r.is_order, "
            "r.amount_base AS trade_amount, r.goods_cost, "
            f"CAST(NULL AS DECIMAL(18, 4)) AS service_cost, {splits} FROM trade AS r "
            "UNION ALL SELECT r.profile_id, r.occurred_at, 1 AS is_service, 0 AS is_order, "
            "CAST(NULL AS DECIMAL(18, 4)) AS trade_amount, "
            "CAST(NULL AS DECIMAL(38, 6)) AS goods_cost, "
            f"f.amount AS service_cost, {splits} FROM service_acts AS r "
            "LEFT JOIN stated_figures AS f ON f.name = r.figure "
            f"AND {_valid('f', 'r.occurred_at')}",
        ),
    )


PROFITS = Relation(
    name="profits",
    columns=("is_service", "is_order", "trade_amount", "goods_cost", "service_cost"),
    steps=_profits,
    rows="profits",
    sales="period",
)


def _acquisitions(_as_known_then: bool) -> tuple[Step, ...]:
    return (
        *customer_orders(),
        *_trade(),
        Step(
            "acquisitions",
            "SELECT n.occurred_at, n.profile_id, n.acquisition_channel, "
            "CAST(NULL AS DECIMAL(18, 4)) AS spent, t.amount_base - t.goods_cost AS first_margin "
            "FROM named_customer_orders AS n JOIN trade AS t ON t.position = n.position "
            "WHERE n.occurred_at = n.first_order_at "
            "UNION ALL SELECT f.starts_at AS occurred_at, CAST(NULL AS VARCHAR) AS profile_id, "
            "f.scope AS acquisition_channel, f.amount AS spent, "
            "CAST(NULL AS DECIMAL(38, 6)) AS first_margin FROM stated_figures AS f "
            "WHERE f.name = 'acquisition_spend' AND f.starts_at >= $start AND f.starts_at < $end",
        ),
    )


#: First orders beside what was spent on winning customers, day by day.
ACQUISITIONS = Relation(
    name="acquisitions",
    columns=("spent", "first_margin"),
    steps=_acquisitions,
    rows="acquisitions",
    sales="all",
    # Spending is stated for a way in, for no person, place or campaign.
    dimensions=frozenset({"acquisition_channel"}),
)
