"""Reviews that web pages state for machines (schema.org, JSON-LD), in HTML or alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO

import msgspec

from rapport.collect.cell_values import read_decimal
from rapport.collect.connector import Connector, FileAsIs, Record
from rapport.collect.event_checks import Refusal
from rapport.collect.html_text import html_to_text
from rapport.collect.json_records import an_object, plain, words
from rapport.collect.mail_messages import content_id
from rapport.collect.review_records import Reply, Review, review_touchpoints
from rapport.collect.rows import PERSON_FIELDS, PLACE_FIELDS, Row, RowError
from rapport.collect.tables import BadRow
from rapport.errors import InvalidMapping
from rapport.vocabulary.touchpoint import Touchpoint

#: Bytes of one page; the largest pages of shops have a tenth.
_LARGEST_PAGE = 64 * 1024 * 1024
_SCRIPT = re.compile(rb"<script\b([^<>]{0,500})>", re.IGNORECASE)
_LD_JSON = re.compile(rb"application/ld\+json", re.IGNORECASE)
_MOST_NODES = 200_000


def _records(file: FileAsIs) -> Iterator[Record | BadRow]:
    page = _page(file.content, file.name)
    start = page.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    blocks = [page] if start in (b"{", b"[") else list(_blocks(page))
    if not blocks:
        raise InvalidMapping(f"{file.name} states nothing in JSON-LD; no reviews can be read")
    number = 0
    for block in blocks:
        try:
            stated = msgspec.json.decode(block.removeprefix(b"\xef\xbb\xbf").strip())
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            number += 1
            yield BadRow(number, block, Refusal("malformed_json", "a block of JSON-LD is no JSON"))
            continue
        for review, about in _reviews(stated):
            number += 1
            alone = {**review, "itemReviewed": about} if about else review

            def raw(alone: dict[str, Any] = alone) -> bytes:
                return msgspec.json.encode(alone)

            yield Record(number, {"review": review, "item": about}, raw)


def _page(content: BinaryIO, name: str) -> bytes:
    page = content.read(_LARGEST_PAGE + 1)
    if len(page) > _LARGEST_PAGE:
        raise InvalidMapping(f"{name} is above 64 MB; no web page is")
    return page


def _blocks(page: bytes) -> Iterator[bytes]:
    at = 0
    while (found := _SCRIPT.search(page, at)) is not None:
        end = page.find(b"</script", found.end())
        if end < 0:
            return
        if _LD_JSON.search(found[1]):
            yield page[found.end() : end]
        at = end


def _reviews(stated: Any) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """(review, what it is about) of all that is stated, however deep."""
    waiting: list[tuple[Any, dict[str, Any]]] = [(stated, {})]
    seen = 0
    while waiting and seen < _MOST_NODES:
        node, about = waiting.pop()
        seen += 1
        if isinstance(node, list):
            waiting.extend((each, about) for each in reversed(node))
        elif isinstance(node, dict):
            if _is(node, "Review", "UserReview", "CriticReview", "EmployerReview"):
                yield node, _thing(an_object(node.get("itemReviewed")) or about)
                continue
            thing = node if "review" in node or "reviews" in node else about
            waiting.extend(
                (each, thing)
                for name, each in reversed(node.items())
                if isinstance(each, dict | list) and name != "aggregateRating"
            )


def _is(node: dict[str, Any], *types: str) -> bool:
    stated = node.get("@type")
    names = stated if isinstance(stated, list) else [stated]
    return any(
        isinstance(name, str) and name.rpartition("/")[2].rpartition(":")[2] in types
        for name in names
    )


def _thing(node: dict[str, Any]) -> dict[str, Any]:
    """What a touchpoint says of the product or shop."""
    rating = an_object(node.get("aggregateRating"))
    kept = {
        "@type": node.get("@type") if isinstance(node.get("@type"), str) else None,
        "name": words(node.get("name")),
        "sku": words(node.get("sku")) or words(node.get("gtin13")) or words(node.get("mpn")),
        "url": words(node.get("url")) or words(node.get("@id")),
        "aggregateRating": {
            name: words(rating.get(name)) for name in ("ratingValue", "reviewCount", "ratingCount")
        }
        if rating
        else None,
    }
    return {name: value for name, value in kept.items() if value is not None}


def _read(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    (row,) = rows
    found, item = an_object(row.cell("review")), an_object(row.cell("item"))
    rating = an_object(found.get("reviewRating"))
    low, high = _number(rating.get("worstRating"), 1.0), _number(rating.get("bestRating"), 5.0)
    if not low < high:
        raise RowError("score_out_of_range", "`bestRating` is not above `worstRating`")
    author = found.get("author")
    author = author[0] if isinstance(author, list) and author else author
    named = words(author) or words(an_object(author).get("name"))
    body = words(found.get("reviewBody")) or words(found.get("description"))
    posted = found.get("datePublished") or found.get("dateCreated")
    title = words(found.get("name")) or words(found.get("headline"))
    aggregate = an_object(item.get("aggregateRating"))
    sku, thing = words(item.get("sku")), words(item.get("name"))
    answer = an_object(found.get("comment"))
    said = words(answer.get("text"))
    review = Review(
        review_id=words(found.get("@id"))
        or words(found.get("identifier"))
        or content_id(named, words(posted), title, body, sku or thing),
        posted_at=posted,
        score=_score(rating.get("ratingValue")),
        low=low,
        high=high,
        title=title,
        text=html_to_text(body) if body else None,
        language=words(found.get("inLanguage")),
        reply=Reply(text=said, replied_at=answer.get("dateCreated")) if said else None,
        about={
            "sku": sku,
            "product": thing,
            "url": words(found.get("url")) or words(item.get("url")),
            "aggregate_rating": words(aggregate.get("ratingValue")),
            "aggregate_count": words(aggregate.get("reviewCount"))
            or words(aggregate.get("ratingCount")),
        },
    )
    return review_touchpoints(row, "schema_org_reviews", review)


def _score(value: Any) -> float | None:
    stated = plain(value)
    if stated is None or isinstance(stated, bool) or stated == "":
        return None
    try:
        # Some shops write a decimal comma where schema.org asks for a point.
        return float(read_decimal(stated.replace(",", ".") if isinstance(stated, str) else stated))
    except ValueError as error:
        raise RowError("wrong_type", "`ratingValue` is not a number") from error


def _number(value: Any, default: float) -> float:
    found = _score(value)
    return default if found is None else found


def _recognises(head: bytes, name: str) -> bool:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start in (b"{", b"["):
        return b"schema.org" in head and (b'"Review"' in head or b'"reviewRating"' in head)
    return (
        start == b"<"
        and name.endswith((".html", ".htm"))
        and (bool(_LD_JSON.search(head)) or b"<html" in head[:2000].lower())
    )


CONNECTOR = Connector(
    kind="schema_org_reviews",
    label="Reviews on web pages (schema.org in JSON-LD; HTML or JSON)",
    required=(),
    optional=(*PERSON_FIELDS, *PLACE_FIELDS),
    read=_read,
    records=_records,
    recognises=_recognises,
    suffixes=(".html", ".htm", ".jsonld"),
)
