"""Customers, or any metric, by the region where customers live."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from rapport.engines.lake import Query, Step
from rapport.errors import InvalidInput
from rapport.privacy.disclosure import is_too_small
from rapport.understand.answer import Comparison, Value, compare
from rapport.understand.geography.outlines import drawable, region_name
from rapport.understand.metrics import METRICS
from rapport.understand.periods import local_day, midnight
from rapport.understand.question import Question, dimensions_of, unknown
from rapport.workflows.company import Company
from rapport.workflows.data_clock import data_until
from rapport.workflows.known import known_for
from rapport.workflows.remembered import data_version, remembered

#: How many days up to today a metric is asked for.
PERIODS = (30, 90, 365)
#: Everybody who lives there, today; no metric, because it has no period.
CUSTOMERS = "customers"

_LIVING = Query(
    steps=(
        Step(
            "answer",
            "SELECT c.region, c.country, c.location_precision, count(*) AS people "
            "FROM customers AS c GROUP BY c.region, c.country, c.location_precision",
        ),
    )
)


class MapView(Struct, frozen=True, kw_only=True):
    """What is drawn; `country` None: all in which customers live."""

    metric: str = CUSTOMERS
    days: int = 365
    country: str | None = None


class RegionFigure(Struct, frozen=True, kw_only=True):
    """One region's number.

    Attributes
    ----------
    region : str or None
        ISO 3166-2; None: customers whose region is not known.
    people : int or None
        Customers behind the number; where they are too few, `is_hidden` is true and all else None.
    change : float or None
        As `answer.Comparison`: relative, of shares and points the difference.
    """

    region: str | None
    name: str | None
    people: int | None
    value: Value = None
    before: Value = None
    change: float | None = None
    is_hidden: bool = False


class Precision(Struct, frozen=True, kw_only=True):
    """How finely it is known where customers live."""

    city: int = 0
    region: int = 0
    country: int = 0
    unknown: int = 0


class MapReport(Struct, frozen=True, kw_only=True):
    """Regions, the largest number first, and what cannot be placed.

    Attributes
    ----------
    drawn : tuple of str
        Countries of which the map has outlines.
    countries : tuple of str
        All countries with a region in the answer, whatever the view shows.
    elsewhere : RegionFigure or None
        All customers without a known region together; of a country, None.
    precision : Precision
        Of all customers.
    """

    view: MapView
    first_day: date
    last_day: date
    currency: str | None
    regions: tuple[RegionFigure, ...]
    elsewhere: RegionFigure | None
    drawn: tuple[str, ...]
    countries: tuple[str, ...]
    precision: Precision


def map_metrics() -> tuple[str, ...]:
    """What can be drawn: customers, then metrics that can be split by region, by name."""
    return (CUSTOMERS, *(each.name for each in METRICS if "region" in dimensions_of(each)))


def map_report(company: Company, view: MapView) -> MapReport:
    """The figures of every region.

    Raises
    ------
    InvalidInput
        If the metric has no regions, or the period is none of `PERIODS`.
    """
    if view.metric not in map_metrics():
        raise InvalidInput(unknown("metric of the map", view.metric, map_metrics()))
    if view.days not in PERIODS:
        raise InvalidInput(f"A map covers {', '.join(map(str, PERIODS))} days, not {view.days}")
    version = data_version(company)
    until = data_until(company)
    zone = company.choice("time_zone")
    last_day = local_day(until, zone)
    found = remembered(
        company,
        version,
        ["region map", replace(view, country=None), last_day],
        lambda: _everywhere(company, view, last_day, zone, version),
    )
    if view.country is None:
        return found
    regions = tuple(each for each in found.regions if (each.region or "")[:2] == view.country)
    return replace(
        found,
        view=view,
        regions=regions,
        elsewhere=None,
        drawn=drawable([view.country]),
    )


def _everywhere(
    company: Company, view: MapView, last_day: date, zone: str, version: str
) -> MapReport:
    living = company.seen.ask(_LIVING).to_pylist()
    precision: dict[str, int] = {}
    for row in living:
        name = row["location_precision"] or "unknown"
        precision[name] = precision.get(name, 0) + row["people"]
    first_day = last_day - timedelta(days=view.days - 1)
    if view.metric == CUSTOMERS:
        people: dict[str | None, int] = {}
        for row in living:
            people[row["region"]] = people.get(row["region"], 0) + row["people"]
        figures = [
            _figure(region, count, value=count, before=None, change=None)
            for region, count in people.items()
        ]
    else:
        start = midnight(first_day, zone)
        end = midnight(last_day + timedelta(days=1), zone)
        figures = _of_metric(company, view.metric, start, end, zone, version)
    ranked = sorted(
        (each for each in figures if each.region is not None),
        key=lambda each: (each.value is None, -float(each.value or 0), each.region),
    )
    codes = [each.region for each in ranked if each.region is not None]
    return MapReport(
        view=replace(view, country=None),
        first_day=first_day,
        last_day=last_day,
        currency=company.choice("reporting_currency"),
        regions=tuple(ranked),
        elsewhere=next((each for each in figures if each.region is None), None),
        drawn=drawable(codes),
        countries=tuple(sorted({code[:2] for code in codes})),
        precision=Precision(**precision),
    )


def _of_metric(
    company: Company, metric: str, start: datetime, end: datetime, zone: str, version: str
) -> list[RegionFigure]:
    question = Question(
        metrics=(metric,),
        start=start,
        end=end,
        time_zone=zone,
        dimensions=("region",),
        count_people=True,
        now=end,
    )
    known = known_for(company, version, question)
    compared: Comparison = compare(company.seen, question, known=known)
    earlier = {row["region"]: row[f"{metric}_people"] for row in compared.earlier.rows()}
    figures = []
    for row in compared.table.to_pylist():
        too_few_before = is_too_small(earlier.get(row["region"], 0))
        figures.append(
            _figure(
                row["region"],
                row[f"{metric}_people"],
                value=row[metric],
                before=None if too_few_before else row[f"{metric}_before"],
                change=None if too_few_before else row[f"{metric}_change"],
            )
        )
    return figures


def _figure(
    region: str | None, people: int, *, value: Value, before: Value, change: float | None
) -> RegionFigure:
    name = None if region is None else region_name(region)
    if is_too_small(people):
        return RegionFigure(region=region, name=name, people=None, is_hidden=True)
    return RegionFigure(
        region=region, name=name, people=people, value=value, before=before, change=change
    )
