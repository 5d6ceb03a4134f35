"""Regions with their figures, where shops are, and how far their buyers live."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, delete, get, put
from litestar.di import NamedDependency
from litestar.params import Body, FromPath, FromQuery
from msgspec import Struct

from rapport.understand.geography.catchment import Catchment
from rapport.vocabulary.access import User
from rapport.vocabulary.shop import Shop
from rapport.workflows.company import Company
from rapport.workflows.region_map import MapReport, MapView, map_report
from rapport.workflows.shops import (
    KnownShop,
    forget_shop,
    list_shops,
    shop_catchments,
    state_shop,
)

_READ = {"permission": "dashboard.read"}
_WRITE = {"permission": "settings.write"}


class ShopPoint(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a shop is: latitude and longitude, or a town with its country such as "BE Gent"."""

    latitude: float | None = None
    longitude: float | None = None
    town: str | None = None


@get("/api/v1/map", sync_to_thread=True, opt=_READ, tags=["geography"])
def read_map(
    company: NamedDependency[Company],
    metric: FromQuery[str] = "customers",
    days: FromQuery[int] = 365,
    country: FromQuery[str | None] = None,
) -> MapReport:
    """Customers, or a metric, by the region where customers live."""
    return map_report(company, MapView(metric=metric, days=days, country=country))


@get("/api/v1/shops", sync_to_thread=True, opt=_READ, tags=["geography"])
def read_shops(company: NamedDependency[Company]) -> tuple[KnownShop, ...]:
    """Every place that touchpoints name, and where it is."""
    return list_shops(company)


@get("/api/v1/shops/catchments", sync_to_thread=True, opt=_READ, tags=["geography"])
def read_catchments(company: NamedDependency[Company]) -> tuple[Catchment, ...]:
    """How far the buyers of each shop live; null where they are too few to tell."""
    return shop_catchments(company)


@put("/api/v1/shops/{name:str}", sync_to_thread=True, opt=_WRITE, tags=["geography"])
def place_shop(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    name: FromPath[str],
    data: Annotated[ShopPoint, Body()],
) -> Shop:
    """Say where a shop is; every customer's distance is measured anew."""
    user: User = request.user
    return state_shop(
        company, name=name, latitude=data.latitude, longitude=data.longitude, town=data.town,
        actor=user.email,
    )  # fmt: skip


@delete("/api/v1/shops/{name:str}", sync_to_thread=True, opt=_WRITE, tags=["geography"])
def take_back_shop(
    request: Request[Any, Any, Any], company: NamedDependency[Company], name: FromPath[str]
) -> None:
    """Take back where a shop is."""
    user: User = request.user
    forget_shop(company, name, actor=user.email)


routes = (read_map, read_shops, read_catchments, place_shop, take_back_shop)
