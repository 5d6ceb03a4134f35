"""The list of tickets with its filters."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from rapport.web import html as h
from rapport.web.pages.inbox.described import (
    channel_words,
    due_words,
    priority_chip,
    status_chip,
    ticket_title,
    type_words,
)
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import card
from rapport.web.parts.choices import Choice, pills, segmented
from rapport.web.parts.context import PageContext
from rapport.web.parts.frame import page
from rapport.web.parts.states import empty_state
from rapport.web.parts.tables import Column, pagination, table
from rapport.workflows.inbox import ORDERS, PAGE, STATES, Inbox, InboxQuestion, TicketLine


def address(question: InboxQuestion, **changes: Any) -> str:
    """The list's address with some choices changed; what is usual is left out."""
    values: dict[str, Any] = {
        "show": question.state,
        "mine": question.mine,
        "overdue": question.overdue,
        "priority": question.priority,
        "order": question.order,
        "page": 1,
    } | changes
    usual = {"show": "unresolved", "order": "work", "page": 1}
    query = {
        name: "1" if value is True else value
        for name, value in values.items()
        if value and value != usual.get(name)
    }
    return f"/inbox?{urlencode(query)}" if query else "/inbox"


def inbox_page(context: PageContext, found: Inbox) -> h.Markup:
    """The whole page."""
    overdue = found.overdue
    return page(
        context,
        context.t("inbox.title"),
        _filters(context, found),
        _table(context, found),
        subtitle=(
            context.t("inbox.subtitle"),
            " · ",
            context.t("inbox.waiting", count=found.states["unresolved"]),
            h.span({"class": "bad"}, " · ", context.t("inbox.overdue_count", count=overdue))
            if overdue
            else None,
        ),
    )


def _filters(context: PageContext, found: Inbox) -> h.Markup:
    asked = found.question
    n = context.n
    more = [
        Choice(
            text=context.t("inbox.filter.mine", count=found.mine),
            href=address(asked, mine=not asked.mine),
            chosen=asked.mine,
            icon="user",
        ),
        Choice(
            text=context.t("inbox.filter.overdue", count=found.overdue),
            href=address(asked, overdue=not asked.overdue),
            chosen=asked.overdue,
            icon="clock-alert",
        ),
    ]
    more += [
        Choice(
            text=context.t(
                "inbox.filter.priority",
                priority=context.t(f"inbox.priority.{priority}"),
                count=found.priorities.get(priority, 0),
            ),
            href=address(asked, priority=None if asked.priority == priority else priority),
            chosen=asked.priority == priority,
        )
        for priority in (1, 2, 3)
        if found.priorities.get(priority) or asked.priority == priority
    ]
    return h.div(
        {"class": "row apart", "style": "margin-bottom:16px"},
        segmented(
            context.t("inbox.filter.state"),
            [
                Choice(
                    text=f"{context.t(f'inbox.state.{state}')} {n.count(found.states[state])}",
                    href=address(asked, show=state),
                    chosen=asked.state == state,
                )
                for state in STATES
            ],
        ),
        pills(context.t("inbox.filter.more"), more),
    )


def _table(context: PageContext, found: Inbox) -> h.Markup:
    asked = found.question
    order = segmented(
        context.t("inbox.filter.order"),
        [
            Choice(
                text=context.t(f"inbox.order.{order}"),
                href=address(asked, order=order),
                chosen=asked.order == order,
            )
            for order in ORDERS
        ],
    )
    narrowed = asked != InboxQuestion(order=asked.order)
    if not found.lines:
        return card(
            empty_state(
                context.t("inbox.empty.title"),
                context.t("inbox.empty.narrowed" if narrowed else "inbox.empty.detail"),
                button(context.t("inbox.filter.clear"), href="/inbox?show=all")
                if narrowed
                else None,
            )
        )
    columns = [
        Column(label=context.t("inbox.column.what")),
        Column(label=context.t("inbox.column.customer"), clip=True),
        Column(label=context.t("inbox.column.value"), numeric=True),
        Column(label=context.t("inbox.column.owner")),
        Column(label=context.t("inbox.column.status")),
        Column(label=context.t("inbox.column.due")),
    ]
    first = (asked.page - 1) * PAGE + 1
    last = first + len(found.lines) - 1
    return card(
        table(
            context,
            columns,
            [_row(context, found, line) for line in found.lines],
            caption=context.t("inbox.tickets"),
        ),
        pagination(
            context,
            first=first,
            last=last,
            total=found.total,
            number=asked.page,
            turn=lambda to: address(asked, page=to),
        ),
        title=context.t("inbox.tickets"),
        note=context.t("inbox.count", count=found.total),
        tools=order,
        flush=True,
    )


def _row(context: PageContext, found: Inbox, line: TicketLine) -> tuple[h.Child, ...]:
    ticket = line.ticket
    facts = ticket.facts
    where = [
        type_words(context, facts["type"]) if "type" in facts else None,
        channel_words(context, facts["channel"]) if "channel" in facts else None,
        facts.get("country"),
    ]
    return (
        h.fragment(
            h.a({"href": f"/inbox/{ticket.ticket_id}"}, ticket_title(context, ticket)),
            " ",
            priority_chip(context, ticket.priority) if ticket.priority != 2 else None,
            h.div(
                {"class": "small muted", "style": "font-weight:400;overflow-wrap:anywhere"},
                "“",
                line.said,
                "”",
            )
            if line.said
            else None,
            h.div({"class": "note"}, " · ".join(part for part in dict.fromkeys(where) if part)),
        ),
        h.a(
            {"href": f"/customers/{ticket.profile_id}"}, line.customer or context.t("inbox.no_name")
        )
        if ticket.profile_id
        else h.span({"class": "muted"}, context.t("inbox.unknown_customer")),
        None if line.revenue is None else context.n.money(line.revenue, currency=found.currency),
        h.span({"class": "nowrap"}, line.owner_name),
        status_chip(context, ticket.status),
        due_words(context, ticket, found.at, overdue=line.overdue),
    )
