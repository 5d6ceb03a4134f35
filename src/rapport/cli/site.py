"""`rapport site`: how the web site is used, and what nobody uses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from rapport.cli.common import Context, err, out, show, with_json
from rapport.workflows.company import Company


@click.group()
def site() -> None:
    """Web site: pages, searches without result, and what nobody uses."""


def _of_site(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say which visitors are meant."""
    for option in (
        click.option("--language", help="Of known customers, such as nl."),
        click.option("--country", help="Of known customers, such as BE."),
        click.option(
            "--width",
            type=click.Choice(["phone", "tablet", "desktop"]),
            help="Of the visitor's window.",
        ),
        click.option("--days", default=90, show_default=True, help="Of 30, 90 or 180."),
        click.option("--source", help="The site; by default that with most page views."),
    ):
        command = option(command)
    return command


def _report(company: Company, asked: dict[str, Any]) -> Any:
    from rapport.privacy.disclosure import SMALLEST_GROUP  # noqa: PLC0415
    from rapport.workflows.site import SiteView, site_report  # noqa: PLC0415

    report = site_report(company, SiteView(**asked))
    if report.too_few:
        err.print(
            f"Fewer than {SMALLEST_GROUP} such visitors came: nothing is told of so few. "
            "Choose a longer period, or all visitors."
        )
    return report


def _count(visitors: int | None) -> str:
    from rapport.privacy.disclosure import SMALLEST_GROUP  # noqa: PLC0415

    return f"< {SMALLEST_GROUP}" if visitors is None else f"{visitors:,}"


@site.command("pages")
@_of_site
@with_json
def site_pages(company: Company, context: Context, **asked: Any) -> None:
    """Every page: visitors, time in sight, reading, clicks in anger and in vain.

    \b
    Example:
      rapport site pages --days 30 --width phone
    """
    report = _report(company, asked)
    useless = {each.path: each for each in report.usefulness if each.useless}

    def shown(pages: Any) -> None:
        table = Table("page", "visitors", "views", "seconds", "read to", "in vain", "in anger", "")
        for each in pages:
            found = useless.get(each.path)
            table.add_row(
                escape(each.path),
                _count(each.visitors),
                f"{each.views:,}",
                "" if each.seconds is None else f"{each.seconds:.0f}",
                "" if each.scroll is None else f"{each.scroll:.0%}",
                f"{each.dead:,}",
                f"{each.rage:,}",
                f"of no use to {found.share:.0%} (others {found.base:.0%})" if found else "",
            )
        out.print(table)

    show(context, report.pages, shown)


@site.command("searches")
@_of_site
@with_json
def site_searches(company: Company, context: Context, **asked: Any) -> None:
    """What visitors search, and do not find.

    \b
    Example:
      rapport site searches --language hu
    """

    def shown(searches: Any) -> None:
        table = Table("term", "searches", "visitors", "without result", "then left")
        for each in searches:
            table.add_row(
                escape(each.term or f"({each.left_out} rare terms)"),
                f"{each.searches:,}",
                "" if each.visitors is None else f"{each.visitors:,}",
                f"{each.without_result:,}",
                f"{each.ended:,}",
            )
        out.print(table)

    show(context, _report(company, asked).searches, shown)


@site.command("unused")
@_of_site
@with_json
def site_unused(company: Company, context: Context, **asked: Any) -> None:
    """Pages and features that nobody used.

    \b
    Example:
      rapport site unused --days 180
    """

    def shown(unused: Any) -> None:
        table = Table("page", "element", "known from", "visitors", "at most wanted by")
        for each in unused:
            table.add_row(
                escape(each.path),
                escape(each.element or ""),
                each.known_from,
                _count(each.visitors),
                "" if each.below is None else f"{each.below:.1%}",
            )
        out.print(table)

    show(context, _report(company, asked).unused, shown)


@site.command("list")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--source", help="The site; by default that with most page views.")
@click.option("--dry-run", is_flag=True, help="Read the list, and keep nothing.")
@with_json
def site_list(
    company: Company, context: Context, file: Path, source: str | None, dry_run: bool
) -> None:
    """Keep FILE (a sitemap.xml, or pages and features one a line) as what there is on the site.

    \b
    Example:
      rapport site list sitemap.xml --dry-run
    """
    from rapport.errors import InvalidInput  # noqa: PLC0415
    from rapport.workflows.site import find_site  # noqa: PLC0415
    from rapport.workflows.site_lists import read_list, save_site_list  # noqa: PLC0415

    if not file.is_file():
        raise InvalidInput(f"There is no file {file}; save the site map, or a list, into one")
    content = file.read_text("utf-8")
    name = find_site(company, source).source
    known = read_list(content)
    if not dry_run:
        save_site_list(company, name, content, author="cli")

    def shown(found: Any) -> None:
        kept = "would be kept" if dry_run else "kept"
        out.print(f"{len(found['known'])} pages and features {kept} for {name}")

    show(context, {"source": name, "known": known}, shown)
