"""The answer to a question as charts and a table."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from rapport.understand.metrics import BY_NAME as METRICS
from rapport.understand.metrics.base import Metric
from rapport.web import html as h
from rapport.web.charts.figure import Chart, chart_figure
from rapport.web.charts.hbars import NamedBar, hbar_chart
from rapport.web.charts.line import Forecast, Line, line_chart
from rapport.web.pages.questions.address import question_href
from rapport.web.parts.asked import (
    SaidFigure,
    SaidTable,
    chart_rows,
    figures_of,
    outlook_words,
    row_parts,
    table_of,
)
from rapport.web.parts.context import PageContext
from rapport.web.parts.facts import why
from rapport.web.parts.kpis import Kpi, delta, kpi_strip
from rapport.web.parts.measures import metric_name, unit_name, written
from rapport.web.parts.tables import Column, table
from rapport.workflows.saved_questions import AnsweredQuestion, ShownRow

_MOST_LINES, _MOST_BARS = 4, 12
#: From a metric and a row (None: the whole) to the page of its customers, for who may see it.
People = Callable[[str, "ShownRow | None"], str]


def drawing(
    context: PageContext, asked: AnsweredQuestion, *, people: bool, metrics: bool
) -> h.Markup:
    """Figures and charts, one for each metric.

    Parameters
    ----------
    people, metrics : bool
        Whether who looks may open customers, and definitions of metrics.
    """
    figures = figures_of(context, asked)
    parts: list[h.Child] = []
    charts = [chart_of(context, asked, name) for name in asked.saved.metrics]
    if len(figures) > 1:
        parts.append(kpi_strip(context, [_kpi(each, metrics=metrics) for each in figures]))
    for figure, chart in zip(figures, charts, strict=True):
        if len(figures) == 1 or chart is not None:
            parts.append(_headed(context, asked, figure, people=people, metrics=metrics))
        if chart is not None:
            parts += [chart.legend, chart_figure(context, chart)]
        outlook = asked.outlook.get(figure.metric)
        if outlook is not None:
            words = outlook_words(context, figure.metric, outlook)
            shown = outlook.problem or why(context, words, word=context.t("questions.how_wrong"))
            parts.append(h.div({"class": "note"}, words if outlook.problem else shown))
    return h.div({"class": "stack tight"}, parts)


def _kpi(figure: SaidFigure, *, metrics: bool) -> Kpi:
    return Kpi(
        label=figure.name,
        figure=figure.value,
        href=f"/metrics/{figure.metric}" if metrics else None,
        delta=figure.change,
        against=figure.compared,
    )


def _headed(
    context: PageContext,
    asked: AnsweredQuestion,
    figure: SaidFigure,
    *,
    people: bool,
    metrics: bool,
) -> h.Markup:
    """The figure over the whole period, its definition and its customers one press away."""
    t = context.t
    name = h.a({"href": f"/metrics/{figure.metric}"}, figure.name) if metrics else figure.name
    value: h.Child = h.b(figure.value)
    if people and not asked.whole[figure.metric].hidden:
        value = h.a(
            {"href": people_href(asked, figure.metric, None), "title": t("metrics.people")}, value
        )
    return h.div(
        {"class": "row"},
        h.span(name),
        value,
        delta(context, figure.change) if figure.change else None,
        h.span({"class": "note"}, figure.compared) if figure.compared else None,
    )


def people_href(asked: AnsweredQuestion, metric: str, row: ShownRow | None) -> str:
    """The page of the customers behind one number."""
    more = {"of": metric}
    if row is not None:
        more |= {"row": row.first_day.isoformat()} if asked.saved.grain else {}
        more |= {f"part{i}": part for i, part in enumerate(row.parts) if part is not None}
        more["parts"] = str(len(row.parts))
    return question_href(asked.saved, "/questions/people", **more)


def chart_of(context: PageContext, asked: AnsweredQuestion, name: str) -> Chart | None:
    """Lines over time, bars by part, or nothing where a table says it better."""
    if asked.saved.grain:
        return _over_time(context, asked, METRICS[name])
    if len(asked.saved.split) == 1:
        return _by_part(context, asked, METRICS[name])
    return None


def _over_time(context: PageContext, asked: AnsweredQuestion, metric: Metric) -> Chart | None:
    grain = asked.saved.grain or "month"
    outlook = asked.outlook.get(metric.name)
    forecast: Forecast | None = None
    ahead: tuple[date, ...] = ()
    if outlook is not None and outlook.found is not None:
        found = outlook.found
        forecast = Forecast(values=found.values, low=found.low, high=found.high)
        ahead = outlook.first_days
    lines: list[Line] = []
    days: list[date] = []
    for part, rows in list(chart_rows(asked).items())[:_MOST_LINES]:
        # A period that is not over would end every line of sums with a fall; it is forecast.
        over = [row for row in rows if not ahead or row.first_day < ahead[0]]
        days = [row.first_day for row in over]
        said = ", ".join(row_parts(context, asked.saved, over[0])) if part and over else ""
        lines.append(
            Line(
                name=said or metric_name(context, metric.name),
                values=[_number(row.figures[metric.name].value) for row in over],
            )
        )
    if not days or not any(value is not None for line in lines for value in line.values):
        return None
    compared = _compared(context, asked, metric, len(days))
    if compared is not None:
        lines.append(compared)
    shown_days = [*days, *ahead]
    return line_chart(
        context,
        labels=[unit_name(context, grain, day) for day in shown_days],
        long_labels=[unit_name(context, grain, day, long=True) for day in shown_days],
        lines=lines,
        written=_written(context, metric),
        sentence=context.t(
            "questions.sentence",
            metric=metric_name(context, metric.name),
            first=unit_name(context, grain, days[0], long=True),
            last=unit_name(context, grain, days[-1], long=True),
        ),
        forecast=forecast,
        height=190,
    )


def _compared(
    context: PageContext, asked: AnsweredQuestion, metric: Metric, count: int
) -> Line | None:
    """What a single line is compared with, as a grey one beneath it."""
    if asked.saved.split or asked.saved.compare not in ("before", "year", "target"):
        return None
    values = [_number(row.figures[metric.name].compared) for row in asked.rows[:count]]
    if not any(value is not None for value in values):
        return None
    key = "target" if asked.saved.compare == "target" else asked.saved.compare
    return Line(name=context.t(f"questions.compare.{key}"), values=values, colour="cgrey")


def _by_part(context: PageContext, asked: AnsweredQuestion, metric: Metric) -> Chart | None:
    shown = [row for row in asked.rows if row.figures[metric.name].value is not None]
    shown.sort(key=lambda row: -(_number(row.figures[metric.name].value) or 0.0))
    if not shown:
        return None
    bars = [
        NamedBar(
            name=", ".join(row_parts(context, asked.saved, row)),
            value=_number(row.figures[metric.name].value) or 0.0,
        )
        for row in shown[:_MOST_BARS]
    ]
    return hbar_chart(
        bars,
        written=_written(context, metric),
        sentence=context.t("questions.highest", part=bars[0].name),
    )


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))


def _written(context: PageContext, metric: Metric) -> Callable[[float], str]:
    def shown(value: float) -> str:
        return written(context, metric, round(value) if metric.unit == "count" else value)

    return shown


def answer_table(
    context: PageContext, asked: AnsweredQuestion, *, people: bool, caption: str
) -> h.Markup:
    """Every cell; a number leads to the customers behind it."""
    said = table_of(context, asked)
    columns = [
        Column(label=label, numeric=place >= said.names, clip=place < said.names)
        for place, label in enumerate(said.headings)
    ]
    rows = [_linked(asked, said, place, people=people) for place in range(len(said.rows))]
    return table(context, columns, rows, caption=caption)


def _linked(asked: AnsweredQuestion, said: SaidTable, place: int, *, people: bool) -> list[h.Child]:
    row, texts = said.rows[place], said.cells[place]
    cells: list[h.Child] = [h.bdi(text) for text in texts[: said.names]]
    width = (len(texts) - said.names) // len(asked.saved.metrics)
    for number, name in enumerate(asked.saved.metrics):
        first = said.names + number * width
        value, shown = texts[first], row.figures[name]
        if shown.hidden:
            cells.append(h.span({"class": "muted"}, value))
        elif people and shown.n and "segment" not in asked.saved.split:
            cells.append(h.a({"href": people_href(asked, name, row)}, value))
        else:
            cells.append(value)
        cells += texts[first + 1 : first + width]
    return cells
