"""The cards of the dashboard: each from one workflow, each also at its own address."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from datetime import timedelta
from urllib.parse import urlencode

from rapport.errors import RapportError, where_it_failed
from rapport.understand.metrics import BY_NAME as METRICS
from rapport.understand.segments.rule import All, Rule, where, write_rule
from rapport.web import html as h
from rapport.web.charts.bars import Bars, bar_chart
from rapport.web.charts.cohort import Cohort, cohort_grid
from rapport.web.charts.figure import chart_card
from rapport.web.charts.hbars import NamedBar, hbar_chart
from rapport.web.charts.sparkline import sparkline
from rapport.web.numbers import NO_BREAK
from rapport.web.pages.dashboard.address import href
from rapport.web.parts.accuracy import (
    ROUGH,
    accuracy_line,
    dash,
    heading_mark,
    rough,
    why_rough,
)
from rapport.web.parts.cards import Tone, callout, card
from rapport.web.parts.chips import chip
from rapport.web.parts.context import PageContext
from rapport.web.parts.facts import why
from rapport.web.parts.htmx import load
from rapport.web.parts.kpis import Kpi, delta_of, kpi_strip
from rapport.web.parts.measures import (
    channel_name,
    days_name,
    metric_name,
    part_name,
    segment_name,
    unit_name,
    written,
    written_change,
)
from rapport.web.parts.states import error_state
from rapport.web.parts.tables import Column, meter, table
from rapport.workflows import dashboard as figures
from rapport.workflows.accuracy import Accuracy, Verdict, newest_accuracy
from rapport.workflows.company import Company
from rapport.workflows.dashboard import Figure, Standing, Unit
from rapport.workflows.findings import (
    Caution,
    Change,
    LateSource,
    Refused,
    Unconverted,
    findings,
)
from rapport.workflows.segments import SegmentRow

log = logging.getLogger("rapport.web")

FEW_ANSWERS = 30
MOST_FINDINGS = 3

Draw = Callable[[PageContext, Company, Standing], h.Markup]


# ── key figures ────────────────────────────────────────────────────────────────────────────────


def kpis(context: PageContext, company: Company, standing: Standing) -> h.Markup:
    """The strip of key figures."""
    shown = figures.headline(company, standing).figures
    return h.div(
        {"class": "span-12", "id": "card-kpis"},
        kpi_strip(context, [_kpi(context, standing, each) for each in shown]),
    )


def service(context: PageContext, company: Company, standing: Standing) -> h.Markup:
    """Satisfaction, mood, contacts and returns."""
    # A metric that this company has never had is no news.
    shown = [
        figure
        for figure in figures.service(company, standing)
        if figure.hidden or any(value is not None for value in (figure.before, *figure.course))
    ]
    return h.div(
        {"class": "span-12", "id": "card-service"},
        h.h2({"class": "sr"}, context.t("dashboard.service")),
        kpi_strip(context, [_kpi(context, standing, each) for each in shown]) if shown else None,
    )


def _kpi(context: PageContext, standing: Standing, figure: Figure) -> Kpi:
    metric = figure.metric
    name = metric_name(context, metric.name)
    against = context.t("dashboard.against", period=before_name(context, standing))
    if figure.hidden or figure.before_hidden:
        against = context.t("metrics.too_few" if figure.hidden else "dashboard.before_too_few")
    elif figure.before is None:
        against = context.t("dashboard.no_before")
    elif metric.unit not in ("count", "money") and figure.n is not None:
        against += f" · n{NO_BREAK}=\u00a0{context.n.count(figure.n)}"
    return Kpi(
        label=name,
        figure=None if figure.value is None else written(context, metric, figure.value),
        href=href(f"/metrics/{metric.name}", standing.view),
        delta=None
        if figure.change is None
        else delta_of(
            figure.change,
            written_change(context, metric, figure.change),
            better={"up": "higher", "down": "lower", "none": None}[metric.direction],
        ),
        against=against,
        trend=[None if value is None else float(value) for value in figure.course],
    )


def before_name(context: PageContext, standing: Standing) -> str:
    """What the current unit is compared with: "October", or the same days of it."""
    before = standing.before
    if standing.current.whole:
        return unit_name(context, standing.view.grain, before.first_day)
    return days_name(context, before.first_day, before.last_day)


def current_name(context: PageContext, standing: Standing, *, long: bool = True) -> str:
    """The unit that is looked at, marked when it is not over."""
    unit = standing.current
    name = unit_name(context, standing.view.grain, unit.first_day, long=long)
    if unit.whole:
        return name
    days = days_name(context, unit.first_day, unit.last_day)
    return context.t("dashboard.so_far", period=name, days=days)


# ── what stands out ────────────────────────────────────────────────────────────────────────────


def callouts(context: PageContext, company: Company, standing: Standing) -> h.Markup:
    """At most three statements; what makes the numbers doubtful is never crowded out."""
    found = findings(company, standing)
    room = MOST_FINDINGS - min(len(found.cautions), 1 + (not found.changes))
    shown: list[h.Markup] = []
    changes = found.changes[:room]
    cautions = found.cautions[: MOST_FINDINGS - len(changes)]
    span = {1: "span-12", 2: "span-6", 3: "span-4"}.get(len(changes) + len(cautions))
    shown += [_change(context, standing, change, span) for change in changes]
    shown += [_caution(context, caution, span) for caution in cautions]
    return h.fragment(shown) if shown else h.EMPTY


def _change(context: PageContext, standing: Standing, change: Change, span: str | None) -> h.Markup:
    metric = METRICS[change.metric]
    amount = written_change(context, metric, abs(change.change)).removeprefix("+")
    words = {"metric": metric_name(context, change.metric), "change": amount}
    title = (
        context.t("dashboard.finding.up", **words)
        if change.change > 0
        else context.t("dashboard.finding.down", **words)
    )
    detail: list[h.Child] = [
        context.t(
            "dashboard.finding.from_to",
            before=_value(context, change.metric, change.before),
            after=_value(context, change.metric, change.after),
            period=before_name(context, standing),
        )
    ]
    part = change.part
    if part is not None:
        values = {
            "part": h.a(
                {
                    "class": "text-link",
                    "href": href("/", standing.view, **{part.dimension: part.value}),
                },
                part_name(context, part.dimension, part.value),
            ),
            "before": _value(context, change.metric, part.before),
            "after": _value(context, change.metric, part.after),
        }
        detail.append(" ")
        if part.share is None:
            detail += context.rich("dashboard.finding.part", **values)
        elif part.share >= 0.995:
            detail += context.rich("dashboard.finding.part_all", **values)
        else:
            share = context.n.share(part.share, digits=0)
            detail += context.rich("dashboard.finding.part_share", share=share, **values)
    detail += [" ", why(context, context.t("dashboard.finding.sure"), left=True)]
    tone: Tone = "neutral" if change.better is None else "good" if change.better else "bad"
    icon_name = "trending-up" if change.change > 0 else "trending-down"
    linked = _titled(href(f"/metrics/{change.metric}", standing.view), title)
    return callout(linked, h.div(detail), tone=tone, icon_name=icon_name, span=span)


def _titled(address: str, text: str) -> h.Markup:
    """A heading that is a link as a whole, in the colour of headings."""
    return h.a({"href": address, "style": "color:inherit"}, text)


def _value(context: PageContext, metric: str, value: float) -> str:
    return written(context, METRICS[metric], value)


def _caution(context: PageContext, caution: Caution, span: str | None) -> h.Markup:
    t = context.t
    if isinstance(caution, LateSource):
        hours = round(caution.age_hours)
        return callout(
            _titled("/sources", t("dashboard.caution.late", source=caution.label)),
            t(
                "dashboard.caution.late_detail",
                age=context.n.duration(timedelta(hours=hours)),
                expected=context.n.duration(timedelta(hours=caution.expected_every_hours)),
            ),
            tone="caution",
            span=span,
        )
    if isinstance(caution, Unconverted):
        return callout(
            _titled(
                "/metrics/unconverted_orders",
                t("dashboard.caution.unconverted", count=caution.count),
            ),
            t("dashboard.caution.unconverted_detail", orders=caution.orders),
            tone="caution",
            icon_name="triangle-alert",
            span=span,
        )
    if isinstance(caution, Refused):
        return callout(
            _titled("/sources", t("dashboard.caution.refused", count=caution.count)),
            t("dashboard.caution.refused_detail"),
            tone="caution",
            icon_name="file-x",
            span=span,
        )
    return callout(
        _titled("/predictions", t("dashboard.caution.no_model")),
        t("dashboard.caution.no_model_detail", day=context.n.date(caution.since)),
        icon_name="info",
        span=span,
    )


# ── charts ─────────────────────────────────────────────────────────────────────────────────────


def revenue(context: PageContext, company: Company, standing: Standing) -> h.Markup:
    """Revenue in time; the unit that is not over stands apart."""
    found = figures.course(company, standing)
    n = context.n
    values = _with_gaps(found, "revenue")
    name = metric_name(context, "revenue")
    whole = standing.current.whole
    series = [Bars(name=name, values=values if whole else [*values[:-1], None], colour="c1")]
    if not whole:
        so_far: list[float | None] = [None] * (len(values) - 1)
        series.append(
            Bars(
                name=context.t("dashboard.so_far_word"),
                values=[*so_far, values[-1]],
                colour="cgrey",
            )
        )
    over = found.units if whole else found.units[:-1]
    sentence = context.t("dashboard.revenue_empty")
    told = [i for i, _ in enumerate(over) if values[i] is not None]
    if over and not told:
        sentence = context.t("metrics.too_few_long")
    elif told:
        highest = max(told, key=lambda i: values[i] or 0.0)
        sentence = context.t(
            "dashboard.revenue_sentence",
            first=unit_words(context, standing, over[told[0]]),
            last=unit_words(context, standing, over[told[-1]]),
            amount=n.money(values[told[-1]] or 0.0),
            highest=n.money(values[highest] or 0.0),
            when=unit_words(context, standing, over[highest]),
        )
    chart = bar_chart(
        labels=[unit_name(context, standing.view.grain, unit.first_day) for unit in found.units],
        long_labels=[unit_words(context, standing, unit) for unit in found.units],
        series=series,
        arrange="diverging",
        written=n.money,
        tick_format=lambda value: n.money_compact(value, digits=1 if value % 1000 else 0),
        sentence=sentence,
    )
    foot = []
    if found.unconverted_orders:
        foot.append(context.t("dashboard.unconverted_foot", count=found.unconverted_orders))
    if any(found.hidden["revenue"]):
        foot.append(context.t("dashboard.gaps"))
    return chart_card(
        context,
        title(context, standing, "revenue"),
        chart,
        foot=" ".join(foot) or None,
        csv_href=href("/dashboard/revenue.csv", standing.view),
        span="span-8",
        attributes={"id": "card-revenue"},
    )


def unit_words(context: PageContext, standing: Standing, unit: Unit) -> str:
    """A unit in full, marked when it is not over."""
    name = unit_name(context, standing.view.grain, unit.first_day, long=True)
    if unit.whole:
        return name
    return context.t(
        "dashboard.so_far",
        period=name,
        days=days_name(context, unit.first_day, unit.last_day),
    )


def title(context: PageContext, standing: Standing, metric: str, after: str = "") -> h.Markup:
    """A metric's name as the title of its card, leading to its definition."""
    name = f"{metric_name(context, metric)} {after}".strip()
    return _titled(href(f"/metrics/{metric}", standing.view), name)


