"""The cards of a journey: at a glance, flows, funnel, steps, losses, warnings, ways."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rapport.understand.journeys.bottlenecks import Bottleneck
from rapport.understand.journeys.paths import SUPPRESSED, Path
from rapport.understand.journeys.watch import Watched
from rapport.web import html as h
from rapport.web.charts.figure import chart_card, chart_figure
from rapport.web.charts.hbars import NamedBar, hbar_chart
from rapport.web.charts.line import Line, line_chart
from rapport.web.charts.sankey import SankeyFlow, SankeyNode, sankey_chart
from rapport.web.charts.scale import Colour
from rapport.web.pages.journeys.named import (
    chart_value,
    group_of,
    journey_href,
    length_unit,
    people_href,
    seconds,
    stage_of,
    step_of,
)
from rapport.web.parts.cards import callout, card
from rapport.web.parts.chips import chip
from rapport.web.parts.choices import Choice, segmented
from rapport.web.parts.context import PageContext
from rapport.web.parts.tables import Column, table
from rapport.workflows.journeys import JourneyReport, JourneyView, NamedJourney

#: Charts drawn in full; the others stand in a table.
_DRAWN = 2


class Shown:
    """What each card needs: who reads, which journey, and its figures."""

    def __init__(
        self,
        context: PageContext,
        journey: NamedJourney,
        view: JourneyView,
        report: JourneyReport,
    ) -> None:
        self.context = context
        self.journey = journey
        self.view = view
        self.report = report
        self.definition = report.definition

    def stage(self, number: int) -> str:
        """A stage's name."""
        return stage_of(self.context, self.definition, number)

    def step(self, step: int, to: int) -> str:
        """A step's name."""
        return step_of(self.context, self.definition, step, to)

    def part(self, part: str | None) -> str:
        """A group's name."""
        return group_of(self.context, self.view.by, part)

    def money(self, value: float) -> str:
        """An amount, rounded to what its interval allows to be said."""
        return self.context.n.money(round(value))

    def people(self, step: int, **other: str | bool | None) -> str:
        """Where the customers behind a step stand."""
        key = self.definition.stages[step].key
        return people_href(self.journey, self.view, key, **other)  # type: ignore[arg-type]


# ── at a glance ────────────────────────────────────────────────────────────────────────────────


def glance(shown: Shown) -> h.Markup:
    """Where most is lost, and what is drifting, each in one sentence."""
    return h.fragment(_worst(shown), _warned(shown))


def _worst(shown: Shown) -> h.Markup:
    t, n = shown.context.t, shown.context.n
    found = shown.report.bottlenecks
    worst = found[0] if found else None
    if worst is not None and worst.verdict == "lost":
        return callout(
            t(
                "journeys.glance.lost",
                step=shown.step(worst.step, worst.to),
                part=shown.part(worst.part),
                money=shown.money(worst.value_lost or 0.0),
                days=str(shown.view.days),
            ),
            h.p(
                t(
                    "journeys.glance.lost_detail",
                    customers=n.count(round(worst.customers_lost or 0.0)),
                    all=n.count(worst.customers),
                    share=n.share(worst.share or 0.0),
                    expected=n.share(worst.expected or 0.0),
                    low=shown.money(worst.low or 0.0),
                    high=shown.money(worst.high or 0.0),
                    **{"from": expected_from(shown, worst)},
                )
            ),
            h.p(
                h.a(
                    {"href": shown.people(worst.step, part=worst.part, split=True)},
                    t("journeys.glance.look"),
                )
            ),
            tone="bad",
            span="span-6",
        )
    staked = max(
        (each for each in found if (each.at_stake_low or 0.0) > 0),
        key=lambda each: each.at_stake or 0.0,
        default=None,
    )
    detail: list[h.Child] = [h.p(t("journeys.glance.few_detail"))]
    if staked is not None:
        detail = [
            h.p(
                t(
                    "journeys.glance.none_detail",
                    step=shown.step(staked.step, staked.to),
                    part=shown.part(staked.part),
                    customers=n.count(staked.customers - staked.went_on),
                    money=shown.money(staked.at_stake or 0.0),
                )
            ),
            h.p(
                h.a(
                    {"href": shown.people(staked.step, part=staked.part, split=True)},
                    t("journeys.glance.look"),
                )
            ),
        ]
    return callout(
        t("journeys.glance.none"), *detail, tone="neutral", icon_name="info", span="span-6"
    )


