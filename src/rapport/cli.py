"""The command line: one command per workflow, each with a working example in its help."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import msgspec
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from rapport import __version__
from rapport.errors import InvalidInput, RapportError
from rapport.settings import Settings, read_settings
from rapport.vocabulary.access import ROLES
from rapport.workflows.company import Company, open_company

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


class _Context(msgspec.Struct):
    """What options before the command say."""

    settings: Settings
    json: bool = False


def _with_json(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command ``--json`` (also accepted before it) and the open company."""

    @click.option("--json", "as_json", is_flag=True, help="Print the exact result as JSON.")
    @click.pass_obj
    @functools.wraps(command)
    def run(context: _Context, /, *args: Any, as_json: bool, **options: Any) -> None:
        context.json = context.json or as_json
        with open_company(context.settings) as company:
            command(company, context, *args, **options)

    return run


def _print(context: _Context, result: Any, shown: Callable[[Any], None]) -> None:
    if context.json:
        plain = msgspec.to_builtins(result, str_keys=True, enc_hook=str)
        encoded = msgspec.json.encode(plain, order="deterministic")
        click.echo(msgspec.json.format(encoded).decode())
    else:
        shown(result)


@contextmanager
def _bars(quiet: bool = False) -> Iterator[Callable[[str, int, int | None], None]]:
    """A progress for workflows: one bar with counts per step."""
    with Progress(
        TextColumn("{task.description:<34}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
        disable=quiet,
    ) as progress:
        tasks: dict[str, Any] = {}

        def report(step: str, done: int, total: int | None) -> None:
            if step not in tasks:
                tasks[step] = progress.add_task(_STEP_WORDS.get(step, step), total=total)
            progress.update(tasks[step], completed=done, total=total)

        yield report


#: Steps of workflows in the words of the person who waits.
_STEP_WORDS = {
    "generate": "Making the exports of the silos",
    "import": "Importing files",
    "apply": "Who is who, and their history",
    "match": "Comparing records",
    "join": "Joining what is alike",
    "refresh": "Profiles up to date",
    "groups": "Households and accounts",
    "customers": "Customers, segments, RFM",
    "train": "Models, with their back-test",
    "decide": "Deciding on messages",
    "rebuild": "Writing the lake anew",
}


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--data", metavar="FOLDER", help="Folder that holds the company (RAPPORT_DATA).")
@click.version_option(__version__, prog_name="rapport")
@click.pass_context
def main_group(context: click.Context, data: str | None) -> None:
    """Rapport: one profile per person from all channels, and what to do next.

    \b
    Example:
      rapport demo --serve
    """
    context.obj = _Context(settings=read_settings(data=data))


@main_group.command()
@click.option("--serve", is_flag=True, help="Then serve the pages until Ctrl-C.")
@click.option(
    "--people", default=6000, show_default=True, help="Inhabitants of the invented world."
)
@click.option("--seed", default=7, show_default=True, help="Another seed, another company.")
@click.option("--port", type=int, help="Port to serve on.")
@_with_json
def demo(
    company: Company, context: _Context, serve: bool, people: int, seed: int, port: int | None
) -> None:
    """Make the demo company Maison Kadár and walk its data through every room.

    A second start finds the data folder and goes on at once.

    \b
    Example:
      rapport demo --serve
    """
    from rapport.workflows.demo import DEMO_USERS, build_demo  # noqa: PLC0415
    from rapport.workflows.serve import serve_company  # noqa: PLC0415

    with _bars(context.json) as progress:
        built = build_demo(company, people=people, seed=seed, progress=progress)

    def shown(result: Any) -> None:
        made = "made" if result.made else "found"
        out.print(
            f"Maison Kadár {made} in {company.settings.folder}: "
            f"{result.touchpoints:,} touchpoints, {result.profiles:,} profiles, "
            f"{result.refused:,} records refused, {result.seconds:.0f} s"
        )
        for user in DEMO_USERS:
            out.print(f"  sign in as {user.role:<8} {user.email}  password: {user.password}")

    _print(context, built, shown)
    if serve:
        serve_company(context.settings.served_at(port=port), announce=out.print)


@main_group.command()
@click.option("--host", help="Address to serve on.")
@click.option("--port", type=int, help="Port to serve on.")
@click.pass_obj
def serve(context: _Context, host: str | None, port: int | None) -> None:
    """Serve pages, API and collector, and work on what arrives, until Ctrl-C.

    \b
    Example:
      rapport --data rapport-data serve --port 8000
    """
    from rapport.workflows.serve import serve_company  # noqa: PLC0415

    serve_company(context.settings.served_at(host=host, port=port), announce=out.print)


@main_group.command("import")
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
@_with_json
def import_(
    company: Company,
    context: _Context,
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
        with _bars(context.json) as progress:
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

    _print(context, results, shown)


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


@main_group.command()
@_with_json
def resolve(company: Company, context: _Context) -> None:
    """Apply what has arrived: who is who, their history, their profile.

    \b
    Example:
      rapport resolve --json
    """
    from rapport.workflows.resolve import resolve_company  # noqa: PLC0415

    with _bars(context.json) as progress:
        result = resolve_company(company, match=True, progress=progress)
    _print(
        context,
        result,
        lambda r: out.print(
            f"{r.entries:,} journal entries applied, {r.refused:,} refused; "
            f"{r.profiles:,} profiles, {r.refreshed:,} renewed; {r.tickets:,} tickets opened"
        ),
    )


@main_group.command()
@_with_json
def train(company: Company, context: _Context) -> None:
    """Fit the models, test them on time they have not seen, and score every profile.

    \b
    Example:
      rapport train
    """
    from rapport.workflows.train import train_models  # noqa: PLC0415

    with _bars(context.json) as progress:
        result = train_models(company, progress=progress)

    def shown(r: Any) -> None:
        if r.refused:
            out.print(f"No scores: {r.refused}")
            return
        out.print(f"{r.model}: {r.scored:,} profiles scored, data until {r.data_until:%d %B %Y}")
        table = Table("on held-out time", "orders MAE", "orders RMSE", "active Brier")
        for line in r.accuracy:
            table.add_row(
                line.name,
                f"{line.orders_mae_loss:.3f}",
                f"{line.orders_rmse_loss:.3f}",
                f"{line.active_brier_loss:.4f}",
            )
        out.print(table)

    _print(context, result, shown)


@main_group.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print the exact result as JSON.")
@click.pass_context
def certify(click_context: click.Context, /, as_json: bool) -> None:
    """Compare what Rapport says with the demo company's known truth.

    \b
    Example:
      rapport certify --json
    """
    from rapport.workflows.certify import certify_demo  # noqa: PLC0415

    context: _Context = click_context.obj
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

    _print(context, result, shown)


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
    context: _Context,
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
    _print(context, result, _show_identity)


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


@main_group.command()
@_with_json
def doctor(company: Company, context: _Context) -> None:
    """Check the data folder: stores, positions, freshness, models; say how to mend what is wrong.

    \b
    Example:
      rapport doctor
    """
    from rapport.workflows.doctor import examine  # noqa: PLC0415

    findings = examine(company)

    def shown(lines: Any) -> None:
        marks = {"good": "[blue]ok  [/]", "caution": "[yellow]look[/]", "bad": "[red]bad [/]"}
        for finding in lines:
            out.print(f"{marks[finding.state]} {finding.what}: {finding.says}")
            if finding.remedy:
                out.print(f"       {finding.remedy}")

    _print(context, findings, shown)
    if any(finding.state == "bad" for finding in findings):
        sys.exit(1)


@main_group.command()
@click.option("--dry-run", is_flag=True, help="Say what would be written.")
@_with_json
def rebuild(company: Company, context: _Context, dry_run: bool) -> None:
    """Write the lake anew from the journal; answers stay the same.

    \b
    Example:
      rapport rebuild
    """
    from rapport.workflows.rebuild import rebuild_lake  # noqa: PLC0415

    with _bars(context.json) as progress:
        result = rebuild_lake(company, dry_run=dry_run, progress=progress)
    verb = "would be written" if dry_run else "written"
    _print(
        context,
        result,
        lambda r: out.print(
            f"{r.touchpoints:,} touchpoints {verb} from {r.entries:,} journal entries"
        ),
    )


@main_group.group()
def households() -> None:
    """People who live together: list them, and say who does or does not."""


@households.command("list")
@click.option("--find", "query", default="", help="Anybody of the household.")
@click.option("--sort", default="revenue", show_default=True, help="name, members, orders, …")
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1, 200), help="How many at most."
)
@_with_json
def households_list(company: Company, context: _Context, query: str, sort: str, limit: int) -> None:
    """Households with their size and worth.

    \b
    Examples:
      rapport households list
      rapport households list --find maes --sort members --json
    """
    from rapport.workflows.households import list_households  # noqa: PLC0415

    def shown(found: Any) -> None:
        table = Table("household", "name", "town", "people", "orders", "revenue", "sure")
        for row in found.rows:
            table.add_row(
                row.household_id,
                escape(row.name),
                escape(row.city or ""),
                f"{row.members:,}",
                f"{row.order_count:,}",
                f"{row.revenue:,.0f}",
                f"{row.confidence:.0%}",
            )
        out.print(table)
        many = f"more than {len(found.rows)}" if found.total is None else f"{found.total:,}"
        out.print(f"{many} in all; money in {found.currency}")

    _print(context, list_households(company, query=query, sort=sort, limit=limit), shown)


