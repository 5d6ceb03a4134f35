"""Connecting a website or app: a source, its write key shown once, and how to use it."""

from __future__ import annotations

import json

from rapport.web import html as h
from rapport.web.pages.sources.one import address
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import card
from rapport.web.parts.context import PageContext
from rapport.web.parts.forms import field, form
from rapport.web.parts.frame import page
from rapport.web.tracker import snippet

_CODE = (
    "overflow:auto;white-space:pre-wrap;overflow-wrap:anywhere;background:var(--sunken);"
    "padding:12px;border-radius:6px;margin:0"
)


def connect_page(
    context: PageContext, *, name: str = "", label: str = "", error: str | None = None
) -> h.Markup:
    """The form for a new collector."""
    return page(
        context,
        context.t("sources.connect_page.title"),
        h.div(
            {"class": "grid"},
            card(
                form(
                    context,
                    field(
                        context.t("sources.connect_page.name"),
                        "name",
                        value=name,
                        hint=context.t("sources.connect_page.name_hint"),
                        error=error,
                        required=True,
                        autocomplete="off",
                        attributes={"maxlength": 60, "spellcheck": "false"},
                    ),
                    field(
                        context.t("sources.connect_page.label"),
                        "label",
                        value=label,
                        autocomplete="off",
                        attributes={"maxlength": 200},
                    ),
                    h.div(
                        {"class": "form-actions"},
                        button(context.t("sources.connect_page.make"), kind="primary"),
                        button(context.t("sources.one.back"), href="/sources"),
                    ),
                    action="/sources/new/connect",
                ),
                span="span-6",
            ),
        ),
        subtitle=context.t("sources.connect_page.subtitle"),
    )


def curl_snippet(url: str, key: str) -> str:
    """An order from a server, by a tool that every system has."""
    event = {
        "userId": "42",
        "event": "Order Completed",
        "properties": {"order_id": "A-1", "total": 49.9, "currency": "EUR"},
    }
    return f"curl -u '{key}:' {url}/v1/track \\\n  -d '{json.dumps(event)}'"


def key_page(context: PageContext, *, name: str, key: str, url: str) -> h.Markup:
    """The key, and what to paste where."""

    def code(text: str) -> h.Markup:
        return h.pre({"class": "small", "tabindex": "0", "style": _CODE}, "\n", h.code(text))

    return page(
        context,
        context.t("sources.key.title", source=name),
        h.div(
            {"class": "grid"},
            card(
                h.div(
                    {"class": "stack"},
                    h.p(context.t("sources.key.once")),
                    code(key),
                    h.div(
                        button(context.t("sources.key.done"), href=address(name), kind="primary")
                    ),
                ),
                title=context.t("sources.key.key"),
                span="span-12",
                wanted=True,
            ),
            card(
                code(snippet(url, key)),
                title=context.t("sources.key.browser"),
                foot=context.t("sources.key.browser_hint"),
                span="span-6",
            ),
            card(code(curl_snippet(url, key)), title=context.t("sources.key.curl"), span="span-6"),
        ),
        subtitle=context.t("sources.connect_page.subtitle"),
    )