def buyers(context: PageContext, company: Company, standing: Standing) -> h.Markup:
    """New and returning buyers. Nobody is "lost" here: without contracts no one cancels."""
    found = figures.course(company, standing)
    new = _with_gaps(found, "new_customers")
    # Who came back is all less the new: neither is told where one of both is not.
    every = _with_gaps(found, "active_customers")
    both = [None not in pair for pair in zip(new, every, strict=True)]
    new = [value if known else None for value, known in zip(new, both, strict=True)]
    again = [
        (value or 0) - (first or 0) if known else None
        for value, first, known in zip(every, new, both, strict=True)
    ]
    labels = [unit_name(context, standing.view.grain, unit.first_day) for unit in found.units]
    foot = []
    if not standing.current.whole:
        labels[-1] += "*"
        foot.append("* " + unit_words(context, standing, standing.current))
    if not all(both):
        foot.append(context.t("dashboard.gaps"))
    sentence = context.t("metrics.too_few_long")
    if both[-1]:
        sentence = context.t(
            "dashboard.buyers_sentence",
            new=int(new[-1] or 0),
            again=int(again[-1] or 0),
            period=unit_words(context, standing, standing.current),
        )
    chart = bar_chart(
        labels=labels,
        long_labels=[unit_words(context, standing, unit) for unit in found.units],
        series=[
            Bars(name=context.t("dashboard.buyers_new"), values=new, colour="c1"),
            Bars(name=context.t("dashboard.buyers_again"), values=again, colour="c3"),
        ],
        written=lambda value: context.n.count(int(value)),
        sentence=sentence,
    )
    return chart_card(
        context,
        context.t("dashboard.buyers"),
        chart,
        foot=" ".join(foot) or None,
        csv_href=href("/dashboard/buyers.csv", standing.view),
        span="span-7",
        attributes={"id": "card-buyers"},
    )


