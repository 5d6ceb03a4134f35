"""Answers from Typeform: responses as its API gives them (JSON), and its CSV."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rapport.collect.connector import Connector, FileAsIs, Record
from rapport.collect.json_records import Found, an_object, json_objects, objects_in, plain, words
from rapport.collect.rows import PERSON_FIELDS, PLACE_FIELDS, Row, RowError
from rapport.collect.seekable import seekable
from rapport.collect.survey_files import (
    Answer,
    Question,
    Response,
    person_of,
    response_touchpoints,
    scale_mistakes,
)
from rapport.collect.survey_tables import read_response, table_records
from rapport.collect.tables import BadRow
from rapport.vocabulary.touchpoint import Touchpoint

_ABOUT = {
    "#": "response_id", "response id": "response_id", "token": "response_id",
    "start date (utc)": "started_at", "submit date (utc)": "submitted_at",
    "stage date (utc)": "staged_at", "network id": "network", "tags": "tags",
    "response type": "response_type", "ending": "ending",
}  # fmt: skip
_SCALES = {"nps": (0.0, 10.0), "opinion_scale": (0.0, 10.0), "rating": (1.0, 5.0)}
_TEXTS = frozenset({"short_text", "long_text"})


def _records(file: FileAsIs) -> Iterator[Record | BadRow]:
    content = seekable(file.content)
    start = content.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    content.seek(0)
    if start not in (b"{", b"["):
        again = FileAsIs(
            name=file.name, content=content, written=file.written, constants=file.constants
        )
        yield from table_records(again, _ABOUT)
        return
    objects = json_objects(content, file.name, ("items", "fields"))
    fields = {
        words(one.value.get("id")) or "": one.value
        for one in objects()
        if isinstance(one, Found) and one.under == "fields"
    }
    for found in objects():
        if isinstance(found, BadRow):
            yield found
        elif found.under != "fields":
            raw = found.raw
            yield Record(
                found.at,
                {"response": found.value, "fields": fields},
                lambda raw=raw: b"[" + raw + b"]",  # type: ignore[misc]
            )


def _read(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    (row,) = rows
    if row.cell("response") is None:
        return read_response(rows, "typeform", ("submitted_at", "staged_at", "started_at"))
    found = an_object(row.cell("response"))
    found = an_object(found.get("form_response")) or found
    response_id = words(found.get("response_id")) or words(found.get("token"))
    if response_id is None:
        raise RowError("missing_field", "`response_id` is empty")
    definition = objects_in(an_object(found.get("definition")).get("fields"))
    fields: dict[str, Any] = dict(an_object(row.cell("fields")))
    fields.update({words(f.get("id")) or "": f for f in definition})
    contact: dict[str, Any] = {}
    answers = []
    for number, answer in enumerate(objects_in(found.get("answers")), 1):
        kind = words(answer.get("type")) or ""
        if kind in ("email", "phone_number"):
            contact.setdefault("email" if kind == "email" else "phone", answer.get(kind))
            continue
        field = an_object(answer.get("field"))
        known = an_object(fields.get(words(field.get("id")) or ""))
        answers.append(Answer(question=_question(field, known, number), value=_value(answer, kind)))
    hidden = an_object(found.get("hidden"))
    response = Response(
        response_id=response_id,
        answered_at=found.get("submitted_at") or found.get("landed_at"),
        answers=tuple(answers),
        person={**person_of(hidden), **person_of(contact)},
        complete=found.get("submitted_at") is not None,
        about={
            "form": words(found.get("form_id")),
            "hidden": {
                name: text[:300] for name, value in list(hidden.items())[:40]
                if (text := words(value)) is not None and not person_of({name: value})
            } or None,
        },
    )  # fmt: skip
    return response_touchpoints(row, "typeform", response)


def _question(field: dict[str, Any], known: dict[str, Any], number: int) -> Question:
    kind = words(field.get("type")) or words(known.get("type")) or ""
    key = words(field.get("ref")) or words(field.get("id")) or f"q{number}"
    label = words(known.get("title")) or words(field.get("title")) or key
    low, high = _SCALES.get(kind, (None, None))
    properties = an_object(known.get("properties"))
    steps = plain(properties.get("steps"))
    if kind in ("opinion_scale", "rating") and isinstance(steps, int) and 2 <= steps <= 11:
        low = 1.0 if kind == "rating" or properties.get("start_at_one") is True else 0.0
        high = low + steps - 1
    return Question(
        key=key,
        label=label,
        kind="scale" if kind in _SCALES else "text" if kind in _TEXTS else "other",
        low=low,
        high=high,
        name="nps" if kind == "nps" else None,
    )


def _value(answer: dict[str, Any], kind: str) -> Any:
    value = answer.get(kind)
    if kind in ("choice", "choices"):
        chosen = an_object(value)
        return chosen.get("label") or chosen.get("labels") or chosen.get("other")
    return value


def _recognises(head: bytes, _name: str) -> bool:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start in (b"{", b"["):
        return b'"answers"' in head and b'"landed_at"' in head and b'"field"' in head
    first = head.partition(b"\n")[0].lower()
    return b"submit date (utc)" in first and b"network id" in first


CONNECTOR = Connector(
    kind="typeform",
    label="Answers from Typeform (JSON or CSV)",
    required=(),
    optional=("scales", *PERSON_FIELDS, *PLACE_FIELDS),
    read=_read,
    mapping_mistakes=scale_mistakes,
    records=_records,
    recognises=_recognises,
)
