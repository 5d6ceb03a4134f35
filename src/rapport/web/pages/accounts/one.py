"""One company: its people and their roles, orders, opportunities, tickets, worth and health."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import quote

from rapport.unify.group_words import ACCOUNT, ROLES
from rapport.web import html as h
from rapport.web.pages.households.one import add_card, role_menu, words_card
from rapport.web.parts.buttons import button, post_button
from rapport.web.parts.cards import card
from rapport.web.parts.chips import chip
from rapport.web.parts.context import PageContext
from rapport.web.parts.facts import why
from rapport.web.parts.frame import page
from rapport.web.parts.group_lists import place_of
from rapport.web.parts.icons import icon
from rapport.web.parts.kpis import Kpi, kpi_strip
from rapport.web.parts.tables import Column, table
from rapport.workflows.company_accounts import Account, AccountPerson, HealthReason
from rapport.workflows.customer_list import CustomerRow

_TONES: dict[str, Literal["neutral", "good", "bad", "caution"]] = {
    "good": "good", "watch": "caution", "at_risk": "bad", "unknown": "neutral",
}  # fmt: skip
_MOST_TICKETS = 10


def account_page(
    context: PageContext,
    shown: Account,
    *,
    user: Any,
    query: str,
    found: Sequence[CustomerRow],
) -> h.Markup:
    """The whole page."""
    t, n, row = context.t, context.n, shown.row
    may_say = user.may("customers.merge")
    members = {each.profile_id for each in shown.people} | {row.profile_id}
    path = f"/accounts/{quote(shown.account_id)}"
    return page(
        context,
        row.name,
        h.div(
            {"class": "stack"},
            kpi_strip(
                context,
                [
                    Kpi(label=t("groups.people"), figure=n.count(row.people)),
                    Kpi(
                        label=t("groups.account.value"),
                        figure=n.money(row.revenue, currency=shown.currency)
                        if row.profile_id
                        else None,
                    ),
                    Kpi(
                        label=t("groups.account.people_value"),
                        figure=n.money(shown.people_revenue, currency=shown.currency),
                    ),
                    Kpi(
                        label=t("groups.contacts_days", days=shown.pressure.window_days),
                        figure=n.count(shown.pressure.contacts),
                        why=why(context, t("groups.contacts_note"), left=True),
                    ),
                ],
            ),
            h.div(
                {"class": "grid"},
                h.div(
                    {"class": ["stack", "span-8"]},
                    _people_card(context, shown, path, may_say=may_say),
                    _orders_card(context, shown),
                    _deals_card(context, shown),
                ),
                h.div(
                    {"class": ["stack", "span-4"]},
                    _health_card(context, shown),
                    _tickets_card(context, shown) if user.may("tickets.read") else None,
                    add_card(
                        context,
                        title=t("groups.account.add"),
                        submit=t("groups.account.confirm"),
                        search_path=path,
                        action=f"{path}/people",
                        query=query,
                        found=[each for each in found if each.profile_id not in members],
                        name="person",
                    )
                    if may_say
                    else None,
                    words_card(
                        context,
                        shown.words,
                        shown.word_names,
                        kind="account",
                        action=f"{path}/words",
                        may_say=may_say,
                    ),
                ),
            ),
        ),
        subtitle=_subtitle(context, shown),
        tools=button(
            t("groups.account.as_customer"),
            href=f"/customers/{quote(row.profile_id)}",
            icon_name="user",
        )
        if row.profile_id
        else None,
    )


def _subtitle(context: PageContext, shown: Account) -> h.Child:
    t, row = context.t, shown.row
    parts: list[h.Child] = [
        place_of(None, row.city, row.country),
        f"{t('groups.account.business_id')} {row.business_id}" if row.business_id else None,
        f"{t('groups.account.domain')} {row.domain}" if row.domain else None,
        t("groups.account.only_named") if row.profile_id is None else None,
    ]
    kept = [part for part in parts if part is not None]
    return [[" · " if index else None, h.bdi(part)] for index, part in enumerate(kept)] or None


def _people_card(context: PageContext, shown: Account, path: str, *, may_say: bool) -> h.Markup:
    t = context.t
    title = t("groups.account.people")
    if not shown.people:
        return card(h.p({"class": "small muted"}, t("groups.account.no_people")), title=title)
    return card(
        table(
            context,
            [
                Column(label=t("groups.name")),
                Column(label=t("groups.role")),
                Column(label=t("groups.why")),
                Column(label=t("groups.since")),
                Column(label=t("groups.last_seen")),
            ],
            (_person(context, shown, each, path, may_say=may_say) for each in shown.people),
            caption=title,
        ),
        h.p(
            {"class": "note", "style": "padding:12px 16px"},
            t("groups.account.people_more", count=len(shown.people), total=shown.people_total),
        )
        if shown.people_total > len(shown.people)
        else None,
        title=title,
        flush=True,
    )


def _person(
    context: PageContext, shown: Account, each: AccountPerson, path: str, *, may_say: bool
) -> list[h.Child]:
    t, n = context.t, context.n
    name = each.name or t("groups.nameless")

    def say(text: str, together: str, icon_name: str) -> h.Markup:
        return post_button(
            context,
            text,
            action=f"{path}/people",
            values={"person": each.profile_id, "together": together},
            icon_name=icon_name,
            attributes={"aria-label": f"{text}: {name}"},
        )

    return [
        h.div(
            h.a({"href": f"/customers/{quote(each.profile_id)}"}, h.bdi(name)),
            " ",
            chip(
                t("groups.account.suggested"),
                tone="caution",
                title=t("groups.account.suggested_detail"),
            )
            if each.suggested
            else None,
            h.div({"class": "note"}, h.bdi(each.title)) if each.title else None,
            h.div({"class": "note"}, t("groups.account.until", date=n.date(each.until)))
            if each.until
            else None,
            say(t("groups.account.confirm"), "yes", "check")
            if may_say and each.suggested
            else None,
        ),
        h.div(
            {"class": "stack tight"},
            h.div(chip(t(f"groups.account.role.{each.role}"))),
            h.div({"class": "note"}, t("groups.role_said", author=each.role_said_by))
            if each.role_said_by
            else None,
            _roles(context, each, path, name, say(t("groups.account.leave"), "no", "user-minus"))
            if may_say
            else None,
        ),
        h.div({"class": "small"}, " · ".join(t(f"groups.account.why.{c}") for c in each.why)),
        h.span({"class": "nowrap"}, n.date_short(each.since)),
        h.span({"class": "nowrap"}, n.ago(each.last_seen, shown.at)) if each.last_seen else None,
    ]


def _roles(
    context: PageContext, each: AccountPerson, path: str, name: str, leave: h.Markup
) -> h.Markup:
    return role_menu(
        context,
        [(role, context.t(f"groups.account.role.{role}")) for role in ROLES[ACCOUNT]],
        each.role if each.role_said_by else "",
        action=f"{path}/role",
        who=name,
        key=each.profile_id,
        hidden={"person": each.profile_id},
        more=leave,
    )


def _orders_card(context: PageContext, shown: Account) -> h.Markup:
    t, n = context.t, context.n
    title = t("groups.account.orders")
    if not shown.orders:
        return card(h.p({"class": "small muted"}, t("groups.account.no_orders")), title=title)
    return card(
        table(
            context,
            [
                Column(label=t("groups.account.order")),
                Column(label=t("groups.account.date")),
                Column(label=t("groups.account.source"), clip=True),
                Column(label=t("groups.account.amount"), numeric=True),
            ],
            (
                [
                    [
                        h.bdi(each.order_id or "–"),
                        (" ", chip(t("groups.account.refund"), tone="caution"))
                        if each.is_refund
                        else None,
                    ],
                    h.span({"class": "nowrap"}, n.date(each.at)),
                    each.source,
                    n.price(each.amount, currency=shown.currency)
                    if each.amount is not None
                    else None,
                ]
                for each in shown.orders
            ),
            caption=title,
        ),
        title=title,
        flush=True,
    )


def _deals_card(context: PageContext, shown: Account) -> h.Markup | None:
    t, n = context.t, context.n
    title = t("groups.account.deals")
    if not shown.deals:
        return card(h.p({"class": "small muted"}, t("groups.account.no_deals")), title=title)
    return card(
        table(
            context,
            [
                Column(label=t("groups.account.deal"), clip=True),
                Column(label=t("groups.account.stage"), clip=True),
                Column(label=t("groups.account.date")),
                Column(label=t("groups.account.amount"), numeric=True),
            ],
            (
                [
                    [
                        h.bdi(each.name or each.deal_id),
                        " ",
                        chip(
                            t(f"groups.account.deal_status.{each.status}"),
                            tone={"won": "good", "lost": "bad"}.get(each.status, "neutral"),  # type: ignore[arg-type]
                        )
                        if each.status in ("open", "won", "lost")
                        else None,
                    ],
                    h.bdi(each.stage or "–"),
                    h.span({"class": "nowrap"}, n.date(each.changed_at)),
                    n.money(each.amount, currency=shown.currency)
                    if each.amount is not None
                    else None,
                ]
                for each in shown.deals
            ),
            caption=title,
        ),
        title=title,
        flush=True,
    )


def _health_card(context: PageContext, shown: Account) -> h.Markup:
    t, health = context.t, shown.health
    return card(
        h.p(
            {"style": "margin-bottom:8px"},
            chip(t(f"groups.account.level.{health.level}"), tone=_TONES[health.level]),
        ),
        h.ul(
            {"class": "stack tight small", "style": "list-style:none;margin:0;padding:0"},
            (
                h.li(
                    {"class": "row", "style": "align-items:flex-start;flex-wrap:nowrap"},
                    icon("check" if reason.weight > 0 else "triangle-alert"),
                    h.span(health_words(context, reason)),
                )
                for reason in health.reasons
            ),
        )
        if health.reasons
        else h.p({"class": "small muted"}, t("groups.account.health_of.nothing")),
        title=t("groups.account.health"),
    )


def health_words(context: PageContext, reason: HealthReason) -> str:
    """A reason as people say it."""
    numbers = reason.numbers
    if "usual_days" in numbers:
        return context.t(
            f"groups.account.health_of.{reason.code}",
            usual=numbers["usual_days"],
            days=numbers["days"],
        )
    return context.t(f"groups.account.health_of.{reason.code}", count=numbers["count"])


def _tickets_card(context: PageContext, shown: Account) -> h.Markup:
    t, n = context.t, context.n
    return card(
        h.ul(
            {"class": "stack tight small", "style": "list-style:none;margin:0;padding:0"},
            (
                h.li(
                    {"class": "row apart"},
                    h.a(
                        {"href": f"/inbox/{each.ticket_id}"},
                        t("groups.account.ticket", number=str(each.ticket_id)),
                    ),
                    h.span(
                        {"class": "muted"},
                        n.date_short(each.opened_at),
                        " · ",
                        t(f"groups.account.ticket_status.{each.status}"),
                    ),
                )
                for each in shown.tickets[:_MOST_TICKETS]
            ),
        )
        if shown.tickets
        else h.p({"class": "small muted"}, t("groups.account.no_tickets")),
        title=t("groups.account.tickets"),
    )