def _with_gaps(found: figures.Course, name: str) -> list[float | None]:
    """A metric's values; nothing is 0, and what may not be told a gap."""
    return [
        None if hidden else float(value or 0)
        for value, hidden in zip(found.values[name], found.hidden[name], strict=True)
    ]


def nps(context: PageContext, company: Company, standing: Standing) -> h.Markup:
    """The net promoter score by channel, each with its answers."""
    found = figures.nps_by_channel(company, standing)
    n = context.n
    heading = title(context, standing, "nps", context.t("dashboard.by_channel"))
    note = context.t("dashboard.nps_note")
    if found.whole is None:
        return card(
            h.p({"class": "muted"}, context.t("dashboard.nps_empty")),
            title=heading,
            note=note,
            span="span-4",
            attributes={"id": "card-nps"},
        )

    def bar(part: figures.NpsPart) -> NamedBar:
        few = part.n < FEW_ANSWERS
        below = found.whole is not None and part.nps < found.whole
        return NamedBar(
            name=channel_name(context, part.channel),
            value=part.nps,
            colour="cgrey" if few else "cneg" if below else "c1",
            href=href("/", standing.view, channel=part.channel),
            note=f" n{NO_BREAK}={NO_BREAK}{n.count(part.n)}",
        )

    chart = hbar_chart(
        [bar(part) for part in found.parts],
        written=lambda value: n.signed(value, digits=0),
        sentence=context.t(
            "dashboard.nps_sentence",
            best=channel_name(context, found.parts[0].channel),
            high=n.signed(found.parts[0].nps),
            worst=channel_name(context, found.parts[-1].channel),
            low=n.signed(found.parts[-1].nps),
        ),
    )
    foot = [
        context.t("dashboard.nps_company", nps=n.signed(found.whole), count=found.n),
        " ",
        context.t("dashboard.nps_below"),
    ]
    if any(part.n < FEW_ANSWERS for part in found.parts):
        foot.append(" " + context.t("dashboard.nps_few", count=FEW_ANSWERS))
    return chart_card(
        context,
        heading,
        chart,
        note=note,
        foot=foot,
        csv_href=href("/dashboard/nps.csv", standing.view),
        span="span-4",
        attributes={"id": "card-nps"},
    )


