"""Chips: one or two words with a meaning."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from rapport.web import html as h
from rapport.web.parts.context import PageContext
from rapport.web.parts.icons import icon


def chip(
    text: h.Child,
    *,
    tone: Literal["neutral", "good", "bad", "caution", "accent"] = "neutral",
    icon_name: str | None = None,
    title: str | None = None,
) -> h.Markup:
    """One chip; `title` says more where the word alone is short."""
    return h.span(
        {"class": ["chip", tone], "title": title},
        icon(icon_name, size=14) if icon_name else None,
        h.span(text),
    )


def chips(*several: h.Child) -> h.Markup:
    """Chips side by side."""
    return h.div({"class": "chips"}, several)


def stale_badge(context: PageContext, since: datetime, now: datetime) -> h.Markup:
    """How old a number is, beside the number itself: "26 h old"."""
    return chip(
        context.n.age(since, now),
        tone="caution",
        icon_name="clock-alert",
        title=context.n.date_time(since),
    )
