"""`rapport import`: files of silos, with their columns guessed and shown."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from rapport.cli.common import Context, bars, err, out, show, with_json
from rapport.errors import InvalidInput
from rapport.workflows.company import Company


@click.command("import")
@click.argument("kind", metavar="KIND")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--map",
    "columns",
    multiple=True,
    metavar="OURS=THEIRS",
    help="A column, or OURS=:value for all rows.",
)
@click.option(
    "--file",
    "written",
    multiple=True,
    metavar="NAME=VALUE",
    help="How the file is written, such as time_zone=Europe/Brussels or encoding=cp1250.",
)
@click.option("--mapping", type=click.Path(exists=True, path_type=Path), help="A mapping file.")
@click.option("--source", help="Name of the silo; by default the name of the file or folder.")
@click.option("--yes", is_flag=True, help="Do not ask whether the guessed columns are right.")
@click.option("--dry-run", is_flag=True, help="Read and check everything, keep nothing.")
@with_json
def import_(
    company: Company,
    context: Context,
    kind: str,
    paths: tuple[Path, ...],
    columns: tuple[str, ...],
    written: tuple[str, ...],
    mapping: Path | None,
    source: str | None,
    yes: bool,
    dry_run: bool,
) -> None:
    """Import files of a silo, or folders of them: KIND says what they hold, such as orders, or is
    "guess". See "rapport sources kinds" for all kinds.

    Columns of tables are guessed, shown and asked about; the answer is saved beside the file.

    \b
    Examples:
      rapport import orders sales.csv
      rapport import orders sales.csv --map order_id=Invoice --map currency=:GBP --yes
      rapport import contacts crm.csv --mapping crm.csv.mapping.toml --dry-run
      rapport import guess mailbox/ --source service_mail --file time_zone=Europe/Budapest
    """
    from rapport.workflows.import_files import (  # noqa: PLC0415
        import_file,
        named_files,
        prepare_mapping,
    )

    results = []
    wanted = None if kind == "guess" else kind
    for path, silo in named_files(paths, wanted, source):
        prepared = prepare_mapping(
            path,
            kind=wanted,
            columns=columns,
            written=written,
            mapping_file=mapping,
            source=silo,
        )
        if not (prepared.certain or yes):
            _show_mapping(prepared)
            if not sys.stdin.isatty():
                raise InvalidInput(
                    f"The columns of {path.name} were guessed; look at them and add --yes, "
                    "or name them with --map OURS=THEIRS"
                )
            if not click.confirm("Import with these columns?", default=True, err=True):
                raise click.Abort
        with bars(context.json) as progress:
            results.append(
                import_file(company, path, prepared.mapping, dry_run=dry_run, progress=progress)
            )

    def shown(imported: Any) -> None:
        for result in imported:
            verb = "would keep" if dry_run else "kept"
            if result.questions:
                _show_definition(result, verb)
                continue
            out.print(
                f"{result.file}: {verb} {result.accepted:,} touchpoints, "
                f"{result.corrected:,} corrected, {result.duplicates:,} were here already, "
                f"{result.refused:,} refused",
                soft_wrap=True,
            )
            for reason in result.reasons:
                out.print(
                    f"  refused {reason.count:>7,} × {reason.meaning} (e.g. {reason.example})",
                    soft_wrap=True,
                )
            if result.kind == "qualtrics" and result.survey is None:
                out.print(
                    "  The definition of this survey (.qsf) is not here yet, so scales were found "
                    "from words. Import it when you have it: these answers are then read by it",
                    soft_wrap=True,
                )

    show(context, results, shown)


def _show_definition(result: Any, verb: str) -> None:
    out.print(
        f"{result.file}: {verb} the definition of the survey {escape(result.survey)}, "
        f"{result.questions:,} questions. Of answers that were here before: "
        f"{result.corrected:,} touchpoints corrected, {result.accepted:,} new",
        soft_wrap=True,
    )
    if result.left:
        out.print(
            f"  {result.left:,} questionnaires stay as they were: an answer is outside the scale "
            "of the definition. Is it that of a later version of the survey?",
            soft_wrap=True,
        )


def _show_mapping(prepared: Any) -> None:
    table = Table(title=f"Columns as guessed for {prepared.mapping.kind}", title_justify="left")
    for heading in ("our field", "their column"):
        table.add_column(heading)
    for line in prepared.lines:
        table.add_row(line.field, line.column)
    for ours, value in prepared.mapping.constants.items():
        table.add_row(ours, f"always {value}")
    err.print(table)
    for question in prepared.questions:
        err.print(f"? {escape(question)}", soft_wrap=True)