def cohorts(context: PageContext, company: Company, standing: Standing) -> h.Markup:
    """Who comes back, by the unit of the first order."""
    found = figures.cohorts(company, standing)
    grain = standing.view.grain
    rows = []
    for cohort in found.retention.cohorts:
        shares = [
            share if over else None
            for share, over in zip(cohort.shares[1:], cohort.complete[1:], strict=True)
        ]
        if cohort.size and any(share is not None for share in shares):
            first = cohort.period
            rows.append(
                Cohort(
                    name=unit_name(context, grain, first),
                    size=cohort.size,
                    shares=shares,
                    href=_started(standing, cohort.period),
                )
            )
    note = context.t(f"dashboard.cohorts_note.{grain}")
    attributes = {"id": "card-cohorts"}
    heading = context.t("dashboard.cohorts")
    if not rows:
        empty = h.p({"class": "muted"}, context.t("dashboard.cohorts_empty"))
        return card(empty, title=heading, span="span-5", attributes=attributes)
    longest = max(sum(share is not None for share in row.shares) for row in rows)
    chart = cohort_grid(
        context,
        rows,
        columns=[f"+{later}" for later in range(1, longest + 1)],
        sentence=context.t(
            "dashboard.cohorts_sentence",
            cohort=rows[0].name,
            share=context.n.share(rows[0].shares[0] or 0.0, digits=0),
        ),
    )
    foot = None
    if standing.view.country or standing.view.channel:
        foot = context.t("dashboard.cohorts_unfiltered")
    return chart_card(
        context,
        heading,
        chart,
        note=note,
        foot=foot,
        csv_href=href("/dashboard/cohorts.csv", standing.view),
        span="span-5",
        attributes=attributes,
    )


