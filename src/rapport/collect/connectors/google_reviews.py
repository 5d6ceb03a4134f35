"""Google reviews: of a Business Profile's API, and of its Takeout."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rapport.collect.connector import Connector, FileAsIs, Record
from rapport.collect.json_records import an_object, json_objects, plain, words, wrapped
from rapport.collect.review_records import Reply, Review, review_touchpoints
from rapport.collect.rows import PERSON_FIELDS, PLACE_FIELDS, Row, RowError
from rapport.collect.tables import BadRow
from rapport.vocabulary.touchpoint import Touchpoint

_STARS = {"ONE": 1.0, "TWO": 2.0, "THREE": 3.0, "FOUR": 4.0, "FIVE": 5.0}
_LOCATION = re.compile(r"locations/([\w-]{1,60})")
_ORIGINAL, _TRANSLATED = "(Original)", "(Translated by Google)"


def _records(file: FileAsIs) -> Iterator[Record | BadRow]:
    for found in json_objects(file.content, file.name, ("reviews",))():
        if isinstance(found, BadRow):
            yield found
            continue
        raw = found.raw
        yield Record(found.at, {"review": found.value}, lambda raw=raw: wrapped("reviews", raw))  # type: ignore[misc]


def _read(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    (row,) = rows
    found = an_object(row.cell("review"))
    name = words(found.get("name")) or ""
    review_id = words(found.get("reviewId")) or name.rpartition("/")[2] or None
    if review_id is None:
        raise RowError("missing_field", "`reviewId` is empty")
    reply = an_object(found.get("reviewReply"))
    location = _LOCATION.search(name)
    said = words(reply.get("comment"))
    review = Review(
        review_id=review_id,
        posted_at=found.get("createTime") or found.get("updateTime"),
        score=_stars(found.get("starRating")),
        text=_original(words(found.get("comment"))),
        place=location[1] if location and row.text("place") is None else None,
        reply=Reply(text=_original(said) or "", replied_at=reply.get("updateTime"))
        if said
        else None,
        about={"edited": True if _edited(found) else None},
    )
    return review_touchpoints(row, "google_reviews", review)


def _stars(value: Any) -> float | None:
    if isinstance(value, str):
        if value in ("", "STAR_RATING_UNSPECIFIED"):
            return None
        if value.upper() in _STARS:
            return _STARS[value.upper()]
        raise RowError("wrong_type", "`starRating` is none of ONE to FIVE")
    stated = plain(value)
    return float(stated) if isinstance(stated, int | float) else None


def _edited(found: dict[str, Any]) -> bool:
    created, updated = words(found.get("createTime")), words(found.get("updateTime"))
    # They differ by fractions of a second where nobody changed anything.
    return created is not None and updated is not None and created[:16] != updated[:16]


def _original(text: str | None) -> str | None:
    """What was written, without the translation that Google puts before or after it."""
    if text is None:
        return None
    if _ORIGINAL in text:
        return text.partition(_ORIGINAL)[2].strip()
    return text.partition(_TRANSLATED)[0].strip() or text.replace(_TRANSLATED, "").strip()


def _recognises(head: bytes, _name: str) -> bool:
    return b'"starRating"' in head and (b'"reviewer"' in head or b'"reviewId"' in head)


CONNECTOR = Connector(
    kind="google_reviews",
    label="Google reviews (Business Profile or Takeout, JSON)",
    required=(),
    optional=(*PERSON_FIELDS, *PLACE_FIELDS),
    read=_read,
    records=_records,
    recognises=_recognises,
)
