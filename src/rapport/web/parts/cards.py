"""Cards, and the short statements that say what changed."""

from __future__ import annotations

from typing import Literal, TypeAlias

from rapport.web import html as h
from rapport.web.parts.icons import icon

Tone: TypeAlias = Literal["neutral", "good", "bad", "caution"]

_TONE_ICONS: dict[Tone, str] = {
    "neutral": "info",
    "good": "trending-up",
    "bad": "trending-down",
    "caution": "clock-alert",
}


def card(
    *body: h.Child,
    title: h.Child = None,
    note: h.Child = None,
    tools: h.Child = None,
    foot: h.Child = None,
    span: str | None = None,
    flush: bool = False,
    wanted: bool = False,
    attributes: h.Attributes | None = None,
) -> h.Markup:
    """One card.

    Parameters
    ----------
    body : children
    title : child, optional
        Its heading (``h2``).
    note : child, optional
        Beside the heading: unit, period, count.
    tools : child, optional
        Right of the heading: legend, links, a choice.
    foot : child, optional
        A sentence under the content.
    span : str, optional
        Layout classes, such as ``"span-8 tablet-7"``.
    flush : bool
        True where the content (a table) touches the card's edges.
    wanted : bool
        True for the one card that asks the user to act.
    attributes : dict, optional
        Such as an ``id`` or those of `parts.htmx`.
    """
    head = None
    if title is not None or tools is not None:
        head = h.div(
            {"class": "card-head"},
            h.h2(title) if title is not None else None,
            h.span({"class": "card-note"}, note) if note is not None else None,
            h.div({"class": "card-tools"}, tools) if tools is not None else None,
        )
    classes = ["card", span, flush and "flush", wanted and "wanted"]
    return h.section(
        {**(attributes or {}), "class": classes},
        head,
        body,
        h.div({"class": "card-foot"}, foot) if foot is not None else None,
    )


def callout(
    title: h.Child,
    *detail: h.Child,
    tone: Tone = "neutral",
    icon_name: str | None = None,
    span: str | None = None,
) -> h.Markup:
    """What changed, in one sentence, and the evidence under it."""
    return h.article(
        {"class": ["callout", tone, span]},
        h.span({"class": "callout-icon"}, icon(icon_name or _TONE_ICONS[tone])),
        h.div({"class": "callout-body"}, h.h2(title), detail),
    )