def _started(standing: Standing, first: object) -> str | None:
    """The customers whose first order lies in a unit."""
    for unit in (*standing.units, standing.current):
        if unit.first_day == first:
            return people_href(bought_first_between(unit))
    return None


def bought_first_between(unit: Unit) -> Rule:
    """Customers whose first order lies in a unit."""
    return All(
        rules=(
            where("first_order_at", "ge", unit.starts_at.isoformat()),
            where("first_order_at", "lt", unit.ends_at.isoformat()),
        )
    )


def people_href(rule: Rule) -> str:
    """The customers that a rule describes."""
    return "/segments/people?" + urlencode({"rule": write_rule(rule).decode()})


# ── segments ───────────────────────────────────────────────────────────────────────────────────


def segments(context: PageContext, company: Company, standing: Standing) -> h.Markup:
    """RFM segments side by side."""
    rows = figures.segments(company, standing)
    occupied = [row for row in rows if row.figures.customers]
    return card(
        segment_table(context, occupied, newest_accuracy(company)),
        title=context.t("dashboard.segments"),
        note=context.t("dashboard.segments_note"),
        tools=h.fragment(
            h.a({"href": "/dashboard/segments.csv", "download": True}, context.t("charts.csv")),
            h.a({"href": "/segments"}, context.t("dashboard.all_segments")),
        ),
        flush=True,
        span="span-12",
        attributes={"id": "card-segments"},
    )


