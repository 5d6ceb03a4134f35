"""Answers from SurveyMonkey: its CSV, whose second header row names options and statements."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from rapport.collect.connector import Connector, FileAsIs, Record
from rapport.collect.headed_tables import table_lines, taken_headers, with_headers
from rapport.collect.rows import PERSON_FIELDS, PLACE_FIELDS, Row
from rapport.collect.survey_files import (
    Answer,
    Question,
    Response,
    person_of,
    response_touchpoints,
    scale_mistakes,
)
from rapport.collect.tables import BadRow
from rapport.errors import InvalidMapping
from rapport.vocabulary.touchpoint import Touchpoint

_ABOUT = {
    "respondent id": "response_id", "collector id": "collector", "start date": "started_at",
    "end date": "ended_at", "ip address": "ip", "email address": "email",
    "first name": "first_name", "last name": "last_name", "custom data 1": "customer_id",
    "date created": "started_at", "date modified": "ended_at",
}  # fmt: skip
_SINGLE = frozenset({"", "response", "open-ended response", "antwoord", "réponse", "válasz"})
_OPEN = re.compile(r"open-ended|please specify|comment|gelieve te specificeren|précisez", re.I)
#: SurveyMonkey writes American dates whatever the survey's language.
_AMERICAN = ("%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M")


def _records(file: FileAsIs) -> Iterator[Record | BadRow]:
    lines = table_lines(file)
    headers = taken_headers(lines, 2, file.name)
    first = [" ".join(cell.split()) for cell in headers[0].cells]
    second = [" ".join(cell.split()) for cell in headers[1].cells]
    known = [_ABOUT.get(label.lower()) for label in first]
    if "response_id" not in known:
        raise InvalidMapping(f"{file.name} has no column `Respondent ID`; export it as CSV again")
    questions = _questions(first, second, known)
    for line in lines:
        if isinstance(line, BadRow):
            yield BadRow(line.line, with_headers(headers, line.raw), line.refusal)
            continue
        about: dict[str, Any] = {}
        answers: list[Answer] = []
        ticked: dict[str, list[str]] = {}
        for ours, question, option, cell in zip(known, questions, second, line.cells, strict=False):
            value = cell.strip()
            if not value:
                continue
            if ours is not None:
                about.setdefault(ours, value)
            elif question is not None and value == option:
                label = question.label.removesuffix(f" – {option}")
                ticked.setdefault(label, []).append(value)
            elif question is not None:
                answers.append(Answer(question=question, value=value))
        for label, options in ticked.items():
            question = Question(key=label[:40], label=label, kind="other")
            answers.append(Answer(question=question, value=options))
        raw = line.raw
        yield Record(
            line.at,
            {"about": about, "answers": answers},
            lambda raw=raw: with_headers(headers, raw),  # type: ignore[misc]
        )


def _questions(
    first: Sequence[str], second: Sequence[str], known: Sequence[str | None]
) -> list[Question | None]:
    """The question of each column; its options and statements share the first row's words."""
    questions: list[Question | None] = []
    label, number, part = "", 0, 0
    for words, option, ours in zip(first, second, known, strict=True):
        if ours is not None:
            questions.append(None)
            continue
        if words:
            label, number, part = words, number + 1, 0
        part += 1
        single = option.lower() in _SINGLE
        questions.append(
            Question(
                key=f"q{number}" if part == 1 else f"q{number}_{part}",
                label=label if single else f"{label} – {option}",
                kind="text" if _OPEN.search(option) else None,
            )
        )
    return questions


def _read(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    (row,) = rows
    about = dict(row.cell("about"))
    stated = row.part(**about)
    response = Response(
        response_id=stated.required("response_id"),
        answered_at=_moment(row, about.get("ended_at") or about.get("started_at")),
        answers=tuple(row.cell("answers")),
        person=person_of(about),
        about={"collector": stated.text("collector")},
    )
    return response_touchpoints(row, "surveymonkey", response)


def _moment(row: Row, value: Any) -> Any:
    if not isinstance(value, str) or row.reading.mapping.file.date_format is not None:
        return value
    for form in _AMERICAN:
        try:
            return datetime.strptime(value, form)  # noqa: DTZ007  # the mapping's zone follows
        except ValueError:
            continue
    return value


def _recognises(head: bytes, _name: str) -> bool:
    first = head[:4000].replace(b"\x00", b"").lower()
    return b"respondent id" in first and b"collector id" in first


CONNECTOR = Connector(
    kind="surveymonkey",
    label="Answers from SurveyMonkey (CSV with two header rows)",
    required=(),
    optional=("scales", *PERSON_FIELDS, *PLACE_FIELDS),
    read=_read,
    mapping_mistakes=scale_mistakes,
    records=_records,
    recognises=_recognises,
)
