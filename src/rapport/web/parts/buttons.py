"""Buttons, and links that look like them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from rapport.web import html as h
from rapport.web.parts.context import PageContext
from rapport.web.parts.icons import icon

Kind: TypeAlias = Literal["plain", "primary", "danger", "quiet"]


def button(
    text: h.Child,
    *,
    href: str | None = None,
    icon_name: str | None = None,
    kind: Kind = "plain",
    type: Literal["submit", "button"] = "submit",
    name: str | None = None,
    value: str | None = None,
    attributes: h.Attributes | None = None,
) -> h.Markup:
    """A button of a form, or a link where `href` is given."""
    shared: dict[str, h.Attribute] = {
        **(attributes or {}),
        "class": ["button", kind if kind != "plain" else None],
    }
    content = (icon(icon_name) if icon_name else None, h.span(text))
    if href is not None:
        return h.a({**shared, "href": href}, content)
    return h.button({**shared, "type": type, "name": name, "value": value}, content)


def icon_button(
    label: str,
    icon_name: str,
    *,
    href: str | None = None,
    attributes: h.Attributes | None = None,
) -> h.Markup:
    """A square button of which the picture says enough for those who see it."""
    shared: dict[str, h.Attribute] = {
        **(attributes or {}),
        "class": "button quiet square",
        "aria-label": label,
        "title": label,
    }
    if href is not None:
        return h.a({**shared, "href": href}, icon(icon_name))
    return h.button({"type": "submit", **shared}, icon(icon_name))


def post_button(
    context: PageContext,
    text: h.Child,
    *,
    action: str,
    values: Mapping[str, str] | None = None,
    icon_name: str | None = None,
    kind: Kind = "plain",
    attributes: h.Attributes | None = None,
) -> h.Markup:
    """A form of one button: whatever writes is a POST with a CSRF token, also without scripts.

    `attributes` go to the form, such as those of `parts.htmx.send`.
    """
    return h.form(
        {**(attributes or {}), "method": "post", "action": action},
        context.csrf_input,
        (
            h.input({"type": "hidden", "name": name, "value": value})
            for name, value in (values or {}).items()
        ),
        button(text, icon_name=icon_name, kind=kind),
    )
