"""`rapport segments`: who belongs, since when, who came and went, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from rapport.cli.common import Context, bars, out, show, with_json
from rapport.workflows.company import Company


@click.group()
def segments() -> None:
    """Groups of customers by rules: list, count, keep, and how they came to be what they are."""


def _rule(given: str) -> Any:
    from rapport.understand.segments.rule import read_rule  # noqa: PLC0415

    return read_rule(Path(given[1:]).read_bytes() if given.startswith("@") else given)


@segments.command("list")
@with_json
def segments_list(company: Company, context: Context) -> None:
    """Every segment with its size and revenue.

    \b
    Example:
      rapport segments list
    """
    from rapport.workflows.segments import segments_overview  # noqa: PLC0415

    def shown(rows: Any) -> None:
        table = Table("key", "name", "customers", "revenue")
        for row in rows:
            figures = row.figures
            table.add_row(
                row.segment.key,
                escape(row.segment.name or ""),
                f"{figures.customers:,}",
                f"{figures.revenue:,.0f}",
            )
        out.print(table)

    show(context, segments_overview(company), shown)


@segments.command("count")
@click.argument("rule")
@with_json
def segments_count(company: Company, context: Context, rule: str) -> None:
    """How many customers RULE describes: JSON, or @file that holds it.

    \b
    Examples:
      rapport segments count @rule.json
      rapport segments count '{"kind": "happened", "which": {"types": ["Order Completed"]}}'
    """
    from rapport.workflows.segments import count_rule  # noqa: PLC0415

    def shown(found: Any) -> None:
        out.print(f"{found.members:,} of {found.customers:,} customers")

    show(context, count_rule(company, _rule(rule)), shown)


@segments.command("keep")
@click.argument("name")
@click.argument("rule")
@click.option("--key", help="Change the segment of this key instead of making one.")
@click.option("--dry-run", is_flag=True, help="Only check and count.")
@with_json
def segments_keep(
    company: Company, context: Context, name: str, rule: str, key: str | None, dry_run: bool
) -> None:
    """Keep RULE (JSON, or @file) as a segment called NAME.

    \b
    Example:
      rapport segments keep "Left a basket" @rule.json
    """
    from rapport.workflows.segment_definitions import save_segment  # noqa: PLC0415
    from rapport.workflows.segments import count_rule  # noqa: PLC0415

    asked = _rule(rule)
    counted = count_rule(company, asked)
    kept = None
    if not dry_run:
        kept = save_segment(company, name=name, rule=asked, author="cli", key=key)

    def shown(_found: Any) -> None:
        said = "would be kept" if kept is None else f"kept as {kept}"
        out.print(f"{counted.members:,} of {counted.customers:,} customers; {said}")

    show(context, {"key": kept, "counted": counted}, shown)


@segments.command("delete")
@click.argument("key")
@click.option("--dry-run", is_flag=True, help="Only say what would be deleted.")
@with_json
def segments_delete(company: Company, context: Context, key: str, dry_run: bool) -> None:
    """Forget a segment of the company's own, with its history; its customers stay.

    \b
    Example:
      rapport segments delete own-3
    """
    from rapport.workflows.segment_definitions import (  # noqa: PLC0415
        delete_segment,
        find_segment,
    )

    found = find_segment(company, key) if dry_run else delete_segment(company, key, author="cli")

    def shown(_found: Any) -> None:
        out.print(f"{escape(found.name or key)} {'would be' if dry_run else 'is'} deleted")

    show(context, found, shown)


@segments.command("changes")
@click.argument("key")
@click.option("--entered/--left", default=None, help="Only who entered, or only who left.")
@click.option("--page", default=1, show_default=True, help="Of 25 lines each.")
@with_json
def segments_changes(
    company: Company, context: Context, key: str, entered: bool | None, page: int
) -> None:
    """Who entered and left a segment, when, and which conditions changed.

    \b
    Example:
      rapport segments changes own-3 --entered
    """
    from rapport.understand.segments.rule import write_rule  # noqa: PLC0415
    from rapport.workflows.segment_history import segment_changes  # noqa: PLC0415

    def shown(found: Any) -> None:
        table = Table("when", "who", "", "by", "why")
        for line in found.changes:
            why = "\n".join(
                f"{'now' if each.holds else 'no longer'}: {write_rule(each.condition).decode()}"
                for each in line.why
            )
            table.add_row(
                f"{line.at:%Y-%m-%d %H:%M}",
                line.profile_id,
                "entered" if line.entered else "left",
                line.cause,
                escape(why),
            )
        out.print(table)
        out.print(f"{found.total:,} in all")

    show(context, segment_changes(company, key, entered=entered, page=page), shown)


@segments.command("sizes")
@click.argument("key")
@click.option("--days", default=90, show_default=True, help="How many days back.")
@with_json
def segments_sizes(company: Company, context: Context, key: str, days: int) -> None:
    """How many belonged at the end of each day, and how many came and went.

    \b
    Example:
      rapport segments sizes own-3 --days 30
    """
    from rapport.workflows.segment_history import segment_sizes  # noqa: PLC0415

    def shown(found: Any) -> None:
        table = Table("day", "members", "entered", "left")
        for each in found:
            table.add_row(f"{each.day}", f"{each.members:,}", f"{each.entered:,}", f"{each.left:,}")
        out.print(table)

    show(context, segment_sizes(company, key, days=days), shown)


@segments.command("overlap")
@click.argument("key")
@with_json
def segments_overlap(company: Company, context: Context, key: str) -> None:
    """How many of a segment are in each other one too.

    \b
    Example:
      rapport segments overlap champions
    """
    from rapport.workflows.segment_history import segment_overlap  # noqa: PLC0415

    def shown(found: Any) -> None:
        table = Table("segment", "in both", "share", "in the other")
        for line in found.others:
            table.add_row(
                escape(line.segment.name or line.segment.key),
                f"{line.both:,}",
                f"{line.share:.0%}",
                f"{line.size:,}",
            )
        out.print(table)

    show(context, segment_overlap(company, key), shown)


@segments.command("follow")
@with_json
def segments_follow(company: Company, context: Context) -> None:
    """Find who entered and left since the last time; the worker does so by itself.

    \b
    Example:
      rapport segments follow
    """
    from rapport.workflows.segment_members import follow_segments  # noqa: PLC0415

    def shown(found: Any) -> None:
        out.print(f"{found.looked_at:,} looked at: {found.entered:,} entered, {found.left:,} left")

    with bars(context.json) as progress:
        placed = follow_segments(company, progress=progress)
    show(context, placed, shown)
