"""Trustpilot reviews, as its business pages export them (CSV)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rapport.collect.connector import Connector, FileAsIs, Record
from rapport.collect.headed_tables import table_lines, taken_headers, with_headers
from rapport.collect.mail_messages import content_id
from rapport.collect.review_records import Reply, Review, review_touchpoints
from rapport.collect.rows import PERSON_FIELDS, PLACE_FIELDS, Row
from rapport.collect.tables import BadRow
from rapport.errors import InvalidMapping
from rapport.vocabulary.touchpoint import Touchpoint

#: Trustpilot has renamed its columns over the years; letters alone are compared.
_NAMES = {
    "reviewid": "review_id", "id": "review_id", "reviewcreatedutc": "posted_at",
    "reviewcreated": "posted_at", "createdat": "posted_at", "date": "posted_at",
    "reviewdate": "posted_at", "reviewstars": "score", "stars": "score", "rating": "score",
    "starrating": "score", "reviewtitle": "title", "title": "title", "reviewcontent": "text",
    "reviewtext": "text", "content": "text", "review": "text", "reviewlanguage": "language",
    "language": "language", "referenceid": "order_id", "reference": "order_id",
    "consumeruserid": "user_id", "consumerid": "user_id", "consumeremail": "email",
    "revieweremail": "email", "email": "email", "consumername": "name",
    "consumerdisplayname": "name", "reviewername": "name", "reviewerusername": "name",
    "companyreplytext": "reply", "reply": "reply", "replytext": "reply",
    "companyreply": "reply", "companyreplydateutc": "replied_at", "companyreplydate": "replied_at",
    "replydate": "replied_at", "replycreatedutc": "replied_at",
    "reviewverificationlevel": "verified", "verified": "verified",
    "reviewsource": "source", "source": "source", "domain": "domain", "domainname": "domain",
    "locationid": "place", "locationname": "place", "tags": "tags",
    "reviewstatus": "status", "status": "status",
}  # fmt: skip


def _records(file: FileAsIs) -> Iterator[Record | BadRow]:
    lines = table_lines(file)
    headers = taken_headers(lines, 1, file.name)
    names = [_NAMES.get(_letters(cell)) for cell in headers[0].cells]
    if not {"posted_at", "score"} <= set(names):
        raise InvalidMapping(
            f"{file.name} has no columns for the date and the stars of Trustpilot's reviews; "
            "import it as kind reviews"
        )
    for line in lines:
        if isinstance(line, BadRow):
            yield BadRow(line.line, with_headers(headers, line.raw), line.refusal)
            continue
        said: dict[str, Any] = {}
        for name, cell in zip(names, line.cells, strict=False):
            if name is not None and cell.strip():
                said.setdefault(name, cell)
        raw = line.raw
        yield Record(line.at, {"review": said}, lambda raw=raw: with_headers(headers, raw))  # type: ignore[misc]


def _letters(cell: str) -> str:
    return re.sub(r"[^a-z]", "", cell.lower())


def _read(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    (row,) = rows
    said: dict[str, Any] = row.cell("review")
    stated = row.part(**said)
    reply = said.get("reply")
    review = Review(
        review_id=stated.text("review_id")
        or content_id(said.get("posted_at"), said.get("title"), said.get("text"), said.get("name")),
        posted_at=said.get("posted_at"),
        score=stated.number("score"),
        title=said.get("title"),
        text=said.get("text"),
        language=stated.text("language"),
        order_id=stated.text("order_id"),
        place=said.get("place"),
        person={name: said.get(name) for name in ("user_id", "email", "name")},
        reply=Reply(text=reply, replied_at=said.get("replied_at")) if reply else None,
        about={
            "verified": stated.text("verified"),
            "domain": stated.text("domain"),
            "tags": stated.text("tags"),
            "status": stated.text("status"),
            "asked_by": stated.text("source"),
        },
    )
    return review_touchpoints(row, "trustpilot", review)


def _recognises(head: bytes, name: str) -> bool:
    first = head.replace(b"\x00", b"").partition(b"\n")[0].decode("utf-8", "replace")
    cells = {_letters(cell) for cell in re.split(r"[,;\t]", first)}
    own = {"reviewstars", "reviewcreatedutc", "consumeruserid", "companyreplytext"}
    return len(own & cells) >= 2 or (
        "trustpilot" in name and bool({"stars", "rating", "reviewstars", "starrating"} & cells)
    )


CONNECTOR = Connector(
    kind="trustpilot",
    label="Trustpilot reviews (CSV)",
    required=(),
    optional=(*PERSON_FIELDS, *PLACE_FIELDS),
    read=_read,
    records=_records,
    recognises=_recognises,
)
