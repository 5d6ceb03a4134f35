"""The segments that a customer belongs to, and since when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rapport.web import html as h
from rapport.web.parts.cards import card
from rapport.web.parts.context import PageContext
from rapport.web.parts.measures import segment_name
from rapport.workflows.segment_definitions import NamedSegment


def segments_card(context: PageContext, own: Sequence[tuple[NamedSegment, datetime]]) -> h.Markup:
    """Each segment with the day since when, the newest first."""
    t = context.t
    return card(
        h.ul(
            {"class": "stack tight", "style": "list-style:none;margin:0;padding:0"},
            (
                h.li(
                    h.a({"href": f"/segments/{segment.key}"}, segment_name(context, segment)),
                    h.div(
                        {"class": "note"},
                        t("customer.segments.since", date=context.n.date_short(since)),
                    ),
                )
                for segment, since in own
            ),
        )
        if own
        else h.p({"class": "small muted"}, t("customer.segments.none")),
        title=t("customer.segments.title"),
    )