def _warned(shown: Shown) -> h.Markup:
    t, n = shown.context.t, shown.context.n
    warnings = shown.report.warnings
    if not warnings:
        return callout(
            t("journeys.glance.calm"),
            h.p(t("journeys.glance.calm_detail", count=n.count(len(shown.report.charts)))),
            tone="good",
            icon_name="circle-check",
            span="span-6",
        )
    chart = warnings[0]
    newest = chart.newest
    said: list[h.Child] = []
    if newest is not None and chart.out_since is not None:
        said.append(
            h.p(
                t(
                    "journeys.glance.warn_detail",
                    value=chart_value(shown.context, chart, newest.value),
                    usual=chart_value(shown.context, chart, newest.centre),
                    limit=chart_value(shown.context, chart, newest.upper),
                    since=n.date(n.local(chart.out_since).date()),
                ),
                " ",
                t("journeys.glance.quiet")
                if chart.complaints_since is None
                else t("journeys.glance.loud", day=n.date(n.local(chart.complaints_since).date())),
            )
        )
    if len(warnings) > 1:
        more = t("journeys.glance.more", count=n.count(len(warnings) - 1))
        said.append(h.p(h.a({"href": "#watch"}, more)))
    return callout(
        t(
            f"journeys.inbox.{chart.kind}",
            step=shown.step(chart.step, chart.to),
            part=shown.part(chart.part),
        ),
        *said,
        tone="caution",
        icon_name="triangle-alert",
        span="span-6",
    )


def expected_from(shown: Shown, found: Bottleneck) -> str:
    """Where the share that is possible was seen."""
    t = shown.context.t
    if found.expected_from == "past":
        return t("journeys.from.past", days=str(shown.view.days))
    if found.expected_from == "part":
        return t("journeys.from.part", part=shown.part(found.expected_part))
    return t("journeys.from.target")


# ── flows ──────────────────────────────────────────────────────────────────────────────────────


def flow_card(shown: Shown) -> h.Markup:
    """The Sankey diagram."""
    t, n = shown.context.t, shown.context.n
    report, definition = shown.report, shown.definition
    seen = sorted({f.stage for f in report.flows} | {f.to for f in report.flows if f.to})
    goal = None if definition.goal is None else definition.place(definition.goal)
    columns = {stage: place / max(len(seen), 1) for place, stage in enumerate(seen)}
    first_required = min(definition.required, default=0)
    nodes = [
        SankeyNode(
            key=f"stage-{stage}",
            name=shown.stage(stage),
            at=columns[stage],
            lane=0 if stage in definition.required or stage < first_required else 1,
            colour="cpos" if stage == goal else "cgrey",
        )
        for stage in seen
    ]
    nodes.append(
        SankeyNode(
            key="goal",
            name=t("journeys.flow.goal", stage="" if goal is None else shown.stage(goal)),
            at=1.0,
            colour="cpos",
        )
    )
    flows = []
    for flow in report.flows:
        source = f"stage-{flow.stage}"
        if flow.to is not None:
            flows.append(SankeyFlow(source=source, target=f"stage-{flow.to}", value=flow.journeys))
        elif flow.end == "goal":
            flows.append(
                SankeyFlow(source=source, target="goal", value=flow.journeys, colour="cpos")
            )
        else:
            lost = flow.end == "ended" and goal is not None
            colour: Colour = "cneg" if lost else "cmid"
            key = f"{flow.end}-{flow.stage}"
            name = "ended" if lost else "no_goal" if flow.end == "ended" else "under_way"
            nodes.append(
                SankeyNode(
                    key=key,
                    name=t(f"journeys.flow.{name}"),
                    at=min(1.0, columns[flow.stage] + 0.62 / max(len(seen), 1)),
                    lane=2,
                    colour=colour,
                )
            )
            flows.append(SankeyFlow(source=source, target=key, value=flow.journeys, colour=colour))

    def ends(end: str) -> str:
        return n.count(sum(flow.journeys for flow in report.flows if flow.end == end))

    chart = sankey_chart(
        nodes,
        flows,
        written=n.count,
        flow_name=lambda source, to: t("journeys.arrow", stage=source, to=to),
        value_name=t("journeys.flow.journeys"),
        sentence=t(
            "journeys.flow.sentence",
            journeys=n.count(report.journeys),
            goal=ends("goal"),
            ended=ends("ended"),
            open=ends("under_way"),
        ),
    )
    return chart_card(
        shown.context,
        t("journeys.flow.title"),
        chart,
        note=t("journeys.flow.note"),
        foot=t("journeys.flow.foot", days=str(definition.silence_days)),
        span="span-12",
    )


