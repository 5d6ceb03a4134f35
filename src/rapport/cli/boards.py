"""`rapport boards`: what there is, what a board says, and its mail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from rapport.cli.common import Context, out, show, with_json
from rapport.workflows.company import Company


@click.group()
def boards() -> None:
    """Saved questions beside each other: list them, read them, mail them."""


_AS = click.option(
    "--as", "email", required=True, help="E-mail address of the user whose role decides."
)


def _user(company: Company, email: str) -> Any:
    from rapport.workflows.users import find_user  # noqa: PLC0415

    return find_user(company, email)


@boards.command("list")
@_AS
@with_json
def boards_list(company: Company, context: Context, email: str) -> None:
    """Every board that a user may see.

    \b
    Example:
      rapport boards list --as manager@kadar.example
    """
    from rapport.workflows.boards import boards_of  # noqa: PLC0415

    def shown(found: Any) -> None:
        table = Table("key", "name", "questions", "roles")
        for each in found:
            table.add_row(
                each.key, escape(each.name or ""), str(len(each.cards)), ", ".join(each.roles)
            )
        out.print(table)

    show(context, boards_of(company, _user(company, email)), shown)


@boards.command("show")
@click.argument("key")
@_AS
@with_json
def boards_show(company: Company, context: Context, key: str, email: str) -> None:
    """What the board KEY says, in the user's language.

    \b
    Example:
      rapport boards show general --as manager@kadar.example
    """
    from rapport.workflows.board_mail import write_paper  # noqa: PLC0415
    from rapport.workflows.boards import find_board  # noqa: PLC0415

    user = _user(company, email)
    paper = write_paper(company, find_board(company, key, user), language=user.language)
    said = {"subject": paper.subject, "text": paper.text}
    show(context, said, lambda found: out.print(escape(found["text"]), soft_wrap=True))


@boards.command("pdf")
@click.argument("key")
@_AS
@click.option(
    "--to",
    "file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write; one that exists is replaced.",
)
@with_json
def boards_pdf(company: Company, context: Context, key: str, email: str, file: Path) -> None:
    """Write the board KEY to a PDF file, in the user's language.

    \b
    Example:
      rapport boards pdf general --as manager@kadar.example --to board.pdf
    """
    from rapport.errors import InvalidInput  # noqa: PLC0415
    from rapport.workflows.board_mail import write_paper  # noqa: PLC0415
    from rapport.workflows.boards import find_board  # noqa: PLC0415

    user = _user(company, email)
    paper = write_paper(company, find_board(company, key, user), language=user.language)
    try:
        file.write_bytes(paper.pdf)
    except OSError as problem:
        raise InvalidInput(
            f"{file} cannot be written: {problem.strerror}; choose another place with --to"
        ) from None
    said = {"board": key, "file": str(file), "bytes": len(paper.pdf)}
    show(context, said, lambda _: out.print(f"{file}: {len(paper.pdf)} bytes", soft_wrap=True))


@boards.command("mail")
@click.argument("key")
@click.argument("recipients", nargs=-1, required=True)
@click.option("--dry-run", is_flag=True, help="Only say who would get it.")
@with_json
def boards_mail(
    company: Company, context: Context, key: str, recipients: tuple[str, ...], dry_run: bool
) -> None:
    """Put the board KEY into the outbox for RECIPIENTS, at most once a day each.

    \b
    Example:
      rapport boards mail general manager@kadar.example --dry-run
    """
    from rapport.errors import RapportError  # noqa: PLC0415
    from rapport.understand.periods import local_day  # noqa: PLC0415
    from rapport.workflows.board_mail import mail_board  # noqa: PLC0415
    from rapport.workflows.boards import find_board  # noqa: PLC0415

    able = []
    for each in recipients:
        user = _user(company, each)
        try:
            find_board(company, key, user)
        except RapportError as problem:
            raise type(problem)(f"{each}: {problem.message}") from None
        able.append(user.email)
    day = local_day(company.clock(), company.choice("time_zone"))
    new = 0 if dry_run else mail_board(company, key, able, day=day)
    said = {"board": key, "recipients": able, "enqueued": new, "dry_run": dry_run}
    doing = "would go" if dry_run else f"{new} new in the outbox"
    show(context, said, lambda _: out.print(f"{key} to {', '.join(able)}: {doing}"))
