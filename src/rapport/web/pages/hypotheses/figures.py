"""What the data say of a hypothesis, card by card."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from rapport.privacy.disclosure import SMALLEST_GROUP
from rapport.understand.hypotheses.check import Experiment, Result
from rapport.understand.hypotheses.comparison import FEWEST
from rapport.web import html as h
from rapport.web.charts.figure import chart_card
from rapport.web.charts.intervals import Interval, interval_chart
from rapport.web.pages.hypotheses.described import (
    difference_writer,
    mean_writer,
    outcome_words,
    verdict_chip,
    verdict_icon,
    who_words,
)
from rapport.web.parts.cards import callout, card
from rapport.web.parts.context import PageContext
from rapport.web.parts.facts import Fact, fact_list
from rapport.web.parts.tables import Column, table
from rapport.workflows.hypotheses import Look, NamedHypothesis

#: Longer, and an experiment proves nothing in time.
_MOST_WEEKS = 104


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What every card is given."""

    context: PageContext
    hypothesis: NamedHypothesis
    look: Look
    may_see_people: bool
    time_zone: str

    @property
    def result(self) -> Result:
        """Of the newest look."""
        return self.look.result

    @property
    def mean(self) -> Callable[[float], str]:
        """How a mean is written."""
        return mean_writer(self.context, self.hypothesis.definition)

    @property
    def difference(self) -> Callable[[float], str]:
        """How a difference is written."""
        return difference_writer(self.context, self.hypothesis.definition)


def verdict_card(shown: Shown) -> h.Markup:
    """The verdict, the two means, and why."""
    t, result = shown.context.t, shown.result
    said = result.said
    outcome = outcome_words(shown.context, shown.hypothesis.definition.outcome)
    means = None
    if result.made_alike is not None:
        means = h.p(
            h.b(
                t(
                    "hypotheses.result.against",
                    outcome=outcome[:1].upper() + outcome[1:],
                    exposed=shown.mean(result.made_alike.exposed),
                    others=shown.mean(result.made_alike.others),
                )
            )
        )
    matters = shown.difference(result.matters).removeprefix("+")
    return callout(
        t(f"hypotheses.verdict.{said.verdict}"),
        h.p(t(f"hypotheses.reason.{said.reason}", matters=matters, fewest=str(FEWEST))),
        means,
        h.p({"class": "note"}, t("hypotheses.only_observed")),
        tone="caution" if said.verdict == "cannot_tell" else "neutral",
        icon_name=verdict_icon(said.verdict),
        span="span-12",
    )


def how_much_card(shown: Shown) -> h.Markup | None:
    """The differences with their ranges; None where there are too few customers."""
    t, result = shown.context.t, shown.result
    raw, made = result.raw, result.made_alike
    if raw is None or made is None or result.low is None or result.high is None:
        return None
    write = shown.difference

    def line(name: str, value: float, low: float, high: float, colour: str) -> Interval:
        text = t("hypotheses.result.range", value=write(value), low=write(low), high=write(high))
        return Interval(name=name, value=value, low=low, high=high, text=text, colour=colour)  # type: ignore[arg-type]

    looks = shown.context.n.count(shown.look.number)
    lines = [
        line(t("hypotheses.result.plain"), raw.exposed - raw.others, raw.low, raw.high, "c6"),
        line(t("hypotheses.result.alike"), made.difference, result.low, result.high, "c1"),
        line(
            t("hypotheses.result.after_looks", looks=looks),
            made.difference, result.said.low, result.said.high, "c1",
        ),
    ]  # fmt: skip
    chart = interval_chart(
        lines,
        shaded=result.matters,
        written=write,
        sentence=t(
            "hypotheses.result.chart",
            outcome=outcome_words(shown.context, shown.hypothesis.definition.outcome),
            plain=lines[0].text,
            alike=lines[1].text,
        ),
        note=t("hypotheses.result.band", looks=looks),
    )
    return chart_card(
        shown.context,
        t("hypotheses.result.how_much"),
        chart,
        note=t("hypotheses.result.how_much_note"),
        span="span-6",
    )


def compared_card(shown: Shown) -> h.Markup:
    """Who was compared: both sides with their numbers, which lead to the customers."""
    context, t, n = shown.context, shown.context.t, shown.context.n
    result, definition = shown.result, shown.hypothesis.definition
    raw, made = result.raw, result.made_alike

    def number(side: str, count: int | None) -> h.Child:
        if count is None:
            return t("hypotheses.result.fewer", count=str(SMALLEST_GROUP))
        text = n.count(count)
        if not shown.may_see_people or not count:
            return text
        address = f"/hypotheses/{shown.hypothesis.hypothesis_id}/customers?side={side}"
        return h.a({"href": address}, text)

    def row(side: str, name: h.Child, count: int | None) -> list[h.Child]:
        return [
            name,
            number(side, count),
            "–" if raw is None else shown.mean(getattr(raw, side)),
            "–" if made is None else shown.mean(getattr(made, side)),
        ]

    who = context.rich(
        "hypotheses.result.exposed", who=who_words(context, definition.exposure, shown.time_zone)
    )
    notes = [
        t(
            "hypotheses.result.followed",
            days=n.count(definition.follow_days),
            until=n.date(n.local(shown.look.data_until).date()),
        )
    ]
    if result.left_out:
        notes.append(t("hypotheses.result.left_out", count=result.left_out))
    if result.unknown:
        notes.append(t("hypotheses.result.unknown", count=result.unknown))
    return card(
        table(
            context,
            [
                Column(label=t("hypotheses.result.side")),
                Column(label=t("hypotheses.result.number"), numeric=True),
                Column(label=t("hypotheses.result.plain"), numeric=True),
                Column(label=t("hypotheses.result.alike"), numeric=True),
            ],
            [
                row("exposed", who, result.exposed),
                row("others", t("hypotheses.result.others"), result.others),
            ],
            caption=t("hypotheses.result.compared"),
        ),
        title=t("hypotheses.result.compared"),
        note=outcome_words(context, definition.outcome),
        foot=" ".join(notes),
        span="span-6" if raw is not None else "span-12",
    )


