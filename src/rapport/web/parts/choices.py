"""Choices that are links: the address says what is chosen, so it can be shared."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from rapport.web import html as h
from rapport.web.parts.icons import icon


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One of several views of the same thing."""

    text: str
    href: str
    chosen: bool = False
    icon: str | None = None
    attributes: h.Attributes | None = None
    """Such as those of `parts.htmx.load`."""


def segmented(label: str, choices: Sequence[Choice]) -> h.Markup:
    """Week | Month | Quarter; `label` says to screen readers what is chosen here."""
    return _choices("choice", label, choices)


def pills(label: str, choices: Sequence[Choice]) -> h.Markup:
    """Round filters, such as the kinds of a timeline's events."""
    return _choices("pills", label, choices)


def _choices(style: str, label: str, choices: Sequence[Choice]) -> h.Markup:
    return h.nav(
        {"class": style, "aria-label": label},
        (
            h.a(
                {
                    **(choice.attributes or {}),
                    "href": choice.href,
                    "aria-current": "true" if choice.chosen else None,
                },
                icon(choice.icon, size=14) if choice.icon else None,
                choice.text,
            )
            for choice in choices
        ),
    )