def segment_table(
    context: PageContext,
    rows: Sequence[SegmentRow],
    accuracy: Accuracy | None,
    *,
    foot: str | None = None,
    caption: str | None = None,
) -> h.Markup:
    """Segments with their size, money, satisfaction and how likely they come back.

    How well what is expected held when it was tested stands right under the table, in one foot
    with ``foot``.
    """
    t, n = context.t, context.n
    value = None if accuracy is None else accuracy.expected_value
    alive = None if accuracy is None else accuracy.probability_alive
    columns = [
        Column(label=t("segments.segment")),
        Column(label=t("segments.customers"), numeric=True),
        Column(label=t("segments.revenue"), numeric=True),
        Column(
            label=t("segments.expected"),
            numeric=True,
            mark=heading_mark(context, value),
        ),
        Column(label=metric_name(context, "nps"), numeric=True),
        Column(
            label=t("segments.comes_back"),
            numeric=True,
            mark=heading_mark(context, alive),
        ),
        Column(label=t("segments.trend"), numeric=True),
    ]

    def expected(row: SegmentRow) -> h.Child:
        if row.figures.expected_value is not None:
            return rough(context, n.money(row.figures.expected_value), value)
        return dash(context, value)

    def cells(row: SegmentRow) -> list[h.Child]:
        own = row.figures
        return [
            h.a({"href": f"/segments/{row.segment.key}"}, segment_name(context, row.segment)),
            meter(own.share, h.fragment(n.count(own.customers), " ")),
            h.fragment(
                n.money(own.revenue),
                h.span({"class": "note"}, f" {n.share(own.revenue_share, digits=0)}"),
            ),
            expected(row),
            "–"
            if own.nps is None
            else h.span({"title": f"n = {n.count(own.nps_n)}"}, n.signed(own.nps)),
            comes_back(context, own.probability_alive, alive),
            sparkline([float(value) for value in row.trend], colour="cgrey"),
        ]

    said = accuracy_line(context, accuracy, "value")
    return h.fragment(
        table(context, columns, map(cells, rows), caption=caption or t("dashboard.segments")),
        h.div({"class": "card-foot"}, h.p(said) if said else None, h.p(foot) if foot else None)
        if said or foot
        else None,
    )


def comes_back(
    context: PageContext, probability: float | None, verdict: Verdict | None = None
) -> h.Child:
    """How likely a customer is still one, as a chip whose colour says whether to worry."""
    if probability is None:
        return dash(context, verdict)
    tone = "good" if probability >= 0.75 else "caution" if probability >= 0.4 else "bad"
    share, because = context.n.share(probability, digits=0), why_rough(context, verdict)
    text = share if because is None else f"{ROUGH}{NO_BREAK}{share}"
    return chip(text, tone=tone, title=because)  # type: ignore[arg-type]


# ── all of them ────────────────────────────────────────────────────────────────────────────────

CARDS: dict[str, Draw] = {
    "kpis": kpis,
    "findings": callouts,
    "revenue": revenue,
    "nps": nps,
    "buyers": buyers,
    "cohorts": cohorts,
    "service": service,
    "segments": segments,
}
#: What one request fetches: cards that share a question or come fast.
GROUPS: dict[str, tuple[str, ...]] = {
    "top": ("kpis",),
    "changes": ("findings",),
    "charts": ("revenue", "nps", "buyers", "cohorts"),
    "rest": ("service", "segments"),
}
_SPANS = {"revenue": "span-8", "nps": "span-4", "buyers": "span-7", "cohorts": "span-5"}


def draw(context: PageContext, company: Company, standing: Standing, name: str) -> h.Markup:
    """A card, or in its place what failed and a way to try again; the others live on."""
    try:
        return CARDS[name](context, company, standing)
    except RapportError as problem:
        message, reference = problem.message, None
    except Exception as problem:
        reference = secrets.token_hex(4)
        log.error("card %s, reference %s: %s", name, reference, where_it_failed(problem))
        message = context.t("dashboard.card_failed")
    again = href(f"/dashboard/{name}", standing.view)
    return card(
        error_state(
            context,
            context.t("dashboard.card_error"),
            message,
            reference=reference,
            retry=again,
            attributes=load(again, target=f"#card-{name}"),
        ),
        span=_SPANS.get(name, "span-12"),
        attributes={"id": f"card-{name}"},
    )
