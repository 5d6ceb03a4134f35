"""The answer to a question in words: what the page, the board, the file and the mail all say."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from rapport.understand.metrics import BY_NAME as METRICS
from rapport.understand.metrics.base import Metric
from rapport.web.parts.context import PageContext
from rapport.web.parts.kpis import Delta, delta_of
from rapport.web.parts.measures import (
    dimension_heading,
    metric_name,
    part_name,
    unit_name,
    written,
    written_change,
)
from rapport.workflows.outlook import Outlook
from rapport.workflows.saved_questions import (
    AnsweredQuestion,
    SavedQuestion,
    Shown,
    ShownRow,
)

#: Rows of a split that are shown; the file has all of them.
MOST_ROWS = 60


class SaidFigure(Struct, frozen=True, kw_only=True):
    """One metric over the whole period."""

    metric: str
    name: str
    value: str
    change: Delta | None
    compared: str | None


class SaidTable(Struct, frozen=True, kw_only=True):
    """Headings and cells; `rows` are those of the answer that the cells of the same place say."""

    headings: tuple[str, ...]
    #: How many of them name the row; the rest are figures.
    names: int
    cells: tuple[tuple[str, ...], ...]
    rows: tuple[ShownRow, ...]
    left_out: int


def question_name(context: PageContext, saved: SavedQuestion) -> str:
    """What is asked, as a title: its metrics and what they are split by."""
    names = ", ".join(metric_name(context, name) for name in saved.metrics)
    if not saved.split:
        return names
    by = " × ".join(dimension_heading(context, name) for name in saved.split)
    return context.t("questions.by", metrics=names, dimensions=by)


def question_scope(context: PageContext, asked: AnsweredQuestion) -> str:
    """The days, what they are compared with, the filters and as known when."""
    t, n = context.t, context.n
    parts = [n.span(asked.first_day, asked.last_day)]
    if asked.comparable_from and asked.data_begin:
        # By day or month, those days are compared which have data before them.
        begin = unit_name(context, "month", asked.data_begin, long=True)
        day = n.date(asked.comparable_from)
        parts.append(t("questions.comparable_from", begin=begin, day=day))
    elif asked.compared_first and asked.compared_last:
        against = n.span(asked.compared_first, asked.compared_last)
        parts.append(t("dashboard.compared", period=against))
    elif asked.saved.compare == "target":
        parts.append(t("questions.against_target"))
    parts += [filter_words(context, each) for each in asked.saved.only]
    if asked.saved.segment:
        name = asked.standing.segment_name
        parts.append(name or t(f"measures.segment.{asked.saved.segment}"))
    if asked.saved.as_of:
        parts.append(t("dashboard.as_known", day=n.date(asked.saved.as_of)))
    return " · ".join(parts)


def filter_words(context: PageContext, only: str) -> str:
    """A filter: "Country: Belgium"."""
    dimension, _, value = only.partition("=")
    said = part_name(context, dimension, value) if value else context.t("metrics.unknown")
    return f"{dimension_heading(context, dimension)}: {said}"


def figures_of(context: PageContext, asked: AnsweredQuestion) -> tuple[SaidFigure, ...]:
    """The metrics over the whole period."""
    found = []
    for name, shown in asked.whole.items():
        metric = METRICS[name]
        found.append(
            SaidFigure(
                metric=name,
                name=metric_name(context, name),
                value=shown_value(context, metric, shown),
                change=change_of(context, metric, shown),
                compared=None
                if shown.compared is None
                else context.t("questions.was", value=written(context, metric, shown.compared))
                if asked.saved.compare != "target"
                else context.t("questions.aim", value=written(context, metric, shown.compared)),
            )
        )
    return tuple(found)


def shown_value(context: PageContext, metric: Metric, shown: Shown) -> str:
    """A value, or that it is not shown."""
    if shown.hidden:
        return context.t("metrics.too_few")
    return written(context, metric, shown.value)


def change_of(context: PageContext, metric: Metric, shown: Shown) -> Delta | None:
    """The change against what it is compared with."""
    if shown.change is None:
        return None
    better = {"up": "higher", "down": "lower"}.get(metric.direction)
    return delta_of(
        shown.change,
        written_change(context, metric, shown.change),
        better="higher" if better == "higher" else "lower" if better else None,
    )


def table_of(context: PageContext, asked: AnsweredQuestion) -> SaidTable:
    """Every row in words: newest last, parts with the largest value first."""
    saved = asked.saved
    rows = list(asked.rows)
    if saved.split and not saved.grain:
        first = saved.metrics[0]
        rows.sort(key=lambda row: -_size(row.figures[first]))
    compares = saved.compare in ("before", "year", "target")
    said_compare = context.t(
        "questions.compare.target" if saved.compare == "target" else "questions.earlier"
    )
    headings: list[str] = []
    if saved.grain:
        headings.append(context.t(f"questions.grain.{saved.grain}"))
    headings += [dimension_heading(context, name) for name in saved.split]
    names = len(headings)
    for name in saved.metrics:
        headings.append(metric_name(context, name))
        if compares:
            headings += [said_compare, context.t("questions.change")]
    cells = []
    for row in rows[:MOST_ROWS]:
        said: list[str] = []
        if saved.grain:
            mark = "" if row.whole else "*"
            said.append(unit_name(context, saved.grain, row.first_day, long=True) + mark)
        said += row_parts(context, saved, row)
        for name in saved.metrics:
            metric, shown = METRICS[name], row.figures[name]
            said.append(shown_value(context, metric, shown))
            if compares:
                change = change_of(context, metric, shown)
                said += [
                    "–" if shown.hidden else written(context, metric, shown.compared),
                    change.text if change else "–",
                ]
        cells.append(tuple(said))
    return SaidTable(
        headings=tuple(headings),
        names=names,
        cells=tuple(cells),
        rows=tuple(rows[:MOST_ROWS]),
        left_out=max(0, len(rows) - MOST_ROWS),
    )


def _size(shown: Shown) -> float:
    return float("-inf") if shown.value is None else float(shown.value)


def row_parts(context: PageContext, saved: SavedQuestion, row: ShownRow) -> list[str]:
    """The names of a row's parts."""
    return [
        context.t("metrics.unknown") if part is None else part_name(context, name, part)
        for name, part in zip(saved.split, row.parts, strict=True)
    ]


