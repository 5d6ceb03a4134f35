"""`rapport hypotheses`: what is believed of customers, held against what they did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from rapport.cli.common import Context, out, show, with_json
from rapport.workflows.company import Company


@click.group()
def hypotheses() -> None:
    """Hypotheses: read from a sentence, kept, and looked at."""


@hypotheses.command("list")
@with_json
def hypotheses_list(company: Company, context: Context) -> None:
    """Every hypothesis with what the data said last.

    \b
    Example:
      rapport hypotheses list
    """
    from rapport.workflows.hypotheses import list_hypotheses  # noqa: PLC0415

    def shown(found: Any) -> None:
        table = Table("number", "statement", "verdict", "difference", "looks")
        for each in found:
            newest = each.newest
            made = None if newest is None else newest.result.made_alike
            table.add_row(
                str(each.hypothesis_id),
                escape(each.statement),
                "" if newest is None else newest.result.said.verdict,
                "" if made is None else f"{made.difference:+.3g}",
                str(len(each.looks)),
            )
        out.print(table)

    show(context, list_hypotheses(company), shown)


@hypotheses.command("read")
@click.argument("sentence")
@click.option(
    "--language",
    type=click.Choice(["en", "nl", "fr", "hu"]),
    default="en",
    show_default=True,
    help="Of the sentence.",
)
@with_json
def hypotheses_read(_company: Company, context: Context, sentence: str, language: str) -> None:
    """What SENTENCE says; nothing is kept or looked at.

    \b
    Example:
      rapport hypotheses read "Customers who wait over 2 days leave more"
    """
    import msgspec  # noqa: PLC0415

    from rapport.understand.hypotheses.reading import read_sentence  # noqa: PLC0415

    def shown(reading: Any) -> None:
        for name in ("exposure", "outcome", "more"):
            value = getattr(reading, name)
            said = "not understood" if value is None else msgspec.json.encode(value).decode()
            out.print(f"{name}: {escape(said)}")

    show(context, read_sentence(sentence, language), shown)


@hypotheses.command("write")
@click.argument("statement")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
@click.option(
    "--language",
    type=click.Choice(["en", "nl", "fr", "hu"]),
    default="en",
    show_default=True,
    help="Of the statement.",
)
@click.option(
    "--follow-days", default=60, show_default=True, help="How long customers are followed."
)
@click.option("--dry-run", is_flag=True, help="Check it, and keep nothing.")
@with_json
def hypotheses_write(
    company: Company,
    context: Context,
    statement: str,
    file: Path | None,
    language: str,
    follow_days: int,
    dry_run: bool,
) -> None:
    """Keep a hypothesis: as STATEMENT is understood, or as FILE (JSON) defines it.

    \b
    Example:
      rapport hypotheses write "Customers who wait over 2 days leave more" --dry-run
    """
    from rapport.errors import InvalidInput  # noqa: PLC0415
    from rapport.understand.hypotheses.definition import (  # noqa: PLC0415
        check_hypothesis,
        read_hypothesis,
    )
    from rapport.understand.hypotheses.reading import read_sentence  # noqa: PLC0415
    from rapport.workflows.hypotheses import write_hypothesis  # noqa: PLC0415

    if file is not None:
        if not file.is_file():
            raise InvalidInput(f"There is no file {file}; write a definition as JSON into one")
        definition = read_hypothesis(file.read_bytes())
    else:
        definition = read_sentence(statement, language).hypothesis(follow_days)
        check_hypothesis(definition)
    number = None
    if not dry_run:
        number = write_hypothesis(company, statement=statement, definition=definition, author="cli")

    def shown(found: Any) -> None:
        if dry_run:
            out.print("The hypothesis is valid")
        else:
            out.print(f"Kept as {found['hypothesis_id']}; look with `rapport hypotheses look`")

    show(context, {"hypothesis_id": number, "definition": definition}, shown)


@hypotheses.command("look")
@click.argument("number", type=int)
@with_json
def hypotheses_look(company: Company, context: Context, number: int) -> None:
    """Hold hypothesis NUMBER against the data. Each look makes the next one stricter.

    \b
    Example:
      rapport hypotheses look 1
    """
    from rapport.workflows.hypotheses import look  # noqa: PLC0415

    def shown(found: Any) -> None:
        result = found.result
        out.print(f"{result.said.verdict} ({result.said.reason})")
        out.print(f"{result.exposed} customers against {result.others}")
        if result.made_alike is not None:
            out.print(
                f"as they are {result.raw.exposed:.4g} against {result.raw.others:.4g}; like "
                f"with like {result.made_alike.difference:+.4g} "
                f"({result.low:.4g} to {result.high:.4g})"
            )
        out.print(f"look {found.number} of the company, at the level {result.alpha:.2g}")

    show(context, look(company, number, author="cli"), shown)
