"""Why these records are one person, and the words of colleagues that change it."""

from __future__ import annotations

from urllib.parse import quote

from rapport.unify.decisions import DecisionShown
from rapport.unify.explain import LinkShown, RecordShown
from rapport.web import html as h
from rapport.web.parts.buttons import button, post_button
from rapport.web.parts.cards import card
from rapport.web.parts.chips import chip
from rapport.web.parts.context import PageContext
from rapport.web.parts.forms import field, form, options
from rapport.web.parts.tables import Column, table
from rapport.workflows.customer_changes import Identity
from rapport.workflows.customer_list import CustomerRow

_KINDS = frozenset(
    {
        "user_id", "crm_contact", "customer_number", "loyalty_card", "email", "phone",
        "anonymous_id", "device_id", "crm_account", "social_handle", "iban", "business_id",
    }
)  # fmt: skip
_MOST_LINKS = 40


def identity_body(
    context: PageContext,
    identity: Identity,
    *,
    may_merge: bool,
    query: str,
    found: tuple[CustomerRow, ...],
) -> h.Markup:
    """Records and evidence on the left; joining and decisions on the right."""
    return h.div(
        {"class": "grid"},
        h.div(
            {"class": ["stack", "span-8"]},
            _records_card(context, identity, may_merge=may_merge),
            _links_card(context, identity),
        ),
        h.div(
            {"class": ["stack", "span-4"]},
            _join_card(context, identity, query, found) if may_merge else None,
            _decisions_card(context, identity, may_merge=may_merge),
        ),
    )


def _records_card(context: PageContext, identity: Identity, *, may_merge: bool) -> h.Markup:
    records = identity.explanation.records
    can_part = may_merge and len(records) > 1
    columns = [
        Column(label=context.t("customer.identity.record"), clip=True),
        Column(label=context.t("customer.identity.source"), clip=True),
    ]
    if can_part:
        columns.append(Column(label=context.t("customer.identity.other"), numeric=True))

    def row(record: RecordShown) -> list[h.Child]:
        cells: list[h.Child] = [
            h.bdi({"title": record.value}, _record(context, record)),
            identity.labels.get(record.source, record.source),
        ]
        if can_part:
            name = context.t("customer.identity.other")
            cells.append(
                h.input(
                    {
                        "type": "checkbox",
                        "name": "record",
                        "value": str(record.atom_id),
                        "aria-label": f"{name}: {_record(context, record)}",
                    }
                )
            )
        return cells

    shown = table(
        context,
        columns,
        (row(record) for record in records),
        caption=context.t("customer.identity.records", count=len(records)),
    )
    if not can_part:
        return card(
            shown,
            h.p({"class": "note"}, context.t("customer.identity.alone"))
            if len(records) == 1
            else None,
            title=context.t("customer.identity.records", count=len(records)),
        )
    return card(
        form(
            context,
            shown,
            h.p({"class": "note"}, context.t("customer.identity.separate_hint")),
            field(
                context.t("customer.identity.reason"),
                "reason",
                id="separate-reason",
                attributes={"maxlength": 500},
            ),
            h.div(button(context.t("customer.identity.separate"), icon_name="split")),
            action=f"/customers/{quote(identity.profile_id)}/separate",
        ),
        title=context.t("customer.identity.records", count=len(records)),
    )


def _record(context: PageContext, record: RecordShown) -> str:
    return f"{kind_words(context, record.kind)} {record.value}"


def kind_words(context: PageContext, kind: str) -> str:
    """A kind of identifier as people say it."""
    if kind in _KINDS:
        return context.t(f"customer.identifier.{kind}")
    return context.t("customer.identifier.other")


def _links_card(context: PageContext, identity: Identity) -> h.Markup:
    explanation = identity.explanation
    return card(
        h.ul(
            {"class": "small"},
            (h.li(h.bdi(_link(context, link))) for link in explanation.links[:_MOST_LINKS]),
        )
        if explanation.links
        else h.p({"class": "muted small"}, context.t("customer.identity.alone")),
        (
            h.h3(context.t("customer.identity.refused")),
            h.ul(
                {"class": "small"},
                (
                    h.li(
                        h.bdi(_link(context, link)),
                        " ",
                        chip(link.why.replace("_", " "), tone="caution"),
                    )
                    for link in explanation.refused[:_MOST_LINKS]
                ),
            ),
        )
        if explanation.refused
        else None,
        (
            h.h3(context.t("customer.identity.set_aside")),
            h.ul(
                {"class": "small"},
                (
                    h.li(
                        h.bdi(f"{kind_words(context, value.kind)} {value.value}"),
                        " ",
                        chip(value.why.replace("_", " ")),
                    )
                    for value in explanation.set_aside[:_MOST_LINKS]
                ),
            ),
        )
        if explanation.set_aside
        else None,
        title=context.t("customer.identity.together"),
    )


