"""`rapport accounts`: companies with their people."""

from __future__ import annotations

from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from rapport.cli.common import Context, out, show, with_json
from rapport.workflows.company import Company


@click.command()
@click.option("--find", "query", default="", help="Name or number, or anybody who works there.")
@click.option("--sort", default="revenue", show_default=True, help="name, people, orders, …")
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1, 200), help="How many at most."
)
@with_json
def accounts(company: Company, context: Context, query: str, sort: str, limit: int) -> None:
    """Companies as customers, with how many people we know of them.

    \b
    Examples:
      rapport accounts
      rapport accounts --find "de linde" --json
    """
    from rapport.workflows.company_accounts import list_accounts  # noqa: PLC0415

    def shown(found: Any) -> None:
        table = Table("account", "name", "number", "town", "people", "orders", "revenue")
        for row in found.rows:
            table.add_row(
                row.account_id,
                escape(row.name),
                escape(row.business_id or ""),
                escape(row.city or ""),
                f"{row.people:,}",
                f"{row.order_count:,}",
                f"{row.revenue:,.0f}",
            )
        out.print(table)
        many = f"more than {len(found.rows)}" if found.total is None else f"{found.total:,}"
        out.print(f"{many} in all; money in {found.currency}")

    show(context, list_accounts(company, query=query, sort=sort, limit=limit), shown)
