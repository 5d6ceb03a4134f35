"""Another merge line or limit: tried, switched on with a reason, taken back with one press."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from rapport.unify.identity_rules import IdentityRules
from rapport.unify.what_if import Effect
from rapport.web import html as h
from rapport.web.parts.buttons import button, post_button
from rapport.web.parts.cards import card
from rapport.web.parts.chips import chip
from rapport.web.parts.context import PageContext
from rapport.web.parts.forms import field, form
from rapport.web.parts.frame import page
from rapport.web.parts.htmx import load
from rapport.web.parts.identifier_kinds import kind_words
from rapport.web.parts.jobs import JobProgress, job_row
from rapport.web.parts.likeness import tabs
from rapport.web.parts.states import flash
from rapport.workflows.identity_review import Counts
from rapport.workflows.identity_rules import Example, RulesView, Trial

#: Limits that can be tried: kinds that people hold, not devices.
KINDS = (
    "email", "phone", "loyalty_card", "customer_number", "user_id", "crm_contact", "iban",
    "social_handle", "business_id",
)  # fmt: skip


def rules_page(context: PageContext, view: RulesView, counts: Counts, *, may_set: bool) -> h.Markup:
    """The whole page."""
    return page(
        context,
        context.t("identity.title"),
        h.div({"class": "row", "style": "margin-bottom:16px"}, tabs(context, "rules", counts)),
        _applying(context, view),
        h.div(
            {"class": "grid"},
            h.div({"class": "span-4 tablet-12"}, _form(context, view)),
            h.div(
                {"class": "stack span-8 tablet-12"},
                trial_card(context, view, may_set=may_set),
                _now(context, view, may_set=may_set),
            ),
        ),
        subtitle=context.t("identity.rules.subtitle"),
    )


def _applying(context: PageContext, view: RulesView) -> h.Markup | None:
    if view.applying is None:
        return None
    failed = view.applying == "failed"
    said = "identity.rules.apply_failed" if failed else "identity.rules.applying"
    return h.div(
        {"class": "flash-list"},
        flash(context.t(said), tone="bad" if failed else "neutral"),
    )


def _form(context: PageContext, view: RulesView) -> h.Markup:
    asked = view.trial.rules if view.trial is not None else view.now
    merge = asked.merge if asked.merge is not None else view.model_merge
    n = context.n
    return card(
        form(
            context,
            field(
                context.t("identity.rules.merge"),
                "merge",
                value=f"{merge * 100:.4g}",
                type="number",
                hint=context.t(
                    "identity.rules.merge_hint",
                    usual=n.share(view.model_merge, digits=1),
                    review=n.share(view.review, digits=0),
                ),
                attributes={
                    "min": f"{view.review * 100:.4g}", "max": "99.99", "step": "any",
                },
            ),
            h.fieldset(
                {"class": "limit-fields"},
                h.legend({"class": "field-label"}, context.t("identity.rules.limits")),
                (
                    field(
                        _upper(kind_words(context, kind)),
                        f"limit.{kind}",
                        value=str(asked.limits.get(kind, view.usual[kind])),
                        type="number",
                        hint=context.t("identity.rules.usual", count=view.usual[kind]),
                        id=f"limit-{kind}",
                        attributes={"min": 1, "max": 1000, "step": 1},
                    )
                    for kind in KINDS
                ),
            ),
            h.div(button(context.t("identity.rules.try"), icon_name="flask-conical")),
            action="/identity/rules/try",
        ),
        title=context.t("identity.rules.what_if"),
    )  # fmt: skip


# ── a trial ────────────────────────────────────────────────────────────────────────────────────


def trial_card(context: PageContext, view: RulesView, *, may_set: bool) -> h.Markup | None:
    """The newest trial; while it is under way the card asks for itself anew."""
    trial = view.trial
    if trial is None:
        return None
    at_work = trial.state in ("waiting", "running")
    fetch = (
        load(f"/identity/rules/trials/{trial.job_id}", target="this", trigger="load delay:2s")
        if at_work
        else {}
    )
    return card(
        _progress(context, trial) if at_work else _outcome(context, view, trial, may_set=may_set),
        title=context.t("identity.rules.outcome"),
        note=rules_words(context, trial.rules),
        attributes={"id": "trial", **fetch},
    )


def _progress(context: PageContext, trial: Trial) -> h.Markup:
    return job_row(
        context,
        JobProgress(
            job_id=str(trial.job_id),
            title=context.t("identity.rules.trying"),
            state="running" if trial.state == "running" else "waiting",
            step=None if trial.step is None else context.t(f"identity.rules.step.{trial.step}"),
            done=trial.done,
            total=trial.total,
        ),
    )


def _outcome(context: PageContext, view: RulesView, trial: Trial, *, may_set: bool) -> h.Child:
    if trial.effect is None:
        return h.p(context.t("identity.rules.failed", why=trial.error or ""))
    return (
        _figures(context, trial.effect),
        _examples(context, trial.examples),
        _switch(context, trial, may_set=may_set) if trial.rules != view.now else None,
    )


def _figures(context: PageContext, effect: Effect) -> h.Markup:
    n = context.n
    if not effect.merged and not effect.split:
        return h.p(context.t("identity.rules.nothing"))
    return h.dl(
        {"class": "trial-figures"},
        (
            h.div(h.dt(context.t(f"identity.rules.{name}")), h.dd(figure))
            for name, figure in (
                ("merged", n.count(effect.merged)),
                ("split", n.count(effect.split)),
                ("moved", n.count(effect.moved)),
                (
                    "largest",
                    n.count(effect.largest_after)
                    if effect.largest_after == effect.largest_before
                    else context.t(
                        "identity.rules.from_to",
                        before=n.count(effect.largest_before),
                        after=n.count(effect.largest_after),
                    ),
                ),
            )
        ),
    )


def _examples(context: PageContext, examples: Sequence[Example]) -> h.Markup | None:
    if not examples:
        return None

    def line(each: Example) -> h.Markup:
        people = [
            h.a(
                {"href": f"/customers/{quote(person.profile_id)}/identity"},
                h.bdi(person.name or context.t("identity.nameless")),
            )
            for person in each.people
        ]
        said = (
            context.t("identity.rules.example_merged")
            if each.kind == "merged"
            else context.t(
                "identity.rules.example_split",
                people=context.t("identity.people", count=len(each.people)),
            )
        )
        shown = people if each.kind == "merged" else people[:1]
        return h.li(
            [(" + " if place else None, person) for place, person in enumerate(shown)],
            " ",
            chip(said, tone="accent" if each.kind == "merged" else "caution"),
            " ",
            h.span(
                {"class": "note"},
                context.t(
                    "identity.rules.example_records",
                    records=context.t(
                        "identity.records", count=sum(person.records for person in each.people)
                    ),
                    parts=" + ".join(context.n.count(person.records) for person in each.people),
                ),
            ),
        )

    return h.div(
        h.h3({"class": "card-part"}, context.t("identity.rules.examples")),
        h.ul({"class": "band-list"}, map(line, examples)),
    )


def _switch(context: PageContext, trial: Trial, *, may_set: bool) -> h.Markup:
    if not may_set:
        return h.p({"class": "small muted"}, context.t("identity.rules.admin_only"))
    return form(
        context,
        h.input({"type": "hidden", "name": "trial", "value": str(trial.job_id)}),
        field(
            context.t("identity.rules.reason"), "reason", id="switch-reason",
            attributes={"maxlength": 500},
        ),
        h.div(button(context.t("identity.rules.switch"), icon_name="check", kind="primary")),
        action="/identity/rules/switch",
        attributes={"style": "margin-top:16px"},
    )  # fmt: skip


# ── what holds ─────────────────────────────────────────────────────────────────────────────────


def _upper(words: str) -> str:
    return words[:1].upper() + words[1:]


def rules_words(context: PageContext, rules: IdentityRules) -> str:
    """Rules in one line; those that are usual say nothing."""
    said = []
    if rules.merge is not None:
        share = context.n.share(rules.merge, digits=1)
        said.append(context.t("identity.rules.rule_merge", share=share))
    said += [
        context.t(
            "identity.rules.rule_limit",
            kind=kind_words(context, kind),
            count=context.n.count(limit),
        )
        for kind, limit in rules.limits.items()
    ]
    return " · ".join(said) or context.t("identity.rules.all_usual")


def _now(context: PageContext, view: RulesView, *, may_set: bool) -> h.Markup:
    history = view.history
    return card(
        h.p(rules_words(context, view.now)),
        h.h3({"class": "card-part"}, context.t("identity.rules.history")),
        h.ul(
            {"class": "band-list"},
            (
                h.li(
                    h.span(
                        {"class": "small"},
                        context.t("identity.rules.before", rules=rules_words(context, past.rules)),
                    ),
                    h.div(
                        {"class": "note"},
                        past.author,
                        ", ",
                        context.n.date_time(past.at),
                        (" · “", h.bdi(past.reason), "”") if past.reason else None,
                    ),
                )
                for past in history
            ),
        )
        if history
        else h.p({"class": "small muted"}, context.t("identity.rules.history_none")),
        post_button(
            context, context.t("identity.rules.undo"), action="/identity/rules/undo",
            icon_name="undo-2",
        )
        if history and may_set
        else None,
        title=context.t("identity.rules.now"),
    )  # fmt: skip
