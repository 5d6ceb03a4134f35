"""`rapport conflicts`: where silos contradict each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from rapport.cli.common import Context, out, show, with_json
from rapport.workflows.company import Company


@click.group()
def conflicts() -> None:
    """Where silos contradict each other: list, settle, rules, and files for the silos."""


@conflicts.command("list")
@click.option("--settled", is_flag=True, help="What was settled, instead of what is open.")
@click.option("--tier", type=click.IntRange(1, 4), help="1 money … 4 details.")
@click.option("--page", default=1, show_default=True, help="Of 25 lines each.")
@with_json
def conflicts_list(
    company: Company, context: Context, settled: bool, tier: int | None, page: int
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

    show(context, conflicts_view(company, asked, reveal=False), shown)


@conflicts.command("settle")
@click.argument("profile")
@click.argument("kind", type=click.Choice(["attribute", "consent", "order"]))
@click.argument("name")
@click.argument("silo")
@click.option("--right", type=click.Choice(["shown", "other"]), required=True)
@click.option("--item", default="", help="The order's number.")
@click.option("--reason", default="", help="Why; kept with who and when.")
@click.option("--undo", is_flag=True, help="Take back what was settled.")
@with_json
def conflicts_settle(
    company: Company,
    context: Context,
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
    from rapport.workflows.settle_conflicts import reopen_conflict, settle_conflict  # noqa: PLC0415

    if undo:
        here = reopen_conflict(company, profile, kind=kind, name=name, item=item, author="cli")
    else:
        here = settle_conflict(
            company, profile, kind=kind, name=name, item=item, loser=silo,
            right="shown" if right == "shown" else "other", author="cli", reason=reason,
        )  # fmt: skip
    verb = "Taken back" if undo else "Settled"
    show(context, {"profile_id": here}, lambda _: out.print(f"{verb} for {here}"))


@conflicts.command("rules")
@with_json
def conflicts_rules(company: Company, context: Context) -> None:
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

    show(context, rules_view(company), shown)


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
@with_json
def conflicts_rule(
    company: Company,
    context: Context,
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

    show(context, preview, shown)


@conflicts.command("undo-rule")
@click.argument("number", type=int)
@click.option("--reason", default="", help="Why; kept with who and when.")
@with_json
def conflicts_undo_rule(company: Company, context: Context, number: int, reason: str) -> None:
    """Take a rule back by its NUMBER; the one before it holds again.

    \b
    Example:
      rapport conflicts undo-rule 3
    """
    from rapport.workflows.value_rules import undo_rule  # noqa: PLC0415

    taken = undo_rule(company, number, author="cli", reason=reason, wait=True)
    show(context, taken, lambda kept: out.print(f"The rule for {kept.name} is taken back"))


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
@with_json
def conflicts_corrections(
    company: Company, context: Context, silo: str, everything: bool, target: Path | None
) -> None:
    """What SILO states otherwise than what is settled or proven, as CSV for its keepers.

    It holds e-mail addresses and phone numbers in full.

    \b
    Example:
      rapport conflicts corrections crm --out crm-corrections.csv
    """
    from rapport.workflows.tell_silos import corrections_download, corrections_for  # noqa: PLC0415

    if context.json:
        found = [
            each
            for piece in corrections_for(company, silo, everything=everything)
            for each in piece
        ]
        show(context, found, out.print)
        return
    pieces = corrections_download(company, silo, everything=everything)
    if target is None:
        for piece in pieces:
            click.echo(piece.removeprefix("\ufeff"), nl=False)
        return
    with target.open("w", encoding="utf-8", newline="") as file:
        file.writelines(pieces)
    out.print(f"Written to {target}", soft_wrap=True)
