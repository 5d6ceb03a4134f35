"""Who moved between the groups of two searches, and why."""

from __future__ import annotations

from collections.abc import Sequence

from rapport.understand.personas.carried import Flow
from rapport.understand.personas.stored import Fit, Migration, Persona
from rapport.web import html as h
from rapport.web.parts.cards import card
from rapport.web.parts.context import PageContext
from rapport.web.parts.states import empty_state
from rapport.web.parts.tables import Column, table
from rapport.web.parts.traits import fact_words, persona_name
from rapport.workflows.company import Company
from rapport.workflows.persona_views import fit_day


def migration_body(
    context: PageContext, company: Company, fit: Fit | None, known: Sequence[Persona]
) -> tuple[h.Markup, str | None]:
    """The cards, and the line under the title."""
    t, n = context.t, context.n
    if fit is None or fit.migration is None:
        empty = empty_state(
            t("personas.moved.first"), t("personas.moved.first_detail"), icon_name="shuffle"
        )
        return h.div({"class": "stack"}, card(empty)), None
    now = n.date(n.local(fit.fitted_at).date())
    before = fit_day(company, fit.migration.since)
    names = {
        each.persona_id: persona_name(context, each.key, each.name, each.traits) for each in known
    }
    fates = [
        [names.get(group, str(group)), _fate(context, fit.migration, group, names)]
        for group in sorted(fit.migration.fates)
    ]
    body = h.div(
        {"class": "stack"},
        card(
            table(
                context,
                [
                    Column(label=t("personas.moved.group")),
                    Column(label=t("personas.moved.fate")),
                ],
                fates,
                caption=t("personas.moved.fates"),
            ),
            title=t("personas.moved.fates"),
            flush=True,
        ),
        card(
            _flows(context, fit.migration.flows, names),
            title=t("personas.moved.flows"),
            foot=t("personas.moved.foot"),
            flush=True,
        ),
    )
    return body, t("personas.moved.subtitle", before=n.date(n.local(before).date()), now=now)


def _fate(context: PageContext, migration: Migration, group: int, names: dict[int, str]) -> str:
    fate = context.t(f"personas.fate.{migration.fates[group]}")
    sources = migration.sources.get(group, ())
    if not sources:
        return fate
    groups = ", ".join(names.get(each, str(each)) for each in sources)
    return context.t("personas.moved.of", fate=fate, groups=groups)


def _flows(context: PageContext, flows: Sequence[Flow], names: dict[int, str]) -> h.Markup:
    t, n = context.t, context.n

    def name(group: int | None) -> str:
        return t("personas.moved.nowhere") if group is None else names.get(group, str(group))

    columns = [
        Column(label=t("personas.moved.from")),
        Column(label=t("personas.moved.to")),
        Column(label=t("personas.moved.count"), numeric=True),
        Column(label=t("personas.moved.share"), numeric=True),
        Column(label=t("personas.moved.changed"), numeric=True),
        Column(label=t("personas.moved.why")),
    ]
    rows: list[list[h.Child]] = []
    for flow in flows:
        moved = flow.before != flow.now
        why = ", ".join(
            t(
                "personas.moved.feature",
                fact=fact_words(context, each.feature),
                before=n.signed(each.before, digits=1),
                now=n.signed(each.now, digits=1),
            )
            for each in flow.why
        )
        rows.append(
            [
                name(flow.before),
                name(flow.now),
                n.count(flow.customers),
                n.share(flow.share, digits=0),
                n.count(flow.changed) if moved else "–",
                why if moved else t("personas.moved.stayed"),
            ]
        )
    return table(context, columns, rows, caption=t("personas.moved.flows"))
