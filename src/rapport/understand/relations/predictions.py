"""What models expected of customers at a moment."""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from rapport.engines.lake import Step
from rapport.understand.relations.base import OF_TOUCHPOINTS, Relation

#: Said of a touchpoint, which a prediction is not.
_OF_ONE_TOUCHPOINT = frozenset({"agent", "campaign", "channel", "place", "source"})


def _predicted_values(as_known_then: bool) -> tuple[Step, ...]:
    then = " AND v.fitted_at <= $as_of" if as_known_then else ""
    unsaid = ", ".join(
        f"CAST(NULL AS VARCHAR) AS {name}"
        for name in ("acquisition_channel", "country", "language")
    )
    return (
        Step(
            # The refused ones too: they took the place of what was predicted before.
            "value_models",
            "SELECT v.version_id, v.data_until FROM model_versions AS v "
            f"WHERE v.model = 'customer_value'{then}",
        ),
        Step(
            "model_of_period",
            "SELECT b.starts_at, max(v.version_id) AS version_id FROM period_bounds AS b "
            # Training runs in the night after a period, or later on the day after.
            "JOIN value_models AS v ON v.data_until <= b.ends_at + INTERVAL '24' HOUR "
            "GROUP BY b.starts_at",
        ),
        Step(
            "predicted_values",
            # Where nobody is seen to leave no chance of being a customer is kept, and expected
            # revenue does not add up: customers for ever would be in the sum.
            "SELECT m.starts_at AS occurred_at, s.profile_id, "
            f"CAST(s.value AS DECIMAL(18, 4)) AS predicted, {unsaid} FROM model_of_period AS m "
            "JOIN scores AS s ON s.version_id = m.version_id AND s.name = 'expected_value' "
            "JOIN scores AS a ON a.version_id = s.version_id AND a.profile_id = s.profile_id "
            "AND a.name = 'probability_alive'",
        ),
    )


#: Customers with what was expected of each when a period ended.
PREDICTED_VALUES = Relation(
    name="predicted_values",
    columns=("predicted",),
    steps=_predicted_values,
    rows="predicted_values",
    dimensions=OF_TOUCHPOINTS - _OF_ONE_TOUCHPOINT,
)
