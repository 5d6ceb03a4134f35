"""`rapport personas`: groups of customers found in the data, what they are like, who moved."""

from __future__ import annotations

from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from rapport.cli.common import Context, bars, out, show, with_json
from rapport.understand.personas.statements import Trait
from rapport.workflows.company import Company


@click.group()
def personas() -> None:
    """Discovered groups of customers: find, list, show, and who moved between them."""


@personas.command("find")
@with_json
def personas_find(company: Company, context: Context) -> None:
    """Search for groups now, and describe every segment; the worker does so once a week.

    \b
    Example:
      rapport personas find
    """
    from rapport.workflows.personas import find_personas  # noqa: PLC0415

    with bars(context.json) as progress:
        found = find_personas(company, progress=progress)

    def shown(fit: Any) -> None:
        if fit.refused:
            out.print(f"No stable groups: {fit.refused}")
        table = Table("groups", "found again", "without groups", "holds")
        for each in fit.stability:
            table.add_row(
                str(each.k),
                f"{each.mean:.2f} ({each.low:.2f} to {each.high:.2f})",
                f"{each.reference:.2f} (up to {each.reference_high:.2f})",
                "yes" if each.holds else "no",
            )
        out.print(table)

    show(context, found, shown)


@personas.command("list")
@with_json
def personas_list(company: Company, context: Context) -> None:
    """The groups, largest first, each with what sets it apart most.

    \b
    Example:
      rapport personas list
    """
    from rapport.workflows.persona_views import list_personas  # noqa: PLC0415

    def shown(view: Any) -> None:
        if view.fit is None:
            out.print("No search was made yet; `rapport personas find` makes one")
        elif view.fit.refused:
            out.print(f"No stable groups: {view.fit.refused}")
        table = Table("key", "name", "customers", "share")
        for row in view.personas:
            name = row.persona.name or ", ".join(map(_trait, row.persona.traits))
            table.add_row(row.persona.key, escape(name), f"{row.customers:,}", f"{row.share:.0%}")
        out.print(table)

    show(context, list_personas(company), shown)


@personas.command("show")
@click.argument("key")
@with_json
def personas_show(company: Company, context: Context, key: str) -> None:
    """What the members of the segment KEY are like, and are not; any segment will do.

    \b
    Example:
      rapport personas show persona-1
    """
    from rapport.workflows.persona_views import find_portrait  # noqa: PLC0415

    def shown(portrait: Any) -> None:
        table = Table("", "trait", "share", "of everybody", "times", "95 %", "customers")
        for each in portrait.statements:
            table.add_row(
                each.verdict,
                escape(_trait(each.trait)),
                f"{each.share:.0%}",
                f"{each.everybody:.0%}",
                f"{each.lift:.2f}",
                f"{each.low:.2f} to {each.high:.2f}",
                f"{each.customers:,} of {each.known:,}",
            )
        out.print(table)
        words = Table("language", "word", "share", "of everybody", "times", "95 %", "customers")
        for word in portrait.words:
            words.add_row(
                word.language,
                escape(word.word),
                f"{word.share:.0%}",
                f"{word.everybody:.0%}",
                f"{word.lift:.2f}",
                f"{word.low:.2f} to {word.high:.2f}",
                f"{word.customers:,} of {word.known:,}",
            )
        if portrait.words:
            out.print(words)

    show(context, find_portrait(company, key), shown)


@personas.command("texts")
@click.argument("key")
@with_json
def personas_texts(company: Company, context: Context, key: str) -> None:
    """Typical texts of the members of the segment KEY, without names, addresses and numbers.

    \b
    Example:
      rapport personas texts persona-1
    """
    from rapport.workflows.persona_voices import texts_of_segment  # noqa: PLC0415

    def shown(found: Any) -> None:
        if not found["texts"]:
            out.print("No words set these customers apart, or they were not described yet")
        for each in found["texts"]:
            said = " ".join(each.text.split())
            out.print(escape(f"[{each.language}] {said}"), f"({', '.join(each.words)})")

    show(context, {"segment": key, "texts": texts_of_segment(company, key)}, shown)


@personas.command("migration")
@with_json
def personas_migration(company: Company, context: Context) -> None:
    """Who moved between the groups of the last two searches, and why.

    \b
    Example:
      rapport personas migration
    """
    from rapport.workflows.persona_views import find_migration  # noqa: PLC0415

    def shown(found: Any) -> None:
        if found["migration"] is None:
            out.print("Groups were not found twice yet: nobody has moved")
            return
        table = Table("from", "to", "customers", "share", "since they changed", "what changed")
        for flow in found["migration"].flows:
            table.add_row(
                str(flow.before or "-"),
                str(flow.now or "-"),
                f"{flow.customers:,}",
                f"{flow.share:.0%}",
                f"{flow.changed:,}",
                escape(", ".join(f"{w.feature} {w.before:+.1f} > {w.now:+.1f}" for w in flow.why)),
            )
        out.print(table)
        for group, fate in sorted(found["migration"].fates.items()):
            out.print(f"persona-{group}: {fate}")

    fit, _ = find_migration(company)
    report = {
        "fit": None if fit is None else fit.fit_id,
        "migration": None if fit is None else fit.migration,
    }
    show(context, report, shown)


def _trait(trait: Trait) -> str:
    return f"{trait.name}: {trait.value}" if trait.value else trait.name
