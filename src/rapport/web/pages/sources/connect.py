"""Connecting a website or app: a source, its write key shown once, and how to use it."""

from __future__ import annotations

import json

from msgspec import Struct

from rapport.collect.signatures import STYLES
from rapport.web import html as h
from rapport.web.pages.sources.one import address
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import card
from rapport.web.parts.code import code_block
from rapport.web.parts.context import PageContext
from rapport.web.parts.forms import field, form, select_field
from rapport.web.parts.frame import page
from rapport.web.tracker import snippet
from rapport.workflows.sources import COLLECTOR, OVER_HTTP, WEBHOOK, what_to_paste


class Connecting(Struct, frozen=True, kw_only=True):
    """What the form says."""

    name: str = ""
    label: str = ""
    kind: str = COLLECTOR
    style: str = "standard"
    secret: str = ""


def connect_page(
    context: PageContext, said: Connecting | None = None, *, error: str | None = None
) -> h.Markup:
    """The form for a new source of events."""
    said = said or Connecting()
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
                        value=said.name,
                        hint=context.t("sources.connect_page.name_hint"),
                        error=error,
                        required=True,
                        autocomplete="off",
                        attributes={"maxlength": 60, "spellcheck": "false"},
                    ),
                    field(
                        context.t("sources.connect_page.label"),
                        "label",
                        value=said.label,
                        autocomplete="off",
                        attributes={"maxlength": 200},
                    ),
                    select_field(
                        context.t("sources.connect_page.kind"),
                        "kind",
                        [(kind, context.t(f"sources.kind.{kind}")) for kind in OVER_HTTP],
                        value=said.kind,
                    ),
                    h.div(
                        {"class": "only-webhooks stack"},
                        select_field(
                            context.t("sources.connect_page.style"),
                            "style",
                            list(STYLES.items()),
                            value=said.style,
                            hint=context.t("sources.connect_page.style_hint"),
                        ),
                        field(
                            context.t("sources.connect_page.secret"),
                            "secret",
                            value=said.secret,
                            hint=context.t("sources.connect_page.secret_hint"),
                            autocomplete="off",
                            attributes={"maxlength": 300, "spellcheck": "false"},
                        ),
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


def webhook_page(context: PageContext, *, name: str, url: str) -> h.Markup:
    """The address to give to the sender of webhooks, whose signature is its key."""
    theirs = what_to_paste(WEBHOOK, url, name) or ""
    return page(
        context,
        name,
        h.div(
            {"class": "grid"},
            card(
                h.div(
                    {"class": "stack"},
                    h.p(context.t("sources.key.webhook")),
                    code_block(context, theirs, name="address"),
                    h.div(
                        button(context.t("sources.key.done"), href=address(name), kind="primary")
                    ),
                ),
                title=context.t("sources.key.address"),
                span="span-12",
                wanted=True,
            ),
        ),
        subtitle=context.t("sources.kind.webhook"),
    )


def _for_senders(context: PageContext, kind: str, key: str, url: str) -> tuple[h.Markup, ...]:
    """What to paste where: of another tracker its own settings, else our script and a call."""
    theirs = what_to_paste(kind, url, key)
    if theirs is not None:
        title = context.t("sources.key.paste", tracker=context.t(f"sources.kind.{kind}"))
        return (card(code_block(context, theirs, name="settings"), title=title, span="span-12"),)
    return (
        card(
            h.div(
                {"class": "stack"},
                h.p(context.t("tracker.hint")),
                code_block(context, snippet(url, key), name="snippet"),
                h.p({"class": "note"}, context.t("tracker.consent")),
            ),
            title=context.t("tracker.title"),
            span="span-6",
        ),
        card(
            code_block(context, curl_snippet(url, key), name="curl"),
            title=context.t("sources.key.curl"),
            span="span-6",
        ),
    )


def key_page(
    context: PageContext, *, name: str, key: str, url: str, kind: str = COLLECTOR
) -> h.Markup:
    """The key, and what to paste where."""
    return page(
        context,
        context.t("sources.key.title", source=name),
        h.div(
            {"class": "grid"},
            card(
                h.div(
                    {"class": "stack"},
                    h.p(context.t("sources.key.once")),
                    code_block(context, key, name="write-key"),
                    h.div(
                        button(context.t("sources.key.done"), href=address(name), kind="primary")
                    ),
                ),
                title=context.t("sources.key.key"),
                span="span-12",
                wanted=True,
            ),
            *_for_senders(context, kind, key, url),
        ),
        subtitle=context.t("sources.connect_page.subtitle"),
    )
