"""What customers say: answers, reviews, contacts, moods."""

from __future__ import annotations

from rapport.engines.lake import Step
from rapport.understand.relations.base import Relation
from rapport.understand.relations.holding import IN_PERIOD, SPLIT, current, with_profiles


def _touchpoints(name: str, columns: tuple[str, ...], condition: str) -> Relation:
    """The touchpoints of a condition, one row each."""

    def steps(as_known_then: bool) -> tuple[Step, ...]:
        selected = current(
            ("atom_id", "occurred_at", *columns, *SPLIT),
            condition,
            as_known_then=as_known_then,
            only=IN_PERIOD,
        )
        return (Step(name, selected), with_profiles(name))

    return Relation(name=name, columns=columns, steps=steps, rows=f"named_{name}")


#: One row per scored answer to a survey question.
ANSWERS = _touchpoints(
    "answers",
    ("question", "score", "scale_min", "scale_max"),
    "t.type = $survey_answered AND t.score IS NOT NULL AND t.scale_max > t.scale_min",
)

#: One row per contact that a customer began.
CONTACTS = _touchpoints(
    "contacts",
    ("type", "sentiment"),
    "t.type IN ($ticket_opened, $call_ended, $call_missed, $chat_ended, $email_received)",
)

#: One row per touchpoint whose text was judged.
MOODS = _touchpoints("moods", ("sentiment",), "t.sentiment IS NOT NULL")

#: One row per review with a mark.
REVIEWS = _touchpoints(
    "reviews",
    ("score", "scale_min", "scale_max"),
    "t.type = $review_posted AND t.score IS NOT NULL AND t.scale_max > t.scale_min",
)

#: One row per customer won from a competitor or lost to one.
SWITCHES = _touchpoints("switches", ("type",), "t.type IN ($customer_won, $customer_lost)")
