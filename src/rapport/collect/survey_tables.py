"""Tables of survey products with one header row: their own columns, and questions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rapport.collect.connector import FileAsIs, Record
from rapport.collect.headed_tables import table_lines, taken_headers, with_headers
from rapport.collect.rows import Row, RowError
from rapport.collect.survey_files import (
    Answer,
    Question,
    Response,
    person_of,
    response_touchpoints,
)
from rapport.collect.tables import BadRow
from rapport.errors import InvalidMapping
from rapport.vocabulary.touchpoint import Touchpoint

_CODE = re.compile(r"\s*([A-Za-z][\w]{0,40}(?:\[[^\]]{1,60}\])?)\s*(?:\.\s|:\s|$)")


def table_records(file: FileAsIs, names: Mapping[str, str]) -> Iterator[Record | BadRow]:
    """The rows of a table: `about` holds the product's own columns, `answers` the others.

    Parameters
    ----------
    names : mapping
        The product's headers in small letters → our names.

    Raises
    ------
    InvalidMapping
        If the header names no response.
    """
    lines = table_lines(file)
    headers = taken_headers(lines, 1, file.name)
    labels = [" ".join(cell.split()) for cell in headers[0].cells]
    known = [names.get(label.lower()) for label in labels]
    if "response_id" not in known:
        raise InvalidMapping(f"{file.name} has no column with the number of each response")
    questions = _questions(labels)
    for line in lines:
        if isinstance(line, BadRow):
            yield BadRow(line.line, with_headers(headers, line.raw), line.refusal)
            continue
        about: dict[str, Any] = {}
        answers: list[Answer] = []
        for ours, question, cell in zip(known, questions, line.cells, strict=False):
            if not cell.strip():
                continue
            if ours is not None:
                about.setdefault(ours, cell)
            else:
                answers.append(Answer(question=question, value=cell))
        raw = line.raw
        yield Record(
            line.at,
            {"about": about, "answers": answers},
            lambda raw=raw: with_headers(headers, raw),  # type: ignore[misc]
        )


def _questions(labels: Sequence[str]) -> list[Question]:
    """The questions, each with a key of its own: its code, or its place."""
    questions: list[Question] = []
    taken: set[str] = set()
    for place, label in enumerate(labels, 1):
        code = _CODE.match(label)
        key = code[1] if code else f"q{place}"
        if key in taken:
            key = f"{key}_{place}"
        taken.add(key)
        questions.append(Question(key=key, label=label))
    return questions


def read_response(
    rows: Sequence[Row], kind: str, date_names: Sequence[str]
) -> Iterable[Touchpoint]:
    """The touchpoints of one row of `table_records`.

    Parameters
    ----------
    date_names : sequence of str
        Of the times in `about`, the best first.
    """
    (row,) = rows
    about = dict(row.cell("about"))
    answers: list[Answer] = list(row.cell("answers"))
    stated = row.part(**about)
    named = {answer.question.label: answer.value for answer in answers}
    person = {**person_of(named), **person_of(about)}
    asked = [answer for answer in answers if not person_of({answer.question.label: answer.value})]
    finished = stated.yes_no("finished")
    answered_at = next((about[name] for name in date_names if about.get(name)), None)
    if answered_at is None:
        raise RowError("missing_field", "no date of the response")
    response = Response(
        response_id=stated.required("response_id"),
        answered_at=answered_at,
        answers=tuple(asked),
        person=person,
        language=stated.text("language"),
        complete=finished if finished is not None else about.get("submitted_at") is not None,
        about={
            "survey": stated.text("survey"),
            "tags": stated.text("tags"),
            "source_url": stated.text("url"),
        },
    )
    return response_touchpoints(row, kind, response)
