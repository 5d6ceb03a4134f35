"""What a card or page shows when it is empty or failed, and what a write leaves behind."""

from __future__ import annotations

from rapport.web import html as h
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import Tone
from rapport.web.parts.context import PageContext
from rapport.web.parts.icons import icon

_FLASH_ICONS: dict[Tone, str] = {
    "neutral": "info",
    "good": "check",
    "bad": "circle-alert",
    "caution": "triangle-alert",
}


def empty_state(
    title: h.Child, detail: h.Child, action: h.Child = None, *, icon_name: str = "inbox"
) -> h.Markup:
    """What will be here, why it is not yet, and one button."""
    return h.div(
        {"class": "state"},
        h.span({"class": "state-icon"}, icon(icon_name, size=20)),
        h.h2(title),
        h.p(detail),
        action,
    )


def error_state(
    context: PageContext,
    title: h.Child,
    detail: h.Child,
    *,
    reference: str | None = None,
    retry: str | None = None,
    attributes: h.Attributes | None = None,
) -> h.Markup:
    """What failed, what was kept, what to do, and the reference number for whoever helps.

    `retry` is the address that tries again; `attributes` those of its link, such as
    `parts.htmx.load` so that only this card is fetched.
    """
    return h.div(
        {"class": "state failed", "role": "alert"},
        h.span({"class": "state-icon"}, icon("triangle-alert", size=20)),
        h.h2(title),
        h.p(detail),
        h.p({"class": "note"}, context.t("parts.reference", reference=reference))
        if reference
        else None,
        button(context.t("parts.retry"), href=retry, icon_name="rotate-cw", attributes=attributes)
        if retry
        else None,
    )


def flash(text: h.Child, *, tone: Tone = "good", action: h.Child = None) -> h.Markup:
    """One line about what has just happened; `action` is usually its undo."""
    return h.div({"class": ["flash", tone]}, icon(_FLASH_ICONS[tone]), h.span(text), action)


def flash_list(*several: h.Child) -> h.Markup:
    """What has just happened, above the page's cards and apart from them."""
    return h.div({"class": "flash-list"}, several)
