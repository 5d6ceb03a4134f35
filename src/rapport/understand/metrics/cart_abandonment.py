"""How many carts are left behind."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "sum(has_cart)"

METRIC = Metric(
    name="cart_abandonment",
    theme="web",
    unit="share",
    grain="visit",
    direction="down",
    empty=None,
    relation="visits",
    expression="sum(CASE WHEN has_cart = 1 AND has_order = 0 THEN 1 ELSE 0 END)",
    per=_COUNTED,
    n=_COUNTED,
    source=(
        "Kukar-Kinney & Close (2010), The determinants of consumers' online shopping cart "
        "abandonment, Journal of the Academy of Marketing Science 38"
    ),
    description=(
        "Of the visits in which something was put into the cart, the cart looked at or the "
        "checkout begun, the share without an order in the same visit."
    ),
)
