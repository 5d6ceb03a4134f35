"""Reviews of products and of the company."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rapport.collect.connector import Connector
from rapport.collect.connectors.surveys import score_on_scale
from rapport.collect.rows import PERSON_FIELDS, PLACE_FIELDS, Row
from rapport.vocabulary.touchpoint import REVIEW_POSTED, Touchpoint


def read_review(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    """The touchpoint of one review."""
    (row,) = rows
    yield row.touchpoint(
        f"reviews:{row.required('review_id')}",
        type=REVIEW_POSTED,
        channel="review",
        occurred_at=row.required_moment("occurred_at"),
        text=row.text("text"),
        language=row.language(),
        order_id=row.text("order_id"),
        properties={"sku": row.text("sku")},
        **score_on_scale(row, None),
    )


CONNECTOR = Connector(
    kind="reviews",
    label="Reviews",
    required=("review_id", "occurred_at"),
    optional=(
        *("score", "scale_min", "scale_max", "text", "language", "order_id", "sku"),
        *PERSON_FIELDS,
        *PLACE_FIELDS,
    ),
    read=read_review,
    file_words=("review",),
    synonyms={
        "review_id": ("id", "review id"),
        "occurred_at": ("created", "posted", "date", "posted_at"),
        "score": ("stars", "rating", "sterren", "étoiles", "csillag", "sterne"),
        "text": ("body", "review", "comment"),
        "name": ("display_name", "author", "author.display_name"),
    },
)