@households.command("say")
@click.argument("person")
@click.argument("other")
@click.option("--together/--apart", required=True, help="One household, or not.")
@click.option("--reason", default="", help="Why; kept with who and when.")
@_with_json
def households_say(
    company: Company, context: _Context, person: str, other: str, together: bool, reason: str
) -> None:
    """Say that two people are, or are not, one household; it outranks what is derived.

    \b
    Example:
      rapport households say p017nqk3xapvew p2rw7c4e0w9g1k --apart --reason "They divorced"
    """
    from rapport.workflows.households import say_lives_with  # noqa: PLC0415

    here = say_lives_with(company, person, other, together=together, author="cli", reason=reason)
    said = "one household" if together else "not one household"
    _print(context, {"profile_id": here}, lambda _: out.print(f"Remembered: {said}"))


@main_group.command()
@click.option("--find", "query", default="", help="Name or number, or anybody who works there.")
@click.option("--sort", default="revenue", show_default=True, help="name, people, orders, …")
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1, 200), help="How many at most."
)
@_with_json
def accounts(company: Company, context: _Context, query: str, sort: str, limit: int) -> None:
    """Companies as customers, with how many people we know of them.

    \b
    Examples:
      rapport accounts
      rapport accounts --find "de linde" --json
    """
    from rapport.workflows.company_accounts import list_accounts  # noqa: PLC0415

    def shown(found: Any) -> None:
        table = Table("account", "name", "number", "town", "people", "orders", "revenue")
        for row in found.rows:
            table.add_row(
                row.account_id,
                escape(row.name),
                escape(row.business_id or ""),
                escape(row.city or ""),
                f"{row.people:,}",
                f"{row.order_count:,}",
                f"{row.revenue:,.0f}",
            )
        out.print(table)
        many = f"more than {len(found.rows)}" if found.total is None else f"{found.total:,}"
        out.print(f"{many} in all; money in {found.currency}")

    _print(context, list_accounts(company, query=query, sort=sort, limit=limit), shown)


