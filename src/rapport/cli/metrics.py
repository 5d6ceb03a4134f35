"""`rapport metrics`: what figures mean, what they are, and what no data say of them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from rapport.cli.common import Context, out, show, with_json
from rapport.workflows.company import Company

_DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.group()
def metrics() -> None:
    """Figures: their definitions, their values, who stands behind them, and unit costs."""


@metrics.command("list")
@with_json
def metrics_list(_company: Company, context: Context) -> None:
    """Every metric with its unit and what it can be split by.

    \b
    Example:
      rapport metrics list
    """
    from rapport.understand.metrics import METRICS  # noqa: PLC0415
    from rapport.understand.question import dimensions_of  # noqa: PLC0415

    def shown(found: Any) -> None:
        table = Table("metric", "theme", "unit", "better", "by")
        for metric in found:
            splits = ", ".join(dimensions_of(metric))
            table.add_row(metric.name, metric.theme, metric.unit, metric.direction, splits)
        out.print(table)

    show(context, METRICS, shown)


@metrics.command("show")
@click.argument("name")
@click.option("--from", "first_day", type=_DAY, help="First day; by default a year ago.")
@click.option("--until", "last_day", type=_DAY, help="Last day, included; by default yesterday.")
@click.option("--grain", default="month", show_default=True, help="day, week, month, quarter, year")
@click.option("--by", "dimension", help="Split by a dimension.")
@with_json
def metrics_show(
    company: Company,
    context: Context,
    name: str,
    first_day: datetime | None,
    last_day: datetime | None,
    grain: str,
    dimension: str | None,
) -> None:
    """What a metric means and how it went.

    \b
    Examples:
      rapport metrics show revenue
      rapport metrics show resolution_time --by agent --grain quarter --json
    """
    from rapport.understand.periods import midnight  # noqa: PLC0415
    from rapport.understand.question import Question  # noqa: PLC0415
    from rapport.workflows.metrics import metric_of  # noqa: PLC0415
    from rapport.workflows.questions import ask_question  # noqa: PLC0415

    metric = metric_of(name)
    first, end = _days(company, first_day, last_day)
    zone = company.choice("time_zone")
    question = Question(
        metrics=(name,),
        start=midnight(first, zone),
        end=midnight(end, zone),
        grain=grain,
        time_zone=zone,
        dimensions=(dimension,) if dimension else (),
    )

    def shown(found: Any) -> None:
        out.print(f"{escape(metric.description)}\n", style="dim")
        heads = [head for head in ("period", dimension) if head]
        table = Table(*heads, metric.name, "n")
        for row in found.rows:
            value = row[name]
            parts = [] if dimension is None else [escape(str(row[dimension] or "not known"))]
            said = "" if value is None else f"{value:,}"
            table.add_row(str(row["period"]), *parts, said, f"{row[f'{name}_n']:,}")
        out.print(table)
        if metric.unit == "money":
            out.print(f"in {found.currency}")

    show(context, ask_question(company, question), shown)


@metrics.command("people")
@click.argument("name")
@click.option("--from", "first_day", type=_DAY, help="First day; by default a year ago.")
@click.option("--until", "last_day", type=_DAY, help="Last day, included; by default yesterday.")
@click.option("--only", multiple=True, metavar="DIMENSION=VALUE", help="Only this part.")
@click.option("--page", default=1, show_default=True, help="Of 50 customers each.")
@with_json
def metrics_people(
    company: Company,
    context: Context,
    name: str,
    first_day: datetime | None,
    last_day: datetime | None,
    only: tuple[str, ...],
    page: int,
) -> None:
    """The customers behind a number, those with most first; names only with --json.

    \b
    Examples:
      rapport metrics people complaints --from 2026-10-01 --until 2026-10-31
      rapport metrics people revenue --only channel=web --json
    """
    from rapport.workflows.metrics import filter_of, metric_people  # noqa: PLC0415

    first, end = _days(company, first_day, last_day)
    filters = tuple(filter_of(each) for each in only)

    def shown(found: Any) -> None:
        if found.total is None:
            out.print("Fewer than five customers stand behind it: too few to be a group")
            return
        table = Table("customer", name, "n")
        for person in found.people:
            table.add_row(person.profile_id, f"{person.value:,}", f"{person.n:,}")
        out.print(table)
        out.print(f"{found.total:,} customers; {found.unknown_n:,} observations of nobody known")

    asked = metric_people(company, name, first_day=first, last_day=end, filters=filters, page=page)
    show(context, asked, shown)


@metrics.command("stated")
@with_json
def metrics_stated(company: Company, context: Context) -> None:
    """What is stated: unit costs, spending and targets.

    \b
    Example:
      rapport metrics stated
    """
    from rapport.workflows.stated_figures import stated_figures  # noqa: PLC0415

    show(context, stated_figures(company), _shown_figures)


@metrics.command("state")
@click.argument("name")
@click.argument("amount")
@click.option("--from", "first_day", type=_DAY, required=True, help="First day.")
@click.option("--until", "last_day", type=_DAY, help="Last day, included; else until told.")
@click.option("--for", "scope", help="A product, a category or an acquisition channel.")
@click.option("--dry-run", is_flag=True, help="Show what would be stated, and change nothing.")
@with_json
def metrics_state(
    company: Company,
    context: Context,
    name: str,
    amount: str,
    first_day: datetime,
    last_day: datetime | None,
    scope: str | None,
    dry_run: bool,
) -> None:
    """State a cost, spending or a target, which no data say.

    \b
    Examples:
      rapport metrics state ticket_cost 6.50 --from 2026-01-01
      rapport metrics state acquisition_spend 900 --for search --from 2026-01-01 --until 2026-01-31
    """
    from rapport.workflows.stated_figures import state_figure  # noqa: PLC0415

    found = state_figure(
        company,
        name=name,
        amount=amount,
        first_day=first_day.date(),
        last_day=None if last_day is None else last_day.date(),
        scope=scope,
        actor="command line",
        dry_run=dry_run,
    )
    show(context, found, _shown_figures)


@metrics.command("withdraw")
@click.argument("name")
@click.option("--from", "first_day", type=_DAY, required=True, help="Its first day.")
@click.option("--for", "scope", help="A product, a category or an acquisition channel.")
@with_json
def metrics_withdraw(
    company: Company, context: Context, name: str, first_day: datetime, scope: str | None
) -> None:
    """Take back what was stated from a day on.

    \b
    Example:
      rapport metrics withdraw ticket_cost --from 2026-01-01
    """
    from rapport.workflows.stated_figures import withdraw_figure  # noqa: PLC0415

    found = withdraw_figure(
        company, name=name, first_day=first_day.date(), scope=scope, actor="command line"
    )
    show(context, found, _shown_figures)


def _shown_figures(found: Any) -> None:
    table = Table("figure", "for", "amount", "from", "until")
    for figure in found:
        table.add_row(
            figure.name,
            escape(figure.scope or ""),
            f"{figure.amount:,}",
            str(figure.first_day),
            str(figure.last_day or ""),
        )
    out.print(table)


def _days(
    company: Company, first_day: datetime | None, last_day: datetime | None
) -> tuple[date, date]:
    """The first local day and the one after the last."""
    from rapport.understand.periods import local_day  # noqa: PLC0415
    from rapport.workflows.data_clock import data_until  # noqa: PLC0415

    today = local_day(data_until(company), company.choice("time_zone"))
    end = today if last_day is None else last_day.date() + timedelta(days=1)
    first = end - timedelta(days=365) if first_day is None else first_day.date()
    return first, end
