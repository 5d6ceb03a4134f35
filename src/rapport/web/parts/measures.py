"""Metrics, channels, countries and segments as people read them, the same on every page."""

from __future__ import annotations

from datetime import date

from rapport.understand.answer import Value
from rapport.understand.geography.outlines import region_name
from rapport.understand.metrics.base import Metric
from rapport.understand.segments.ready_made import READY_MADE
from rapport.vocabulary.touchpoint import CHANNELS
from rapport.web.numbers import NO_BREAK
from rapport.web.parts.context import PageContext
from rapport.web.parts.traits import persona_name
from rapport.web.places import language_name
from rapport.web.words import locale_of
from rapport.workflows.segment_definitions import NamedSegment

_READY_SEGMENTS = frozenset(each.key for each in READY_MADE)
#: Means below it are read in cents.
_SMALL = 100


def metric_name(context: PageContext, name: str) -> str:
    """A metric's name."""
    return context.t(f"measures.metric.{name}")


def metric_meaning(context: PageContext, name: str) -> str:
    """What a metric counts, in one or two plain sentences."""
    return context.t(f"measures.meaning.{name}")


def written(context: PageContext, metric: Metric, value: Value) -> str:
    """A value in the metric's unit; a dash where there is none."""
    n = context.n
    if value is None:
        return "–"
    if metric.unit == "money":
        if metric.per is not None and (metric.grain == "order" or abs(float(value)) < _SMALL):
            return n.price(value)
        return n.money(value) if abs(float(value)) < 1_000_000 else n.money_compact(value)
    if metric.unit == "share":
        return n.share(value)
    if metric.unit == "points":
        return n.signed(value, digits=1)
    if metric.unit == "score":
        return n.signed(value, digits=2)
    if metric.unit == "number":
        # Means are small and their decimals tell; sums are large and theirs do not.
        return n.decimal(value, digits=2) if metric.per is not None else n.decimal(value, digits=0)
    if metric.unit in ("minutes", "hours"):
        return context.t(f"measures.in.{metric.unit}", value=n.decimal(value, digits=1))
    return n.count(int(value))


def written_change(context: PageContext, metric: Metric, change: float) -> str:
    """A change as `workflows.dashboard.Figure` gives it: relative, or in points."""
    n = context.n
    if metric.unit == "share":
        return n.points(change)
    if metric.unit == "points":
        return f"{n.signed(change, digits=1)}{NO_BREAK}pt"
    return n.signed(change, digits=2) if metric.unit == "score" else n.change(change)


def channel_name(context: PageContext, channel: str) -> str:
    """Where people and company meet; a channel of the company's own keeps its name."""
    return context.t(f"measures.channel.{channel}") if channel in CHANNELS else channel


def country_name(context: PageContext, code: str) -> str:
    """A country in the user's language."""
    return str(locale_of(context.language).territories.get(code, code))


def dimension_name(context: PageContext, name: str) -> str:
    """What figures can be split by, as within a sentence."""
    return context.t(f"measures.dimension.{name}")


def dimension_heading(context: PageContext, name: str) -> str:
    """What figures can be split by, as over a column."""
    said = dimension_name(context, name)
    return said[:1].upper() + said[1:]


def figure_name(context: PageContext, name: str) -> str:
    """A figure that the company states of itself."""
    return context.t(f"measures.figure.{name}")


def part_name(context: PageContext, dimension: str, value: str) -> str:
    """A value of a dimension that pages split by."""
    if dimension == "channel":
        return channel_name(context, value)
    if dimension == "gender":
        return context.t(f"measures.gender.{value}")
    if dimension == "region":
        return region_name(value)
    if dimension == "segment" and value in _READY_SEGMENTS:
        return context.t(f"measures.segment.{value}")
    if dimension == "rfm_segment":
        return context.t(f"measures.segment.{value}")
    if dimension == "language":
        return language_name(context.language, value)
    return country_name(context, value) if dimension == "country" else value


def segment_name(context: PageContext, segment: NamedSegment) -> str:
    """Its own name, or our words for a ready-made or discovered one."""
    if segment.discovered:
        return persona_name(context, segment.key, segment.name, segment.traits)
    return segment.name or context.t(f"measures.segment.{segment.key}")


def unit_name(context: PageContext, grain: str, first_day: date, *, long: bool = False) -> str:
    """A day, week, month, quarter or year: short for axes, long for sentences."""
    n = context.n
    if grain == "year":
        return str(first_day.year)
    if grain == "day":
        return n.date(first_day) if long else n.day_month_short(first_day)
    if grain == "quarter":
        return n.quarter(first_day)
    if grain == "week":
        day = n.date(first_day) if long else n.day_month_short(first_day)
        return context.t("measures.week_of", day=day) if long else day
    return n.month_long(first_day) if long else n.month(first_day)


def days_name(context: PageContext, first: date, last: date) -> str:
    """A stretch of days: "1 Nov – 20 Nov"; one day alone is one."""
    n = context.n
    if first == last:
        return n.day_month_short(first)
    return f"{n.day_month_short(first)}{NO_BREAK}–{NO_BREAK}{n.day_month_short(last)}"
