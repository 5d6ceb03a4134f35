"""`rapport places`: regions, shops and how far customers live from them."""

from __future__ import annotations

from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from rapport.cli.common import Context, out, show, with_json
from rapport.workflows.company import Company


@click.group()
def places() -> None:
    """Where customers live and shops are: figures by region, catchments, points of shops."""


@places.command("map")
@click.option("--metric", default="customers", show_default=True, help="customers, or a metric.")
@click.option("--days", default=365, show_default=True, help="Of 30, 90 or 365.")
@click.option("--country", help="Only regions of one country, such as BE.")
@with_json
def places_map(
    company: Company, context: Context, metric: str, days: int, country: str | None
) -> None:
    """Customers, or a metric, by the region where customers live.

    \b
    Example:
      rapport places map --metric revenue --country HU
    """
    from rapport.workflows.region_map import MapView, map_report  # noqa: PLC0415

    def shown(report: Any) -> None:
        table = Table("region", "name", metric, "customers")
        for each in (*report.regions, *([report.elsewhere] if report.elsewhere else [])):
            value = "" if each.value is None else f"{each.value:,}"
            people = "too few" if each.people is None else f"{each.people:,}"
            table.add_row(each.region or "not known", escape(each.name or ""), value, people)
        out.print(table)
        known = report.precision
        out.print(
            f"Known to the town: {known.city:,}, to the region: {known.region:,}, "
            f"to the country: {known.country:,}, not at all: {known.unknown:,}"
        )

    show(context, map_report(company, MapView(metric=metric, days=days, country=country)), shown)


@places.command("shops")
@with_json
def places_shops(company: Company, context: Context) -> None:
    """Every place that touchpoints name, and where it is.

    \b
    Example:
      rapport places shops
    """
    from rapport.workflows.shops import list_shops  # noqa: PLC0415

    def shown(known: Any) -> None:
        table = Table("shop", "touchpoints", "latitude", "longitude", "named after")
        for each in known:
            point = ("", "")
            if each.shop is not None:
                point = (f"{each.shop.latitude:.5f}", f"{each.shop.longitude:.5f}")
            named = "" if each.found is None else f"{each.found.country} {each.found.name}"
            table.add_row(escape(each.name), f"{each.touchpoints:,}", *point, escape(named))
        out.print(table)

    show(context, list_shops(company), shown)


@places.command("catchment")
@with_json
def places_catchment(company: Company, context: Context) -> None:
    """How far the buyers of each shop live, as the crow flies, in the last 365 days.

    \b
    Example:
      rapport places catchment
    """
    from rapport.workflows.shops import shop_catchments  # noqa: PLC0415

    def shown(found: Any) -> None:
        table = Table("shop", "buyers", "half within km", "80% within km", "nearer elsewhere")
        for each in found:
            reach = ["" if km is None else f"{km:,.0f}" for km in each.reach_km]
            counts = [
                "too few" if count is None else f"{count:,}"
                for count in (each.buyers, each.elsewhere)
            ]
            table.add_row(escape(each.shop.name), counts[0], *reach, counts[1])
        out.print(table)

    show(context, shop_catchments(company), shown)


@places.command("place")
@click.argument("name")
@click.option("--at", "point", metavar="LATITUDE,LONGITUDE", help="Such as 51.0543,3.7174.")
@click.option("--town", help="A country and a town, such as 'BE Gent'.")
@click.option("--dry-run", is_flag=True, help="Say where it would be, and keep nothing.")
@with_json
def places_place(
    company: Company,
    context: Context,
    name: str,
    point: str | None,
    town: str | None,
    dry_run: bool,
) -> None:
    """Say where the shop NAME is, and measure every customer's distance anew.

    \b
    Example:
      rapport places place Gent --town "BE Gent" --dry-run
    """
    from rapport.errors import InvalidInput  # noqa: PLC0415
    from rapport.workflows.shops import state_shop  # noqa: PLC0415

    latitude = longitude = None
    if point is not None:
        try:
            latitude, longitude = (float(part) for part in point.split(","))
        except ValueError:
            raise InvalidInput(
                f"--at is latitude and longitude such as 51.0543,3.7174, not {point!r}"
            ) from None
    made = state_shop(
        company, name=name, latitude=latitude, longitude=longitude, town=town, actor="cli",
        dry_run=dry_run,
    )  # fmt: skip

    def shown(shop: Any) -> None:
        would = "would be" if dry_run else "is"
        out.print(f"{escape(shop.name)} {would} at {shop.latitude:.5f}, {shop.longitude:.5f}")

    show(context, made, shown)


@places.command("forget")
@click.argument("name")
@with_json
def places_forget(company: Company, context: Context, name: str) -> None:
    """Take back where the shop NAME is.

    \b
    Example:
      rapport places forget "Old shop"
    """
    from rapport.workflows.shops import forget_shop  # noqa: PLC0415

    forget_shop(company, name, actor="cli")
    show(context, {"forgotten": name}, lambda _done: out.print(f"Forgot where {escape(name)} is"))
