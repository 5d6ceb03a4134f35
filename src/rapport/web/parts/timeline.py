"""What happened with one customer, newest first, by day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from itertools import groupby
from typing import Literal

import msgspec

from rapport.web import html as h
from rapport.web.parts.context import PageContext
from rapport.web.parts.icons import icon


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a timeline."""

    occurred_at: datetime
    icon: str
    title: h.Child
    detail: h.Child = None
    quote: str | None = None
    """The customer's own words."""
    note: h.Child = None
    """Where it comes from: channel, agent, campaign."""
    mood: float | None = None
    """Sentiment, −1 to 1."""
    href: str | None = None
    actions: h.Child = None


def timeline(context: PageContext, events: Iterable[Event], *, today: date) -> h.Markup:
    """Events in the order given, grouped by the day on the user's clock.

    Days of the year of `today` are written without their year.
    """
    n = context.n
    days = groupby(events, key=lambda event: n.local(event.occurred_at).date())
    return h.div(
        {"class": "timeline"},
        (
            (
                h.h3(
                    {"class": "timeline-day"},
                    n.day(day) if day.year == today.year else n.date(day),
                ),
                h.ol(_event(context, event) for event in of_day),
            )
            for day, of_day in days
        ),
    )


def _event(context: PageContext, event: Event) -> h.Markup:
    tone = _tone(event.mood)
    return h.li(
        {"class": "event"},
        h.span({"class": "event-icon"}, icon(event.icon)),
        h.div(
            {"class": "event-body"},
            h.div(
                {"class": "event-title"},
                h.a({"href": event.href}, event.title) if event.href else event.title,
            ),
            h.div({"class": "event-detail"}, event.detail) if event.detail else None,
            h.blockquote({"class": ["event-quote", tone]}, "“", event.quote, "”")
            if event.quote
            else None,
            h.div({"class": "event-note"}, event.note) if event.note else None,
            event.actions,
        ),
        h.div(
            {"class": "event-side"},
            h.time({"datetime": event.occurred_at.isoformat()}, context.n.time(event.occurred_at)),
            mood(context, event.mood) if event.mood is not None else None,
        ),
    )


def _tone(value: float | None) -> Literal["good", "bad"] | None:
    # Within 0.1 of zero a text says neither; the colour would claim more than is known.
    if value is None or abs(value) < 0.1:
        return None
    return "good" if value > 0 else "bad"


def mood(context: PageContext, value: float) -> h.Markup:
    """Sentiment from −1 to 1 as a point on a line and its figure."""
    place = (min(max(value, -1.0), 1.0) + 1) * 50
    return h.span(
        {"class": ["mood", _tone(value)], "title": context.t("parts.mood")},
        h.span({"class": "sr"}, context.t("parts.mood"), " "),
        h.span({"class": "mood-track", "aria-hidden": True}, h.i({"style": f"left:{place:.0f}%"})),
        context.n.signed(value, digits=2),
    )