@main_group.group()
def conflicts() -> None:
    """Where silos contradict each other: list, settle, rules, and files for the silos."""


@conflicts.command("list")
@click.option("--settled", is_flag=True, help="What was settled, instead of what is open.")
@click.option("--tier", type=click.IntRange(1, 4), help="1 money … 4 details.")
@click.option("--page", default=1, show_default=True, help="Of 25 lines each.")
@_with_json
def conflicts_list(
    company: Company, context: _Context, settled: bool, tier: int | None, page: int
) -> None:
    """Contradictions, the most harmful first. Values are left out unless as --json.

    \b
    Examples:
      rapport conflicts list --tier 1
      rapport conflicts list --settled --json
    """
    from rapport.workflows.conflicts import ConflictQuestion, conflicts_view  # noqa: PLC0415

    asked = ConflictQuestion(state="settled" if settled else "open", tier=tier, page=page)

    def shown(found: Any) -> None:
        table = Table("person", "about", "stands", "against", "why", "money", "proven")
        for line in found.lines:
            table.add_row(
                line.profile_id,
                escape(f"{line.name} {line.item}".strip()),
                escape(line.winner),
                escape(line.loser),
                line.why,
                f"{line.value:,.0f}",
                "yes" if line.verified else "",
            )
        out.print(table)
        out.print(f"{found.total:,} in all")

    _print(context, conflicts_view(company, asked, reveal=False), shown)


