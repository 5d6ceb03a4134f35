"""What waits for a second person, and what one may decide alone."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from rapport.web import html as h
from rapport.web.parts.buttons import button, post_button
from rapport.web.parts.cards import card
from rapport.web.parts.chips import chip
from rapport.web.parts.context import PageContext
from rapport.web.parts.forms import field, form
from rapport.web.parts.frame import page
from rapport.web.parts.likeness import tabs
from rapport.web.parts.states import empty_state
from rapport.web.parts.tables import Column, table
from rapport.workflows.identity_approval import Approvals, Proposal
from rapport.workflows.identity_review import Counts

_TONES = {"approved": "good", "refused": "caution", "withdrawn": "neutral", "open": "accent"}


def approvals_page(
    context: PageContext, found: Approvals, counts: Counts, *, me: str, may_set: bool
) -> h.Markup:
    """The whole page."""
    return page(
        context,
        context.t("identity.title"),
        h.div({"class": "row", "style": "margin-bottom:16px"}, tabs(context, "approvals", counts)),
        h.div(
            {"class": "grid"},
            h.div(
                {"class": "stack span-8 tablet-12"},
                _waiting(context, found, me),
                _decided(context, found),
            ),
            h.div({"class": "stack span-4 tablet-12"}, _limits(context, found, may_set=may_set)),
        ),
        subtitle=context.t("identity.approval.subtitle"),
    )


def _waiting(context: PageContext, found: Approvals, me: str) -> h.Markup:
    if not found.waiting:
        return card(
            empty_state(
                context.t("identity.approval.none"),
                context.t("identity.approval.none_detail"),
                icon_name="users",
            )
        )
    return card(
        h.ul(
            {"class": "proposals"}, (_proposal(context, found, each, me) for each in found.waiting)
        ),
        title=context.t("identity.approval.waiting"),
        note=context.n.count(len(found.waiting)),
        flush=True,
    )


def _proposal(context: PageContext, found: Approvals, each: Proposal, me: str) -> h.Markup:
    action = f"/identity/approvals/{each.proposal_id}"
    own = each.proposed_by == me
    return h.li(
        h.div(
            {"class": "row apart"},
            h.b(context.t(f"identity.approval.kind.{each.kind}")),
            h.span(
                {"class": "note"},
                context.t("identity.records", count=each.records),
                " · ",
                context.n.money(each.value, currency=found.currency),
            ),
        ),
        _people(context, each),
        _followed(context, each),
        h.div(
            {"class": "note"},
            context.t("identity.approval.by"),
            " ",
            each.proposed_by,
            ", ",
            context.n.date_time(each.proposed_at),
        ),
        h.p({"class": "small"}, h.bdi(f"“{each.reason}”")) if each.reason else None,
        h.div(
            {"class": "row"},
            post_button(
                context, context.t("identity.approval.approve"), action=f"{action}/approve",
                icon_name="check", kind="primary",
            )
            if not own
            else h.span({"class": "small muted"}, context.t("identity.approval.own")),
            # Nobody should approve what he has not looked at.
            button(
                context.t("identity.review.compared"),
                href=f"/identity?{urlencode({'pair': each.pair})}",
                icon_name="search",
                kind="quiet",
            )
            if each.pair
            else None,
            post_button(
                context,
                context.t(
                    "identity.approval.withdraw" if own else "identity.approval.refuse"
                ),
                action=f"{action}/refuse", icon_name="x", kind="quiet",
            ),
        ),
    )  # fmt: skip


def _followed(context: PageContext, each: Proposal) -> h.Markup | None:
    """How many messages and tickets went with the records that would leave."""
    counts = [
        context.t(f"identity.{name}", count=len(several))
        for name, several in (
            ("messages", each.followed.contacts), ("tickets", each.followed.tickets),
        )
        if several
    ]  # fmt: skip
    if not counts:
        return None
    return h.div(
        {"class": "small"}, context.t("identity.approval.followed", counts=", ".join(counts))
    )


def _people(context: PageContext, each: Proposal) -> h.Markup:
    return h.div(
        [
            (
                " + " if place else None,
                h.a(
                    {"href": f"/customers/{quote(profile)}/identity"},
                    h.bdi(name or context.t("identity.nameless")),
                ),
            )
            for place, (profile, name) in enumerate(zip(each.profiles, each.names, strict=True))
        ]
    )


def _decided(context: PageContext, found: Approvals) -> h.Markup:
    if not found.decided:
        return card(
            h.p({"class": "small muted"}, context.t("identity.approval.none_decided")),
            title=context.t("identity.approval.decided"),
        )
    return card(
        table(
            context,
            [
                Column(label=context.t("identity.approval.what")),
                Column(label=context.t("identity.approval.who")),
                Column(label=context.t("identity.approval.by"), clip=True),
                Column(label=context.t("identity.approval.outcome")),
            ],
            [
                (
                    context.t(f"identity.approval.kind.{each.kind}"),
                    _people(context, each),
                    each.proposed_by,
                    h.fragment(
                        chip(
                            context.t(f"identity.approval.status.{each.status}"),
                            tone=_TONES[each.status],  # type: ignore[arg-type]
                        ),
                        h.div(
                            {"class": "note"},
                            each.decided_by,
                            ", ",
                            context.n.date(each.decided_at) if each.decided_at else None,
                        ),
                    ),
                )
                for each in found.decided
            ],
            caption=context.t("identity.approval.decided"),
        ),
        title=context.t("identity.approval.decided"),
        flush=True,
    )


def _limits(context: PageContext, found: Approvals, *, may_set: bool) -> h.Markup:
    limits, currency = found.limits, found.currency
    note = h.p({"class": "small muted"}, context.t("identity.approval.limits_note"))
    if not may_set:
        return card(
            note,
            h.p(
                context.t("identity.records", count=limits.records),
                " · ",
                context.n.money(limits.value, currency=currency),
            ),
            title=context.t("identity.approval.limits"),
        )
    return card(
        note,
        form(
            context,
            field(
                context.t("identity.approval.limit_records"), "records",
                value=str(limits.records), type="number",
                attributes={"min": 2, "max": 1_000_000, "step": 1},
            ),
            field(
                context.t("identity.approval.limit_value", currency=currency), "value",
                value=str(limits.value), type="number", attributes={"min": 0, "step": 1},
            ),
            h.div(button(context.t("identity.approval.save"), icon_name="check")),
            action="/identity/limits",
        ),
        title=context.t("identity.approval.limits"),
    )  # fmt: skip
