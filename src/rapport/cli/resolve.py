"""`rapport resolve`: everything that follows from what came in."""

from __future__ import annotations

import click

from rapport.cli.common import Context, bars, out, show, with_json
from rapport.workflows.company import Company


@click.command()
@with_json
def resolve(company: Company, context: Context) -> None:
    """Apply what has arrived: who is who, their history, their profile.

    \b
    Example:
      rapport resolve --json
    """
    from rapport.workflows.resolve import resolve_company  # noqa: PLC0415

    with bars(context.json) as progress:
        result = resolve_company(company, match=True, progress=progress)
    show(
        context,
        result,
        lambda r: out.print(
            f"{r.entries:,} journal entries applied, {r.refused:,} refused; "
            f"{r.profiles:,} profiles, {r.refreshed:,} renewed; {r.tickets:,} tickets opened"
        ),
    )