@conflicts.command("settle")
@click.argument("profile")
@click.argument("kind", type=click.Choice(["attribute", "consent", "order"]))
@click.argument("name")
@click.argument("silo")
@click.option("--right", type=click.Choice(["shown", "other"]), required=True)
@click.option("--item", default="", help="The order's number.")
@click.option("--reason", default="", help="Why; kept with who and when.")
@click.option("--undo", is_flag=True, help="Take back what was settled.")
@_with_json
def conflicts_settle(
    company: Company,
    context: _Context,
    profile: str,
    kind: str,
    name: str,
    silo: str,
    right: str,
    item: str,
    reason: str,
    undo: bool,
) -> None:
    """Say what is right about one person: what is shown, or what SILO says.

    \b
    Examples:
      rapport conflicts settle p017nqk3xapvew attribute birthday web --right other
      rapport conflicts settle p017nqk3xapvew order paid_owing helpdesk --item W100 --right shown
    """
    from rapport.workflows.conflicts import reopen_conflict, settle_conflict  # noqa: PLC0415

    if undo:
        here = reopen_conflict(company, profile, kind=kind, name=name, item=item, author="cli")
    else:
        here = settle_conflict(
            company, profile, kind=kind, name=name, item=item, loser=silo,
            right="shown" if right == "shown" else "other", author="cli", reason=reason,
        )  # fmt: skip
    verb = "Taken back" if undo else "Settled"
    _print(context, {"profile_id": here}, lambda _: out.print(f"{verb} for {here}"))


@conflicts.command("rules")
@_with_json
def conflicts_rules(company: Company, context: _Context) -> None:
    """By which rule each attribute chooses among the values that silos state.

    \b
    Example:
      rapport conflicts rules
    """
    from rapport.workflows.value_rules import rules_view  # noqa: PLC0415

    def shown(view: Any) -> None:
        table = Table("attribute", "rule", "number", "open", "settled")
        for line in view.lines:
            said = ", ".join(line.rule.by)
            if line.rule.sources:
                said += f" ({' > '.join(line.rule.sources)})"
            table.add_row(
                line.name,
                escape(said),
                "" if line.kept is None else str(line.kept.rule_id),
                f"{line.open:,}",
                f"{line.settled:,}",
            )
        out.print(table)

    _print(context, rules_view(company), shown)


@conflicts.command("rule")
@click.argument("name")
@click.option(
    "--by",
    multiple=True,
    required=True,
    metavar="CRITERION",
    help="verified, preferred, trusted, recent, frequent, earliest or weighed; in turn.",
)
@click.option("--prefer", multiple=True, metavar="SILO", help="Silos in the order of belief.")
@click.option("--measured", is_flag=True, help="Trust silos as their quality was measured last.")
@click.option("--reason", default="", help="Why; kept with who and when.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@_with_json
def conflicts_rule(
    company: Company,
    context: _Context,
    name: str,
    by: tuple[str, ...],
    prefer: tuple[str, ...],
    measured: bool,
    reason: str,
    dry_run: bool,
) -> None:
    """Choose the values of the attribute NAME by a rule from now on.

    \b
    Examples:
      rapport conflicts rule email --by verified --by recent --dry-run
      rapport conflicts rule birthday --by preferred --prefer crm --prefer web
    """
    from rapport.unify.value_rules import ValueRule  # noqa: PLC0415
    from rapport.workflows.value_rules import (  # noqa: PLC0415
        change_rule,
        preview_rule,
        with_measured_trust,
    )

    rule = ValueRule(by=by, sources=prefer)
    if measured:
        rule = with_measured_trust(company, name, rule)
    if dry_run:
        preview = preview_rule(company, name, rule, examples=False)
    else:
        preview = change_rule(company, name, rule, author="cli", reason=reason, wait=True)

    def shown(found: Any) -> None:
        verb = "would change" if dry_run else "changed"
        about = "" if found.low == found.high else f" ({found.low:,} to {found.high:,})"
        out.print(
            f"{found.expected:,}{about} shown values {verb}; silos differ on {found.people:,} "
            f"people, {found.looked_at:,} looked at"
        )

    _print(context, preview, shown)


@conflicts.command("undo-rule")
@click.argument("number", type=int)
@click.option("--reason", default="", help="Why; kept with who and when.")
@_with_json
def conflicts_undo_rule(company: Company, context: _Context, number: int, reason: str) -> None:
    """Take a rule back by its NUMBER; the one before it holds again.

    \b
    Example:
      rapport conflicts undo-rule 3
    """
    from rapport.workflows.value_rules import undo_rule  # noqa: PLC0415

    taken = undo_rule(company, number, author="cli", reason=reason, wait=True)
    _print(context, taken, lambda kept: out.print(f"The rule for {kept.name} is taken back"))


@conflicts.command("corrections")
@click.argument("silo")
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Also where neither a person, a rule nor evidence decided.",
)
@click.option(
    "--out",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write; by default the terminal.",
)
@_with_json
def conflicts_corrections(
    company: Company, context: _Context, silo: str, everything: bool, target: Path | None
) -> None:
    """What SILO states otherwise than what is settled or proven, as CSV for its keepers.

    It holds e-mail addresses and phone numbers in full.

    \b
    Example:
      rapport conflicts corrections crm --out crm-corrections.csv
    """
    from rapport.workflows.conflicts import (  # noqa: PLC0415
        corrections_download,
        corrections_for,
    )

    if context.json:
        found = [
            each
            for piece in corrections_for(company, silo, everything=everything)
            for each in piece
        ]
        _print(context, found, out.print)
        return
    pieces = corrections_download(company, silo, everything=everything)
    if target is None:
        for piece in pieces:
            click.echo(piece.removeprefix("\ufeff"), nl=False)
        return
    with target.open("w", encoding="utf-8", newline="") as file:
        file.writelines(pieces)
    out.print(f"Written to {target}", soft_wrap=True)


