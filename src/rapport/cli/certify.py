"""`rapport certify`: how right the product is, beside others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich import box
from rich.table import Table

from rapport.cli.common import Context, err, out, show
from rapport.workflows.company import open_company


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print the exact result as JSON.")
@click.pass_context
def certify(click_context: click.Context, /, as_json: bool) -> None:
    """Compare what Rapport says with the demo company's known truth.

    \b
    Example:
      rapport certify --json
    """
    from rapport.workflows.certify import certify_demo  # noqa: PLC0415

    context: Context = click_context.obj
    context.json = context.json or as_json
    if click_context.invoked_subcommand is not None:
        return
    with open_company(context.settings) as company:
        result = certify_demo(company)

    def shown(certificate: Any) -> None:
        table = Table(
            "what", "figure", "meaning", title="Accuracy certificate", title_justify="left"
        )
        for line in certificate.lines:
            table.add_row(line.what, line.figure, line.meaning)
        out.print(table)

    show(context, result, shown)


@certify.command("identity")
@click.argument("what", nargs=-1, metavar="[SET|FILE|FOLDER]...")
@click.option(
    "--truth", default="", metavar="COLUMN", help="Equal for records of one person, in FILE."
)
@click.option("--map", "mapped", multiple=True, metavar="OURS=THEIRS", help="A column of FILE.")
@click.option("--id", "id_column", default="", metavar="COLUMN", help="Numbers the records.")
@click.option(
    "--folder", metavar="FOLDER", help="Where public data sets lie (RAPPORT_REAL_DATA/identity)."
)
@click.option(
    "--method", "chosen", multiple=True, metavar="NAME", help="Only this; else ours and all peers."
)
@click.option("--json", "as_json", is_flag=True, help="Print the exact result as JSON.")
@click.pass_obj
def certify_identity_command(
    context: Context,
    /,
    what: tuple[str, ...],
    truth: str,
    mapped: tuple[str, ...],
    id_column: str,
    folder: str | None,
    chosen: tuple[str, ...],
    as_json: bool,
) -> None:
    """Measure who is who on records whose persons are known, beside other programs.

    SET is a public data set (febrl3, synth_10k …) or `demo`; FILE is any CSV or Parquet file with a
    column that says whose each record is. Without any, every set there is. Nothing is kept.

    \b
    Example:
      rapport certify identity contacts.csv --truth person
    """
    from rapport.workflows.certify_identity import (  # noqa: PLC0415
        certify_identity,
        methods_called,
        sets_asked,
    )

    context.json = context.json or as_json
    settings = context.settings
    made = (settings.folder / "silos" / "truth").is_dir()
    sets = sets_asked(
        what,
        folder=Path(folder) if folder else Path(settings.real_data) / "identity",
        demo=(lambda: open_company(settings)) if made else None,
        truth=truth,
        columns=mapped,
        id_column=id_column,
    )
    result = certify_identity(
        sets,
        methods=methods_called(chosen),
        progress=lambda row: err.print(f"  {row.data_set}: {row.method}", style="dim"),
    )
    show(context, result, _show_identity)


def _show_identity(certificate: Any) -> None:
    """One table a set; languages and certainty below it."""
    rows: dict[str, list[Any]] = {}
    for row in certificate.rows:
        rows.setdefault(row.data_set, []).append(row)
    for name, of in rows.items():
        persons = next((f", {r.agreement.entities:,} persons" for r in of if r.agreement), "")
        table = Table(
            *("", "pairs P", "R", "F1", "B³ P", "R", "F1", "exact", "largest", "s", "MB"),
            title=f"{name}: {of[0].records:,} records{persons}",
            title_justify="left",
            box=box.SIMPLE_HEAD,
            pad_edge=False,
            padding=(0, 1, 0, 0),  # a file or a pipe has 80 columns
        )
        for column in table.columns[1:]:
            column.justify = "right"
        for row in of:
            table.add_row(row.method, *_identity_figures(row))
        out.print(table)
        for row in of:
            for line in _identity_notes(row):
                out.print(f"  {row.method}: {line}", soft_wrap=True)
        out.print()


def _identity_figures(row: Any) -> tuple[str, ...]:
    of = row.agreement
    if of is None:
        return ("–",) * 10
    shares = (
        *(of.pairwise.precision, of.pairwise.recall, of.pairwise.f1),
        *(of.bcubed.precision, of.bcubed.recall, of.bcubed.f1, of.exact),
    )
    return (
        *(f"{share:.3f}" for share in shares),
        f"{of.largest_cluster:,}",
        f"{row.seconds:.1f}",
        f"{row.peak_mb:,.0f}",
    )


def _identity_notes(row: Any) -> Iterator[str]:
    if row.note:
        yield row.note
    if row.by_slice:
        yield "F1 of pairs and B³, " + "; ".join(
            f"{name} {of.pairwise.f1:.3f} {of.bcubed.f1:.3f}" for name, of in row.by_slice.items()
        )
    if row.households_joined is not None:
        yield f"{row.households_joined:,} clusters join people of more than one household"
    if row.sure is not None:
        yield (
            f"of {row.sure.pairs:,} pairs said to be {row.sure.said:.1%} sure, "
            f"{row.sure.right:.1%} are right; mean distance of said and right "
            f"{row.calibration_gap:.3f}"
        )
    elif row.said:
        yield (
            "no pair was said to be 95 % sure; mean distance of said and right "
            + ("–" if row.calibration_gap is None else f"{row.calibration_gap:.3f}")
        )
