"""Tickets of Zendesk: its JSON export (a ticket a line) and pages of its API."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from rapport.collect.connector import Connector, FileAsIs, Record
from rapport.collect.help_desk import HelpTicket, Rating, Said, letter, ticket_touchpoints
from rapport.collect.json_records import Found, an_object, json_objects, objects_in, plain, words
from rapport.collect.rows import Row, RowError
from rapport.collect.tables import BadRow
from rapport.errors import InvalidMapping
from rapport.vocabulary.touchpoint import Touchpoint

#: Lists that Zendesk puts beside the tickets.
_BESIDE = ("users", "metric_sets", "audits")
_LARGEST_BESIDE = 400_000_000
_CHANNELS = {
    "email": "email", "mail": "email", "web": "web", "web_widget": "web", "web_form": "web",
    "help_center": "web", "api": "web", "chat": "chat", "native_messaging": "messaging",
    "messaging": "messaging", "whatsapp": "messaging", "sms": "sms", "mobile": "app",
    "mobile_sdk": "app", "voice": "phone", "phone": "phone", "facebook": "social",
    "twitter": "social", "instagram_dm": "social", "any_channel": "messaging",
}  # fmt: skip
_RATINGS = {"good": 1.0, "bad": 0.0, "good_with_comment": 1.0, "bad_with_comment": 0.0}
_SOLVED = frozenset({"solved", "closed"})


def _records(file: FileAsIs) -> Iterator[Record | BadRow]:
    objects = json_objects(file.content, file.name, ("tickets", *_BESIDE))
    beside = _beside(objects())
    for found in objects():
        if isinstance(found, BadRow):
            yield found
        elif found.under in ("", "tickets"):
            yield _record(found, beside)


class _Beside(msgspec.Struct):
    """What the lists beside the tickets say of users (by id) and of tickets (by id)."""

    users: dict[str, dict[str, Any]]
    of_tickets: dict[str, dict[str, list[dict[str, Any]]]]


def _beside(objects: Iterable[Found | BadRow]) -> _Beside:
    beside = _Beside({}, defaultdict(lambda: defaultdict(list)))
    size = 0
    for found in objects:
        if isinstance(found, BadRow) or found.under not in _BESIDE:
            continue
        size += len(found.raw)
        if size > _LARGEST_BESIDE:
            raise InvalidMapping("The lists beside the tickets are above 400 MB; split the export")
        if found.under == "users":
            kept = ("id", "name", "email", "phone", "external_id", "locale", "role")
            user = {name: plain(found.value.get(name)) for name in kept}
            beside.users[words(user["id"]) or ""] = user
        elif (ticket := words(found.value.get("ticket_id"))) is not None:
            beside.of_tickets[ticket][found.under].append(found.value)
    return beside


def _record(found: Found, beside: _Beside) -> Record:
    ticket = dict(found.value)
    mine = beside.of_tickets.get(words(ticket.get("id")) or "", {})
    for name, values in mine.items():
        if name == "metric_sets":
            ticket.setdefault("metric_set", values[-1])
        else:
            ticket.setdefault(name, values)
    users = {known: beside.users[known] for known in _named_users(ticket) if known in beside.users}

    def raw() -> bytes:
        return msgspec.json.encode({"tickets": [ticket], "users": list(users.values())})

    return Record(found.at, {"ticket": ticket, "users": users}, raw)


def _named_users(ticket: dict[str, Any]) -> set[str]:
    said = objects_in(ticket.get("comments")) + [
        event for audit in objects_in(ticket.get("audits")) for event in _events(audit)
    ]
    ids = [ticket.get("requester_id"), *(one.get("author_id") for one in said)]
    return {known for known in map(words, ids) if known is not None}


def _events(audit: dict[str, Any]) -> list[dict[str, Any]]:
    shared = {name: audit.get(name) for name in ("author_id", "created_at")}
    return [{**shared, **event} for event in objects_in(audit.get("events"))]


def _read(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    (row,) = rows
    ticket = an_object(row.cell("ticket"))
    users = an_object(row.cell("users"))
    return ticket_touchpoints(row, "zendesk", _ticket(ticket, users))


def _ticket(ticket: dict[str, Any], users: dict[str, Any]) -> HelpTicket:
    ticket_id = words(ticket.get("id"))
    if ticket_id is None:
        raise RowError("missing_field", "`id` of the ticket is empty")
    requester = an_object(ticket.get("requester"))
    requester_id = words(ticket.get("requester_id")) or words(requester.get("id"))
    person = requester or an_object(users.get(requester_id or ""))
    metrics = an_object(ticket.get("metric_set"))
    said = _said(ticket, requester_id, users)
    via = words(an_object(ticket.get("via")).get("channel")) or "email"
    return HelpTicket(
        ticket_id=ticket_id,
        opened_at=ticket.get("created_at"),
        subject=words(ticket.get("subject")) or words(ticket.get("raw_subject")),
        text=letter(ticket.get("description")),
        channel=_CHANNELS.get(via, "web"),
        person={
            "user_id": requester_id,
            "customer_id": words(person.get("external_id")),
            "email": words(person.get("email")),
            "phone": words(person.get("phone")),
            "name": words(person.get("name")),
        },
        language=words(person.get("locale")),
        said=said,
        resolved_at=_resolved_at(ticket, metrics),
        rating=_rating(ticket),
        reply_minutes=_calendar(metrics.get("reply_time_in_minutes")),
        about={
            "status": words(ticket.get("status")),
            "priority": words(ticket.get("priority")),
            "topic": words(ticket.get("type")),
            "tags": [tag for tag in ticket["tags"][:50] if isinstance(tag, str)]
            if isinstance(ticket.get("tags"), list) and ticket["tags"]
            else None,
            "reopens": plain(metrics.get("reopens")),
        },
    )


def _said(
    ticket: dict[str, Any], requester_id: str | None, users: dict[str, Any]
) -> tuple[Said, ...]:
    """Public comments after the first, which is the description."""
    comments = objects_in(ticket.get("comments"))
    if not comments:
        comments = [
            event
            for audit in objects_in(ticket.get("audits"))
            for event in _events(audit)
            if event.get("type") == "Comment"
        ]
    said = []
    for number, comment in enumerate(comments):
        author = words(comment.get("author_id"))
        if comment.get("public") is False or (number == 0 and author == requester_id):
            continue
        user = an_object(users.get(author or ""))
        plain_text = comment.get("plain_body") or comment.get("body")
        said.append(
            Said(
                message_id=words(comment.get("id")) or f"comment-{number}",
                said_at=comment.get("created_at"),
                by_customer=author == requester_id or user.get("role") == "end-user",
                author=words(user.get("name")),
                text=letter(plain_text) or letter(comment.get("html_body"), html=True),
            )
        )
    return tuple(said)


def _resolved_at(ticket: dict[str, Any], metrics: dict[str, Any]) -> Any:
    if ticket.get("status") not in _SOLVED:
        return None
    if metrics.get("solved_at"):
        return metrics["solved_at"]
    changes = [
        event.get("created_at")
        for audit in objects_in(ticket.get("audits"))
        for event in _events(audit)
        if event.get("field_name") == "status" and event.get("value") in _SOLVED
    ]
    return next((at for at in reversed(changes) if at), ticket.get("updated_at"))


def _rating(ticket: dict[str, Any]) -> Rating | None:
    rating = an_object(ticket.get("satisfaction_rating"))
    stated = rating.get("score")
    low, high = 0.0, 1.0
    score = _RATINGS.get(stated) if isinstance(stated, str) else None
    if score is None and isinstance(stated, int | float) and not isinstance(stated, bool):
        low, high, score = 1.0, 5.0, float(stated)
        if not low <= score <= high:
            raise RowError("score_out_of_range", "`satisfaction_rating.score` is outside 1 to 5")
    if score is None:  # "offered", "unoffered": nobody answered
        return None
    return Rating(
        rating_id=words(rating.get("id")) or str(stated),
        score=score,
        low=low,
        high=high,
        rated_at=rating.get("created_at") or ticket.get("updated_at"),
        comment=words(rating.get("comment")),
    )


def _calendar(value: Any) -> float | None:
    minutes = an_object(value).get("calendar")
    return float(minutes) if isinstance(minutes, int | float) and minutes < 1e9 else None


_TICKET = re.compile(rb'"(?:requester_id|requester|submitter_id|submitter)"\s*:')
_ITS_OWN = re.compile(rb'"(?:satisfaction_rating|raw_subject|brand_id|ticket_form_id|via)"\s*:')


def _recognises(head: bytes, _name: str) -> bool:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start not in (b"{", b"["):
        return False
    return (
        bool(_TICKET.search(head))
        and len(set(_ITS_OWN.findall(head))) >= 2
        and b'"helpdesk_ticket"' not in head
    )


CONNECTOR = Connector(
    kind="zendesk",
    label="Zendesk tickets, as its JSON export or its API writes them",
    required=(),
    optional=(),
    read=_read,
    records=_records,
    recognises=_recognises,
)