@main_group.group()
def user() -> None:
    """People who sign in: add, list, password, disable, token."""


@user.command("add")
@click.argument("email")
@click.option("--name", default="", help="Shown in the pages.")
@click.option("--role", type=click.Choice(list(ROLES)), default="agent", show_default=True)
@click.option(
    "--language", type=click.Choice(["en", "nl", "fr", "hu"]), default="en", show_default=True
)
@click.password_option(help="At least ten characters; asked for when left out.")
@_with_json
def user_add(
    company: Company,
    context: _Context,
    email: str,
    name: str,
    role: str,
    language: str,
    password: str,
) -> None:
    """Make an account.

    \b
    Example:
      rapport user add sofie@kadar.example --role manager --language nl
    """
    from rapport.workflows.users import create_user  # noqa: PLC0415

    made = create_user(
        company, email=email, name=name, role=role, password=password, language=language
    )
    _print(context, made, lambda u: out.print(f"{u.email} can sign in as {u.role}"))


@user.command("list")
@_with_json
def user_list(company: Company, context: _Context) -> None:
    """All accounts.

    \b
    Example:
      rapport user list --json
    """
    from rapport.workflows.users import list_users  # noqa: PLC0415

    def shown(users: Any) -> None:
        for each in users:
            out.print(f"{each.role:<8} {each.email}  {each.name}")

    _print(context, list_users(company), shown)


@user.command("password")
@click.argument("email")
@click.password_option(help="At least ten characters; asked for when left out.")
@_with_json
def user_password(company: Company, context: _Context, email: str, password: str) -> None:
    """Set a new password and end the account's sessions.

    \b
    Example:
      rapport user password sofie@kadar.example
    """
    from rapport.workflows.users import set_password  # noqa: PLC0415

    set_password(company, email=email, password=password)
    _print(context, {"email": email}, lambda _: out.print("Password changed; sessions ended"))


@user.command("disable")
@click.argument("email")
@_with_json
def user_disable(company: Company, context: _Context, email: str) -> None:
    """Close an account; its history stays.

    \b
    Example:
      rapport user disable sofie@kadar.example
    """
    from rapport.workflows.users import disable_user  # noqa: PLC0415

    disable_user(company, email=email)
    _print(context, {"email": email}, lambda _: out.print("Account closed"))


@user.command("token")
@click.argument("email")
@click.option("--name", default="program", show_default=True, help="What the token is for.")
@_with_json
def user_token(company: Company, context: _Context, email: str, name: str) -> None:
    """Make an API token that acts as this user; it is shown only now.

    \b
    Example:
      rapport user token sofie@kadar.example --name warehouse
    """
    from rapport.workflows.users import create_api_token  # noqa: PLC0415

    token = create_api_token(company, email=email, name=name)
    _print(context, {"token": token}, lambda r: out.print(r["token"]))


@main_group.group()
def sources() -> None:
    """Where data comes from: list, connect, fetch, and how far each can be trusted."""


