"""What is true about Maison Kadár by decree: dates, weights and effects the data follow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from rapport.errors import InvalidInput

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

COUNTRIES = ("BE", "FR", "HU")
TIME_ZONES = {"BE": "Europe/Brussels", "FR": "Europe/Paris", "HU": "Europe/Budapest"}
DRIVERS = ("delivery", "staff", "price", "website", "product")
EVENTS = ("none", "late_delivery", "damaged_parcel", "wrong_item", "poor_service")

#: Satisfaction (0 … 10) = intercept + Σ weight × (item − 3) + noise, over the items asked.
DRIVER_WEIGHTS: dict[str, dict[str, float]] = {
    "web": {"delivery": 0.95, "price": 0.35, "website": 0.45, "product": 0.80},
    "store": {"staff": 0.90, "price": 0.40, "product": 0.85},
}
INTERCEPT: dict[str, float] = {"web": 5.3, "store": 5.8}
SATISFACTION_NOISE = 0.9

#: What an event takes from a driver (points of 1 … 5).
EVENT_HARM: dict[str, tuple[str, float]] = {
    "late_delivery": ("delivery", 2.3),
    "damaged_parcel": ("delivery", 1.9),
    "wrong_item": ("product", 1.8),
    "poor_service": ("staff", 2.2),
}
#: Probability per order, outside the delivery problem. The first three need a parcel.
EVENT_RATES = {
    "late_delivery": 0.06,
    "damaged_parcel": 0.025,
    "wrong_item": 0.015,
    "poor_service": 0.045,
}
PROBLEM_RATES = {"late_delivery": 0.45, "damaged_parcel": 0.09}

#: A customer leaves right after an order with probability peak / (1 + e^(slope × (s − middle))).
LEAVING_PEAK, LEAVING_SLOPE, LEAVING_MIDDLE = 0.35, 1.3, 4.2

#: Purchase rate (orders per day) and dropout rate (per day) of buyers: gamma, as in Pareto/NBD.
PURCHASE_SHAPE, PURCHASE_MEAN = 1.2, 11.5 / 365.0
DROPOUT_SHAPE, DROPOUT_MEAN = 1.6, 1.0 / 620.0
SPEND_SHAPE = 4.0

#: January … December, mean about 1: summer outdoors everywhere, snow in the Alps, a shorter
#: winter in Hungary.
SEASONS: dict[str, tuple[float, ...]] = {
    "BE": (0.80, 0.75, 0.90, 1.00, 1.15, 1.20, 1.10, 0.90, 0.90, 0.95, 1.10, 1.25),
    "FR": (1.15, 1.10, 0.80, 0.80, 0.95, 1.10, 1.10, 0.80, 0.80, 0.90, 1.15, 1.35),
    "HU": (0.70, 0.70, 0.90, 1.05, 1.20, 1.30, 1.20, 1.05, 0.90, 0.85, 0.95, 1.20),
}
#: Monday … Sunday.
WEEKDAYS = (0.85, 0.85, 1.0, 0.95, 1.05, 1.5, 0.8)

FUTURE_DAYS = 90


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """A mailing; with ``holdout_share`` > 0 a random part of its audience is left alone."""

    name: str
    day: int  # days after the start
    countries: tuple[str, ...]
    holdout_share: float = 0.0
    effect: float = 0.0  # extra orders per person written to, in the next 14 days


@dataclass(frozen=True, kw_only=True)
class Story:
    """The calendar of one generated company; days count from ``start``."""

    start: date
    until: date
    problem_from: date  # a new carrier in Belgium
    hungary_opened: date
    campaigns: tuple[Campaign, ...]

    @property
    def days(self) -> int:
        return (self.until - self.start).days

    def day(self, when: date) -> int:
        return (when - self.start).days


def _months_before(day: date, months: int) -> date:
    month = day.year * 12 + day.month - 1 - months
    return date(month // 12, month % 12 + 1, min(day.day, 28))


#: Name, months before the end, countries, hold-out share, effect.
_CAMPAIGNS: tuple[tuple[str, float, tuple[str, ...], float, float], ...] = (
    ("spring-trail", 7.0, COUNTRIES, 0.35, 0.30),  # works
    ("garden-party", 5.0, COUNTRIES, 0.35, 0.0),  # does not
    ("winter-warm", 11.5, ("BE", "FR"), 0.0, 0.0),
    ("gift-guide", 11.0, COUNTRIES, 0.0, 0.0),
    ("new-year-sale", 10.3, COUNTRIES, 0.0, 0.0),
    ("ski-last-call", 9.0, ("FR",), 0.0, 0.0),
    ("bike-season", 8.0, ("BE", "HU"), 0.0, 0.0),
    ("tent-weeks", 6.2, COUNTRIES, 0.0, 0.0),
    ("summer-sale", 4.3, COUNTRIES, 0.0, 0.0),
    ("back-to-school", 2.6, ("BE", "FR"), 0.0, 0.0),
    ("hungary-one-year", 2.0, ("HU",), 0.0, 0.0),
    ("autumn-home", 1.3, COUNTRIES, 0.0, 0.0),
    ("first-snow", 0.3, ("BE", "FR"), 0.0, 0.0),
)


def plan_story(until: date, months: int) -> Story:
    """The calendar for an export that ends the day before ``until``.

    Raises
    ------
    InvalidInput
        If the period is too short for the story, or longer than mail and rates are told for.
    """
    if not 9 <= months <= 60:
        raise InvalidInput(f"The demo needs 9 to 60 months to tell its story, not {months}")
    start = _months_before(until, months)
    campaigns = [
        Campaign(
            name=f"{name}-{(until - timedelta(days=round(back * 30.4))).year}",
            day=(until - timedelta(days=round(back * 30.4)) - start).days,
            countries=countries,
            holdout_share=holdout,
            effect=effect,
        )
        for name, back, countries, holdout, effect in _CAMPAIGNS
    ]
    # A newsletter each month, on its tenth.
    month = start.replace(day=10)
    while month < until:
        if month > start:
            campaigns.append(
                Campaign(
                    name=f"newsletter-{month:%Y-%m}",
                    day=(month - start).days,
                    countries=COUNTRIES,
                )
            )
        month = (month.replace(day=28) + timedelta(days=7)).replace(day=10)
    return Story(
        start=start,
        until=until,
        problem_from=_months_before(until, 2).replace(day=1),
        hungary_opened=max(start, _months_before(until, 14)),
        campaigns=tuple(
            sorted((c for c in campaigns if c.day >= 0), key=lambda c: (c.day, c.name))
        ),
    )


def day_weights(story: Story, country: str, days: int) -> FloatArray:
    """How busy each day is: season × weekday, mean about 1; shape (days,)."""
    dates = np.datetime64(story.start) + np.arange(days)
    month = dates.astype("datetime64[M]").astype(np.int64) % 12
    weekday = (dates.astype(np.int64) + 3) % 7  # day 0 of Unix time was a Thursday
    weights: FloatArray = np.array(SEASONS[country])[month] * np.array(WEEKDAYS)[weekday]
    return weights
