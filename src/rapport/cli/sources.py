"""`rapport sources`: where touchpoints come from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.markup import escape
from rich.table import Table

from rapport.cli.common import Context, err, out, show, with_json
from rapport.errors import RapportError
from rapport.workflows.company import Company


@click.group()
def sources() -> None:
    """Where data comes from: list, connect, fetch, and how far each can be trusted."""


@sources.command("list")
@with_json
def sources_list(company: Company, context: Context) -> None:
    """All sources with their counts and freshness, and how many kinds there are.

    \b
    Example:
      rapport sources list
    """
    from rapport.workflows.catalogue import catalogue  # noqa: PLC0415
    from rapport.workflows.sources import source_overview  # noqa: PLC0415

    kinds = catalogue().counts

    def shown(said: Any) -> None:
        table = Table("source", "kind", "accepted", "refused", "state")
        for line in said["sources"]:
            table.add_row(
                line.name, line.kind, f"{line.accepted:,}", f"{line.refused:,}", line.state
            )
        out.print(table)
        out.print(_by_tier(said["kinds"]))

    show(context, {"sources": source_overview(company), "kinds": kinds}, shown)


@sources.command("kinds")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def sources_kinds(as_json: bool) -> None:
    """What can be connected, each once, and how far it has been tested.

    \b
    Example:
      rapport sources kinds
    """
    from rapport.workflows.catalogue import catalogue  # noqa: PLC0415

    found = catalogue()
    if as_json:
        out.print_json(data=msgspec.to_builtins(found))
        return
    table = Table("category", "source", "tested", "ways")
    for each in found.sources:
        table.add_row(each.category, each.label, each.tier, ", ".join(each.ways))
    out.print(table)
    out.print(_by_tier(found.counts))


def _by_tier(counts: dict[str, int]) -> str:
    """How many kinds of sources there are of each tier, as a sentence."""
    said = ", ".join(f"{count} {tier}" for tier, count in counts.items())
    return f"{sum(counts.values())} kinds of sources can be connected: {said}."


@sources.command("add")
@click.argument("name")
@click.option("--label", help="Shown in the pages.")
@click.option(
    "--kind",
    default="collector",
    show_default=True,
    help="collector, cloudevents, ga4, matomo, plausible, posthog, snowplow or webhook.",
)
@click.option("--style", default="standard", show_default=True, help="How webhooks are signed.")
@click.option("--secret", default="", help="Where their secret lies: env:NAME or file:PATH.")
@click.option("--header", default="", help="Their header of the signature, in the style hmac.")
@click.option(
    "--mapping",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML file by which their payloads become touchpoints.",
)
@with_json
def sources_add(
    company: Company,
    context: Context,
    name: str,
    label: str | None,
    kind: str,
    style: str,
    secret: str,
    header: str,
    mapping: Path | None,
) -> None:
    """Make a source of events and its write key, which is shown only now.

    Of webhooks it shows the path to give to the sender: their signature is their key.

    \b
    Examples:
      rapport sources add webshop --label "Web shop"
      rapport sources add app --kind posthog
      rapport sources add survey --kind webhook --style typeform --secret env:TYPEFORM
    """
    from rapport.collect.mapping import read_mapping  # noqa: PLC0415
    from rapport.workflows.sources import WEBHOOK, add_collector, add_webhook  # noqa: PLC0415

    if kind != WEBHOOK:
        key = add_collector(company, name=name, label=label or name, kind=kind)
        show(context, {"source": name, "write_key": key}, lambda r: out.print(r["write_key"]))
        return
    path = add_webhook(
        company,
        name=name,
        label=label or name,
        style=style,
        secret=secret,
        header=header,
        rows=None if mapping is None else msgspec.to_builtins(read_mapping(mapping)),
    )
    show(context, {"source": name, "path": path}, lambda r: out.print(r["path"]))


@sources.command("connect")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only try to reach the source; keep nothing.")
@with_json
def sources_connect(company: Company, context: Context, file: Path, dry_run: bool) -> None:
    """Fetch from a source as a TOML file says: a mapping with a [pull] table.

    Secrets stay outside the file: write env:NAME or file:PATH in their place.

    \b
    Examples:
      rapport sources connect crm.toml --dry-run
      rapport sources connect crm.toml
    """
    from rapport.workflows.connect import read_toml  # noqa: PLC0415
    from rapport.workflows.pull import connect_source, try_source  # noqa: PLC0415

    written = read_toml(file.read_text("utf-8"), file.name)
    if dry_run:
        tried = try_source(company, written, file.name, on_server=True)

        def shown(result: Any) -> None:
            if not result.reached:
                out.print(escape(f"Not reached: {result.message}"))
                return
            out.print(
                f"Reached; of the first records {result.accepted:,} fit the mapping, "
                f"{result.refused:,} do not"
            )
            if result.columns:
                out.print(escape(f"Columns: {', '.join(result.columns)}"))
            if result.message:
                out.print(escape(result.message))
            if result.missing:
                out.print(escape(f"Mapped, but not there: {', '.join(result.missing)}"))

        show(context, tried, shown)
        return
    name = connect_source(company, written, file.name, actor="cli", on_server=True)
    show(
        context,
        {"source": name},
        lambda r: out.print(f"Connected. Fetch now: rapport sources pull {r['source']}"),
    )


@sources.command("pull")
@click.argument("name", required=False)
@click.option("--all-due", is_flag=True, help="Every source whose next visit is due.")
@with_json
def sources_pull(company: Company, context: Context, name: str | None, all_due: bool) -> None:
    """Fetch what is new from a source, or from all that are due.

    \b
    Examples:
      rapport sources pull crm
      rapport sources pull --all-due
    """
    from rapport.workflows.pull import due_pulls, pull_source  # noqa: PLC0415

    if (name is None) != all_due:
        raise click.UsageError("Name a source, or say --all-due")
    names = due_pulls(company) if name is None else [name]
    pulled = []
    failed: RapportError | None = None
    for each in names:
        try:
            pulled.append(pull_source(company, each))
        except RapportError as problem:
            if name is not None:
                raise
            err.print(escape(f"{each}: {problem.message}"), soft_wrap=True)
            failed = failed or problem

    def shown(results: Any) -> None:
        table = Table("source", "records", "new", "known", "refused")
        for each in results:
            table.add_row(
                each.source, f"{each.records:,}", f"{each.accepted:,}", f"{each.duplicates:,}",
                f"{each.refused:,}",
            )  # fmt: skip
        out.print(table)

    show(context, pulled, shown)
    if failed is not None:
        sys.exit(failed.exit_code)


@sources.command("quality")
@click.argument("name", required=False)
@with_json
def sources_quality(company: Company, context: Context, name: str | None) -> None:
    """Measure how far each source can be trusted, for what.

    The score of 0 to 100 joins completeness, validity, agreement with other sources, uniqueness
    and age; see the manual, Data quality.

    \b
    Examples:
      rapport sources quality
      rapport sources quality crm --json
    """
    from rapport.collect.sources import find_source  # noqa: PLC0415
    from rapport.workflows.quality import measure_quality  # noqa: PLC0415

    if name is not None:
        find_source(company.ledger, name)
    measured = [
        each for each in measure_quality(company).sources if name is None or each.name == name
    ]

    def share(found: Any) -> str:
        return "–" if found is None else f"{found.value:.0%}"

    def shown(results: Any) -> None:
        if name is None:
            table = Table("source", "score", "records looked at", "changed fields")
            for each in results:
                table.add_row(
                    each.name,
                    "–" if each.score is None else f"{each.score:.0f}",
                    f"{each.sampled:,}",
                    ", ".join(sorted({drifted.field for drifted in each.changes})),
                )
            out.print(table)
            return
        table = Table("field", "score", "filled", "valid", "agrees", "unique", "current")
        for each in results:
            for field in each.fields:
                table.add_row(
                    field.field,
                    "–" if field.score is None else f"{field.score.value:.0f}",
                    *(
                        share(found)
                        for found in (
                            field.completeness, field.validity, field.consistency,
                            field.uniqueness, field.currentness,
                        )
                    ),
                )  # fmt: skip
        out.print(table)

    show(context, measured, shown)


@sources.command("refused")
@click.argument("name")
@click.option("--reason", help="Only of this reason, such as wrong_type.")
@click.option("--csv", "as_csv", is_flag=True, help="All of them as CSV, with what they hold.")
@with_json
def sources_refused(
    company: Company, context: Context, name: str, reason: str | None, as_csv: bool
) -> None:
    """What a source sent that could not be used, and why; the oldest twenty are shown.

    What the records hold is in --csv and --json only: they may name persons.

    \b
    Examples:
      rapport sources refused till
      rapport sources refused till --reason wrong_type --csv
    """
    from rapport.workflows.sources import refused_download, refused_view  # noqa: PLC0415

    if as_csv:
        for part in refused_download(company, name, reason=reason):
            click.echo(part, nl=False)
        return

    def shown(found: Any) -> None:
        if not found.counts:
            out.print("Nothing is refused")
            return
        for count in found.counts:
            out.print(f"{count.count:>9,} × {count.reason}: {count.meaning}", soft_wrap=True)
        for each in found.records:
            out.print(
                escape(f"{each.locator or each.received_at.isoformat()}: {each.detail}"),
                soft_wrap=True,
            )

    show(context, refused_view(company, name, reason=reason), shown)


@sources.command("replay")
@click.argument("name")
@click.option("--reason", help="Only what was refused for this reason, such as wrong_type.")
@with_json
def sources_replay(company: Company, context: Context, name: str, reason: str | None) -> None:
    """Try what a source sent and was refused again, as it would be read now.

    \b
    Example:
      rapport sources replay till --reason wrong_type
    """
    from rapport.workflows.replay import replay_refused  # noqa: PLC0415

    show(context, replay_refused(company, name, reason=reason), _show_replayed)


def _show_replayed(done: Any) -> None:
    out.print(
        f"{done.accepted:,} touchpoints kept, {done.duplicates:,} were here already, "
        f"{done.refused_again:,} records are still refused",
        soft_wrap=True,
    )
    if done.in_journal:
        out.print(
            f"  {done.in_journal:,} are in the journal already: rapport rebuild tries them again",
            soft_wrap=True,
        )


@sources.command("map")
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only say how many refused rows it would save.")
@with_json
def sources_map(company: Company, context: Context, name: str, file: Path, dry_run: bool) -> None:
    """Read a source by a changed mapping from now on, and try again what was refused.

    FILE is TOML as a mapping file; a table that it states, such as [columns], takes the place of
    the one before, the others stay.

    \b
    Examples:
      rapport sources map till till.toml --dry-run
      rapport sources map till till.toml
    """
    from rapport.workflows.connect import read_toml  # noqa: PLC0415
    from rapport.workflows.mapping_change import change_mapping, preview_mapping  # noqa: PLC0415
    from rapport.workflows.replay import replay_refused  # noqa: PLC0415

    written = read_toml(file.read_text("utf-8"), file.name)
    if not dry_run:
        change_mapping(company, name, written, actor="cli")
        show(context, replay_refused(company, name), _show_replayed)
        return

    def shown(found: Any) -> None:
        out.print(f"Of {found.rows:,} refused rows {found.accepted:,} would be kept")
        for reason, count in found.reasons.items():
            out.print(f"  still refused {count:>7,} × {reason}")

    show(context, preview_mapping(company, name, written), shown)


@sources.command("enable")
@click.argument("name")
@with_json
def sources_enable(company: Company, context: Context, name: str) -> None:
    """Open a source that was closed.

    \b
    Example:
      rapport sources enable webshop
    """
    _open_source(company, context, name, enabled=True)


@sources.command("disable")
@click.argument("name")
@with_json
def sources_disable(company: Company, context: Context, name: str) -> None:
    """Close a source: its write key is refused, it is fetched no more; what it sent stays.

    \b
    Example:
      rapport sources disable webshop
    """
    _open_source(company, context, name, enabled=False)


def _open_source(company: Company, context: Context, name: str, *, enabled: bool) -> None:
    from rapport.workflows.sources import open_source  # noqa: PLC0415

    open_source(company, name, enabled=enabled, actor="cli")
    show(
        context,
        {"source": name, "enabled": enabled},
        lambda _: out.print(f"{name} is {'open' if enabled else 'closed'}"),
    )


@sources.command("every")
@click.argument("name")
@click.argument("rhythm", metavar="15m|6h|1d|never")
@with_json
def sources_every(company: Company, context: Context, name: str, rhythm: str) -> None:
    """Fetch a source more often, seldomer, or (never) only when asked.

    \b
    Examples:
      rapport sources every crm 6h
      rapport sources every crm never
    """
    from rapport.workflows.pull import pull_states, reschedule  # noqa: PLC0415

    reschedule(company, name, None if rhythm == "never" else rhythm, actor="cli")

    def shown(state: Any) -> None:
        if state.next_at is None:
            out.print(f"{name} is fetched only when asked: rapport sources pull {name}")
        else:
            out.print(f"{name} is fetched every {rhythm}, next {state.next_at:%Y-%m-%d %H:%M} UTC")

    show(context, pull_states(company, name)[0], shown)
