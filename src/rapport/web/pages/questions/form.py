"""The form that asks: everything it says is in the address."""

from __future__ import annotations

from collections.abc import Iterable

from rapport.understand.dimensions import DIMENSIONS
from rapport.understand.metrics import METRICS
from rapport.understand.periods import GRAINS
from rapport.web import html as h
from rapport.web.parts.asked import filter_words
from rapport.web.parts.buttons import button
from rapport.web.parts.context import PageContext
from rapport.web.parts.measures import (
    channel_name,
    country_name,
    dimension_heading,
    metric_name,
    segment_name,
)
from rapport.workflows.company import Company
from rapport.workflows.dashboard import Standing
from rapport.workflows.saved_questions import (
    COMPARISONS,
    MOST_METRICS,
    MOST_SPLITS,
    PERIODS,
    SavedQuestion,
)
from rapport.workflows.segment_definitions import all_segments

Options = Iterable[tuple[str, str]]


def question_form(
    context: PageContext, company: Company, standing: Standing, saved: SavedQuestion
) -> h.Markup:
    """Every choice, as the question has it."""
    t = context.t
    none = [("", t("questions.none"))]
    metrics = sorted(
        ((each.name, metric_name(context, each.name)) for each in METRICS), key=lambda m: m[1]
    )
    splits = sorted(
        ((each.name, dimension_heading(context, each.name)) for each in DIMENSIONS),
        key=lambda d: d[1],
    )
    segments = [(each.key, segment_name(context, each)) for each in all_segments(company)]
    # One empty choice more than is asked, as far as there may be more.
    asked = [*saved.metrics, ""][:MOST_METRICS]
    split = [*saved.split, ""][:MOST_SPLITS]
    return h.form(
        {"action": "/questions", "method": "get", "class": "stack tight"},
        h.div(
            {"class": "row"},
            (
                _select(
                    t("questions.another") if place else t("questions.metric"),
                    "metric",
                    metrics if not place else [*none, *metrics],
                    value,
                )
                for place, value in enumerate(asked)
            ),
            (
                _select(t("questions.split_label"), "split", [*none, *splits], value)
                for value in split
            ),
            _select(
                t("questions.grain_label"),
                "grain",
                [
                    ("", t("questions.grain.whole")),
                    *((grain, t(f"questions.grain.{grain}")) for grain in GRAINS),
                ],
                saved.grain or "",
            ),
            _select(
                t("questions.compare_label"),
                "compare",
                [(each, t(f"questions.compare.{each}")) for each in COMPARISONS],
                saved.compare,
            ),
        ),
        h.div(
            {"class": "row"},
            _select(
                t("questions.period_label"),
                "period",
                [(each, t(f"questions.period.{each}")) for each in PERIODS],
                saved.period,
            ),
            _input(t("questions.first_day"), "first_day", "date", _day(saved.first_day)),
            _input(t("questions.last_day"), "last_day", "date", _day(saved.last_day)),
            (_only(context, standing, value) for value in [*saved.only, ""]),
            _select(
                t("questions.segment_label"),
                "segment",
                [("", t("questions.everybody")), *segments],
                saved.segment or "",
            ),
            _input(
                t("questions.as_of"), "as_of", "date", _day(saved.as_of), t("questions.as_of_hint")
            ),
        ),
        h.div(button(t("questions.show"), kind="primary")),
    )


def _only(context: PageContext, standing: Standing, value: str) -> h.Markup:
    """A filter: countries and channels are suggested, anything else is written."""
    known = [
        *((f"country={code}", country_name(context, code)) for code in standing.coverage.countries),
        *((f"channel={name}", channel_name(context, name)) for name in standing.coverage.channels),
    ]
    title = filter_words(context, value) if value else context.t("questions.only_hint")
    return h.fragment(
        _input(
            context.t("questions.only_label"), "only", "text", value, title,
            list_id="known-filters",
        ),
        h.element("datalist")(
            {"id": "known-filters"}, (h.option({"value": key}, name) for key, name in known)
        )
        if not value
        else None,
    )  # fmt: skip


def _day(day: object) -> str:
    return "" if day is None else str(day)


def _labelled(label: str, control: h.Markup) -> h.Markup:
    return h.label(
        {"class": "field", "style": "flex:1 1 150px;max-width:240px"},
        h.span({"class": "note"}, label),
        control,
    )


def _select(label: str, name: str, options: Options, value: str) -> h.Markup:
    return _labelled(
        label,
        h.select(
            {"class": "input", "name": name},
            (h.option({"value": key, "selected": key == value}, text) for key, text in options),
        ),
    )


def _input(
    label: str, name: str, kind: str, value: str, title: str = "", *, list_id: str | None = None
) -> h.Markup:
    return _labelled(
        label,
        h.input(
            {
                "class": "input",
                "type": kind,
                "name": name,
                "value": value,
                "title": title or None,
                "list": list_id,
                "maxlength": 120,
            }
        ),
    )
