"""`rapport rebuild`: all that is derived, from the journal."""

from __future__ import annotations

import click

from rapport.cli.common import Context, bars, out, show, with_json
from rapport.workflows.company import Company


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would be written.")
@with_json
def rebuild(company: Company, context: Context, dry_run: bool) -> None:
    """Write the lake anew from the journal; answers stay the same.

    \b
    Example:
      rapport rebuild
    """
    from rapport.workflows.rebuild import rebuild_lake  # noqa: PLC0415

    with bars(context.json) as progress:
        result = rebuild_lake(company, dry_run=dry_run, progress=progress)
    verb = "would be written" if dry_run else "written"
    show(
        context,
        result,
        lambda r: out.print(
            f"{r.touchpoints:,} touchpoints {verb} from {r.entries:,} journal entries"
        ),
    )
