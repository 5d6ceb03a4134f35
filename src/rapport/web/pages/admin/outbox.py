"""The outbox: what waits, what failed and why, and sending again."""

from __future__ import annotations

from typing import Literal

from rapport.act.outbox_list import OUTBOX_STATUSES, OutboxLine
from rapport.web import html as h
from rapport.web.pages.admin.sections import admin_page
from rapport.web.parts.buttons import post_button
from rapport.web.parts.cards import callout, card
from rapport.web.parts.chips import chip
from rapport.web.parts.choices import Choice, pills
from rapport.web.parts.context import PageContext
from rapport.web.parts.states import empty_state
from rapport.web.parts.tables import Column, pagination, table
from rapport.workflows.outbox import PAGE, OutboxView

_TONES: dict[str, Literal["neutral", "good", "bad", "accent"]] = {
    "waiting": "neutral",
    "sending": "accent",
    "sent": "good",
    "failed": "bad",
}


def outbox_page(context: PageContext, view: OutboxView) -> h.Markup:
    """The whole page."""
    total = sum(view.counts.values())
    waiting = view.counts["waiting"]
    return admin_page(
        context,
        "outbox",
        h.div(
            {"class": "stack"},
            callout(
                context.t("admin.outbox.no_server_title"),
                context.t("admin.outbox.no_server"),
                tone="caution",
                icon_name="mail-x",
            )
            if waiting and not view.mail_server
            else None,
            pills(
                context.t("admin.outbox.filter"),
                [
                    Choice(
                        text=f"{context.t('admin.outbox.all')} {context.n.count(total)}",
                        href="/admin/outbox",
                        chosen=view.status is None,
                    ),
                    *(
                        Choice(
                            text=f"{context.t(f'admin.outbox.status.{status}')} "
                            f"{context.n.count(view.counts[status])}",
                            href=f"/admin/outbox?show={status}",
                            chosen=view.status == status,
                        )
                        for status in OUTBOX_STATUSES
                    ),
                ],
            ),
            _table(context, view, total),
        ),
    )


def _table(context: PageContext, view: OutboxView, total: int) -> h.Markup:
    title = context.t("admin.outbox.title")
    if not view.lines:
        return card(
            empty_state(
                context.t("admin.outbox.none_title"),
                context.t("admin.outbox.none"),
                icon_name="send",
            )
        )
    count = total if view.status is None else view.counts[view.status]
    first = (view.page - 1) * PAGE + 1
    last = first + len(view.lines) - 1
    at = "/admin/outbox?" + (f"show={view.status}&" if view.status else "")
    return card(
        table(
            context,
            [
                Column(label=context.t("admin.outbox.what")),
                Column(label=context.t("admin.outbox.to")),
                Column(label=context.t("admin.outbox.state")),
                Column(label=context.t("admin.outbox.attempts"), numeric=True),
                Column(label=context.t("admin.outbox.made")),
                Column(label=context.t("admin.outbox.actions"), hidden=True),
            ],
            [_row(context, line) for line in view.lines],
            caption=title,
        ),
        pagination(
            context,
            first=first,
            last=last,
            total=count,
            number=view.page,
            turn=lambda to: f"{at}page={to}",
        ),
        title=title,
        flush=True,
    )


def _row(context: PageContext, line: OutboxLine) -> tuple[h.Child, ...]:
    what = line.subject if line.to_colleague else context.t("admin.outbox.customer_message")
    action: h.Child = None
    if line.may_retry:
        action = post_button(
            context,
            context.t("admin.outbox.retry"),
            action=f"/admin/outbox/{line.outbox_id}/retry",
            icon_name="rotate-cw",
        )
    elif line.status == "failed":
        action = h.span({"class": "note"}, context.t("admin.outbox.anew"))
    return (
        h.fragment(
            what,
            h.div({"class": "note"}, line.last_error) if line.last_error else None,
        ),
        line.recipient or h.span({"class": "muted"}, context.t("admin.outbox.customer")),
        chip(context.t(f"admin.outbox.status.{line.status}"), tone=_TONES[line.status]),
        context.n.count(line.attempts),
        context.n.date_time(line.created_at),
        action,
    )
