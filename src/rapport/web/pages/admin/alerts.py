"""The alert rules: which feedback becomes somebody's task."""

from __future__ import annotations

from collections.abc import Sequence

from rapport.act.alerts import AlertRule
from rapport.web import html as h
from rapport.web.pages.admin.sections import admin_page
from rapport.web.pages.inbox.described import type_words
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import card
from rapport.web.parts.context import PageContext
from rapport.web.parts.forms import checkbox, field, form, select_field
from rapport.workflows.inbox import Colleague


def alerts_page(
    context: PageContext, rules: Sequence[AlertRule], colleagues: Sequence[Colleague]
) -> h.Markup:
    """The whole page."""
    return admin_page(
        context,
        "alerts",
        h.div({"class": "grid"}, (_rule(context, rule, colleagues) for rule in rules)),
        subtitle=context.t("admin.alerts.subtitle"),
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _rule(context: PageContext, rule: AlertRule, colleagues: Sequence[Colleague]) -> h.Markup:
    is_set = rule.definition
    owners = [(colleague.email, colleague.name) for colleague in colleagues]
    if rule.owner_email not in {email for email, _ in owners}:
        owners.append((rule.owner_email, rule.owner_email))

    def number(
        name: str, label: str, value: float | None, hint: str | None = None, *, needed: bool = False
    ) -> h.Markup:
        return field(
            label,
            name,
            value=_number(value),
            hint=hint,
            required=needed,
            id=f"{name}-{rule.rule_id}",
            attributes={"inputmode": "decimal"},
        )

    types = ", ".join(type_words(context, each) for each in is_set.touchpoint_types)
    return card(
        form(
            context,
            h.p({"class": "small muted"}, context.t("admin.alerts.types", types=types)),
            number(
                "score_max",
                context.t("admin.alerts.score"),
                is_set.score_max,
                context.t("admin.alerts.score_hint"),
            ),
            number(
                "share_max",
                context.t("admin.alerts.share"),
                is_set.share_max,
                context.t("admin.alerts.share_hint"),
            ),
            number(
                "sentiment_max",
                context.t("admin.alerts.sentiment"),
                is_set.sentiment_max,
                context.t("admin.alerts.sentiment_hint"),
            ),
            number(
                "max_age_days",
                context.t("admin.alerts.age"),
                is_set.max_age_days,
                context.t("admin.alerts.age_hint"),
                needed=True,
            ),
            number("due_hours", context.t("admin.alerts.due"), is_set.due_hours, needed=True),
            select_field(
                context.t("admin.alerts.priority"),
                "priority",
                [(str(p), context.t(f"inbox.priority.{p}")) for p in (1, 2, 3)],
                value=str(is_set.priority),
                id=f"priority-{rule.rule_id}",
            ),
            select_field(
                context.t("admin.alerts.owner"),
                "owner",
                owners,
                value=rule.owner_email,
                id=f"owner-{rule.rule_id}",
            ),
            checkbox(context.t("admin.alerts.enabled"), "enabled", checked=rule.enabled),
            h.div(button(context.t("admin.save"), kind="primary")),
            action=f"/admin/alerts/{rule.rule_id}",
        ),
        title=rule.name,
        note=context.t("admin.on" if rule.enabled else "admin.off"),
        span="span-6",
    )
