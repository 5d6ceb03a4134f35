"""The rules by attribute: how each stands, what another would change, and who changed what."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, urlencode

from rapport.unify.value_rules import ADVISED, CRITERIA, RuleKept, ValueRule
from rapport.web import html as h
from rapport.web.pages.conflicts.described import attribute_words, rule_words
from rapport.web.parts.buttons import button, post_button
from rapport.web.parts.cards import card
from rapport.web.parts.chips import chip
from rapport.web.parts.context import PageContext
from rapport.web.parts.forms import checkbox, field, form, select_field
from rapport.web.parts.frame import page
from rapport.web.parts.tables import Column, table
from rapport.workflows.value_rules import RulePreview, RulesView, Trusted

#: Criteria and silos that a form offers; through the API a rule may have more.
STEPS, SILOS = 3, 4


def rules_page(context: PageContext, view: RulesView) -> h.Markup:
    """All rules and their history."""
    n = context.n
    return page(
        context,
        context.t("conflicts.rules.title"),
        h.div(
            {"class": "grid"},
            card(
                table(
                    context,
                    [
                        Column(label=context.t("conflicts.rules.attribute")),
                        Column(label=context.t("conflicts.rules.rule")),
                        Column(label=context.t("conflicts.rules.open"), numeric=True),
                        Column(label=context.t("conflicts.rules.settled"), numeric=True),
                        Column(label=context.t("conflicts.rules.change"), hidden=True),
                    ],
                    [
                        (
                            attribute_words(context, line.name),
                            h.fragment(
                                rule_words(context, line.rule, view.labels),
                                " ",
                                chip(context.t("conflicts.rules.own"), tone="accent")
                                if line.kept
                                else h.span({"class": "note"}, context.t("conflicts.rules.usual")),
                            ),
                            n.count(line.open),
                            n.count(line.settled),
                            button(
                                h.fragment(
                                    h.span(
                                        {"aria-hidden": True}, context.t("conflicts.rules.change")
                                    ),
                                    h.span(
                                        {"class": "sr"},
                                        context.t(
                                            "conflicts.rules.change_of",
                                            name=attribute_words(context, line.name),
                                        ),
                                    ),
                                ),
                                href=f"/conflicts/rules/{quote(line.name)}",
                                kind="quiet",
                            ),
                        )
                        for line in view.lines
                    ],
                    caption=context.t("conflicts.rules.title"),
                ),
                flush=True,
                span="span-8",
            ),
            _history(context, view, span="span-4"),
        ),
        subtitle=context.t("conflicts.rules.subtitle"),
        tools=button(context.t("conflicts.back"), href="/conflicts", icon_name="arrow-left"),
    )


def _history(context: PageContext, view: RulesView, *, span: str) -> h.Markup:
    return card(
        h.ul(
            {"class": "stack tight", "style": "list-style:none;margin:0;padding:0"},
            (_past(context, each, view) for each in view.history),
        )
        if view.history
        else h.p({"class": "small muted"}, context.t("conflicts.rules.history_none")),
        title=context.t("conflicts.rules.history"),
        span=span,
    )


def _past(context: PageContext, each: RuleKept, view: RulesView) -> h.Markup:
    n = context.n
    changed = each.changed.get("expected")
    return h.li(
        h.b(attribute_words(context, each.name)),
        ": ",
        rule_words(context, each.rule, view.labels),
        h.div(
            {"class": "note"},
            context.t("conflicts.rules.made", author=each.author, date=n.date_time(each.at)),
            (" · ", context.t("conflicts.rules.foretold", count=n.count(int(changed))))
            if changed is not None
            else None,
            (
                " · ",
                context.t(
                    "conflicts.rules.ended",
                    date=n.date_time(each.ended_at),
                    by=each.ended_by or "",
                ),
            )
            if each.ended_at is not None
            else None,
        ),
        h.div({"class": "small"}, h.bdi(f"“{each.reason}”")) if each.reason else None,
        _take_back(context, each) if each.ended_at is None else None,
    )


def _take_back(context: PageContext, each: RuleKept) -> h.Markup:
    return post_button(
        context,
        context.t("conflicts.rules.take_back"),
        action=f"/conflicts/rules/{quote(each.name)}/undo",
        values={"rule_id": str(each.rule_id)},
        kind="quiet",
        icon_name="undo-2",
    )


def rule_page(
    context: PageContext,
    name: str,
    *,
    now: ValueRule,
    kept: RuleKept | None,
    asked: ValueRule,
    preview: RulePreview | None,
    trust: Sequence[Trusted],
    labels: dict[str, str],
    reveal: bool,
) -> h.Markup:
    """One attribute: its rule, another one, and what that would change."""
    return page(
        context,
        context.t("conflicts.rules.page", name=attribute_words(context, name)),
        h.div(
            {"class": "grid"},
            h.div(
                {"class": "span-7 stack"},
                _choice(context, name, asked, trust),
                _preview(context, name, asked, preview, labels, reveal=reveal)
                if preview is not None
                else None,
            ),
            h.div({"class": "span-5 stack"}, _trust(context, trust)),
        ),
        subtitle=context.t("conflicts.rules.page_subtitle", rule=rule_words(context, now, labels)),
        tools=h.fragment(
            _take_back(context, kept) if kept is not None else None,
            button(
                context.t("conflicts.rules.title"), href="/conflicts/rules", icon_name="arrow-left"
            ),
        ),
    )


def _choice(
    context: PageContext, name: str, asked: ValueRule, trust: Sequence[Trusted]
) -> h.Markup:
    offered = [c for c in CRITERIA if c != "earliest"]
    steps = []
    for place in range(STEPS):
        chosen = asked.by[place] if place < len(asked.by) else ""
        options = [(c, context.t(f"conflicts.by.{c}")) for c in offered]
        if place:
            options.insert(0, ("", context.t("conflicts.rules.nothing_more")))
        label = ("first", "second", "third")[place]
        steps.append(
            select_field(
                context.t(f"conflicts.rules.{label}"),
                f"by{place + 1}",
                options,
                value=chosen,
            )
        )
    silos = [("", context.t("conflicts.rules.no_source")), *((t.source, t.label) for t in trust)]
    return card(
        form(
            context,
            h.div({"class": "fields-3"}, steps),
            h.fieldset(
                {"class": "plain"},
                h.legend({"class": "field-label"}, context.t("conflicts.rules.sources")),
                h.div(
                    {"class": "fields-4"},
                    (
                        select_field(
                            context.t("conflicts.rules.source_n", place=place + 1),
                            f"silo{place + 1}",
                            silos,
                            value=asked.sources[place] if place < len(asked.sources) else "",
                        )
                        for place in range(SILOS)
                    ),
                ),
                h.p({"class": "field-hint"}, context.t("conflicts.rules.sources_hint")),
            ),
            checkbox(
                context.t("conflicts.rules.measured"),
                "measured",
                checked=bool(asked.trust),
                hint=context.t("conflicts.rules.measured_hint"),
            )
            if any(each.measured is not None for each in trust)
            else h.p({"class": "field-hint"}, context.t("conflicts.rules.not_measured")),
            h.div(
                {"class": "row"},
                button(
                    context.t("conflicts.rules.preview"),
                    name="preview",
                    value="1",
                    kind="primary",
                    icon_name="search",
                ),
                _advised(context, name, asked),
            ),
            action=f"/conflicts/rules/{quote(name)}",
            method="get",
        ),
        title=context.t("conflicts.rules.rule"),
    )


def _advised(context: PageContext, name: str, asked: ValueRule) -> h.Markup | None:
    """The rule that most companies would want for this attribute, to look at."""
    by = ADVISED.get(name)
    if by is None or by == asked.by:
        return None
    query = urlencode({**{f"by{i + 1}": each for i, each in enumerate(by)}, "preview": 1})
    return button(
        context.t("conflicts.rules.advised", rule=rule_words(context, ValueRule(by=by), {})),
        href=f"/conflicts/rules/{quote(name)}?{query}",
        kind="quiet",
    )


def _preview(
    context: PageContext,
    name: str,
    asked: ValueRule,
    preview: RulePreview,
    labels: dict[str, str],
    *,
    reveal: bool,
) -> h.Markup:
    n = context.n
    exact = preview.low == preview.high
    heading = (
        context.t("conflicts.rules.would", count=n.count(preview.expected))
        if exact
        else context.t(
            "conflicts.rules.would_about",
            count=n.count(preview.expected),
            low=n.count(preview.low),
            high=n.count(preview.high),
        )
    )
    hidden = {f"by{i + 1}": criterion for i, criterion in enumerate(asked.by)}
    hidden |= {f"silo{i + 1}": source for i, source in enumerate(asked.sources)}
    if asked.trust:
        hidden["measured"] = "1"
    return card(
        h.p({"class": "small"}, rule_words(context, asked, labels)),
        h.p(
            {"class": "small muted"},
            context.t(
                "conflicts.rules.looked",
                people=n.count(preview.people),
                looked=n.count(preview.looked_at),
                settled=n.count(preview.settled),
            ),
        ),
        table(
            context,
            [
                Column(label=context.t("conflicts.rules.customer"), clip=True),
                Column(label=context.t("conflicts.rules.now")),
                Column(label=context.t("conflicts.rules.then")),
            ],
            [
                (
                    h.a(
                        {"href": f"/customers/{quote(each.profile_id)}"},
                        h.bdi(each.customer or context.t("conflicts.nameless")),
                    ),
                    h.bdi({"style": "overflow-wrap:anywhere"}, each.now),
                    h.bdi({"style": "overflow-wrap:anywhere"}, each.then),
                )
                for each in preview.examples
            ],
            caption=context.t("conflicts.rules.examples"),
        )
        if preview.examples and reveal
        else None,
        form(
            context,
            (h.input({"type": "hidden", "name": k, "value": v}) for k, v in hidden.items()),
            field(
                context.t("conflicts.rules.reason"),
                "reason",
                id="rule-reason",
                attributes={"maxlength": 500},
            ),
            h.div(button(context.t("conflicts.rules.switch"), kind="primary", icon_name="check")),
            action=f"/conflicts/rules/{quote(name)}",
            attributes={"style": "margin-top:12px"},
        ),
        title=heading,
        wanted=True,
    )


def _trust(context: PageContext, trust: Sequence[Trusted]) -> h.Markup | None:
    if not trust:
        return None
    n = context.n

    def shown(value: float | None, otherwise: str) -> h.Child:
        if value is None:
            return h.span({"class": "note"}, context.t(otherwise))
        return n.decimal(value * 100, digits=0)

    return card(
        table(
            context,
            [
                Column(label=context.t("conflicts.rules.silo")),
                Column(label=context.t("conflicts.rules.measured_now"), numeric=True),
                Column(label=context.t("conflicts.rules.in_force"), numeric=True),
            ],
            [
                (
                    h.a({"href": f"/sources/{quote(each.source, safe='')}#quality"}, each.label),
                    shown(each.measured, "conflicts.rules.unmeasured"),
                    shown(each.in_force, "conflicts.rules.by_kind"),
                )
                for each in trust
            ],
            caption=context.t("conflicts.rules.trust"),
        ),
        title=context.t("conflicts.rules.trust"),
        foot=context.t("conflicts.rules.trust_note"),
        flush=True,
    )
