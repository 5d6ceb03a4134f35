"""Answers from Formbricks: responses as its API gives them (JSON), and its CSV."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rapport.collect.connector import Connector, FileAsIs, Record
from rapport.collect.json_records import Found, an_object, json_objects, objects_in, words
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
    "response id": "response_id", "timestamp": "submitted_at", "date": "submitted_at",
    "finished": "finished", "survey id": "survey", "formbricks id (internal)": "internal",
    "user id": "user_id", "userid": "user_id", "tags": "tags", "notes": "notes", "url": "url",
    "source": "source", "no.": "number", "quotas": "quotas", "language": "language",
}  # fmt: skip
_SCALES = {"nps": (0.0, 10.0), "csat": (1.0, 5.0), "ces": (1.0, 7.0)}


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
    objects = json_objects(content, file.name, ("data", "responses", "questions"))
    asked = {
        words(one.value.get("id")) or "": one.value
        for one in objects()
        if isinstance(one, Found) and one.under == "questions"
    }
    for found in objects():
        if isinstance(found, BadRow):
            yield found
        elif found.under != "questions":
            raw = found.raw
            yield Record(
                found.at,
                {"response": found.value, "asked": asked},
                lambda raw=raw: b"[" + raw + b"]",  # type: ignore[misc]
            )


def _read(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    (row,) = rows
    if row.cell("response") is None:
        return read_response(rows, "formbricks", ("submitted_at",))
    found = an_object(row.cell("response"))
    response_id = words(found.get("id"))
    if response_id is None:
        raise RowError("missing_field", "`id` of the response is empty")
    survey = objects_in(an_object(found.get("survey")).get("questions"))
    asked: dict[str, Any] = dict(an_object(row.cell("asked")))
    asked.update({words(q.get("id")) or "": q for q in survey})
    said = an_object(found.get("data"))
    person = an_object(found.get("person"))
    contact = an_object(found.get("contact"))
    attributes: dict[str, Any] = {
        **an_object(found.get("personAttributes")),
        **an_object(found.get("contactAttributes")),
        **an_object(person.get("attributes")),
    }
    if (user := words(person.get("userId")) or words(contact.get("userId"))) is not None:
        attributes["userId"] = user
    answers = [
        Answer(question=_question(key, an_object(asked.get(key))), value=value)
        for key, value in list(said.items())[:1000]
        if not (key not in asked and person_of({key: value}))
    ]
    meta = an_object(found.get("meta"))
    response = Response(
        response_id=response_id,
        answered_at=found.get("updatedAt") or found.get("createdAt"),
        answers=tuple(answers),
        person={**person_of(said), **person_of(attributes)},
        language=words(found.get("language")),
        complete=found.get("finished") if isinstance(found.get("finished"), bool) else None,
        about={
            "survey": words(found.get("surveyId")),
            "source_url": words(meta.get("url")),
            "country_seen": words(meta.get("country")),
        },
    )
    return response_touchpoints(row, "formbricks", response)


def _question(key: str, known: dict[str, Any]) -> Question:
    kind = words(known.get("type")) or ""
    headline = known.get("headline")
    label = words(headline) or next(
        (text for each in an_object(headline).values() if (text := words(each)) is not None), key
    )
    low, high = _SCALES.get(kind, (None, None))
    if kind == "rating":
        top = known.get("range")
        low, high = 1.0, float(top) if isinstance(top, int) and 2 <= top <= 10 else 5.0
    if kind in _SCALES or kind == "rating":
        return Question(key=key, label=label, kind="scale", low=low, high=high,
                        name=kind if kind in _SCALES else None)  # fmt: skip
    if kind == "openText":
        return Question(key=key, label=label, kind="text")
    return Question(key=key, label=label, kind="other" if kind else None)


def _recognises(head: bytes, _name: str) -> bool:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:1] in (b"{", b"["):
        return b'"surveyId"' in head and b'"finished"' in head and b'"data"' in head
    first = start.partition(b"\n")[0].lower()
    return b"response id" in first and b"survey id" in first and b"finished" in first


CONNECTOR = Connector(
    kind="formbricks",
    label="Answers from Formbricks (JSON or CSV)",
    required=(),
    optional=("scales", *PERSON_FIELDS, *PLACE_FIELDS),
    read=_read,
    mapping_mistakes=scale_mistakes,
    records=_records,
    recognises=_recognises,
)
