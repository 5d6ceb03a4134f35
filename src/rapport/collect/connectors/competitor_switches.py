"""Customers won from competitors and lost to them, as sales and service note them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

from rapport.collect.connector import Connector
from rapport.collect.rows import PERSON_FIELDS, PLACE_FIELDS, Row, RowError
from rapport.vocabulary.touchpoint import CUSTOMER_LOST, CUSTOMER_WON, Touchpoint

_DIRECTIONS = {
    **dict.fromkeys(
        (
            *("won", "win", "gained", "from", "in", "gewonnen", "gagné", "gagnée", "megnyert"),
            *("nyert", "conquered", "acquired"),
        ),
        CUSTOMER_WON,
    ),
    **dict.fromkeys(
        (
            *("lost", "loss", "churned", "to", "out", "verloren", "perdu", "perdue"),
            *("elvesztett", "elveszített", "vesztett", "left"),
        ),
        CUSTOMER_LOST,
    ),
}


def read_switch(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    """The touchpoint of one customer who came or went."""
    (row,) = rows
    kind = _DIRECTIONS.get(row.required("direction").casefold())
    if kind is None:
        raise RowError(
            "wrong_type",
            "`direction` has a word that is not mapped; add it to [values.direction] as won or "
            "lost",
        )
    competitor = row.required("competitor")
    occurred_at = row.required_moment("occurred_at")
    identifiers = row.identifiers()
    said = (kind, competitor, occurred_at, identifiers, row.text("reason"))
    number = (
        row.text("switch_id")
        or sha256(repr((*said, row.reading.twin(said))).encode()).hexdigest()[:24]
    )
    yield row.touchpoint(
        f"switches:{number}",
        type=kind,
        channel="market",
        occurred_at=occurred_at,
        text=row.text("text"),
        language=row.language(),
        properties={
            "competitor": competitor,
            "reason": row.text("reason"),
            "product": row.text("product"),
            "yearly_value": row.text("yearly_value"),
            "noted_by": row.text("noted_by"),
        },
    )


CONNECTOR = Connector(
    kind="competitor_switches",
    label="Customers won from competitors and lost to them",
    required=("direction", "competitor", "occurred_at"),
    optional=(
        *("switch_id", "reason", "product", "yearly_value", "noted_by", "text", "language"),
        *PERSON_FIELDS,
        *PLACE_FIELDS,
    ),
    read=read_switch,
    file_words=("switch", "won", "lost", "churn", "overstap", "gewonnen", "perdus", "elvesztett"),
    synonyms={
        "direction": (
            *("direction", "won lost", "won/lost", "outcome", "result", "richting", "resultaat"),
            *("résultat", "irány", "eredmény", "ergebnis", "won or lost"),
        ),
        "competitor": (
            *("competitor", "from to", "competitor name", "concurrent", "konkurrent"),
            *("versenytárs", "wettbewerber", "won from", "lost to", "rival"),
        ),
        "occurred_at": ("date", "switched at", "switch date", "datum", "dátum", "when", "date"),
        "reason": ("reason", "why", "reden", "raison", "motif", "ok", "indok", "grund"),
        "yearly_value": ("yearly value", "annual value", "jaarwaarde", "éves érték"),
        "noted_by": ("noted by", "salesperson", "verkoper", "vendeur", "értékesítő"),
        "text": ("notes", "note", "comments", "opmerkingen", "remarques", "megjegyzések"),
        "switch_id": ("id", "switch id"),
    },
)
