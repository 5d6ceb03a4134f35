"""Where the company's places are: stated, or found by their name, and how far customers live."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from rapport.engines.lake import Query, Step
from rapport.errors import InvalidInput, NotFound
from rapport.understand.geography.catchment import Catchment, catchments
from rapport.understand.geography.gazetteer import Place, find_place
from rapport.understand.question import unknown
from rapport.vocabulary.ledger_tables import audit
from rapport.vocabulary.shop import Shop
from rapport.workflows.company import Company, read_choice, shops_of, write_choice
from rapport.workflows.customers import rebuild_customers
from rapport.workflows.data_clock import data_until, end_of_today
from rapport.workflows.remembered import data_version, remembered
from rapport.workflows.segment_members import follow_segments

DAYS = 365
_MOST = 1_000

_SEEN = Query(
    steps=(
        Step(
            "answer",
            "SELECT t.place, max(t.country) AS country, count(*) AS touchpoints "
            "FROM touchpoints AS t WHERE t.place IS NOT NULL GROUP BY t.place "
            "ORDER BY t.place ASC NULLS LAST",
        ),
    )
)


class KnownShop(Struct, frozen=True, kw_only=True):
    """A place that touchpoints name, or that was stated.

    Attributes
    ----------
    shop : Shop or None
        Where it is, if anybody said.
    found : Place or None
        The town that it is named after, where nobody said.
    """

    name: str
    touchpoints: int
    shop: Shop | None = None
    found: Place | None = None


def list_shops(company: Company) -> tuple[KnownShop, ...]:
    """Every place, by name."""
    with company.ledger.read() as connection:
        stated = {shop.name: shop for shop in shops_of(connection)}
        homes = read_choice(connection, "home_countries")
    seen = {row["place"]: row for row in company.seen.ask(_SEEN).to_pylist()}
    return tuple(
        KnownShop(
            name=name,
            touchpoints=seen.get(name, {}).get("touchpoints", 0),
            shop=stated.get(name),
            found=None if name in stated else _found(name, seen[name]["country"], homes),
        )
        for name in sorted({*seen, *stated})
    )


def located_shops(company: Company) -> tuple[Shop, ...]:
    """The places whose point is known, by name."""
    with company.ledger.read() as connection:
        return shops_of(connection)


def state_shop(
    company: Company,
    *,
    name: str,
    latitude: float | None = None,
    longitude: float | None = None,
    town: str | None = None,
    actor: str,
    dry_run: bool = False,
) -> Shop:
    """Say where a place is, by a point or by a town such as "BE Gent"; then measure anew.

    Raises
    ------
    InvalidInput
        If the point cannot be, or no one town is meant.
    """
    shop = _shop(name, latitude, longitude, town)
    keep_shops(company, [shop], actor=actor, dry_run=dry_run)
    return shop


def keep_found_shops(company: Company, *, actor: str) -> tuple[Shop, ...]:
    """Take for every place without a point the middle of the town that it is named after."""
    shops = tuple(
        Shop(name=each.name, latitude=each.found.latitude, longitude=each.found.longitude,
             stated=False)
        for each in list_shops(company)
        if each.found is not None
    )  # fmt: skip
    keep_shops(company, shops, actor=actor)
    return shops


def keep_shops(
    company: Company, shops: Sequence[Shop], *, actor: str, dry_run: bool = False
) -> None:
    """Write down where places are, and measure every customer's distance anew."""
    with company.ledger.write() as connection:
        kept = {shop.name: shop for shop in (*shops_of(connection), *shops)}
        if len(kept) > _MOST:
            raise InvalidInput(f"At most {_MOST:,} places can be kept; forget old ones first")
        if dry_run or not shops:
            return
        _write(company, connection, kept)
        for shop in shops:
            _note(company, connection, actor, "shop.stated", shop.name)
    _measure(company)


def forget_shop(company: Company, name: str, *, actor: str) -> None:
    """Take back where a place is.

    Raises
    ------
    NotFound
        If nobody said where it is.
    """
    with company.ledger.write() as connection:
        kept = {shop.name: shop for shop in shops_of(connection)}
        if kept.pop(name, None) is None:
            raise NotFound(unknown("shop", name, kept))
        _write(company, connection, kept)
        _note(company, connection, actor, "shop.forgotten", name)
    _measure(company)


def shop_catchments(company: Company) -> tuple[Catchment, ...]:
    """How far the buyers of each located place live, by the last `DAYS` days."""
    shops = located_shops(company)
    if not shops:
        return ()
    version = data_version(company)
    end = end_of_today(data_until(company), company.choice("time_zone"))
    return remembered(
        company,
        version,
        ["catchments", shops, end],
        lambda: catchments(company.seen, shops, start=end - timedelta(days=DAYS), end=end),
    )


def shop_catchment(company: Company, name: str) -> Catchment:
    """The catchment of one place.

    Raises
    ------
    NotFound
        If nobody said where it is.
    """
    found = {each.shop.name: each for each in shop_catchments(company)}
    if name not in found:
        raise NotFound(unknown("shop", name, found))
    return found[name]


def _shop(name: str, latitude: float | None, longitude: float | None, town: str | None) -> Shop:
    name = name.replace("\0", "").strip()
    if not 1 <= len(name) <= 200:
        raise InvalidInput("A place has a name of 1 to 200 characters, as touchpoints write it")
    if latitude is not None and longitude is not None:
        for label, value, most in (("latitude", latitude, 90), ("longitude", longitude, 180)):
            if not math.isfinite(value) or abs(value) > most:
                raise InvalidInput(
                    f"A {label} lies between -{most} and {most} degrees, not {value}"
                )
        return Shop(name=name, latitude=latitude, longitude=longitude)
    country, _, written = (town or "").strip().partition(" ")
    if not written:
        raise InvalidInput("Give latitude and longitude, or a town with its country: BE Gent")
    place = find_place(country.upper(), written)
    if place is None:
        raise InvalidInput(
            f"No one town of {country.upper()} is called {written!r}; "
            "write another spelling, or give latitude and longitude"
        )
    return Shop(name=name, latitude=place.latitude, longitude=place.longitude, stated=False)


def _found(name: str, country: str | None, homes: Sequence[str]) -> Place | None:
    """The town of a place's name, in its own country or else in the company's."""
    for each in [country] if country else homes:
        for words in (name, name.split(" ", maxsplit=1)[0]):
            place = find_place(each, words)
            if place is not None:
                return place
    return None


def _write(company: Company, connection: Connection, kept: dict[str, Shop]) -> None:
    ordered: Any = msgspec.to_builtins([kept[name] for name in sorted(kept)])
    write_choice(company.ledger, connection, "shops", ordered)


def _note(company: Company, connection: Connection, actor: str, action: str, name: str) -> None:
    connection.execute(
        audit.insert().values(at=company.clock(), actor=actor, action=action, subject=name)
    )


def _measure(company: Company) -> None:
    rebuild_customers(company)
    follow_segments(company, everybody=True)
