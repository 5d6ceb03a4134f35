"""Tickets of help desks, whichever product they come from, as touchpoints."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from msgspec import Struct

from rapport.collect.html_text import html_to_text
from rapport.collect.long_texts import clean_lines
from rapport.collect.mail_text import own_words
from rapport.collect.rows import Row
from rapport.vocabulary.identifier_values import clean_text
from rapport.vocabulary.touchpoint import (
    MESSAGE_RECEIVED,
    SURVEY_ANSWERED,
    TICKET_OPENED,
    TICKET_RESOLVED,
    TICKET_UPDATED,
    Touchpoint,
)

_LONGEST_ANSWER = 5_000


class Said(Struct, frozen=True, kw_only=True):
    """A public message of a ticket after its first."""

    message_id: str
    said_at: Any  # as the silo writes it
    by_customer: bool
    text: str
    author: str | None = None


class Rating(Struct, frozen=True, kw_only=True):
    """What the customer thought of the help."""

    rating_id: str
    score: float
    low: float
    high: float
    rated_at: Any
    comment: str | None


class HelpTicket(Struct, frozen=True, kw_only=True):
    """A ticket as every help desk knows it; times as the silo writes them."""

    ticket_id: str
    opened_at: Any
    subject: str | None
    text: str
    channel: str
    person: dict[str, Any]  # values of `PERSON_FIELDS`
    said: tuple[Said, ...] = ()
    resolved_at: Any = None
    rating: Rating | None = None
    about: dict[str, Any] = {}
    reply_minutes: float | None = None
    language: str | None = None


def letter(text: Any, *, html: bool = False) -> str:
    """What somebody wrote in a message, without quotations and signatures."""
    if not isinstance(text, str):
        return ""
    return own_words(clean_lines(html_to_text(text) if html else text))


def ticket_touchpoints(row: Row, kind: str, ticket: HelpTicket) -> Iterator[Touchpoint]:
    """When it was opened, each message, when it was resolved, and how that was judged."""
    key = f"{kind}:{ticket.ticket_id}"
    person = row.part(**ticket.person, language=ticket.language)
    opened_at = _moment(row, "opened_at", ticket.opened_at)
    subject = clean_text(ticket.subject or "")[:500] or None
    about = {"ticket_id": ticket.ticket_id, "subject": subject, **ticket.about}

    def touch(touchpoint_id: str, type: str, at: datetime, **parts: Any) -> Touchpoint:
        return person.touchpoint(
            touchpoint_id, type=type, channel=ticket.channel, occurred_at=at, **parts
        )

    yield touch(
        key,
        TICKET_OPENED,
        opened_at,
        text="\n".join(part for part in (subject, ticket.text) if part) or None,
        language=person.language(),
        properties=about,
    )
    first_answer: datetime | None = None
    for said in ticket.said:
        said_at = _moment(row, "said_at", said.said_at)
        whose = {"ticket_id": ticket.ticket_id}
        if said.by_customer:
            yield touch(
                f"{key}:{said.message_id}", MESSAGE_RECEIVED, said_at, text=said.text or None,
                language=person.language(), properties=whose,
            )  # fmt: skip
            continue
        first_answer = min(first_answer or said_at, said_at)
        # Not as `text`: it is read as the words of the person, and these are ours.
        yield touch(
            f"{key}:{said.message_id}", TICKET_UPDATED, said_at,
            properties={**whose, "change": "answered", "agent": said.author,
                        "sent_text": said.text[:_LONGEST_ANSWER] or None},
        )  # fmt: skip
    if ticket.resolved_at is not None:
        resolved_at = _moment(row, "resolved_at", ticket.resolved_at)
        minutes = ticket.reply_minutes
        if minutes is None and first_answer is not None:
            minutes = round((first_answer - opened_at).total_seconds() / 60, 2)
        yield touch(
            f"{key}:resolved",
            TICKET_RESOLVED,
            resolved_at,
            properties={
                **about,
                "hours_open": round((resolved_at - opened_at).total_seconds() / 3600, 2),
                "first_response_minutes": minutes,
            },
        )
    if ticket.rating is not None:
        rating = ticket.rating
        yield touch(
            f"{key}:rating:{rating.rating_id}",
            SURVEY_ANSWERED,
            _moment(row, "rated_at", rating.rated_at),
            text=clean_lines(rating.comment) or None if rating.comment else None,
            score=rating.score,
            scale_min=rating.low,
            scale_max=rating.high,
            question="csat",
            language=person.language(),
            properties={"ticket_id": ticket.ticket_id},
        )


def _moment(row: Row, field: str, value: Any) -> datetime:
    return row.part(**{field: value}).required_moment(field)
