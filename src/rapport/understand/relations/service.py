"""How fast we served: tickets resolved and chats ended, beside the company's own targets."""

from __future__ import annotations

from rapport.engines.lake import Step
from rapport.understand.relations.base import Relation
from rapport.understand.relations.holding import IN_PERIOD, SPLIT, current, with_profiles


def _served(as_known_then: bool) -> tuple[Step, ...]:
    return (
        Step(
            "closed",
            current(
                ("atom_id", "occurred_at", "type", "first_response_minutes", "hours_open", *SPLIT),
                "t.type IN ($ticket_resolved, $chat_ended)",
                as_known_then=as_known_then,
                only=IN_PERIOD,
            ),
        ),
        Step(
            "served",
            "SELECT c.*, f.amount AS response_target_minutes, r.amount AS resolution_target_hours "
            "FROM closed AS c "
            + _stated("f", "first_response_target_minutes", "c.occurred_at")
            + _stated("r", "resolution_target_hours", "c.occurred_at"),
        ),
        with_profiles("served"),
    )


def _stated(alias: str, figure: str, moment: str) -> str:
    """A join to what the company stated for a moment; its periods of one figure never overlap."""
    return (
        f"LEFT JOIN stated_figures AS {alias} ON {alias}.name = '{figure}' "
        f"AND {moment} >= {alias}.starts_at "
        f"AND ({alias}.ends_at IS NULL OR {moment} < {alias}.ends_at) "
    )


SERVED = Relation(
    name="served",
    columns=(
        "type",
        "first_response_minutes",
        "hours_open",
        "response_target_minutes",
        "resolution_target_hours",
    ),
    steps=_served,
    rows="named_served",
)