# ── funnel and steps ───────────────────────────────────────────────────────────────────────────


def funnel_card(shown: Shown) -> h.Markup:
    """How far journeys come in order and in time."""
    t, n = shown.context.t, shown.context.n
    funnel = shown.report.funnel
    most = max((stage.journeys for stage in funnel.stages), default=0)
    bars = [
        NamedBar(
            name=shown.stage(stage.stage),
            value=float(stage.journeys),
            colour="cpos" if stage.stage == funnel.stages[-1].stage else "c1",
            note=n.share(stage.journeys / most) if most and number else None,
        )
        for number, stage in enumerate(funnel.stages)
    ]
    first, last = funnel.stages[0], funnel.stages[-1]
    chart = hbar_chart(
        bars,
        written=lambda value: n.count(round(value)),
        sentence=t(
            "journeys.funnel.sentence",
            first=n.count(first.journeys),
            stage=shown.stage(first.stage),
            last=n.count(last.journeys),
            to=shown.stage(last.stage),
        ),
    )
    per = segmented(
        t("journeys.funnel.per"),
        [
            Choice(
                text=t(f"journeys.funnel.{name}"),
                href=journey_href(shown.journey, shown.view, per=value),
                chosen=shown.view.per_customer == (value is not None),
            )
            for name, value in (("journeys", None), ("customers", "customer"))
        ],
    )
    required = shown.definition.required
    starts = segmented(
        t("journeys.funnel.from"),
        [
            Choice(
                text=shown.stage(number),
                href=journey_href(
                    shown.journey, shown.view, first=shown.definition.stages[number].key
                ),
                chosen=number == first.stage,
            )
            for number in range(len(shown.definition.stages))
            if number not in shown.report.missing and number < required[-1]
        ],
    )
    return card(
        chart_figure(shown.context, chart),
        title=t("journeys.funnel.title"),
        note=t("journeys.funnel.note", days=str(shown.definition.window_days)),
        tools=per,
        foot=h.div(
            {"class": "stack tight"},
            h.div({"class": "row"}, h.span(t("journeys.funnel.from")), starts),
            h.span(t("journeys.funnel.foot", count=n.count(funnel.under_way))),
        ),
        span="span-5 tablet-12",
    )


def steps_card(shown: Shown) -> h.Markup:
    """Each step with its drop-off and its times; every count opens its customers."""
    t, n = shown.context.t, shown.context.n
    columns = [
        Column(label=t("journeys.steps.step")),
        Column(label=t("journeys.steps.entered"), numeric=True),
        Column(label=t("journeys.steps.went_on"), numeric=True),
        Column(label=t("journeys.steps.lost"), numeric=True),
        Column(label=t("journeys.steps.late"), numeric=True),
        Column(label=t("journeys.steps.median"), numeric=True),
    ]
    rows = [
        [
            h.fragment(
                shown.step(each.step, each.to),
                h.br(),
                h.small(
                    {"class": "muted"},
                    t(
                        "journeys.steps.within",
                        days=str(shown.definition.limit_days(each.to)),
                    ),
                ),
            ),
            n.count(each.entered),
            "–" if each.share is None else n.share(each.share),
            h.a({"href": shown.people(each.step)}, n.count(each.lost)),
            n.count(each.late),
            h.fragment(
                seconds(shown.context, each.median),
                h.br(),
                h.small(
                    {"class": "muted nowrap", "title": t("journeys.steps.quartiles")},
                    seconds(shown.context, each.first_quartile),
                    " … ",
                    seconds(shown.context, each.third_quartile),
                )
                if each.median is not None
                else None,
            ),
        ]
        for each in shown.report.steps
    ]
    return card(
        table(shown.context, columns, rows, caption=t("journeys.steps.title")),
        title=t("journeys.steps.title"),
        note=t("journeys.steps.note"),
        foot=t("journeys.steps.foot"),
        flush=True,
        span="span-7 tablet-12",
    )


# ── losses ─────────────────────────────────────────────────────────────────────────────────────