@sources.command("list")
@_with_json
def sources_list(company: Company, context: _Context) -> None:
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

    _print(context, {"sources": source_overview(company), "kinds": kinds}, shown)


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
@_with_json
def sources_add(
    company: Company,
    context: _Context,
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
        _print(context, {"source": name, "write_key": key}, lambda r: out.print(r["write_key"]))
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
    _print(context, {"source": name, "path": path}, lambda r: out.print(r["path"]))


@sources.command("connect")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only try to reach the source; keep nothing.")
@_with_json
def sources_connect(company: Company, context: _Context, file: Path, dry_run: bool) -> None:
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

        _print(context, tried, shown)
        return
    name = connect_source(company, written, file.name, actor="cli", on_server=True)
    _print(
        context,
        {"source": name},
        lambda r: out.print(f"Connected. Fetch now: rapport sources pull {r['source']}"),
    )


@sources.command("pull")
@click.argument("name", required=False)
@click.option("--all-due", is_flag=True, help="Every source whose next visit is due.")
@_with_json
def sources_pull(company: Company, context: _Context, name: str | None, all_due: bool) -> None:
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

    _print(context, pulled, shown)
    if failed is not None:
        sys.exit(failed.exit_code)


@sources.command("quality")
@click.argument("name", required=False)
@_with_json
def sources_quality(company: Company, context: _Context, name: str | None) -> None:
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

    _print(context, measured, shown)


@sources.command("refused")
@click.argument("name")
@click.option("--reason", help="Only of this reason, such as wrong_type.")
@click.option("--csv", "as_csv", is_flag=True, help="All of them as CSV, with what they hold.")
@_with_json
def sources_refused(
    company: Company, context: _Context, name: str, reason: str | None, as_csv: bool
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

    _print(context, refused_view(company, name, reason=reason), shown)


@sources.command("replay")
@click.argument("name")
@click.option("--reason", help="Only what was refused for this reason, such as wrong_type.")
@_with_json
def sources_replay(company: Company, context: _Context, name: str, reason: str | None) -> None:
    """Try what a source sent and was refused again, as it would be read now.

    \b
    Example:
      rapport sources replay till --reason wrong_type
    """
    from rapport.workflows.replay import replay_refused  # noqa: PLC0415

    _print(context, replay_refused(company, name, reason=reason), _show_replayed)


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
@_with_json
def sources_map(company: Company, context: _Context, name: str, file: Path, dry_run: bool) -> None:
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
        _print(context, replay_refused(company, name), _show_replayed)
        return

    def shown(found: Any) -> None:
        out.print(f"Of {found.rows:,} refused rows {found.accepted:,} would be kept")
        for reason, count in found.reasons.items():
            out.print(f"  still refused {count:>7,} × {reason}")

    _print(context, preview_mapping(company, name, written), shown)


@sources.command("enable")
@click.argument("name")
@_with_json
def sources_enable(company: Company, context: _Context, name: str) -> None:
    """Open a source that was closed.

    \b
    Example:
      rapport sources enable webshop
    """
    _open_source(company, context, name, enabled=True)


@sources.command("disable")
@click.argument("name")
@_with_json
def sources_disable(company: Company, context: _Context, name: str) -> None:
    """Close a source: its write key is refused, it is fetched no more; what it sent stays.

    \b
    Example:
      rapport sources disable webshop
    """
    _open_source(company, context, name, enabled=False)


def _open_source(company: Company, context: _Context, name: str, *, enabled: bool) -> None:
    from rapport.workflows.sources import open_source  # noqa: PLC0415

    open_source(company, name, enabled=enabled, actor="cli")
    _print(
        context,
        {"source": name, "enabled": enabled},
        lambda _: out.print(f"{name} is {'open' if enabled else 'closed'}"),
    )


@sources.command("every")
@click.argument("name")
@click.argument("rhythm", metavar="15m|6h|1d|never")
@_with_json
def sources_every(company: Company, context: _Context, name: str, rhythm: str) -> None:
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

    _print(context, pull_states(company, name)[0], shown)


@main_group.group()
def identity() -> None:
    """Who is who: match records, review likely persons, approve, look at health, try rules."""


@identity.command("match")
@click.option("--learn/--no-learn", default=None, help="Learn weights anew; by default once.")
@_with_json
def identity_match(company: Company, context: _Context, learn: bool | None) -> None:
    """Match all records by probability; what is sure is joined, what is likely is suggested.

    \b
    Example:
      rapport identity match
    """
    from rapport.workflows.matching import match_company  # noqa: PLC0415

    with _bars(context.json) as progress:
        done = match_company(company, learn=learn, progress=progress)
    _print(
        context,
        done,
        lambda d: out.print(
            f"{d.records:,} records, {d.compared:,} pairs compared: {d.joined:,} alike, "
            f"{d.to_review:,} for a person; {d.merged:,} profiles merged, {d.split:,} split"
        ),
    )


@identity.command("review")
@click.argument("pair", required=False)
@click.option("--same", "verdict", flag_value="same", help="They are one person.")
@click.option("--different", "verdict", flag_value="different", help="They are two.")
@click.option("--later", "verdict", flag_value="later", help="Ask again after the others.")
@click.option("--author", help="E-mail address of who says so; needed with a verdict.")
@click.option("--reason", default="", help="Why; kept with who and when.")
@click.option("--put-off", is_flag=True, help="List what was put off.")
@click.option("--limit", default=20, show_default=True, help="How many at most.")
@_with_json
def identity_review(
    company: Company,
    context: _Context,
    pair: str | None,
    verdict: str | None,
    author: str | None,
    reason: str,
    put_off: bool,
    limit: int,
) -> None:
    """Pairs of people who may be one; with a PAIR what speaks for and against, or a verdict.

    \b
    Examples:
      rapport identity review
      rapport identity review 123-456 --same --author tom@example.com
    """
    from rapport.workflows.identity_review import (  # noqa: PLC0415
        judge,
        list_suggestions,
        put_off_suggestion,
        review_queue,
    )

    if pair is None:
        if verdict is not None:
            raise InvalidInput("A verdict is about a pair: name it as the list does, as A-B")
        lines = list_suggestions(company, state="later" if put_off else "open", limit=limit)
        table = Table("pair", "profiles", "likely", "but kept apart", "bought for")
        table.columns[0].overflow = "fold"  # it is to be copied
        for line in lines:
            table.add_row(
                line.key,
                f"{line.left} {line.right}",
                f"{line.probability:.1%}",
                "yes" if line.joined else "",
                f"{line.revenue:,.0f}",
            )
        _print(context, lines, lambda _: out.print(table))
        return
    if verdict is None:
        found = review_queue(company, key=pair, reveal=False).review
        _print(context, found, _show_review)
        return
    if author is None:
        raise InvalidInput("A verdict needs --author, the e-mail address of who says so")
    if verdict == "later":
        after = put_off_suggestion(company, pair, author=author)
        _print(context, {"next": after}, lambda d: out.print(f"put off; next: {d['next']}"))
        return
    said = judge(company, pair, same=verdict == "same", author=author, reason=reason)

    def shown(done: Any) -> None:
        if done.proposal is not None:
            out.print(
                f"large: proposal {done.proposal.proposal_id} waits for one of "
                f"{done.proposal.approvers} colleagues"
            )
        else:
            out.print(f"decision {done.decision_id}; next: {done.next}")

    _print(context, said, shown)


def _show_review(review: Any) -> None:
    """What is stated is a person's: the steps say what agrees, not the values."""
    out.print(f"{review.left.profile_id} and {review.right.profile_id}")
    table = Table("matter", "level", "bits")
    for step in review.score.steps:
        table.add_row(step.comparison, step.level, f"{step.bits:+.1f}")
    out.print(table)
    out.print(f"likely: {review.score.probability:.1%}")
    for code in review.objections:
        out.print(f"against: {code}")


@identity.command("approvals")
@click.option("--approve", "approved", type=int, metavar="NUMBER", help="Let it take effect.")
@click.option("--refuse", "refused", type=int, metavar="NUMBER", help="Let it fall.")
@click.option("--author", help="E-mail address of the second person.")
@click.option("--reason", default="", help="Why; kept with who and when.")
@_with_json
def identity_approvals(
    company: Company,
    context: _Context,
    approved: int | None,
    refused: int | None,
    author: str | None,
    reason: str,
) -> None:
    """Large joins and splits that wait for a second person.

    \b
    Examples:
      rapport identity approvals
      rapport identity approvals --approve 3 --author els@example.com
    """
    from rapport.workflows.identity_approval import approvals, approve, refuse  # noqa: PLC0415

    if approved is None and refused is None:
        table = Table("number", "kind", "records", "bought for", "by", "since")
        found = approvals(company)
        for each in found.waiting:
            table.add_row(
                str(each.proposal_id), each.kind, f"{each.records:,}", f"{each.value:,.0f}",
                escape(each.proposed_by), f"{each.proposed_at:%d %B %Y}",
            )  # fmt: skip
        _print(context, found, lambda _: out.print(table))
        return
    if author is None or (approved is not None and refused is not None):
        raise InvalidInput("Name one proposal to approve or to refuse, and --author, who decides")
    if approved is not None:
        done = approve(company, approved, author=author, reason=reason)
        _print(context, done, lambda d: out.print(f"approved as decision {d.decision_id}"))
    elif refused is not None:
        status = refuse(company, refused, author=author, reason=reason)
        _print(context, {"status": status}, lambda d: out.print(d["status"]))


@identity.command("health")
@click.option("--measure", is_flag=True, help="Measure now instead of once a day.")
@_with_json
def identity_health_command(company: Company, context: _Context, measure: bool) -> None:
    """Match rates per source, sizes, shared values, and whether matching can be believed.

    \b
    Example:
      rapport identity health --measure
    """
    from rapport.workflows.identity_health import (  # noqa: PLC0415
        identity_health,
        measure_identity,
    )

    if measure:
        measure_identity(company)
    found = identity_health(company)

    def shown(health: Any) -> None:
        if health.measured_at is None:
            out.print("Nothing was measured yet: rapport identity health --measure")
            return
        out.print(f"{health.records:,} records, {health.people:,} people")
        table = Table("source", "records", "known elsewhere too")
        for each in health.sources:
            table.add_row(
                escape(each.source), f"{each.records:,}", f"{each.matched / each.records:.0%}"
            )
        out.print(table)
        for band in reversed(health.bands):
            said = (
                f"{band.confirmed} of {band.asked} confirmed"
                if band.is_enough
                else f"not enough decisions ({band.asked})"
            )
            out.print(f"said to be {band.low:.0%} to {band.high:.0%} sure: {said}")

    _print(context, found, shown)


@identity.command("what-if")
@click.option("--merge", type=float, metavar="PERCENT", help="Join from this certainty on.")
@click.option("--limit", "limits", multiple=True, metavar="KIND=N", help="At most N of a kind.")
@click.option("--switch-on", is_flag=True, help="Let these rules hold.")
@click.option("--author", help="E-mail address of who switches them on.")
@click.option("--reason", default="", help="Why; kept with who and when.")
@_with_json
def identity_what_if(
    company: Company,
    context: _Context,
    merge: float | None,
    limits: tuple[str, ...],
    switch_on: bool,
    author: str | None,
    reason: str,
) -> None:
    """What other rules would change; nothing is written unless they are switched on.

    \b
    Examples:
      rapport identity what-if --merge 98
      rapport identity what-if --limit loyalty_card=1 --switch-on --author els@example.com
    """
    from rapport.unify.identity_rules import IdentityRules  # noqa: PLC0415
    from rapport.workflows.identity_rules import change_rules, what_if  # noqa: PLC0415

    chosen: dict[str, int] = {}
    for each in limits:
        kind, _, number = each.partition("=")
        if not number.isdecimal():
            raise InvalidInput(f"A limit is written KIND=N, such as email=3; not {each[:40]!r}")
        chosen[kind] = int(number)
    rules = IdentityRules(merge=None if merge is None else merge / 100, limits=chosen)
    if switch_on:
        if author is None:
            raise InvalidInput("Switching rules on needs --author, the e-mail address of who does")
        held = change_rules(company, rules, author=author, reason=reason)
        _print(
            context,
            held,
            lambda _: out.print("The rules hold; the worker brings people up to date"),
        )
        return
    with _bars(context.json) as progress:
        effect = what_if(company, rules, progress=progress)
    _print(
        context,
        effect,
        lambda e: out.print(
            f"{e.merged:,} people would join others, {e.split:,} would come apart, {e.moved:,} "
            f"records would move; the largest person has {e.largest_before:,} records, then "
            f"{e.largest_after:,}"
        ),
    )


def main() -> None:
    """Entry point: runs the command and turns our errors into a sentence and an exit code."""
    try:
        main_group(standalone_mode=False)
    except click.exceptions.Abort:
        err.print("Stopped")
        sys.exit(130)
    except click.ClickException as usage:
        usage.show()
        sys.exit(usage.exit_code)
    except RapportError as error:
        # Messages name sections such as [columns], which are no markup.
        err.print(f"[red]{error.code}[/]: {escape(error.message)}", soft_wrap=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        err.print("Stopped")
        sys.exit(130)
