"""Who buys what, when and where; what goes wrong; how content they are; when they leave."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from scipy.stats import gamma as gamma_distribution

from rapport.demo.people import CATEGORIES, People
from rapport.demo.story import (
    COUNTRIES,
    DRIVER_WEIGHTS,
    DRIVERS,
    EVENT_HARM,
    EVENT_RATES,
    EVENTS,
    FUTURE_DAYS,
    INTERCEPT,
    LEAVING_MIDDLE,
    LEAVING_PEAK,
    LEAVING_SLOPE,
    PROBLEM_RATES,
    SATISFACTION_NOISE,
    SPEND_SHAPE,
    BoolArray,
    FloatArray,
    IntArray,
    Story,
    day_weights,
)
from rapport.demo.words import words

_DAY = 86_400

#: Share of web orders that are cancelled.
CANCELLED = 0.025

#: Base level of each driver item, before person, event and noise.
_DRIVER_LEVEL = {"delivery": 4.1, "staff": 4.1, "price": 3.5, "website": 3.9, "product": 4.1}
#: How much of each category is bought per quarter of the year.
_CATEGORY_SEASONS = np.array(
    [
        # camping footwear clothing winter cycling garden home kitchen
        [0.4, 0.8, 1.1, 2.4, 0.6, 0.4, 1.2, 1.0],
        [1.7, 1.2, 0.8, 0.1, 1.6, 2.0, 0.7, 0.8],
        [1.6, 1.2, 0.8, 0.1, 1.4, 1.3, 0.7, 0.9],
        [0.3, 0.9, 1.5, 2.0, 0.5, 0.4, 1.6, 1.4],
    ]
)


@dataclass(frozen=True, kw_only=True)
class Product:
    sku: str
    category: str
    eur_cents: int
    huf: int
    names: dict[str, str]


@cache
def catalogue() -> tuple[Product, ...]:
    """All products; index = 8 × category + place from cheap to dear."""
    return tuple(
        Product(
            sku=row[0],
            category=category,
            eur_cents=round(row[1] * 100),
            huf=row[2],
            names=dict(zip(("nl", "fr", "hu", "en"), row[3:], strict=True)),
        )
        for category in CATEGORIES
        for row in words("catalogue")[category]["products"]
    )


@dataclass(frozen=True, kw_only=True)
class Orders:
    """Orders in columns, in the order of time; length m. `person` −1: nobody known.

    `second` is UTC seconds since 1970; `day` counts from the story's start, local. Lines of
    order i are ``line_from[i] : line_from[i + 1]`` of the line columns. Amounts are in hundredths
    of the currency. `items` is (m, 5) in the order of `DRIVERS`, 0 where it was not felt.
    """

    person: IntArray
    day: IntArray
    second: IntArray
    country: Any
    web: BoolArray
    store: Any  # name, for store orders and click & collect
    collect: BoolArray
    event: IntArray  # index of EVENTS
    items: IntArray
    satisfaction: FloatArray
    cancelled: BoolArray
    currency: Any
    campaign_order: BoolArray
    line_from: IntArray
    line_product: IntArray
    line_quantity: IntArray
    line_unit: IntArray
    line_amount: IntArray
    total: IntArray

    @property
    def count(self) -> int:
        return len(self.person)


@dataclass(frozen=True, kw_only=True)
class Lifetimes:
    """The truth about each person's buying; days count from the story's start; NaN: no buyer."""

    dropout: FloatArray
    cause: Any  # array of str: "", "natural", or the event that did it
    future_orders: IntArray  # really made in the 90 days after the end
    future_cents_eur: IntArray
    expected_orders: FloatArray  # in those days, if no further event drives them away


@dataclass(frozen=True, kw_only=True)
class CampaignArms:
    """Who could be written to, and who was left alone: one row per person and campaign."""

    campaign: IntArray
    person: IntArray
    held_out: BoolArray


def stores(country: str) -> list[str]:
    """The stores of a country."""
    found: list[str] = sorted({c[3] for c in words("places")[country]["cities"]} - {""})
    return found


def utc_seconds(story: Story, day: IntArray, second_of_day: IntArray) -> IntArray:
    """UTC of a local time; Brussels, Paris and Budapest keep the same time."""
    start = np.datetime64(story.start).astype(np.int64)
    return (start + day) * _DAY + second_of_day - _offsets(story)[day]


def local_seconds(story: Story, utc: IntArray) -> IntArray:
    """Local wall clock as seconds since 1970; exact except in the hour of the change."""
    start = int(np.datetime64(story.start).astype(np.int64))
    day = np.clip(utc // _DAY - start, 0, len(_offsets(story)) - 1)
    return utc + _offsets(story)[day]


@cache
def _offsets(story: Story) -> IntArray:
    zone = ZoneInfo("Europe/Brussels")
    noon = datetime(story.start.year, story.start.month, story.start.day, 12, tzinfo=zone)
    offsets = [
        (noon + timedelta(days=d)).utcoffset() or timedelta() for d in range(story.days + 400)
    ]
    return np.array([int(offset.total_seconds()) for offset in offsets])


def choose_arms(story: Story, people: People, rng: np.random.Generator) -> CampaignArms:
    """The audience of each campaign, split at random."""
    campaigns, persons, held = [], [], []
    for index, campaign in enumerate(story.campaigns):
        can = people.newsletter & np.isin(people.country, campaign.countries)
        # A newsletter consent starts with the person; leads that came later get later mail.
        can &= people.born < campaign.day
        if campaign.holdout_share == 0.0:
            share = 0.85 if len(campaign.countries) == 3 else 0.95
            can &= (rng.random(people.count) < share) | (people.solo == "newsletter")
        who = np.flatnonzero(can)
        campaigns.append(np.full(len(who), index))
        persons.append(who)
        held.append(rng.random(len(who)) < campaign.holdout_share)
    return CampaignArms(
        campaign=np.concatenate(campaigns),
        person=np.concatenate(persons),
        held_out=np.concatenate(held),
    )


def make_orders(
    story: Story, people: People, arms: CampaignArms, rng: np.random.Generator
) -> tuple[Orders, Lifetimes]:
    """Every order until the end of the story, and the truth beyond it."""
    horizon = story.days + FUTURE_DAYS
    weights = {c: day_weights(story, c, horizon) for c in COUNTRIES}
    person, moment, from_campaign = _moments(story, people, arms, weights, horizon, rng)

    # What happens with each order, had it been made.
    count = len(person)
    day = moment.astype(np.int64)
    country = people.country[person]
    web = rng.random(count) < people.web_share[person]
    weekday = (np.datetime64(story.start).astype(np.int64) + day + 3) % 7
    closed = ~web & (weekday == 6)
    day = np.where(closed, np.where(day > 0, day - 1, day + 1), day)
    home_store = np.array([p.store for p in people.persons])[person]
    collect = web & (home_store != "") & (rng.random(count) < 0.18)
    event = _events(story, country, web & ~collect, day, web, rng)
    items = _driver_items(people.halo[person], web, event, rng)
    satisfaction = _satisfaction(items, web, rng)
    leaves = rng.random(count) < LEAVING_PEAK / (
        1 + np.exp(LEAVING_SLOPE * (satisfaction - LEAVING_MIDDLE))
    )
    cancelled = web & (rng.random(count) < CANCELLED)

    # Natural dropout: from birth, or from the start for those who were still there then.
    alive_from = np.maximum(people.born, 0.0)
    dropout = alive_from + rng.exponential(1.0, people.count) / people.dropout_rate
    cause = np.full(people.count, "natural", dtype="<U16")
    gone = np.full(people.count, np.inf)
    first_leaving = np.full(people.count, -1)
    candidates = np.flatnonzero(leaves)
    for i in candidates[np.argsort(moment[candidates], kind="stable")].tolist():
        if first_leaving[person[i]] < 0:
            first_leaving[person[i]] = i
            gone[person[i]] = moment[i]
    driven = gone < dropout
    cause[driven] = np.where(
        event[first_leaving[driven]] > 0,
        np.array(EVENTS)[event[first_leaving[driven]]],
        "disappointed",
    )
    dropout = np.minimum(dropout, gone)
    kept = moment <= dropout[person]

    order_of_time = np.lexsort((person, moment))
    index = order_of_time[kept[order_of_time]]
    store_index = _other_store(country, home_store, rng)
    store = np.where(web & ~collect, "", store_index)
    orders = _with_lines(
        story,
        people,
        {
            "person": person[index],
            "day": day[index],
            "country": country[index],
            "web": web[index],
            "store": store[index],
            "collect": collect[index],
            "event": event[index],
            "items": items[index],
            "satisfaction": satisfaction[index],
            "cancelled": cancelled[index],
            "campaign_order": from_campaign[index],
        },
        rng,
    )
    future = (orders.day >= story.days) & ~orders.cancelled
    eur = _in_euro_cents(orders)
    lifetimes = Lifetimes(
        dropout=np.where(people.buyer, dropout, np.nan),
        cause=np.where(people.buyer & (dropout < story.days), cause, ""),
        future_orders=np.bincount(orders.person[future], minlength=people.count),
        future_cents_eur=np.bincount(
            orders.person[future], weights=eur[future].astype(np.float64), minlength=people.count
        ).astype(np.int64),
        expected_orders=_expected_orders(story, people, dropout, weights),
    )
    return orders, lifetimes


def passers_by(story: Story, known: Orders, rng: np.random.Generator, people: People) -> Orders:
    """Anonymous shop visits: 35 % of all receipts, at the times and places of the known ones."""
    shop = np.flatnonzero(~known.web & (known.day < story.days))
    count = round(len(shop) * 0.35 / 0.65)
    like = rng.choice(shop, size=count)
    day = np.clip(known.day[like] + 7 * rng.integers(-1, 2, count), 0, story.days - 1)
    opened = np.where(known.country[like] == "HU", story.day(story.hungary_opened), 0)
    day = np.where(day < opened, known.day[like], day)
    weekday = (np.datetime64(story.start).astype(np.int64) + day + 3) % 7
    day = np.where(weekday == 6, np.where(day > 0, day - 1, day + 1), day)
    order = np.argsort(day, kind="stable")
    like, day = like[order], day[order]
    return _with_lines(
        story,
        people,
        {
            "person": np.full(count, -1),
            "day": day,
            "country": known.country[like],
            "web": np.zeros(count, bool),
            "store": known.store[like],
            "collect": np.zeros(count, bool),
            "event": np.zeros(count, np.int64),
            "items": np.zeros((count, len(DRIVERS)), np.int64),
            "satisfaction": np.zeros(count),
            "cancelled": np.zeros(count, bool),
            "campaign_order": np.zeros(count, bool),
        },
        rng,
    )


def _moments(
    story: Story,
    people: People,
    arms: CampaignArms,
    weights: dict[str, FloatArray],
    horizon: int,
    rng: np.random.Generator,
) -> tuple[IntArray, FloatArray, BoolArray]:
    """Person and moment of every order that would be made if nobody ever left.

    A Poisson process per person, thinned by season and weekday, beginning with the first
    purchase at `born`; and the orders that a working campaign adds.
    """
    buyers = np.flatnonzero(people.buyer)
    begin = np.maximum(people.born, 0.0)
    persons, moments = [], []
    for country in COUNTRIES:
        here = buyers[people.country[buyers] == country]
        top = weights[country].max()
        counts = rng.poisson(people.purchase_rate[here] * top * (horizon - begin[here]))
        who = np.repeat(here, counts)
        when = begin[who] + rng.random(len(who)) * (horizon - begin[who])
        take = (
            rng.random(len(who)) * top < weights[country][np.minimum(when.astype(int), horizon - 1)]
        )
        persons.append(who[take])
        moments.append(when[take])
    newcomers = buyers[people.born[buyers] >= 0]
    persons.append(newcomers)
    moments.append(people.born[newcomers])
    plain = sum(len(p) for p in persons)
    for index, campaign in enumerate(story.campaigns):
        if campaign.effect > 0:
            written_to = arms.person[(arms.campaign == index) & ~arms.held_out]
            written_to = written_to[people.buyer[written_to]]
            who = written_to[rng.random(len(written_to)) < campaign.effect]
            persons.append(who)
            moments.append(campaign.day + 0.4 + rng.random(len(who)) * 13.0)
    person = np.concatenate(persons)
    return person, np.concatenate(moments), np.arange(len(person)) >= plain


def _events(
    story: Story,
    country: Any,
    parcel: BoolArray,
    day: IntArray,
    web: BoolArray,
    rng: np.random.Generator,
) -> IntArray:
    problem = (country == "BE") & (day >= story.day(story.problem_from))
    u = rng.random(len(day))
    late = np.where(problem, PROBLEM_RATES["late_delivery"], EVENT_RATES["late_delivery"])
    damaged = late + np.where(
        problem, PROBLEM_RATES["damaged_parcel"], EVENT_RATES["damaged_parcel"]
    )
    wrong = damaged + EVENT_RATES["wrong_item"]
    event = np.where(parcel, np.select([u < late, u < damaged, u < wrong], [1, 2, 3], 0), 0)
    return np.where(~web & (u < EVENT_RATES["poor_service"]), 4, event)


def _driver_items(
    halo: FloatArray, web: BoolArray, event: IntArray, rng: np.random.Generator
) -> IntArray:
    """What the customer would tick, 1 … 5; 0 where it does not apply."""
    level = np.array([_DRIVER_LEVEL[d] for d in DRIVERS])
    felt = level + halo[:, None] + rng.normal(0.0, 0.75, (len(web), len(DRIVERS)))
    for name, (driver, harm) in EVENT_HARM.items():
        felt[event == EVENTS.index(name), DRIVERS.index(driver)] -= harm
    items = np.clip(np.rint(felt), 1, 5).astype(np.int64)
    items[~web, DRIVERS.index("delivery")] = 0
    items[~web, DRIVERS.index("website")] = 0
    items[web, DRIVERS.index("staff")] = 0
    return items


def _satisfaction(items: IntArray, web: BoolArray, rng: np.random.Generator) -> FloatArray:
    def by(channel: str) -> FloatArray:
        w = np.array([DRIVER_WEIGHTS[channel].get(d, 0.0) for d in DRIVERS])
        result: FloatArray = INTERCEPT[channel] + (items - 3) @ w
        return result

    noise = rng.normal(0.0, SATISFACTION_NOISE, len(web))
    return np.where(web, by("web"), by("store")) + noise


def _other_store(country: Any, home: Any, rng: np.random.Generator) -> Any:
    """The store visited: mostly the one nearby."""
    result = home.copy()
    away = (rng.random(len(home)) < 0.07) | (home == "")
    for c in COUNTRIES:
        here = np.flatnonzero(away & (country == c))
        result[here] = np.array(stores(c))[rng.integers(0, len(stores(c)), len(here))]
    return result


def _with_lines(
    story: Story, people: People, columns: dict[str, Any], rng: np.random.Generator
) -> Orders:
    """Orders with their time of day, their lines and their totals."""
    person, day, web, country = (columns[k] for k in ("person", "day", "web", "country"))
    count = len(person)
    hour = np.where(
        web, 6.75 + 17.1 * rng.beta(2.4, 1.6, count), 9.6 + 8.8 * rng.beta(1.6, 1.4, count)
    )
    second = utc_seconds(story, day, (hour * 3600).astype(np.int64))

    lines = 1 + np.minimum(rng.poisson(0.85, count), 4)
    line_from = np.concatenate(([0], np.cumsum(lines)))
    of = np.repeat(np.arange(count), lines)
    total_lines = len(of)
    known = person[of] >= 0
    interest = np.where(known[:, None], people.interests[person[of]], 1.0 / len(CATEGORIES))
    month = (np.datetime64(story.start) + day).astype("datetime64[M]").astype(np.int64) % 12
    weight = interest * _CATEGORY_SEASONS[month[of] // 3]
    cumulative = np.cumsum(weight, axis=1)
    category = (rng.random((total_lines, 1)) * cumulative[:, -1:] > cumulative).sum(axis=1)
    # Rich tastes choose dearer goods: a person's place in the spend distribution plus chance.
    level = np.where(known, people.spend_level[person[of]], 1.0)
    taste = gamma_distribution.cdf(level, SPEND_SHAPE, scale=1.0 / SPEND_SHAPE)
    place = np.clip((0.72 * taste + 0.62 * rng.random(total_lines) - 0.18) * 7.6, 0, 7.99).astype(
        np.int64
    )
    product = category * 8 + place
    quantity = np.where(
        place < 3, 1 + (rng.random(total_lines) < 0.25) + (rng.random(total_lines) < 0.06), 1
    )
    gbp_person = np.array([p.mobile.startswith("+44") for p in people.persons])
    gbp = web & (person >= 0) & gbp_person[person] & (rng.random(count) < 0.15)
    currency = np.where(country == "HU", "HUF", np.where(gbp, "GBP", "EUR"))
    eur = np.array([p.eur_cents for p in catalogue()])
    huf = np.array([p.huf * 100 for p in catalogue()])
    gbp_price = np.rint(eur * 0.88).astype(np.int64)
    line_currency = currency[of]
    unit = np.select(
        [line_currency == "HUF", line_currency == "GBP"],
        [huf[product], gbp_price[product]],
        eur[product],
    )
    reduced = rng.random(total_lines) < 0.12
    unit = np.where(reduced & (line_currency == "HUF"), unit * 8 // 1000 * 100, unit)
    unit = np.where(reduced & (line_currency != "HUF"), unit * 8 // 10, unit)
    amount = unit * quantity
    return Orders(
        **columns,
        second=second,
        currency=currency,
        line_from=line_from,
        line_product=product,
        line_quantity=quantity,
        line_unit=unit,
        line_amount=amount,
        total=np.add.reduceat(amount, line_from[:-1]) if count else np.zeros(0, np.int64),
    )


#: Worth in euro of one unit, about; the exact months are in finance/exchange_rates.csv.
EURO_WORTH = {"EUR": 1.0, "HUF": 0.00255, "GBP": 1.15}


def _in_euro_cents(orders: Orders) -> IntArray:
    rate: FloatArray = np.select(
        [orders.currency == c for c in EURO_WORTH], list(EURO_WORTH.values()), 1.0
    )
    cents: IntArray = np.rint(orders.total * rate).astype(np.int64)
    return cents


def _expected_orders(
    story: Story, people: People, dropout: FloatArray, weights: dict[str, FloatArray]
) -> FloatArray:
    """λ Σ season(t) e^(−μt) over the coming days, for those who are still customers; else 0."""
    ahead = np.arange(FUTURE_DAYS) + 0.5
    stay = np.exp(-people.dropout_rate[:, None] * ahead)
    season = np.stack([weights[c][story.days : story.days + FUTURE_DAYS] for c in COUNTRIES])
    country = np.searchsorted(np.array(COUNTRIES), people.country)
    expected = people.purchase_rate * (stay * season[country]).sum(axis=1)
    expected *= 1.0 - CANCELLED * people.web_share
    alive = people.buyer & (dropout >= story.days) & (people.born < story.days)
    result: FloatArray = np.where(alive, expected, 0.0)
    return result
