"""Public reviews, whichever site they stand on, as touchpoints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from rapport.collect.long_texts import clean_lines
from rapport.collect.rows import Row, RowError
from rapport.vocabulary.identifier_values import clean_text
from rapport.vocabulary.touchpoint import MESSAGE_SENT, REVIEW_POSTED, Touchpoint


class Reply(Struct, frozen=True, kw_only=True):
    """What the company answered, under the review."""

    text: str
    replied_at: Any


class Review(Struct, frozen=True, kw_only=True):
    """One review; times as its site writes them."""

    review_id: str
    posted_at: Any
    score: float | None
    low: float = 1.0
    high: float = 5.0
    title: str | None = None
    text: str | None = None
    language: str | None = None
    order_id: str | None = None
    place: str | None = None
    person: dict[str, Any] = {}
    reply: Reply | None = None
    about: dict[str, Any] = {}


def review_touchpoints(row: Row, kind: str, review: Review) -> Iterator[Touchpoint]:
    """The review, and our answer to it as a touchpoint of its own: it is often written later."""
    if review.score is not None and not review.low <= review.score <= review.high:
        raise RowError(
            "score_out_of_range", f"the stars are outside {review.low:g} to {review.high:g}"
        )
    key = f"{kind}:{review.review_id}"
    part = row.part(**review.person, language=review.language, place=review.place)
    posted_at = row.part(posted_at=review.posted_at).required_moment("posted_at")
    title = clean_text(review.title or "")[:300]
    said = "\n".join(each for each in (title, clean_lines(review.text or "")) if each)
    if review.score is None and not said:
        raise RowError("missing_field", "the review has neither stars nor words")
    yield part.touchpoint(
        key,
        type=REVIEW_POSTED,
        channel="review",
        occurred_at=posted_at,
        text=said or None,
        language=part.language(),
        order_id=clean_text(review.order_id or "") or None,
        score=review.score,
        scale_min=review.low,
        scale_max=review.high,
        properties={**review.about, "review_id": review.review_id},
    )
    if review.reply is None or not (answer := clean_lines(review.reply.text)):
        return
    replied = row.part(replied_at=review.reply.replied_at or review.posted_at)
    replied_at = replied.required_moment("replied_at")
    hours = (replied_at - posted_at).total_seconds() / 3600
    yield part.touchpoint(
        f"{key}:reply",
        type=MESSAGE_SENT,
        channel="review",
        occurred_at=replied_at,
        # Not as `text`: it is read as the words of the person, and these are ours.
        properties={
            "review_id": review.review_id,
            "sent_text": answer[:5000],
            "by": "agent",
            "hours_to_reply": round(hours, 2) if review.reply.replied_at else None,
        },
    )
