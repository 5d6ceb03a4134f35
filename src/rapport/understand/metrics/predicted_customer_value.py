"""What a customer is expected to bring in the next year."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(DISTINCT profile_id)"

METRIC = Metric(
    name="predicted_customer_value",
    theme="loyalty",
    unit="money",
    grain="customer",
    direction="up",
    empty=None,
    relation="predicted_values",
    expression="sum(predicted)",
    per=_COUNTED,
    parts="decimal",
    n=_COUNTED,
    source=(
        "Fader, Hardie & Lee (2005), RFM and CLV, Journal of Marketing Research 42(4); Kumar & "
        "Reinartz (2018), Customer Relationship Management, 3rd ed., ch. 5: predicted value, here "
        "of revenue, over 52 weeks and without interest"
    ),
    description=(
        "Mean expected revenue of the next 52 weeks (`expected_value`) of all customers with a "
        "score, those long silent included, by the newest model whose data end at most 24 hours "
        "after the period: training runs at night. No value where there was none, where it was "
        "refused, or where the orders do not show that anybody leaves. Each customer's interval "
        "stands on their page and the model's error in its back-test: customers' intervals do not "
        "add up to one of the mean, so none is given."
    ),
)
