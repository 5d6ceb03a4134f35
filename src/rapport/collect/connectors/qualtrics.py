"""Answers from Qualtrics: its CSV with three header rows, and the survey's definition (.qsf).

A table names its questions; the definition says which of them are scales. Given a definition, the
reader says what to state as `scales` for the answers, since a file is read without its neighbours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from rapport.collect.connector import Connector, FileAsIs, Record
from rapport.collect.headed_tables import table_lines, taken_headers, with_headers
from rapport.collect.json_records import LARGEST_OBJECT, an_object, objects_in, plain, words
from rapport.collect.rows import PERSON_FIELDS, PLACE_FIELDS, Row, RowError
from rapport.collect.seekable import seekable
from rapport.collect.survey_files import (
    Question,
    Response,
    person_of,
    question_list,
    response_touchpoints,
    scale_mistakes,
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
_NPS_GROUP = re.compile(r"_NPS_GROUP$", re.IGNORECASE)
_TEXT = re.compile(r"_TEXT$")


def _records(file: FileAsIs) -> Iterator[Record | BadRow]:
    content = seekable(file.content)
    start = content.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    content.seek(0)
    if start == b"{":
        scales = definition_scales(content.read(LARGEST_OBJECT))
        raise InvalidMapping(
            f"{file.name} defines a survey and holds no answers. Import those as CSV, with "
            f"`scales` under [constants]: {scales or 'none is needed'}"
        )
    lines = table_lines(
        FileAsIs(name=file.name, content=content, written=file.written, constants=file.constants)
    )
    headers = taken_headers(lines, 3, file.name)
    ids = [_import_id(cell) for cell in headers[2].cells]
    if sum(found is not None for found in ids) < len(ids) / 2:
        raise InvalidMapping(
            f"{file.name} has no third row with ImportIds; export it from Qualtrics as CSV again"
        )
    for line in lines:
        if isinstance(line, BadRow):
            yield BadRow(line.line, with_headers(headers, line.raw), line.refusal)
            continue
        raw = line.raw
        about: dict[str, Any] = {}
        questions: list[Question] = []
        values: list[str] = []
        embedded: dict[str, Any] = {}
        for found, name, label, value in zip(
            ids, headers[0].cells, headers[1].cells, line.cells, strict=False
        ):
            known = _ABOUT.get((found or "").lower())
            if known is not None:
                if known not in _LEFT_OUT:
                    about[known] = value
            elif _NPS_GROUP.search(found or ""):
                continue  # "Promoter" says no more than the nine beside it
            elif found is not None and found.startswith("QID"):
                questions.append(_question(found, name, label))
                values.append(value)
            elif value:
                embedded[name] = value
        fields = {"about": about, "questions": questions, "values": values, "embedded": embedded}
        yield Record(line.at, fields, lambda raw=raw: with_headers(headers, raw))  # type: ignore[misc]


def _import_id(cell: str) -> str | None:
    if not cell.lstrip().startswith("{"):
        return None
    try:
        found = msgspec.json.decode(cell.encode())
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return None
    value = found.get("ImportId") if isinstance(found, dict) else None
    return value if isinstance(value, str) else None


def _question(found: str, name: str, label: str) -> Question:
    words = " ".join(label.split())
    if _TEXT.search(found) or _TEXT.search(name):
        return Question(key=name, label=words, kind="text")
    return Question(key=name, label=words)


def definition_scales(definition: bytes) -> str:
    """The scales in a survey's definition (.qsf), as `scales` states them: ``Q3=0-10; Q5=1-5``."""
    try:
        survey = msgspec.json.decode(definition)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidMapping("The definition of the survey is no JSON; export it again") from error
    found = []
    for element in objects_in(an_object(survey).get("SurveyElements")):
        payload = an_object(element.get("Payload"))
        if element.get("Element") == "SQ" and (tag := words(payload.get("DataExportTag"))):
            found += [f"{key}={low:g}-{high:g}" for key, low, high in _scales(tag, payload)]
    return "; ".join(found)


def _scales(tag: str, payload: dict[str, Any]) -> Iterator[tuple[str, float, float]]:
    kind, selector = payload.get("QuestionType"), payload.get("Selector")
    if selector == "NPS":
        yield tag, 0.0, 10.0
    elif kind == "Slider":
        settings = an_object(payload.get("Configuration"))
        low, high = plain(settings.get("CSSliderMin")), plain(settings.get("CSSliderMax"))
        if isinstance(low, int | float) and isinstance(high, int | float) and low < high:
            for statement in an_object(payload.get("Choices")) or ("1",):
                yield f"{tag}_{statement}", float(low), float(high)
    elif kind == "Matrix" and selector == "Likert":
        points = _points(payload, an_object(payload.get("Answers")))
        if points is not None:
            for statement in an_object(payload.get("Choices")):
                yield f"{tag}_{statement}", *points
    elif kind == "MC" and selector in ("SAVR", "SAHR", "DL", "SACOL"):
        choices = an_object(payload.get("Choices"))
        shown = [words(an_object(choice).get("Display")) or "" for choice in choices.values()]
        # Answers that begin with numbers are a scale; a list of shops is none.
        if len(shown) >= 3 and sum(text[:1].isdigit() for text in shown) >= len(shown) - 1:
            points = _points(payload, choices)
            if points is not None:
                yield tag, *points


def _points(payload: dict[str, Any], choices: dict[str, Any]) -> tuple[float, float] | None:
    """Lowest and highest value of the choices, as the survey codes them."""
    codes = an_object(payload.get("RecodeValues"))
    values = []
    for choice in choices:
        code = words(codes.get(choice)) or choice
        if not re.fullmatch(r"-?\d{1,3}", code):
            return None
        values.append(float(code))
    return (min(values), max(values)) if len(set(values)) >= 3 else None


def _read(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    (row,) = rows
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
            "embedded": {
                name: value[:300] for name, value in list(embedded.items())[:40]
                if not person_of({name: value})
            } or None,
        },
    )  # fmt: skip
    return response_touchpoints(row, "qualtrics", response)


def _recognises(head: bytes, name: str) -> bool:
    if b'"SurveyElements"' in head or (name.endswith(".qsf") and b'"SurveyEntry"' in head):
        return True
    return b'{""ImportId"":""' in head or b'{"ImportId":"' in head


CONNECTOR = Connector(
    kind="qualtrics",
    label="Answers from Qualtrics (CSV with three header rows)",
    required=(),
    optional=("scales", *PERSON_FIELDS, *PLACE_FIELDS),
    read=_read,
    mapping_mistakes=scale_mistakes,
    records=_records,
    recognises=_recognises,
    suffixes=(".qsf",),
)
