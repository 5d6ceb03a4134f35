"""What stands out: changes that are more than chance, and what to beware of in the numbers.

A change is reported when, all of these: both periods have enough observations, the test of
`understand.significance` rejects chance at 5 % after Holm's correction over all metrics looked at,
and it is large enough to matter. Otherwise nothing is said. A part (a channel, a country) is named
where its own change passes the same test and it carries at least a quarter of the whole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any, TypeAlias

from msgspec import Struct

from rapport.collect.refused import refused_counts
from rapport.collect.sources import freshness, list_sources
from rapport.understand.metrics import BY_NAME as METRICS
from rapport.understand.metrics.base import Metric
from rapport.understand.significance import (
    Side,
    contributions,
    days_differ,
    holm,
    nps_differs,
    proportions_differ,
)
from rapport.workflows.company import Company
from rapport.workflows.dashboard import Standing, ask, change_of, headline, question_of
from rapport.workflows.disclosed import disclose
from rapport.workflows.train import latest_model

LEVEL = 0.05
#: Observations in each period below which nothing is said of a metric, or of a part of it.
FEWEST, FEWEST_OF_PART = 50, 30
FEWEST_DAYS = 7
#: A change below this is not worth a sentence, however sure: relative, or in the metric's unit.
SMALLEST: dict[str, float] = {"count": 0.03, "money": 0.03, "points": 2.0, "share": 0.01}
SMALLEST_PART = 0.25

#: Metrics looked at: sums over days, and rates of answers or customers.
SUMS = ("revenue", "new_customers", "contacts")
RATES = ("nps", "csat", "repeat_rate")
#: Rates whose parts add up to the whole: one answer has one channel, a customer may have two.
_ADD_UP = frozenset({"nps", "csat", *SUMS})
_PARTS = ("channel", "country")


class Part(Struct, frozen=True, kw_only=True):
    """Where the change comes from; `share` of it, None where parts do not add up."""

    dimension: str
    value: str
    before: float
    after: float
    n: int
    share: float | None


class Change(Struct, frozen=True, kw_only=True, tag="change"):
    """A metric that moved more than chance does."""

    metric: str
    before: float
    after: float
    change: float
    better: bool | None
    n: int
    p_value: float
    part: Part | None = None


class LateSource(Struct, frozen=True, kw_only=True, tag="late_source"):
    """A source that is older than it promised to be."""

    source: str
    label: str
    age_hours: float
    expected_every_hours: int


class Refused(Struct, frozen=True, kw_only=True, tag="refused"):
    """Records that could not be used and wait to be mended."""

    count: int
    sources: int


class Unconverted(Struct, frozen=True, kw_only=True, tag="unconverted"):
    """Orders that are in no amount of money here, for want of an exchange rate."""

    count: int
    orders: int


class NoModel(Struct, frozen=True, kw_only=True, tag="no_model"):
    """Training declined to predict; the reason is on the predictions page."""

    since: date


Caution: TypeAlias = LateSource | Refused | Unconverted | NoModel


class Findings(Struct, frozen=True, kw_only=True):
    """The clearest changes first; and everything to beware of."""

    changes: tuple[Change, ...]
    cautions: tuple[Caution, ...]


def findings(company: Company, standing: Standing) -> Findings:
    """What stands out in a view.

    Changes of a segment are not looked for: who is in it is decided by what they did lately, so
    "the loyal buy less" would be news of the rule and not of the customers.
    """
    changes = () if standing.segment_rule is not None else _changes(company, standing)
    return Findings(changes=changes, cautions=_cautions(company, standing))


# ── changes ────────────────────────────────────────────────────────────────────────────────────


class _Pair(Struct, frozen=True, kw_only=True):
    """One metric of one part (or of all) in both periods; `days` for sums."""

    before: Side
    after: Side
    days: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())


def _changes(company: Company, standing: Standing) -> tuple[Change, ...]:
    pairs = {
        **{name: found[()] for name, found in _sums(company, standing, None).items()},
        **{name: found[()] for name, found in _rates(company, standing, RATES, None).items()},
    }
    tested = [(name, pair) for name, pair in pairs.items() if _enough(name, pair, FEWEST)]
    p_values = holm([_p_value(name, pair) for name, pair in tested])
    clear = sorted(
        (p, name)
        for (name, pair), p in zip(tested, p_values, strict=True)
        if p < LEVEL and _matters(METRICS[name], pair)
    )
    return tuple(
        _change(company, standing, name, pairs[name], p)
        for p, name in clear
        if () not in _too_few(company, standing, name, None)
    )


def _sums(
    company: Company, standing: Standing, dimension: str | None, metrics: tuple[str, ...] = SUMS
) -> dict[str, dict[Any, _Pair]]:
    """Daily amounts of both periods, by part; the key of all together is ``()``."""
    splits = () if dimension is None else (dimension,)
    sides = []
    for unit in (standing.before, standing.current):
        question = question_of(
            standing, metrics, unit.starts_at, unit.ends_at, grain="day", dimensions=splits
        )
        days: dict[str, dict[Any, list[tuple[float, int]]]] = {
            name: defaultdict(list) for name in metrics
        }
        for row in ask(company, standing, question).rows():
            part = row[dimension] if dimension else ()
            for name in metrics:
                days[name][part].append((float(row[name] or 0), row[f"{name}_n"]))
        sides.append(days)
    old, new = sides
    found: dict[str, dict[Any, _Pair]] = {}
    for name in metrics:
        lengths = [max((len(d) for d in each[name].values()), default=0) for each in sides]
        found[name] = {}
        for part in {**old[name], **new[name]}:
            was = old[name].get(part) or [(0.0, 0)] * lengths[0]
            is_ = new[name].get(part) or [(0.0, 0)] * lengths[1]
            found[name][part] = _Pair(
                before=Side(value=sum(v for v, _ in was), n=sum(n for _, n in was)),
                after=Side(value=sum(v for v, _ in is_), n=sum(n for _, n in is_)),
                days=(tuple(v for v, _ in was), tuple(v for v, _ in is_)),
            )
    return found


def _rates(
    company: Company, standing: Standing, metrics: tuple[str, ...], dimension: str | None
) -> dict[str, dict[Any, _Pair]]:
    splits = () if dimension is None else (dimension,)
    sides: list[dict[str, dict[Any, Side]]] = []
    for unit in (standing.before, standing.current):
        question = question_of(standing, metrics, unit.starts_at, unit.ends_at, dimensions=splits)
        found: dict[str, dict[Any, Side]] = {name: {} for name in metrics}
        for row in ask(company, standing, question).rows():
            part = row[dimension] if dimension else ()
            for name in metrics:
                if row[name] is not None:
                    found[name][part] = Side(value=float(row[name]), n=row[f"{name}_n"])
        sides.append(found)
    nothing = Side(value=0.0, n=0)
    return {
        name: {
            part: _Pair(
                before=sides[0][name].get(part, nothing), after=sides[1][name].get(part, nothing)
            )
            for part in {**sides[0][name], **sides[1][name], **({} if dimension else {(): None})}
        }
        for name in metrics
    }


def _too_few(
    company: Company, standing: Standing, name: str, dimension: str | None
) -> set[str | tuple[()] | None]:
    """The parts of a metric, or all of it as ``()``, of which too few people may be told.

    Without filters all of it is the whole company's, and may.
    """
    view = standing.view
    if dimension is None and not (view.country or view.channel):
        return set()
    found: set[str | tuple[()] | None] = set()
    splits = () if dimension is None else (dimension,)
    for unit in (standing.before, standing.current):
        question = question_of(standing, (name,), unit.starts_at, unit.ends_at, dimensions=splits)
        shown = disclose(question, lambda exact: ask(company, standing, exact))
        found |= {
            row[dimension] if dimension else ()
            for row, hidden in zip(shown.rows, shown.hidden[name], strict=True)
            if hidden
        }
    return found


def _enough(name: str, pair: _Pair, fewest: int) -> bool:
    if name in SUMS and min(map(len, pair.days)) < FEWEST_DAYS:
        return False
    return min(pair.before.n, pair.after.n) >= fewest


def _p_value(name: str, pair: _Pair) -> float:
    if name in SUMS:
        return days_differ(*pair.days)
    if name == "nps":
        return nps_differs(pair.before, pair.after)
    return proportions_differ(pair.before, pair.after)


def _per_day(pair: _Pair) -> tuple[float, float]:
    """Means of both sides; months of 30 and 31 days are compared day by day."""
    old, new = pair.days
    return sum(old) / len(old), sum(new) / len(new)


def _size(metric: Metric, pair: _Pair) -> float:
    if metric.name in SUMS:
        was, is_ = _per_day(pair)
        return (is_ - was) / abs(was) if was else 0.0
    return pair.after.value - pair.before.value


def _matters(metric: Metric, pair: _Pair) -> bool:
    return abs(_size(metric, pair)) >= SMALLEST[metric.unit]


def _change(company: Company, standing: Standing, name: str, pair: _Pair, p_value: float) -> Change:
    metric = METRICS[name]
    size = change_of(metric, pair.after.value, pair.before.value) or 0.0
    return Change(
        metric=name,
        before=pair.before.value,
        after=pair.after.value,
        change=size,
        better=None if metric.direction == "none" else (size > 0) == (metric.direction == "up"),
        n=pair.after.n,
        p_value=p_value,
        part=_part(company, standing, metric, pair),
    )


def _part(company: Company, standing: Standing, metric: Metric, whole: _Pair) -> Part | None:
    """The part that carries most of the change, where one clearly does."""
    candidates: list[tuple[str, str, _Pair, float | None]] = []
    for dimension in _PARTS:
        if getattr(standing.view, dimension):
            continue  # filtered to one already
        if metric.name in SUMS:
            parts = _sums(company, standing, dimension, (metric.name,))[metric.name]
        else:
            parts = _rates(company, standing, (metric.name,), dimension)[metric.name]
        if len(parts) < 2:
            continue
        shares = _shares(metric, whole, parts)
        hidden = _too_few(company, standing, metric.name, dimension)
        candidates += [
            (dimension, value, pair, shares.get(value))
            for value, pair in parts.items()
            if value is not None
            and value not in hidden
            and _enough(metric.name, pair, FEWEST_OF_PART)
        ]
    p_values = holm([_p_value(metric.name, pair) for _, _, pair, _ in candidates])
    direction = _size(metric, whole)
    named = [
        (share if share is not None else abs(_size(metric, pair)), dimension, value, pair, share)
        for (dimension, value, pair, share), p in zip(candidates, p_values, strict=True)
        if p < LEVEL
        and _size(metric, pair) * direction > 0
        and (share is None or share >= SMALLEST_PART)
    ]
    if not named:
        return None
    _, dimension, value, pair, share = max(named, key=lambda each: each[0])
    return Part(
        dimension=dimension,
        value=value,
        before=pair.before.value,
        after=pair.after.value,
        n=pair.after.n,
        share=share,
    )


def _shares(metric: Metric, whole: _Pair, parts: Mapping[str, _Pair]) -> dict[str, float]:
    """The share of the change that each part carries; empty where parts do not add up."""
    if metric.name not in _ADD_UP:
        return {}
    if metric.name in SUMS:
        moved = {part: pair.after.value - pair.before.value for part, pair in parts.items()}
        total = whole.after.value - whole.before.value
    else:
        moved = contributions(
            {part: pair.before for part, pair in parts.items()},
            {part: pair.after for part, pair in parts.items()},
        )
        total = whole.after.value - whole.before.value
    # Distinct customers of several channels add up to more than the whole: then say no share.
    if not total or abs(sum(moved.values()) - total) > 0.01 * abs(total):
        return {}
    return {part: change / total for part, change in moved.items()}


# ── cautions ───────────────────────────────────────────────────────────────────────────────────


def _cautions(company: Company, standing: Standing) -> tuple[Caution, ...]:
    found: list[Caution] = []
    labels = {
        source.name: source.label for source in list_sources(company.ledger) if source.enabled
    }
    found += [
        LateSource(
            source=each.source,
            label=labels[each.source],
            age_hours=each.age_hours,
            expected_every_hours=each.expected_every_hours,
        )
        for each in freshness(company.ledger, standing.now)
        if each.state == "late"
        and each.source in labels
        and each.age_hours is not None
        and each.expected_every_hours is not None
    ]
    head = headline(company, standing)
    if head.unconverted_orders and head.orders:
        found.append(Unconverted(count=head.unconverted_orders, orders=head.orders))
    refused = refused_counts(company.ledger)
    if refused:
        found.append(
            Refused(
                count=sum(each.count for each in refused),
                sources=len({each.source for each in refused}),
            )
        )
    with company.ledger.read() as connection:
        model = latest_model(connection)
    if model is not None and model.status == "refused":
        found.append(NoModel(since=model.fitted_at.date()))
    return tuple(found)
