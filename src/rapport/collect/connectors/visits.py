"""Visits to a store, as its staff note them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rapport.collect.connector import Connector
from rapport.collect.rows import PERSON_FIELDS, PLACE_FIELDS, Row
from rapport.vocabulary.touchpoint import STORE_VISITED, Touchpoint


def read_visit(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    """The touchpoint of one visit."""
    (row,) = rows
    yield row.touchpoint(
        f"visits:{row.required('visit_id')}",
        type=STORE_VISITED,
        channel="store",
        occurred_at=row.required_moment("occurred_at"),
        text=row.text("text"),
        language=row.language(),
        properties={"staff": row.text("staff")},
    )


CONNECTOR = Connector(
    kind="visits",
    label="Store visits",
    required=("visit_id", "occurred_at"),
    optional=("text", "staff", "language", *PERSON_FIELDS, *PLACE_FIELDS),
    read=read_visit,
    file_words=("visit", "bezoek", "visite", "látogatás"),
    synonyms={
        "visit_id": ("id", "visit id", "bezoek", "visite", "látogatás"),
        "occurred_at": ("moment", "date", "datum", "time", "időpont"),
        "staff": ("employee", "medewerker", "vendeur", "eladó"),
        "text": ("note", "notes", "opmerking", "remarque", "megjegyzés"),
    },
)
