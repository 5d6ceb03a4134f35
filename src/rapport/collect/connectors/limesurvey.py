"""Answers from LimeSurvey: CSV with codes or full questions, and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rapport.collect.connector import Connector, FileAsIs, Record
from rapport.collect.json_records import an_object, json_objects, plain
from rapport.collect.rows import PERSON_FIELDS, PLACE_FIELDS, Row
from rapport.collect.seekable import seekable
from rapport.collect.survey_files import Answer, Question, scale_mistakes
from rapport.collect.survey_tables import read_response, table_records
from rapport.collect.tables import BadRow
from rapport.vocabulary.touchpoint import Touchpoint

_ABOUT = {
    "id": "response_id", "response id": "response_id", "antwoord id": "response_id",
    "submitdate": "submitted_at", "date submitted": "submitted_at", "lastpage": "last_page",
    "last page": "last_page", "startlanguage": "language", "start language": "language",
    "seed": "seed", "token": "customer_id", "access code": "customer_id",
    "startdate": "started_at", "date started": "started_at", "datestamp": "ended_at",
    "date last action": "ended_at", "ipaddr": "ip", "ip address": "ip", "refurl": "url",
    "referrer url": "url", "firstname": "first_name", "lastname": "last_name", "email": "email",
}  # fmt: skip
_DATES = ("submitted_at", "ended_at", "started_at")
#: What LimeSurvey writes for the time of an anonymous survey.
_NO_DATE = "1980-01-01 00:00:00"


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
    for found in json_objects(content, file.name, ("responses",))():
        if isinstance(found, BadRow):
            yield found
            continue
        # Before version 4 each response stood in an object under its number.
        inner = list(found.value.values())
        value = (
            an_object(inner[0]) if len(inner) == 1 and isinstance(inner[0], dict) else found.value
        )
        about: dict[str, Any] = {}
        answers = []
        for name, each in value.items():
            said = plain(each)
            if said in (None, ""):
                continue
            ours = _ABOUT.get(name.strip().lower())
            if ours is not None:
                about.setdefault(ours, said)
            else:
                code = name.partition(".")[0][:60]
                answers.append(Answer(question=Question(key=code, label=name), value=said))
        raw = found.raw
        yield Record(
            found.at,
            {"about": about, "answers": answers},
            lambda raw=raw: b'{"responses":[' + raw + b"]}",  # type: ignore[misc]
        )


def _read(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    (row,) = rows
    about = {
        name: value for name, value in row.cell("about").items() if value not in (_NO_DATE, "N")
    }
    part = row.part(about=about, answers=row.cell("answers"))
    return read_response((part,), "limesurvey", _DATES)


def _recognises(head: bytes, _name: str) -> bool:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:1] in (b"{", b"["):
        return b'"lastpage"' in head and b'"startlanguage"' in head
    first = start.partition(b"\n")[0].lower()
    return (b"lastpage" in first and b"startlanguage" in first) or (
        b"last page" in first and b"start language" in first and b"response id" in first
    )


CONNECTOR = Connector(
    kind="limesurvey",
    label="Answers from LimeSurvey (CSV or JSON)",
    required=(),
    optional=("scales", *PERSON_FIELDS, *PLACE_FIELDS),
    read=_read,
    mapping_mistakes=scale_mistakes,
    records=_records,
    recognises=_recognises,
)
