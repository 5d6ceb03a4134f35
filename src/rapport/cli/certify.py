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
@click.option(
    "--cases",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Explain N kinds of hard cases a set; as JSON all of them.",
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
    cases: int,
    as_json: bool,
) -> None:
    """Measure who is who on records whose persons are known, beside other programs.

    SET is a public data set (febrl3, synth_10k …), `demo`, or `companies`: invented businesses of
    five countries and their contacts. FILE is any CSV or Parquet file with a
    column that says whose each record is. Without any, every set there is. Nothing is kept.

    With --cases it is told in words which records of one person stayed apart, which of two were
    joined or nearly, and why; the records are printed.

    \b
    Examples:
      rapport certify identity contacts.csv --truth person
      rapport certify identity senzing --method rapport --cases 50
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
        explain=cases > 0,
        progress=lambda row: err.print(f"  {row.data_set}: {row.method}", style="dim"),
    )
    show(context, result, lambda certificate: _show_identity(certificate, cases))


#: Whose the records of a set are, and what joins more than it should, where they are not people's.
_WHOSE = {"companies": "businesses and people"}
_JOINED = {"companies": "businesses of more than one owner"}


def _show_identity(certificate: Any, most_cases: int) -> None:
    """One table a set; languages and certainty below it, then the hard cases."""
    cases = {of.data_set: of for of in certificate.cases}
    rows: dict[str, list[Any]] = {}
    for row in certificate.rows:
        rows.setdefault(row.data_set, []).append(row)
    for name, of in rows.items():
        whose = _WHOSE.get(name, "persons")
        persons = next((f", {r.agreement.entities:,} {whose}" for r in of if r.agreement), "")
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
        if name in cases:
            _show_cases(cases[name], most_cases)
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


#: What a case turns on, in words; the matter is named where one decides.
_TURNS_ON = {
    "against": "what decides: the {matter} speaks against it",
    "not compared": "what decides: likely enough to ask, but nothing brings the two together",
    "too little": "what decides: nothing speaks clearly against it, and too little for it",
    "other records": (
        "what decides: these two would join, but other records of theirs, or other people who look "
        "like them, speak against it"
    ),
    "for": "what decides: the {matter} speaks for it",
    "through others": "what decides: these two would not join, but records between them do",
}


def _show_cases(hard: Any, most: int) -> None:
    """Hard cases by explanation; of each the first pair of records, and how many more."""
    from rapport.unify.matching.waterfall import level_words, weight_words  # noqa: PLC0415

    groups = hard.explanations
    out.print(f"  hard cases: {len(hard.cases):,}, of {len(groups):,} kinds", soft_wrap=True)
    for group in groups[:most]:
        case = group[0]
        asked = (
            "in one profile"
            if case.kind == "wrongly joined"
            else "suggested for review"
            if case.suggested
            else "not suggested"
        )
        persons = len({each.person for each in group})
        count = (
            f"{len(group):,} pairs of {persons:,} {'person' if persons == 1 else 'persons'}"
            if len(group) > 1
            else f"records {case.left:,} and {case.right:,}"
        )
        out.print()
        out.print(
            f"  {case.kind.value}, {asked}: {count}; "
            f"{'the first' if len(group) > 1 else 'said to be'} {case.probability:.1%} sure"
            + ("" if case.together is None else f", their profiles {case.together:.1%}"),
            style="bold",
            soft_wrap=True,
        )
        for each in case.differences:
            values = " | ".join(each_side or "–" for each_side in (each.left, each.right))
            out.print(f"    {each.column}: {values}", soft_wrap=True, markup=False)
        for step in case.steps:
            if step.bits:
                out.print(
                    f"    {step.bits:+5.1f}  {step.comparison.replace('_', ' ')}: "
                    f"{level_words(step.level)} ({weight_words(step.bits)})",
                    soft_wrap=True,
                )
        others = "two of one household" if case.household else "two strangers"
        out.print(f"    {case.rest:+5.1f}  to begin with, against {others}", soft_wrap=True)
        matter = case.decides.replace("_", " ")
        out.print(f"    {_TURNS_ON[case.reason.value].format(matter=matter)}", soft_wrap=True)
    if len(groups) > most:
        out.print(f"  {len(groups) - most:,} more: --cases {len(groups)}", soft_wrap=True)


def _identity_notes(row: Any) -> Iterator[str]:
    if row.note:
        yield row.note
    if row.agreement is not None:
        of = row.agreement
        whose = _WHOSE.get(row.data_set, "persons")
        yield (
            f"{round(of.exact * of.entities):,} of {of.entities:,} {whose} are exactly one profile "
            f"({of.exact:.1%}), {round(of.apart * of.entities):,} are kept apart from everybody "
            f"else ({of.apart:.1%})"
        )
    if row.by_slice:
        yield "F1 of pairs and B³, " + "; ".join(
            f"{name} {of.pairwise.f1:.3f} {of.bcubed.f1:.3f}" for name, of in row.by_slice.items()
        )
    if row.households_joined is not None:
        joined = _JOINED.get(row.data_set, "people of more than one household")
        yield f"{row.households_joined:,} clusters join {joined}"
    if row.sure is not None:
        yield (
            f"of {row.sure.pairs:,} pairs said to be {row.sure.said:.1%} sure, "
            f"{_right(row.sure)}; mean distance of said and right {row.calibration_gap:.3f}"
        )
        for bin, what in ((row.sure_joined, "joined"), (row.sure_apart, "left apart")):
            if bin is not None:
                yield f"of the {bin.pairs:,} of these that were {what}, {_right(bin)}"
    elif row.said:
        yield (
            "no pair was said to be 95 % sure; mean distance of said and right "
            + ("–" if row.calibration_gap is None else f"{row.calibration_gap:.3f}")
        )


def _right(bin: Any) -> str:
    """A share with what so few pairs leave open."""
    low, high = bin.interval
    return f"{bin.right:.1%} are right (95 % confidence: {low:.1%} to {high:.1%})"
