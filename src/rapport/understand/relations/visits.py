"""Visits to the web site and the app: what one person did without a pause of half an hour."""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from rapport.engines.lake import Step
from rapport.understand.relations.base import OF_TOUCHPOINTS, Relation
from rapport.understand.relations.holding import NO_DETAIL, SPLIT, current, with_profiles

_IN_TURN = "ORDER BY n.occurred_at ASC NULLS LAST, n.position ASC NULLS LAST"


def _visits(as_known_then: bool) -> tuple[Step, ...]:
    splits = ", ".join(f"b.{name}" for name in SPLIT)
    return (
        Step(
            "browsed",
            current(
                ("atom_id", "position", "occurred_at", "type", *SPLIT),
                f"t.channel IN ('web', 'app') AND t.atom_id IS NOT NULL AND {NO_DETAIL} "
                "AND t.type IN ($page_viewed, $screen_viewed, $product_added, $cart_viewed, "
                "$checkout_started, $order_completed)",
                as_known_then=as_known_then,
                # A day more on either side: a visit is whole where it crosses a border.
                only=" AND t.occurred_at >= $visits_since AND t.occurred_at < $visits_until",
            ),
        ),
        with_profiles("browsed"),
        Step(
            "known_browsed",
            # Whoever is not known yet is told apart by the browser.
            "SELECT n.*, coalesce(n.profile_id, concat('record ', CAST(n.atom_id AS VARCHAR))) "
            "AS visitor FROM named_browsed AS n",
        ),
        Step(
            "paused",
            f"SELECT n.*, lag(n.occurred_at) OVER (PARTITION BY n.visitor {_IN_TURN}) "
            "AS before_at FROM known_browsed AS n",
        ),
        Step(
            "begun",
            "SELECT n.*, CASE WHEN n.before_at IS NULL "
            "OR n.before_at < n.occurred_at - INTERVAL '30' MINUTE THEN 1 ELSE 0 END AS begins "
            "FROM paused AS n",
        ),
        Step(
            "numbered",
            "SELECT n.*, sum(n.begins) OVER (PARTITION BY n.visitor "
            f"{_IN_TURN} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS visit "
            "FROM begun AS n",
        ),
        Step(
            "summed_visits",
            "SELECT visitor, visit, "
            "sum(CASE WHEN type IN ($page_viewed, $screen_viewed) THEN 1 ELSE 0 END) AS pages, "
            "max(CASE WHEN type IN ($product_added, $cart_viewed, $checkout_started) THEN 1 "
            "ELSE 0 END) AS has_cart, "
            "max(CASE WHEN type = $order_completed THEN 1 ELSE 0 END) AS has_order "
            "FROM numbered GROUP BY visitor, visit",
        ),
        Step(
            "named_visits",
            # An order that a shop's own system told of, by somebody who was not tracked, is none.
            f"SELECT b.occurred_at, b.profile_id, b.visitor, s.pages, s.has_cart, s.has_order, "
            f"{splits} FROM numbered AS b JOIN summed_visits AS s "
            "ON s.visitor = b.visitor AND s.visit = b.visit "
            "WHERE b.begins = 1 AND s.pages > 0 AND b.occurred_at < $end",
        ),
    )


VISITS = Relation(
    name="visits",
    columns=("visitor", "pages", "has_cart", "has_order"),
    steps=_visits,
    rows="named_visits",
    orders=True,
    dimensions=OF_TOUCHPOINTS - {"agent", "place"},
)
