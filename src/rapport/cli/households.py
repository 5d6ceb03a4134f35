"""`rapport households`: who lives together."""

from __future__ import annotations

from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from rapport.cli.common import Context, out, show, with_json
from rapport.workflows.company import Company


@click.group()
def households() -> None:
    """People who live together: list them, and say who does or does not."""


@households.command("list")
@click.option("--find", "query", default="", help="Anybody of the household.")
@click.option("--sort", default="revenue", show_default=True, help="name, members, orders, …")
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1, 200), help="How many at most."
)
@with_json
def households_list(company: Company, context: Context, query: str, sort: str, limit: int) -> None:
    """Households with their size and worth.

    \b
    Examples:
      rapport households list
      rapport households list --find maes --sort members --json
    """
    from rapport.workflows.households import list_households  # noqa: PLC0415

    def shown(found: Any) -> None:
        table = Table("household", "name", "town", "people", "orders", "revenue", "sure")
        for row in found.rows:
            table.add_row(
                row.household_id,
                escape(row.name),
                escape(row.city or ""),
                f"{row.members:,}",
                f"{row.order_count:,}",
                f"{row.revenue:,.0f}",
                f"{row.confidence:.0%}",
            )
        out.print(table)
        many = f"more than {len(found.rows)}" if found.total is None else f"{found.total:,}"
        out.print(f"{many} in all; money in {found.currency}")

    show(context, list_households(company, query=query, sort=sort, limit=limit), shown)


@households.command("say")
@click.argument("person")
@click.argument("other")
@click.option("--together/--apart", required=True, help="One household, or not.")
@click.option("--reason", default="", help="Why; kept with who and when.")
@with_json
def households_say(
    company: Company, context: Context, person: str, other: str, together: bool, reason: str
) -> None:
    """Say that two people are, or are not, one household; it outranks what is derived.

    \b
    Example:
      rapport households say p017nqk3xapvew p2rw7c4e0w9g1k --apart --reason "They divorced"
    """
    from rapport.workflows.households import say_lives_with  # noqa: PLC0415

    here = say_lives_with(company, person, other, together=together, author="cli", reason=reason)
    said = "one household" if together else "not one household"
    show(context, {"profile_id": here}, lambda _: out.print(f"Remembered: {said}"))
