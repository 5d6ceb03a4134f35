"""Segments that every company has from its first day: data, one entry each."""

from __future__ import annotations

from msgspec import Struct

from rapport.understand.rfm import RFM_SEGMENTS
from rapport.understand.segments.rule import All, Any, Rule, where


class ReadyMade(Struct, frozen=True, kw_only=True):
    """A segment with the reason for its existence; pages name it by its key."""

    key: str
    rule: Rule
    description: str


_RFM_REASONS: dict[str, str] = {
    "champions": "Bought lately and often: thank them, ask them for a review.",
    "loyal": "Buy often: keep them, offer what fits.",
    "potential_loyal": "Bought lately and more than once: invite them to the loyalty card.",
    "new": "First order lately: make the second one easy.",
    "promising": "One order not long ago: build trust.",
    "needs_attention": "Average in all, and fading: a reason to come back.",
    "about_to_sleep": "Few orders, a while ago: a reminder before they are gone.",
    "at_risk": "Bought often, but long ago: a personal word.",
    "cannot_lose": "Bought most often, but long ago: call them.",
    "hibernating": "Few orders, long ago: write rarely.",
    "lost": "One order, longest ago: leave in peace or try once.",
}

READY_MADE: tuple[ReadyMade, ...] = (
    *(
        ReadyMade(key=name, rule=where("rfm_segment", "eq", name), description=_RFM_REASONS[name])
        for name in RFM_SEGMENTS
    ),
    ReadyMade(
        key="new_this_quarter",
        rule=where("first_order_at", "within_last_days", 91),
        description="First order within the last 91 days.",
    ),
    ReadyMade(
        key="slipping_away",
        rule=All(
            rules=(
                where("order_count", "ge", 2),
                Any(
                    rules=(
                        where("probability_alive", "lt", 0.5),
                        All(
                            rules=(
                                where("probability_alive", "is_null"),
                                where("recency_score", "le", 2),
                            )
                        ),
                    )
                ),
            )
        ),
        description=(
            "Bought at least twice and is more likely gone than not, by the model; without a "
            "model, is among the two fifths who bought longest ago."
        ),
    ),
    ReadyMade(
        key="unhappy_and_valuable",
        rule=All(
            rules=(
                where("monetary_score", "ge", 4),
                Any(
                    rules=(
                        where("last_nps", "le", 6),
                        where("last_csat", "le", 2),
                        where("mood", "lt", -0.3),
                        where("tickets_90_days", "ge", 2),
                    )
                ),
            )
        ),
        description=(
            "Among the two fifths who spend most, and says so: a detractor, dissatisfied, negative "
            "in what they write, or two tickets in 90 days."
        ),
    ),
    ReadyMade(
        key="happy_and_reachable",
        rule=All(rules=(where("last_nps", "ge", 9), where("email_marketing", "eq", True))),
        description="Promoters who allow email: ask for a review or a recommendation.",
    ),
    ReadyMade(
        key="near_a_shop",
        rule=All(rules=(where("nearest_shop_km", "le", 25), where("email_marketing", "eq", True))),
        description="Live within 25 km of one of our shops and allow email: invite to an open day.",
    ),
    ReadyMade(
        key="never_ordered",
        rule=where("order_count", "eq", 0),
        description="Known to us, without an order.",
    ),
)
