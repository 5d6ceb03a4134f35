"""What was measured of one source: its fields, what drifted, and its volume."""

from __future__ import annotations

from rapport.understand.quality.drift import Drifted
from rapport.understand.quality.shares import FEWEST, WEIGHTS, Share
from rapport.understand.quality.volume import DayVolume
from rapport.web import html as h
from rapport.web.charts.bars import Bars, bar_chart
from rapport.web.charts.figure import chart_card
from rapport.web.charts.sparkline import sparkline
from rapport.web.pages.sources.one import field_words
from rapport.web.parts.cards import card
from rapport.web.parts.chips import chip
from rapport.web.parts.context import PageContext
from rapport.web.parts.facts import why
from rapport.web.parts.tables import Column, meter, table
from rapport.workflows.quality import FieldQuality, SourceQuality


def field_table(context: PageContext, source: SourceQuality) -> h.Markup:
    """Each field with its shares and its score; the worst first, since it is what to mend."""
    title = context.t("quality.fields")
    fields = sorted(
        source.fields,
        key=lambda f: (
            f.score is None, f.score.value if f.score else 0, not f.of_person, f.field,
        ),
    )  # fmt: skip
    columns = [
        Column(label=context.t("quality.field")),
        Column(label=context.t("quality.score"), numeric=True),
        *(Column(label=context.t(f"quality.dimension.{name}"), numeric=True) for name in WEIGHTS),
    ]
    return card(
        table(context, columns, [_field(context, each) for each in fields], caption=title),
        title=title,
        note=context.t(
            "quality.sampled",
            sampled=context.n.count(source.sampled),
            count=context.n.count(source.touchpoints),
        ),
        tools=h.a({"href": "/quality"}, context.t("quality.link")),
        flush=True,
        attributes={"id": "quality"},
    )


def _field(context: PageContext, field: FieldQuality) -> tuple[h.Child, ...]:
    n = context.n
    score: h.Child
    if field.score is None:
        records = field.validity.n if field.validity else 0
        title = context.t("quality.few", count=n.count(min(records, FEWEST - 1)))
        score = h.span({"class": "muted", "title": title}, "–")
    else:
        score = h.span(
            {
                "title": context.t(
                    "quality.interval",
                    low=n.decimal(field.score.low, digits=0),
                    high=n.decimal(field.score.high, digits=0),
                    count=n.count(field.score.n),
                )
            },
            h.b(n.decimal(field.score.value, digits=0)),
        )
    return (
        field_words(context, field.field),
        score,
        *(_share(context, found) for found in field.shares().values()),
    )


def _share(context: PageContext, found: Share | None) -> h.Child:
    if found is None:
        return h.span({"class": "muted"}, "–")
    n = context.n
    title = context.t(
        "quality.interval",
        low=n.share(found.low, digits=0),
        high=n.share(found.high, digits=0),
        count=n.count(found.n),
    )
    # What is seen of a handful of records is shown, but not as if it were known.
    shy = "muted" if found.n < FEWEST else None
    return h.span({"class": shy, "title": title}, n.share(found.value, digits=0))


def drift_card(context: PageContext, source: SourceQuality) -> h.Markup:
    """What changed in the last weeks, or that nothing did."""
    changes = source.changes
    body: h.Child = h.p({"class": "muted"}, context.t("quality.unchanged"))
    if changes:
        body = h.ul(
            {"class": "stack tight"},
            (h.li(_drifted(context, each)) for each in changes),
        )
    return card(
        body,
        title=h.fragment(
            context.t("quality.drift"), " ", why(context, context.t("quality.drift_why"))
        ),
    )


def _drifted(context: PageContext, each: Drifted) -> h.Child:
    n = context.n
    name = field_words(context, each.field)
    if each.kind == "fill":
        return h.fragment(
            chip("↓" if each.after < each.before else "↑", tone="caution"),
            " ",
            context.t(
                "quality.drift_fill",
                field=name,
                before=n.share(each.before, digits=0),
                after=n.share(each.after, digits=0),
            ),
        )
    return h.fragment(
        chip("≠", tone="caution"),
        " ",
        context.t("quality.drift_mix", field=name, size=n.decimal(each.size, digits=2)),
    )


def volume_chart(context: PageContext, source: SourceQuality) -> h.Markup | None:
    """The last 30 whole days beside what their weekdays usually bring; None without a forecast."""
    days = source.volume
    if not any(day.expected is not None for day in days):
        return None
    n = context.n
    unusual = [day for day in days if day.state in ("low", "high")]
    said = (
        context.t("quality.unusual", days=", ".join(_day_words(context, day) for day in unusual))
        if unusual
        else context.t("quality.usual_all")
    )
    return chart_card(
        context,
        context.t("quality.volume"),
        bar_chart(
            labels=[n.day_month_short(day.day) for day in days],
            long_labels=[n.date(day.day) for day in days],
            series=[Bars(name=context.t("quality.counted"), values=[d.count for d in days])],
            line=Bars(name=context.t("quality.expected"), values=[d.expected for d in days]),
            written=lambda value: n.count(round(value)),
            sentence=said,
            height=170,
        ),
        note=context.t(f"quality.{source.volume_of}"),
        foot=f"{said} {context.t('quality.method')}",
    )


def _day_words(context: PageContext, day: DayVolume) -> str:
    n = context.n
    return context.t(
        f"quality.day_{day.state}",
        day=n.day_month_short(day.day),
        count=n.count(day.count),
        expected=n.count(round(day.expected or 0)),
    )


def volume_cell(context: PageContext, source: SourceQuality) -> h.Child:
    """The course of 30 days within its band, and how the last day was."""
    if not source.volume:
        return None
    n = context.n
    last = source.volume[-1]
    state = context.t(f"quality.last_{last.state}")
    tone = {"low": "caution", "high": "caution"}.get(last.state)
    title = state
    if last.expected is not None:
        title = context.t(
            "quality.last_title",
            day=n.day_month_short(last.day),
            count=n.count(last.count),
            expected=n.count(round(last.expected)),
            low=n.count(round(last.low or 0)),
            high=n.count(round(last.high or 0)),
        )
    return h.fragment(
        sparkline(
            [day.count for day in source.volume],
            band=[None if d.low is None else (d.low, d.high or 0) for d in source.volume],
            label=title,
        ),
        h.div(
            {"class": "note", "title": title},
            chip(state, tone="caution") if tone else state,
        ),
    )


def score_cell(context: PageContext, source: SourceQuality) -> h.Child:
    """The mean score, with its bar."""
    if source.score is None:
        return h.span({"class": "muted"}, "–")
    return meter(source.score / 100, context.n.decimal(source.score, digits=0))