def losses_card(shown: Shown) -> h.Markup:
    """Bottlenecks, the dearest first."""
    t, n = shown.context.t, shown.context.n
    columns = [
        Column(label=t("journeys.steps.step")),
        Column(label=t("journeys.bottlenecks.part")),
        Column(label=t("journeys.bottlenecks.customers"), numeric=True),
        Column(label=t("journeys.bottlenecks.share"), numeric=True),
        Column(label=t("journeys.bottlenecks.possible"), numeric=True),
        Column(label=t("journeys.bottlenecks.lost"), numeric=True),
        Column(label=t("journeys.bottlenecks.money"), numeric=True),
        Column(label=t("journeys.bottlenecks.stake"), numeric=True),
    ]
    rows = [_loss(shown, each) for each in shown.report.bottlenecks]
    by = segmented(
        t("journeys.split"),
        [
            Choice(
                text=t(f"journeys.by.{name}"),
                href=journey_href(shown.journey, shown.view, by=name),
                chosen=shown.view.by == name,
            )
            for name in ("country", "channel", "acquisition_channel")
        ],
    )
    return card(
        table(shown.context, columns, rows, caption=t("journeys.bottlenecks.title")),
        title=t("journeys.bottlenecks.title"),
        note=t("journeys.bottlenecks.note", days=n.count(shown.view.days)),
        tools=by,
        foot=t("journeys.bottlenecks.foot", days=str(shown.definition.value_days)),
        flush=True,
        span="span-12",
        attributes={"id": "lost"},
    )


def _loss(shown: Shown, each: Bottleneck) -> Sequence[h.Child]:
    t, n = shown.context.t, shown.context.n
    dropped = each.customers - each.went_on
    verdict: h.Child = None
    if each.verdict != "lost":
        verdict = h.small({"class": "muted"}, t(f"journeys.bottlenecks.{each.verdict}"))
    return [
        shown.step(each.step, each.to),
        shown.part(each.part),
        h.fragment(
            n.count(each.customers),
            h.br(),
            h.a(
                {"href": shown.people(each.step, part=each.part, split=True)},
                h.small("−", n.count(dropped)),
            ),
        ),
        "–" if each.share is None else n.share(each.share),
        "–"
        if each.expected is None
        else h.fragment(
            n.share(each.expected),
            h.br(),
            h.small({"class": "muted"}, expected_from(shown, each)),
        ),
        "–" if each.customers_lost is None else n.count(round(each.customers_lost)),
        h.fragment(
            h.b(shown.money(each.value_lost or 0.0)) if each.verdict == "lost" else None,
            h.fragment(
                h.br() if each.verdict == "lost" else None,
                h.small({"class": "muted nowrap"}, _range(shown, each.low, each.high)),
                h.br() if verdict else None,
            )
            if each.low is not None and each.high is not None
            else None,
            verdict,
        ),
        "–"
        if each.at_stake is None
        else h.fragment(
            shown.money(each.at_stake),
            h.br(),
            h.small(
                {"class": "muted nowrap"}, _range(shown, each.at_stake_low, each.at_stake_high)
            ),
        ),
    ]


def _range(shown: Shown, low: float | None, high: float | None) -> str:
    return shown.context.t(
        "journeys.bottlenecks.range", low=shown.money(low or 0.0), high=shown.money(high or 0.0)
    )


# ── warnings ───────────────────────────────────────────────────────────────────────────────────


def watch_cards(shown: Shown) -> list[h.Markup]:
    """The charts that call, and all of them in a table."""
    t = shown.context.t
    drawn = [_control(shown, chart) for chart in shown.report.warnings[:_DRAWN]]
    columns = [
        Column(label=t("journeys.steps.step")),
        Column(label=t("journeys.bottlenecks.part")),
        Column(label=t("journeys.watch.what")),
        Column(label=t("journeys.watch.newest"), numeric=True),
        Column(label=t("journeys.watch.usual"), numeric=True),
        Column(label=t("journeys.watch.limit"), numeric=True),
        Column(label=t("journeys.watch.verdict")),
    ]
    rows = [_watched(shown, chart) for chart in shown.report.charts]
    everything = card(
        table(shown.context, columns, rows, caption=t("journeys.watch.all")),
        title=t("journeys.watch.title"),
        foot=t("journeys.watch.foot"),
        flush=True,
        span="span-12",
        attributes={"id": "watch"},
    )
    return [*drawn, everything]


