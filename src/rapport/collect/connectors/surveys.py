"""Answers to surveys: a score on its scale, words, and scores of single items."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from rapport.collect.connector import Connector
from rapport.collect.rows import PERSON_FIELDS, PLACE_FIELDS, Row, RowError
from rapport.vocabulary.touchpoint import SURVEY_ANSWERED, Touchpoint

#: The scale of each well-known question where a file states none.
SCALES = {"nps": (0.0, 10.0), "csat": (1.0, 5.0), "ces": (1.0, 7.0)}
ITEM = "item_"


def score_on_scale(row: Row, question: str | None) -> dict[str, Any]:
    """Score and scale, refused where the score is outside it."""
    score = row.number("score")
    low, high = SCALES.get((question or "").lower(), (None, None))
    stated_low, stated_high = row.number("scale_min"), row.number("scale_max")
    low = low if stated_low is None else stated_low
    high = high if stated_high is None else stated_high
    if score is not None and (
        (low is not None and score < low) or (high is not None and score > high)
    ):
        raise RowError("score_out_of_range", "`score` is outside its scale")
    return {"score": score, "scale_min": low, "scale_max": high}


def read_answer(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    """The touchpoint of one answer."""
    (row,) = rows
    question = row.text("question")
    answer_id = row.required("response_id")
    touch = row.touchpoint(
        f"surveys:{answer_id}",
        type=SURVEY_ANSWERED,
        channel="survey",
        occurred_at=row.required_moment("occurred_at"),
        question=question.lower() if question and question.lower() in SCALES else question,
        text=row.text("text"),
        language=row.language(),
        order_id=row.text("order_id"),
        **score_on_scale(row, question),
    )
    yield msgspec.structs.replace(touch, properties=_with_items(row, touch.properties))


def _with_items(row: Row, properties: dict[str, Any]) -> dict[str, Any]:
    """``item_staff`` and its like become ``items: {staff: 4}``."""
    items: dict[str, float] = {}
    others: dict[str, Any] = {}
    for field, value in properties.items():
        if not field.startswith(ITEM):
            others[field] = value
        elif (score := row.number(field)) is not None:
            items[field.removeprefix(ITEM)] = score
    return {**others, "items": items} if items else others


CONNECTOR = Connector(
    kind="surveys",
    label="Survey answers",
    required=("response_id", "occurred_at"),
    optional=(
        *("question", "score", "scale_min", "scale_max", "text", "language", "order_id"),
        *PERSON_FIELDS,
        *PLACE_FIELDS,
    ),
    read=read_answer,
    file_words=("survey", "nps", "csat", "ces", "enquete", "enquête", "kérdőív", "umfrage"),
    synonyms={
        "response_id": ("id", "response id", "answer id", "survey id", "respondent id"),
        "occurred_at": ("answered_at", "answered at", "date", "timestamp", "submitted", "datum"),
        "score": ("nps", "csat", "rating", "note", "cijfer", "pontszám", "bewertung"),
    },
)