def outlook_words(context: PageContext, name: str, outlook: Outlook) -> str:
    """How wrong forecasts of this kind were, or why there is none."""
    found = outlook.found
    if found is None:
        return context.t("questions.no_forecast", metric=metric_name(context, name))
    metric, n = METRICS[name], context.n
    return context.t(
        "questions.forecast_error",
        error=_distance(context, metric, found.mae_loss),
        simple=_distance(context, metric, found.simple_mae_loss),
        method=context.t(f"questions.method.{found.method}"),
        coverage=n.share(found.coverage, digits=0),
        outcomes=n.count(found.outcomes),
        origins=n.count(found.origins),
    )


def _distance(context: PageContext, metric: Metric, value: float) -> str:
    if metric.unit in ("share", "points", "score"):
        return written_change(context, metric, value).removeprefix("+")
    if metric.unit == "count":
        return context.n.decimal(value, digits=0 if value >= 10 else 1)
    return written(context, metric, value)


def chart_rows(asked: AnsweredQuestion) -> Mapping[tuple[str | None, ...], list[ShownRow]]:
    """Rows over time by part, those with most observations first."""
    found: dict[tuple[str | None, ...], list[ShownRow]] = {}
    for row in asked.rows:
        found.setdefault(row.parts, []).append(row)
    name = asked.saved.metrics[0]

    def weight(part: tuple[str | None, ...]) -> int:
        return -sum(row.figures[name].n or 0 for row in found[part])

    return {part: found[part] for part in sorted(found, key=weight)}