def _control(shown: Shown, chart: Watched) -> h.Markup:
    t, n = shown.context.t, shown.context.n
    name = t("journeys.step_of", step=shown.step(chart.step, chart.to), part=shown.part(chart.part))
    newest = chart.newest
    days = [n.local(week).date() for week in chart.weeks]
    # In the unit that is written, so that the axis has round figures.
    size = 1.0 if chart.kind == "failure" else length_unit(newest.centre if newest else None)

    def written(value: float) -> str:
        return chart_value(shown.context, chart, value * size)

    def scaled(values: Iterable[float | None]) -> list[float | None]:
        return [None if value is None else value / size for value in values]

    drawn = line_chart(
        shown.context,
        labels=[n.day_month_short(day) for day in days],
        long_labels=[n.date(day) for day in days],
        lines=[
            Line(
                name=t(f"journeys.watch.{chart.kind}"),
                values=scaled(point.value for point in chart.points),
            ),
            Line(
                name=t("journeys.watch.limit"),
                values=scaled(point.upper for point in chart.points),
                colour="cneg",
            ),
            Line(
                name=t("journeys.watch.usual"),
                values=scaled(point.centre for point in chart.points),
                colour="cgrey",
            ),
        ],
        written=written,
        sentence=t(
            "journeys.watch.sentence",
            name=name,
            value=chart_value(shown.context, chart, newest.value if newest else None),
            usual=chart_value(shown.context, chart, newest.centre if newest else None),
            limit=chart_value(shown.context, chart, newest.upper if newest else None),
        ),
        from_zero=True,
    )
    return chart_card(
        shown.context,
        name,
        drawn,
        note=t(f"journeys.watch.{chart.kind}"),
        span="span-6 tablet-12",
    )


def _watched(shown: Shown, chart: Watched) -> Sequence[h.Child]:
    t, n = shown.context.t, shown.context.n
    newest = chart.newest
    if newest is None:
        verdict: h.Child = h.span({"class": "muted"}, t("journeys.watch.too_few"))
    elif chart.out_since is None:
        verdict = t("journeys.watch.inside")
    else:
        day = n.day_month_short(n.local(chart.out_since).date())
        verdict = chip(
            t("journeys.watch.since", day=day), tone="caution", icon_name="triangle-alert"
        )
    return [
        shown.step(chart.step, chart.to),
        shown.part(chart.part),
        t(f"journeys.watch.{chart.kind}"),
        *(
            chart_value(shown.context, chart, value)
            for value in (
                (None, None, None)
                if newest is None
                else (newest.value, newest.centre, newest.upper)
            )
        ),
        verdict,
    ]


# ── ways ───────────────────────────────────────────────────────────────────────────────────────


def paths_card(shown: Shown) -> h.Markup:
    """The commonest ways, with how their customers felt."""
    t, n = shown.context.t, shown.context.n
    columns = [
        Column(label=t("journeys.paths.path")),
        Column(label=t("journeys.paths.journeys"), numeric=True),
        Column(label=t("journeys.paths.customers"), numeric=True),
        Column(label=t("journeys.paths.said"), numeric=True),
        Column(label=t("journeys.paths.happy"), numeric=True),
        Column(label=t("journeys.paths.unhappy"), numeric=True),
        Column(label=t("journeys.paths.lift"), numeric=True),
    ]
    found = shown.report.paths
    rows = [_path(shown, path) for path in found.paths]
    if found.rare is not None:
        rows.append(_path(shown, found.rare))
    return card(
        table(shown.context, columns, rows, caption=t("journeys.paths.title")),
        title=t("journeys.paths.title"),
        note=t("journeys.paths.note"),
        foot=t("journeys.paths.foot", count=n.count(SUPPRESSED)),
        flush=True,
        span="span-12",
    )


def _path(shown: Shown, path: Path) -> Sequence[h.Child]:
    t, n = shown.context.t, shown.context.n
    way = " → ".join(shown.stage(stage) for stage in path.stages)
    felt = path.said >= SUPPRESSED
    lift: h.Child = "–"
    if path.lift is not None and path.lift_low is not None and path.lift_high is not None:
        lift = h.fragment(
            h.b(t("journeys.paths.times", lift=n.decimal(path.lift, digits=2)))
            if path.marked
            else t("journeys.paths.times", lift=n.decimal(path.lift, digits=2)),
            h.br(),
            h.small(
                {"class": "muted nowrap"},
                t(
                    "journeys.bottlenecks.range",
                    low=n.decimal(path.lift_low, digits=2),
                    high=n.decimal(path.lift_high, digits=2),
                )
                if path.marked
                else t("journeys.paths.chance"),
            ),
        )
    return [
        (f"{way} …" if path.longer else way) or t("journeys.paths.rare"),
        n.count(path.journeys),
        "–" if path.customers is None else n.count(path.customers),
        n.count(path.said) if felt else "–",
        n.share(path.happy / path.said) if felt else "–",
        n.share(path.unhappy / path.said) if felt else "–",
        lift,
    ]