def alike_card(shown: Shown) -> h.Markup | None:
    """What was known before, and how alike the sides were made in it."""
    context, t, n = shown.context, shown.context.t, shown.context.n
    if not shown.result.alike:
        return None

    def after(value: float, adjusted: bool) -> h.Child:
        text = n.signed(round(value, 2) + 0.0, digits=2)
        if adjusted:
            return text
        return h.fragment(
            text, h.small({"class": "muted"}, " ", t("hypotheses.alike.not_adjusted"))
        )

    return card(
        table(
            context,
            [
                Column(label=t("hypotheses.alike.name")),
                Column(label=t("hypotheses.alike.before"), numeric=True),
                Column(label=t("hypotheses.alike.after"), numeric=True),
            ],
            [
                [
                    t(f"hypotheses.alike.{each.name}"),
                    n.signed(round(each.before, 2) + 0.0, digits=2),
                    after(each.after, each.adjusted),
                ]
                for each in shown.result.alike
            ],
            caption=t("hypotheses.alike.title"),
        ),
        title=t("hypotheses.alike.title"),
        note=t("hypotheses.alike.note"),
        span="span-6",
    )


def unmeasured_card(shown: Shown) -> h.Markup | None:
    """How strong an unknown cause had to be."""
    t, n, result = shown.context.t, shown.context.n, shown.result
    if result.e_value is None or result.e_value_limit is None:
        return None
    text = t("hypotheses.unmeasured.nothing")
    if result.e_value_limit > 1:
        text = t(
            "hypotheses.unmeasured.needs",
            value=n.decimal(result.e_value),
            limit=n.decimal(result.e_value_limit),
        )
    return card(h.p(text), title=t("hypotheses.unmeasured.title"))


def experiment_card(shown: Shown) -> h.Markup | None:
    """What would prove it."""
    context, t = shown.context, shown.context.t
    if shown.result.made_alike is None:
        return None
    plan = shown.result.experiment
    if plan is None:
        return card(h.p(t("hypotheses.experiment.none")), title=t("hypotheses.experiment.title"))
    lines = _planned(shown, plan)
    return card(
        h.div(
            {"class": "stack tight"},
            h.p(
                t(f"hypotheses.experiment.{plan.kind}", share=context.n.share(plan.reach, digits=0))
            ),
            fact_list(
                context, [Fact(label=name, value=value) for name, value in lines], side=False
            ),
        ),
        title=t("hypotheses.experiment.title"),
        foot=t("hypotheses.experiment.power"),
    )


def _planned(shown: Shown, plan: Experiment) -> list[tuple[str, str]]:
    t, n = shown.context.t, shown.context.n
    available = n.count(plan.available)
    if plan.per_week is not None:
        available = t("hypotheses.experiment.per_week", count=n.count(round(plan.per_week)))
    if plan.weeks is None:
        takes = t("hypotheses.experiment.too_few")
    elif plan.weeks > _MOST_WEEKS:
        takes = t("hypotheses.experiment.too_long")
    else:
        takes = t("hypotheses.experiment.weeks", count=round(plan.weeks + 0.5))
    return [
        (t("hypotheses.experiment.reach"), n.share(plan.reach, digits=0)),
        (t("hypotheses.experiment.expected"), shown.difference(plan.expected)),
        (
            t("hypotheses.experiment.needed"),
            "–" if plan.per_arm is None else n.count(2 * plan.per_arm),
        ),
        (t("hypotheses.experiment.available"), available),
        (t("hypotheses.experiment.takes"), takes),
    ]


def looks_card(shown: Shown) -> h.Markup:
    """All looks at this hypothesis."""
    context, t, n = shown.context, shown.context.t, shown.context.n
    rows: list[list[h.Child]] = []
    for each in shown.hypothesis.looks:
        made = each.result.made_alike
        rows.append(
            [
                n.date_time(each.looked_at),
                n.count(each.number),
                verdict_chip(context, each.result.said.verdict),
                "–" if made is None else shown.difference(made.difference),
                n.share(each.result.alpha, digits=2),
                each.author,
            ]
        )
    return card(
        table(
            context,
            [
                Column(label=t("hypotheses.looked_at")),
                Column(label=t("hypotheses.looks.number"), numeric=True),
                Column(label=t("hypotheses.verdict_label")),
                Column(label=t("hypotheses.difference"), numeric=True),
                Column(label=t("hypotheses.looks.level"), numeric=True),
                Column(label=t("hypotheses.looks.author")),
            ],
            rows,
            caption=t("hypotheses.looks.title"),
        ),
        title=t("hypotheses.looks.title"),
        note=t("hypotheses.looks.note"),
        span="span-12",
        flush=True,
    )
