"""`rapport journeys`: where customers are lost, and early warnings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from rapport.cli.common import Context, out, show, with_json
from rapport.workflows.company import Company

_DAY = 86_400


@click.group()
def journeys() -> None:
    """Journeys: list, figures, early warnings, and definitions as files."""


@journeys.command("list")
@with_json
def journeys_list(company: Company, context: Context) -> None:
    """Every journey with its stages in order.

    \b
    Example:
      rapport journeys list
    """
    from rapport.workflows.journeys import list_journeys  # noqa: PLC0415

    def shown(found: Any) -> None:
        table = Table("key", "name", "version", "stages")
        for each in found:
            stages = " > ".join(stage.key for stage in each.definition.stages)
            table.add_row(each.key, escape(each.name or ""), str(each.version), stages)
        out.print(table)

    show(context, list_journeys(company), shown)


@journeys.command("show")
@click.argument("key")
@click.option("--days", default=180, show_default=True, help="Of 90, 180 or 365.")
@click.option(
    "--by",
    type=click.Choice(["country", "channel", "acquisition_channel"]),
    default="country",
    show_default=True,
    help="What steps are compared by.",
)
@with_json
def journeys_show(company: Company, context: Context, key: str, days: int, by: Any) -> None:
    """Steps of the journey KEY, what is lost at each, and what drifts.

    \b
    Example:
      rapport journeys show online_order --days 180
    """
    from rapport.errors import NotFound  # noqa: PLC0415
    from rapport.workflows.journeys import (  # noqa: PLC0415
        JourneyView,
        find_journey,
        journey_report,
    )

    found = journey_report(company, find_journey(company, key), JourneyView(days=days, by=by))
    if found is None:
        raise NotFound(f"No customer was ever at two stages of the journey {key!r}")

    def shown(report: Any) -> None:
        keys = [stage.key for stage in report.definition.stages]
        steps = Table("step", "entered", "in time", "lost", "half took at most")
        for each in report.steps:
            steps.add_row(
                f"{keys[each.step]} > {keys[each.to]}",
                f"{each.entered:,}",
                "" if each.share is None else f"{each.share:.1%}",
                f"{each.lost:,}",
                "" if each.median is None else f"{each.median / _DAY:.1f} days",
            )
        out.print(steps)
        lost = Table("step", "where", "customers", "in time", "possible", "lost", "value lost")
        for each in report.bottlenecks:
            money = each.verdict
            if each.value_lost is not None and each.low is not None and each.high is not None:
                money = (
                    f"{each.value_lost:,.0f} ({each.low:,.0f} to {each.high:,.0f}) {each.verdict}"
                )
            lost.add_row(
                f"{keys[each.step]} > {keys[each.to]}",
                escape(each.part or ""),
                f"{each.customers:,}",
                "" if each.share is None else f"{each.share:.1%}",
                "" if each.expected is None else f"{each.expected:.1%}",
                "" if each.customers_lost is None else f"{each.customers_lost:,.0f}",
                money,
            )
        out.print(lost)
        for chart in report.warnings:
            out.print(
                f"{keys[chart.step]} > {keys[chart.to]}, {chart.part or 'all'}: {chart.kind} "
                f"above its band since {chart.out_since:%d %B %Y}"
            )

    show(context, found, shown)


@journeys.command("watch")
@click.option("--dry-run", is_flag=True, help="Say what drifts, and open no ticket.")
@with_json
def journeys_watch(company: Company, context: Context, dry_run: bool) -> None:
    """Look for steps that drift and open a ticket for each; the worker does so by itself.

    \b
    Example:
      rapport journeys watch --dry-run
    """
    from rapport.workflows.journeys import watch_journeys  # noqa: PLC0415

    def shown(found: Any) -> None:
        for each in found.problems:
            out.print(
                f"{each.journey}: {each.stage} > {each.to}, {each.part or 'all'}: {each.kind} "
                f"above its band since {each.since:%d %B %Y}"
            )
        if dry_run:
            out.print(f"{len(found.problems)} drift; nothing was changed")
        else:
            out.print(f"{found.opened} tickets opened, {found.closed} closed")

    show(context, watch_journeys(company, dry_run=dry_run), shown)


@journeys.command("propose")
@with_json
def journeys_propose(company: Company, context: Context) -> None:
    """A definition made of what customers did in the last year; save it with `journeys save`.

    \b
    Example:
      rapport journeys propose --json
    """
    from rapport.errors import NotFound  # noqa: PLC0415
    from rapport.workflows.journeys import proposed_journey  # noqa: PLC0415

    found = proposed_journey(company)
    if found is None:
        raise NotFound("Too few touchpoints of known customers to propose a journey")

    def shown(proposal: Any) -> None:
        table = Table("stage", "journeys", "share", "comes before others", "touchpoints")
        for each in proposal.seen:
            table.add_row(
                each.stage.key,
                f"{each.journeys:,}",
                f"{each.share:.0%}",
                f"{each.before:.0%}",
                escape(", ".join(each.stage.types)),
            )
        out.print(table)

    show(context, found, shown)


@journeys.command("save")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--name", help="Of a journey of your own.")
@click.option("--key", help="The journey to change; by default a new one is made.")
@click.option("--dry-run", is_flag=True, help="Check the definition, and keep nothing.")
@with_json
def journeys_save(
    company: Company,
    context: Context,
    file: Path,
    name: str | None,
    key: str | None,
    dry_run: bool,
) -> None:
    """Keep the definition in FILE (JSON, as `journeys list --json` writes it) as a new version.

    \b
    Example:
      rapport journeys save returns.json --name "Returns" --dry-run
    """
    from rapport.errors import InvalidInput  # noqa: PLC0415
    from rapport.understand.journeys.definition import read_definition  # noqa: PLC0415
    from rapport.workflows.journeys import save_journey  # noqa: PLC0415

    if not file.is_file():
        raise InvalidInput(f"There is no file {file}; write a definition as JSON into one")
    definition = read_definition(file.read_bytes())
    kept = key
    if not dry_run:
        kept = save_journey(company, name=name, definition=definition, author="cli", key=key)

    def shown(found: Any) -> None:
        if dry_run:
            out.print(f"{len(definition.stages)} stages; the definition is valid")
        else:
            out.print(f"Kept as {found['key']}")

    show(context, {"key": kept, "definition": definition}, shown)
