"""Tickets of Freshdesk: its account export and its API, with their conversations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rapport.collect.connector import Connector, FileAsIs, Record
from rapport.collect.help_desk import HelpTicket, Rating, Said, letter, ticket_touchpoints
from rapport.collect.json_records import an_object, json_objects, objects_in, plain, words
from rapport.collect.rows import Row, RowError
from rapport.collect.tables import BadRow
from rapport.vocabulary.touchpoint import Touchpoint

_SOURCES = {
    1: "email", 2: "web", 3: "phone", 4: "community", 5: "social", 6: "social", 7: "chat",
    8: "app", 9: "web", 10: "email", 11: "marketplace", 12: "chat", 13: "messaging",
}  # fmt: skip
_SOURCE_NAMES = {"email": "email", "portal": "web", "phone": "phone", "chat": "chat",
                 "twitter": "social", "facebook": "social", "feedback widget": "web",
                 "whatsapp": "messaging", "outbound email": "email"}  # fmt: skip
_STATUSES = {2: "open", 3: "pending", 4: "resolved", 5: "closed"}
_PRIORITIES = {1: "low", 2: "medium", 3: "high", 4: "urgent"}
#: Freshdesk's seven faces, the worst first (`default_question` of a rating).
_FACES = {-103: 1.0, -102: 2.0, -101: 3.0, 100: 4.0, 101: 5.0, 102: 6.0, 103: 7.0}


def _records(file: FileAsIs) -> Iterator[Record | BadRow]:
    for found in json_objects(file.content, file.name, ("tickets",))():
        if isinstance(found, BadRow):
            yield found
            continue
        raw = found.raw
        ticket = an_object(found.value.get("helpdesk_ticket")) or found.value
        yield Record(found.at, {"ticket": ticket}, lambda raw=raw: b"[" + raw + b"]")  # type: ignore[misc]


def _read(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    (row,) = rows
    return ticket_touchpoints(row, "freshdesk", _ticket(an_object(row.cell("ticket"))))


def _ticket(ticket: dict[str, Any]) -> HelpTicket:
    ticket_id = words(ticket.get("display_id")) or words(ticket.get("id"))
    if ticket_id is None:
        raise RowError("missing_field", "`id` of the ticket is empty")
    requester = an_object(ticket.get("requester"))
    stats = an_object(ticket.get("stats")) or an_object(ticket.get("ticket_states"))
    status = _named(ticket.get("status"), _STATUSES) or words(ticket.get("status_name"))
    status = status.lower() if status else None
    resolved = stats.get("resolved_at") or stats.get("closed_at")
    if resolved is None and status in ("resolved", "closed"):
        resolved = ticket.get("updated_at")
    return HelpTicket(
        ticket_id=ticket_id,
        opened_at=ticket.get("created_at"),
        subject=words(ticket.get("subject")),
        text=letter(ticket.get("description_text"))
        or letter(ticket.get("description"), html=_is_html(ticket.get("description"))),
        channel=_channel(ticket),
        person={
            "user_id": words(ticket.get("requester_id")) or words(requester.get("id")),
            "customer_id": words(requester.get("unique_external_id")),
            "email": words(requester.get("email")) or words(ticket.get("email")),
            "phone": words(requester.get("phone"))
            or words(requester.get("mobile"))
            or words(ticket.get("phone")),
            "name": words(requester.get("name")) or words(ticket.get("requester_name")),
        },
        language=words(requester.get("language")),
        said=_said(ticket),
        resolved_at=resolved if status in ("resolved", "closed", None) else None,
        rating=_rating(ticket),
        about={
            "status": status,
            "priority": _named(ticket.get("priority"), _PRIORITIES)
            or words(ticket.get("priority_name")),
            "topic": words(ticket.get("type")) or words(ticket.get("ticket_type")),
            "tags": [tag for tag in ticket["tags"][:50] if isinstance(tag, str)] or None
            if isinstance(ticket.get("tags"), list)
            else None,
        },
    )


def _named(value: Any, names: dict[int, str]) -> str | None:
    return names.get(value) if isinstance(value, int) else None


def _is_html(value: Any) -> bool:
    return isinstance(value, str) and "<" in value and ">" in value


def _channel(ticket: dict[str, Any]) -> str:
    source = ticket.get("source")
    if isinstance(source, int):
        return _SOURCES.get(source, "web")
    return _SOURCE_NAMES.get((words(ticket.get("source_name")) or "").lower(), "email")


def _said(ticket: dict[str, Any]) -> tuple[Said, ...]:
    messages = objects_in(ticket.get("conversations")) or objects_in(ticket.get("notes"))
    return tuple(
        Said(
            message_id=words(message.get("id")) or f"message-{number}",
            said_at=message.get("created_at"),
            by_customer=message.get("incoming") is True,
            author=None if message.get("incoming") is True else words(message.get("from_email")),
            text=letter(message.get("body_text"))
            or letter(message.get("body"), html=_is_html(message.get("body"))),
        )
        for number, message in enumerate(messages)
        if message.get("private") is not True
    )


def _rating(ticket: dict[str, Any]) -> Rating | None:
    ratings = objects_in(ticket.get("satisfaction_ratings"))
    if not ratings:
        single = an_object(ticket.get("satisfaction_rating"))
        ratings = [single] if single else []
    for rating in reversed(ratings):
        stated = plain(an_object(rating.get("ratings")).get("default_question"))
        if stated is None:
            continue
        score = _FACES.get(int(stated)) if isinstance(stated, int | float) else None
        if score is None:
            raise RowError("score_out_of_range", "`default_question` is none of Freshdesk's faces")
        return Rating(
            rating_id=words(rating.get("id")) or str(stated),
            score=score,
            low=1.0,
            high=7.0,
            rated_at=rating.get("created_at") or ticket.get("updated_at"),
            comment=words(rating.get("feedback")),
        )
    return None


_ITS_OWN = re.compile(
    rb'"(?:helpdesk_ticket|fr_escalated|description_text|responder_id|to_emails|fwd_emails|spam'
    rb'|status_name|responder_name)"\s*:'
)


def _recognises(head: bytes, _name: str) -> bool:
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] not in (b"{", b"["):
        return False
    return len(set(_ITS_OWN.findall(head))) >= 2


CONNECTOR = Connector(
    kind="freshdesk",
    label="Freshdesk tickets with their conversations (JSON)",
    required=(),
    optional=(),
    read=_read,
    records=_records,
    recognises=_recognises,
)