def _link(context: PageContext, link: LinkShown) -> str:
    a, b = _record(context, link.a), _record(context, link.b)
    if link.value:
        return context.t(
            "customer.identity.link",
            a=a,
            b=b,
            kind=kind_words(context, link.kind),
            value=link.value,
        )
    if link.reason in ("must", "must_link", "steward"):
        return context.t("customer.identity.linked_by_hand", a=a, b=b)
    return context.t("customer.identity.linked_by_match", a=a, b=b)


def _join_card(
    context: PageContext, identity: Identity, query: str, found: tuple[CustomerRow, ...]
) -> h.Markup:
    path = f"/customers/{quote(identity.profile_id)}"
    others = [row for row in found if row.profile_id != identity.profile_id]
    return card(
        form(
            context,
            field(
                context.t("customer.identity.join_search"),
                "q",
                value=query,
                type="search",
                id="join-search",
                attributes={"maxlength": 200},
            ),
            h.div(button(context.t("customer.identity.find"), icon_name="search")),
            action=f"{path}/identity",
            method="get",
        ),
        form(
            context,
            options(
                context.t("customer.identity.join_search"),
                "other",
                [
                    (
                        row.profile_id,
                        h.bdi(row.name or context.t("customers.nameless")),
                        " · ".join(part for part in (row.email, row.phone, row.city) if part),
                    )
                    for row in others
                ],
            ),
            field(
                context.t("customer.identity.reason"),
                "reason",
                id="join-reason",
                attributes={"maxlength": 500},
            ),
            h.div(button(context.t("customer.identity.join_submit"), icon_name="merge")),
            action=f"{path}/merge",
            attributes={"style": "margin-top:12px"},
        )
        if others
        else (
            h.p({"class": "small muted"}, context.t("customer.identity.found_none"))
            if query.strip()
            else None
        ),
        title=context.t("customer.identity.join"),
    )


def _decisions_card(context: PageContext, identity: Identity, *, may_merge: bool) -> h.Markup:
    return card(
        h.ul(
            {"class": "stack tight", "style": "list-style:none;margin:0;padding:0"},
            (
                _decision(context, identity, decision, may_merge=may_merge)
                for decision in identity.decisions
            ),
        )
        if identity.decisions
        else h.p({"class": "small muted"}, context.t("customer.identity.no_decisions")),
        title=context.t("customer.identity.decisions"),
    )


def _decision(
    context: PageContext, identity: Identity, decision: DecisionShown, *, may_merge: bool
) -> h.Markup:
    author = context.t("customer.identity.rules") if decision.actor == "rules" else decision.actor
    return h.li(
        h.div(
            {"class": "row apart"},
            h.span(
                context.t(f"customer.decision.{decision.kind}"),
                (" ", chip(context.t("customer.identity.undone"))) if decision.undone else None,
            ),
            post_button(
                context,
                context.t("customer.identity.undo"),
                action=f"/customers/{quote(identity.profile_id)}/decisions/"
                f"{decision.decision_id}/undo",
                kind="quiet",
                icon_name="undo-2",
            )
            if may_merge and decision.decision_id in identity.undoable
            else None,
        ),
        h.div(
            {"class": "note"},
            context.t("customer.identity.by", author=author, date=context.n.date_time(decision.at)),
        ),
        h.div({"class": "small"}, h.bdi(f"“{decision.reason}”")) if decision.reason else None,
        _followed(context, identity, decision.decision_id),
    )


def _followed(context: PageContext, identity: Identity, decision_id: int) -> h.Markup | None:
    known = identity.followed.get(decision_id)
    if known is None:
        return None
    parts = []
    if known.contacts:
        parts.append(context.t("customer.identity.followed_contacts", count=len(known.contacts)))
    if known.tickets:
        parts.append(context.t("customer.identity.followed_tickets", count=len(known.tickets)))
    return h.div(
        {"class": "note"},
        ", ".join(parts) if parts else context.t("customer.identity.followed_nothing"),
    )
