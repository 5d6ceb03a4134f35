"""The contact policy: its cap, and whom it holds back now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rapport.web import html as h
from rapport.web.charts.figure import chart_card
from rapport.web.charts.hbars import NamedBar, hbar_chart
from rapport.web.pages.admin.sections import admin_page
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import callout, card
from rapport.web.parts.context import PageContext
from rapport.web.parts.forms import checkbox, field, form
from rapport.workflows.policy import PolicyPreview, PolicyShown


def policy_page(
    context: PageContext,
    policies: Sequence[PolicyShown],
    tried: Mapping[int, PolicyPreview],
) -> h.Markup:
    """The whole page; ``tried`` are figures that somebody looks at before saving them."""
    return admin_page(
        context,
        "policy",
        (_policy(context, shown, tried.get(shown.policy.policy_id)) for shown in policies),
        subtitle=context.t("admin.policy.subtitle"),
    )


def _policy(context: PageContext, shown: PolicyShown, tried: PolicyPreview | None) -> h.Markup:
    policy, n = shown.policy, context.n
    max_messages = tried.max_messages if tried else policy.max_messages
    window_days = tried.window_days if tried else policy.window_days
    people = tried.people_by_contacts if tried else shown.people_by_contacts
    would = (
        callout(
            context.t(
                "admin.policy.would",
                max=n.count(tried.max_messages),
                days=n.count(tried.window_days),
                capped=n.count(tried.people_at_cap),
                contacted=n.count(tried.people_contacted),
            ),
            icon_name="users",
        )
        if tried
        else None
    )
    return h.div(
        {"class": "grid"},
        card(
            form(
                context,
                h.input({"type": "hidden", "name": "policy", "value": str(policy.policy_id)}),
                field(
                    context.t("admin.policy.max"),
                    "max_messages",
                    value=str(max_messages),
                    attributes={"min": 0, "max": 1000},
                    id=f"max-{policy.policy_id}",
                    required=True,
                    type="number",
                ),
                field(
                    context.t("admin.policy.days"),
                    "window_days",
                    value=str(window_days),
                    attributes={"min": 1, "max": 366},
                    id=f"days-{policy.policy_id}",
                    required=True,
                    type="number",
                ),
                checkbox(context.t("admin.policy.enabled"), "enabled", checked=policy.enabled),
                h.div(
                    {"class": "form-actions"},
                    button(context.t("admin.save"), kind="primary"),
                    button(
                        context.t("admin.policy.preview"),
                        attributes={"formmethod": "get", "formaction": "/admin/policy"},
                    ),
                ),
                action=f"/admin/policy/{policy.policy_id}",
            ),
            title=context.t(
                "admin.policy.title",
                max=n.count(policy.max_messages),
                days=n.count(policy.window_days),
            ),
            note=context.t("admin.on" if policy.enabled else "admin.off"),
            span="span-5",
        ),
        h.div(
            {"class": "stack span-7"},
            would,
            callout(
                h.fragment(context.t("admin.policy.now"), ": ", n.count(shown.people_at_cap)),
                context.t(
                    "admin.policy.now_detail",
                    capped=n.count(shown.people_at_cap),
                    contacted=n.count(shown.people_contacted),
                    days=n.count(policy.window_days),
                )
                if policy.enabled
                else context.t("admin.policy.off_note"),
                icon_name="shield-check",
            ),
            _people(context, people, max_messages, window_days),
        ),
    )


def _people(
    context: PageContext, people: Mapping[int, int], max_messages: int, window_days: int
) -> h.Markup:
    title = context.t("admin.policy.people")
    if not people:
        return card(h.p({"class": "muted"}, context.t("admin.policy.nobody")), title=title)
    n = context.n
    return chart_card(
        context,
        title,
        hbar_chart(
            [
                NamedBar(
                    name=context.t("admin.policy.had", count=contacts),
                    value=float(count),
                    # Those at the cap stand out.
                    colour="cneg" if contacts >= max_messages else "c1",
                )
                for contacts, count in people.items()
            ],
            written=lambda value: n.count(round(value)),
            sentence=context.t("admin.policy.people_sentence", days=n.count(window_days)),
        ),
    )
