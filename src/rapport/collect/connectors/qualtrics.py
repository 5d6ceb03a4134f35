"""Answers from Qualtrics: its CSV with three header rows, and the survey's definition (.qsf).

A table names its questions; the definition says which of them are scales, and what the codes of
their answers mean. It is kept apart from the files and handed to the reader (`FileAsIs.surveys`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from rapport.collect.connector import Connector, FileAsIs, Record
from rapport.collect.headed_tables import table_lines, taken_headers, with_headers
from rapport.collect.json_records import LARGEST_OBJECT
from rapport.collect.rows import PERSON_FIELDS, PLACE_FIELDS, Row, RowError
from rapport.collect.seekable import seekable
from rapport.collect.survey_definition import (
    AskedColumn,
    Defined,
    SurveyDefinition,
    fitting,
    is_definition,
    read_definition,
)
from rapport.collect.survey_files import (
    Answer,
    Question,
    Response,
    parts_of,
    person_of,
    question_list,
    response_touchpoints,
    scale_mistakes,
    stated_scales,
)
from rapport.collect.tables import BadRow
from rapport.errors import InvalidMapping
from rapport.vocabulary.touchpoint import Touchpoint

#: Columns that Qualtrics writes itself, by their ids in the third row.
_ABOUT = {
    "startdate": "started_at", "enddate": "ended_at", "recordeddate": "recorded_at",
    "status": "status", "ipaddress": "ip", "progress": "progress", "duration": "duration",
    "finished": "finished", "_recordid": "response_id", "recipientlastname": "last_name",
    "recipientfirstname": "first_name", "recipientemail": "email",
    "externaldatareference": "customer_id", "locationlatitude": "latitude",
    "locationlongitude": "longitude", "distributionchannel": "distribution",
    "userlanguage": "language",
}  # fmt: skip
_LEFT_OUT = frozenset({"ip", "latitude", "longitude"})
_PREVIEWS = frozenset({"survey preview", "survey test", "1", "2", "spam", "8"})
_QUESTION = re.compile(r"(?:\d+_)?QID\d")
_QUESTIONNAIRE = "questionnaire"
#: Properties that come from the reading of a questionnaire and not from its file.
_BY_READING = ("asked", "answers", _QUESTIONNAIRE, "survey", "survey_id")
_LONGEST_LABEL = 120
_NPS_GROUP = re.compile(r"_NPS_GROUP$", re.IGNORECASE)
_TEXT = re.compile(r"_TEXT$")


def _records(file: FileAsIs) -> Iterator[Record | BadRow]:
    content = seekable(file.content)
    start = content.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    content.seek(0)
    if start == b"{" or file.name.endswith(".qsf"):
        yield from _of_definition(read_definition(content.read(LARGEST_OBJECT + 1), file.name))
        return
    lines = table_lines(
        FileAsIs(name=file.name, content=content, written=file.written, constants=file.constants)
    )
    headers = taken_headers(lines, 3, file.name)
    ids = [_import_id(cell) for cell in headers[2].cells]
    if sum(found is not None for found in ids) < len(ids) / 2:
        raise InvalidMapping(
            f"{file.name} has no third row with ImportIds; export it from Qualtrics as CSV again"
        )
    asked = [
        AskedColumn(name, found or "", label)
        for found, name, label in zip(ids, headers[0].cells, headers[1].cells, strict=True)
    ]
    survey = fitting(file.surveys, asked)
    defined = None if survey is None else Defined(survey)
    for line in lines:
        if isinstance(line, BadRow):
            yield BadRow(line.line, with_headers(headers, line.raw), line.refusal)
            continue
        raw = line.raw
        about: dict[str, Any] = {}
        given: list[tuple[AskedColumn, str]] = []
        embedded: dict[str, Any] = {}
        for column, value in zip(asked, line.cells, strict=False):
            known = _ABOUT.get(column.import_id.lower())
            if known is not None:
                if known not in _LEFT_OUT:
                    about[known] = value
            elif _NPS_GROUP.search(column.import_id):
                continue  # "Promoter" says no more than the nine beside it
            elif _QUESTION.match(column.import_id):
                if value:
                    given.append((column, value))
            elif value:
                embedded[column.name] = value
        answers = answers_of(given, defined)
        fields = {
            "about": about,
            "questions": [answer.question for answer in answers],
            "values": [answer.value for answer in answers],
            "embedded": embedded,
            "given": [[c.name, c.import_id, c.label[:_LONGEST_LABEL], v] for c, v in given],
            "survey": None if survey is None else {"id": survey.survey_id, "name": survey.name},
        }
        yield Record(line.at, fields, lambda raw=raw: with_headers(headers, raw))  # type: ignore[misc]


def answers_of(given: Sequence[tuple[AskedColumn, str]], survey: Defined | None) -> list[Answer]:
    """The answers of one questionnaire, by the definition of its survey as far as that knows."""
    answers = []
    for column, value in given:
        found = None if survey is None else survey.read(column, value)
        question, said = (_question(column), value) if found is None else found
        answers.append(Answer(question=question, value=said))
    return answers


def asked_columns(kept: Touchpoint) -> list[tuple[AskedColumn, str]] | None:
    """The columns of a questionnaire with what was answered, as its file had them.

    None: this touchpoint is not the first of its questionnaire, or not of Qualtrics.
    """
    found = kept.properties.get(_QUESTIONNAIRE)
    if not isinstance(found, list):
        return None
    return [(AskedColumn(name, import_id, label), value) for name, import_id, label, value in found]


def said_again(kept: Touchpoint, survey: Defined, scales: str) -> list[Touchpoint]:
    """An answered questionnaire as an import of its file would give it by now.

    Parameters
    ----------
    kept : Touchpoint
        The first that was made of the questionnaire, which holds all of it.
    scales : str
        What the source's mapping states besides.

    Raises
    ------
    RowError
        If an answer is outside the scale that its definition states.
    """
    given = asked_columns(kept) or []
    about = {name: value for name, value in kept.properties.items() if name not in _BY_READING}
    touchpoints = []
    for part in parts_of(answers_of(given, survey), stated_scales(scales)):
        first = part.suffix == ""
        own = {
            "survey_id": survey.survey.survey_id,
            "survey": survey.survey.name,
            "asked": part.asked,
            "answers": part.answers,
            _QUESTIONNAIRE: kept.properties[_QUESTIONNAIRE] if first else None,
        }
        touchpoints.append(
            msgspec.structs.replace(
                kept,
                touchpoint_id=f"qualtrics:{about['response_id']}{part.suffix}",
                corrects=None,
                text=part.text,
                score=part.score,
                scale_min=part.scale_min,
                scale_max=part.scale_max,
                question=part.question,
                properties=about | {name: value for name, value in own.items() if value},
            )
        )
    return touchpoints


def _import_id(cell: str) -> str | None:
    if not cell.lstrip().startswith("{"):
        return None
    try:
        found = msgspec.json.decode(cell.encode())
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return None
    value = found.get("ImportId") if isinstance(found, dict) else None
    return value if isinstance(value, str) else None


def _question(column: AskedColumn) -> Question:
    label = " ".join(column.label.split())
    if _TEXT.search(column.import_id) or _TEXT.search(column.name):
        return Question(key=column.name, label=label, kind="text")
    return Question(key=column.name, label=label)


def _of_definition(survey: SurveyDefinition) -> Iterator[Record]:
    """What a definition asks, for somebody who looks at the file before it is kept."""
    for place, question in enumerate(survey.questions, 1):
        scale = None if question.low is None else f"{question.low:g}-{question.high:g}"
        choices = "; ".join(question.codes.values()) or None
        shown = {"tag": question.tag, "asked": question.text, "scale": scale, "choices": choices}
        yield Record(place, shown, bytes)


def _read(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    (row,) = rows
    if row.cell("about") is None:
        raise RowError("wrong_type", "a question of a survey's definition, and nobody's answer")
    about = dict(row.cell("about"))
    embedded = dict(row.cell("embedded"))
    answered = row.part(**about)
    person = {
        **person_of(embedded),
        **person_of({n: about.get(n) for n in ("email", "customer_id", "first_name", "last_name")}),
    }
    if (answered.text("status") or "").lower() in _PREVIEWS:
        raise RowError("wrong_type", "a preview or a test of the survey, and nobody's answer")
    questions: list[Question] = row.cell("questions")
    survey = row.cell("survey") or {}
    response = Response(
        response_id=answered.required("response_id"),
        answered_at=about.get("recorded_at") or about.get("ended_at"),
        answers=question_list(questions, row.cell("values")),
        person=person,
        language=answered.text("language"),
        complete=answered.yes_no("finished"),
        about={
            "progress": answered.number("progress"),
            "duration_seconds": answered.number("duration"),
            "distribution": answered.text("distribution"),
            "survey_id": survey.get("id"),
            "survey": survey.get("name"),
            "embedded": {
                name: value[:300] for name, value in list(embedded.items())[:40]
                if not person_of({name: value})
            } or None,
        },
        questionnaire=row.cell("given"),
    )  # fmt: skip
    return response_touchpoints(row, "qualtrics", response)


def _recognises(head: bytes, name: str) -> bool:
    if is_definition(head) or name.endswith(".qsf"):
        return True
    return b'{""ImportId"":""' in head or b'{"ImportId":"' in head


CONNECTOR = Connector(
    kind="qualtrics",
    label="Answers from Qualtrics (CSV with three header rows), and definitions of surveys (.qsf)",
    required=(),
    optional=("scales", *PERSON_FIELDS, *PLACE_FIELDS),
    read=_read,
    mapping_mistakes=scale_mistakes,
    records=_records,
    recognises=_recognises,
    suffixes=(".qsf",),
)
